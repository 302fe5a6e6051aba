#include "runtime/crypto/jwt.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"

namespace trunkline::crypto {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr Time kNow{std::chrono::seconds{1767225600}};

const RsaPrivateKey& key() {
  static const RsaPrivateKey key = RsaPrivateKey::generate();
  return key;
}

json claims(std::int64_t expires_in_s = 3600) {
  json out;
  out["sub"] = "user";
  out["iss"] = "trunkline";
  out["aud"] = {"one", "two"};
  out["exp"] = 1767225600 + expires_in_s;
  return out;
}

json verified(std::string_view token, JwtChecks checks = {.now = kNow}) {
  return verify_jwt(std::array<RsaPublicKey, 1>{key()}, token, checks);
}

// Why a token is refused; "" when it is taken.
std::string refusal(std::string_view token, JwtChecks checks = {.now = kNow}) {
  try {
    verified(token, checks);
    return "";
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kUnauthenticated);
    return e.message;
  }
}

// A token of this header and these claims with a right signature.
std::string forged(const std::string& header, const std::string& body) {
  std::string token = base64url_encode(header) + '.' + base64url_encode(body);
  token += '.' + base64url_encode(key().sign(token));
  return token;
}
std::string header_with(const char* member, const json& value) {
  json header{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", key().id()}};
  header[member] = value;
  return header.dump();
}

TEST(Jwt, RoundTrips) { EXPECT_EQ(verified(sign_jwt(key(), claims())), claims()); }

TEST(Jwt, ChecksTimesWithLeeway) {
  EXPECT_EQ(refusal(sign_jwt(key(), claims(-30))), "");
  EXPECT_EQ(refusal(sign_jwt(key(), claims(-60))), "the token has expired");
  EXPECT_EQ(refusal(sign_jwt(key(), claims(-30)), {.now = kNow, .leeway = 0s}), "the token has expired");
  json early = claims();
  early["nbf"] = 1767225600 + 120;
  EXPECT_EQ(refusal(sign_jwt(key(), early)), "the token is not valid yet");
  json endless = claims();
  endless["exp"] = 1e300;
  EXPECT_EQ(refusal(sign_jwt(key(), endless)), "");
  endless.erase("exp");
  EXPECT_EQ(refusal(sign_jwt(key(), endless)), "the token has no expiry");
}

TEST(Jwt, ChecksIssuerAndAudience) {
  const std::string token = sign_jwt(key(), claims());
  EXPECT_EQ(refusal(token, {.now = kNow, .issuer = "trunkline", .audience = "two"}), "");
  EXPECT_EQ(refusal(token, {.now = kNow, .issuer = "other"}), "the token is of another issuer");
  EXPECT_EQ(refusal(token, {.now = kNow, .audience = "three"}), "the token is for another audience");
}

TEST(Jwt, RefusesEveryChangedByteOfTheSignedPart) {
  const std::string token = sign_jwt(key(), claims());
  for (std::size_t i = 0; i < token.rfind('.'); i += 7) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(refusal(changed), "") << i;
  }
}

TEST(Jwt, RefusesOtherAlgorithmsAndKeys) {
  EXPECT_THAT(refusal(forged(header_with("alg", "none"), claims().dump())), HasSubstr("another algorithm"));
  EXPECT_THAT(refusal(forged(header_with("alg", "HS256"), claims().dump())), HasSubstr("another algorithm"));
  EXPECT_THAT(refusal(forged(header_with("alg", "rs256"), claims().dump())), HasSubstr("another algorithm"));
  EXPECT_THAT(refusal(forged(header_with("kid", "other"), claims().dump())), HasSubstr("unknown key"));
  EXPECT_THAT(refusal(forged(header_with("crit", json::array({"exp"})), claims().dump())), HasSubstr("extension"));
  const std::string other = sign_jwt(RsaPrivateKey::generate(), claims());
  EXPECT_THAT(refusal(other), HasSubstr("unknown key"));
}

TEST(Jwt, RefusesMalformedTokens) {
  const std::string token = sign_jwt(key(), claims());
  const std::string unsigned_part = token.substr(0, token.rfind('.'));
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), token + ".x", token + "=", " " + token,
        unsigned_part, unsigned_part + ".", std::string(20'000, 'a'), forged("{}", "{}"), forged("[]", "{}"),
        forged("not json", "{}"), forged(header_with("kid", 7), "{}"), forged(header_with("typ", "JWT"), "[]"),
        forged(header_with("typ", "JWT"), R"({"exp":"soon"})"),
        forged(header_with("typ", "JWT"), std::string(1000, '[') + std::string(1000, ']'))})
    EXPECT_NE(refusal(text), "") << text.substr(0, 80);
}

TEST(Jwt, SaysNothingOfTheToken) {
  EXPECT_THAT(refusal(forged(header_with("typ", "JWT"), R"({"exp":"s3cret"})")), Not(HasSubstr("s3cret")));
}

TEST(RsaKey, TravelsAsPemAndJwk) {
  const RsaPublicKey by_pem = RsaPublicKey::from_pem(key().pem());
  const RsaPublicKey by_jwk = RsaPublicKey::from_jwk(key().jwk());
  const RsaPrivateKey back = RsaPrivateKey::from_pem(key().private_pem());
  EXPECT_EQ(by_pem.id(), key().id());
  EXPECT_EQ(by_jwk.id(), key().id());
  EXPECT_TRUE(by_jwk.verify("data", back.sign("data")));
  EXPECT_FALSE(by_jwk.verify("date", back.sign("data")));
  EXPECT_FALSE(by_jwk.verify("data", ""));
}

TEST(RsaKey, HasTheThumbprintOfRfc7638) {
  const json jwk = json::parse(
      R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"})");
  EXPECT_EQ(RsaPublicKey::from_jwk(jwk).id(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(RsaKey, RefusesWhatIsNoneOrTooSmall) {
  EXPECT_THROW(RsaPublicKey::from_pem("nonsense"), Error);
  EXPECT_THROW(RsaPublicKey::from_pem(key().private_pem().reveal()), Error);
  EXPECT_THROW(RsaPrivateKey::from_pem(Secret(key().pem())), Error);
  EXPECT_THROW(RsaPrivateKey::generate(1024), Error);
  EXPECT_THROW(RsaPublicKey::from_jwk(json{{"kty", "EC"}}), Error);
  EXPECT_THROW(RsaPublicKey::from_jwk(json{{"kty", "RSA"}, {"n", "AQAB"}, {"e", "AQAB"}}), Error);
  EXPECT_THROW(RsaPublicKey::from_jwk(json{{"kty", "RSA"}, {"n", "+/"}, {"e", "AQAB"}}), Error);
}

}  // namespace
}  // namespace trunkline::crypto

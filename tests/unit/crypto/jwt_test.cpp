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

constexpr const char* kKid = "k1";

/// Every test runs with both algorithms.
const jose::PrivateKey& key(jose::Algorithm algorithm) {
  static const jose::PrivateKey ec = jose::PrivateKey::generate(jose::Algorithm::kEs256);
  static const jose::PrivateKey rsa = jose::PrivateKey::generate(jose::Algorithm::kRs256);
  return algorithm == jose::Algorithm::kEs256 ? ec : rsa;
}

class Jwt : public testing::TestWithParam<jose::Algorithm> {
 protected:
  static const jose::PrivateKey& key() { return crypto::key(GetParam()); }
  static std::string sign_jwt(const json& claims) { return crypto::sign_jwt(key(), kKid, claims); }
  static json verified(std::string_view token, JwtChecks checks = {.now = kNow}) {
    return verify_jwt(std::array<JwtKey, 1>{JwtKey{kKid, key()}}, token, checks);
  }

  // Why a token is refused; "" when it is taken.
  static std::string refusal(std::string_view token, JwtChecks checks = {.now = kNow}) {
    try {
      verified(token, checks);
      return "";
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kUnauthenticated);
      return e.message;
    }
  }

  // A token of this header and these claims with a right signature.
  static std::string forged(const std::string& header, const std::string& body) {
    std::string token = base64url_encode(header) + '.' + base64url_encode(body);
    key().append_signature(token);
    return token;
  }
  static std::string header_with(const char* member, const json& value) {
    json header{{"alg", jose::name_of(GetParam())}, {"typ", "JWT"}, {"kid", kKid}};
    header[member] = value;
    return header.dump();
  }
};

json claims(std::int64_t expires_in_s = 3600) {
  json out;
  out["sub"] = "user";
  out["iss"] = "trunkline";
  out["aud"] = {"one", "two"};
  out["exp"] = 1767225600 + expires_in_s;
  return out;
}

INSTANTIATE_TEST_SUITE_P(, Jwt, testing::Values(jose::Algorithm::kEs256, jose::Algorithm::kRs256),
                         [](const auto& info) { return std::string(jose::name_of(info.param)); });

TEST_P(Jwt, RoundTrips) { EXPECT_EQ(verified(sign_jwt(claims())), claims()); }

TEST_P(Jwt, ChecksTimesWithLeeway) {
  EXPECT_EQ(refusal(sign_jwt(claims(-30))), "");
  EXPECT_EQ(refusal(sign_jwt(claims(-60))), "the token has expired");
  EXPECT_EQ(refusal(sign_jwt(claims(-30)), {.now = kNow, .leeway = 0s}), "the token has expired");
  json early = claims();
  early["nbf"] = 1767225600 + 120;
  EXPECT_EQ(refusal(sign_jwt(early)), "the token is not valid yet");
  json endless = claims();
  endless["exp"] = 1e300;
  EXPECT_EQ(refusal(sign_jwt(endless)), "");
  endless.erase("exp");
  EXPECT_EQ(refusal(sign_jwt(endless)), "the token has no expiry");
}

TEST_P(Jwt, ChecksIssuerAndAudience) {
  const std::string token = sign_jwt(claims());
  EXPECT_EQ(refusal(token, {.now = kNow, .issuer = "trunkline", .audiences = {"x", "two/"}}), "");
  EXPECT_EQ(refusal(token, {.now = kNow, .issuer = "other"}), "the token is of another issuer");
  EXPECT_EQ(refusal(token, {.now = kNow, .audiences = {"three"}}), "the token is for another audience");
}

TEST_P(Jwt, RefusesEveryChangedByteOfTheSignedPart) {
  const std::string token = sign_jwt(claims());
  for (std::size_t i = 0; i < token.rfind('.'); i += 7) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(refusal(changed), "") << i;
  }
}

TEST_P(Jwt, RefusesOtherAlgorithmsAndKeys) {
  EXPECT_THAT(refusal(forged(header_with("alg", "none"), claims().dump())), HasSubstr("another algorithm"));
  EXPECT_THAT(refusal(forged(header_with("alg", "HS256"), claims().dump())), HasSubstr("another algorithm"));
  EXPECT_THAT(refusal(forged(header_with("alg", "rs256"), claims().dump())), HasSubstr("another algorithm"));
  EXPECT_THAT(refusal(forged(header_with("kid", "other"), claims().dump())), HasSubstr("unknown key"));
  EXPECT_THAT(refusal(forged(header_with("crit", json::array({"exp"})), claims().dump())), HasSubstr("extension"));
  const std::string other = crypto::sign_jwt(jose::PrivateKey::generate(GetParam()), kKid, claims());
  EXPECT_THAT(refusal(other), HasSubstr("wrong signature"));
  // The other algorithm, with the name of this key.
  const auto another = GetParam() == jose::Algorithm::kEs256 ? jose::Algorithm::kRs256 : jose::Algorithm::kEs256;
  EXPECT_THAT(refusal(crypto::sign_jwt(crypto::key(another), kKid, claims())), HasSubstr("unknown key"));
}

TEST_P(Jwt, RefusesMalformedTokens) {
  const std::string token = sign_jwt(claims());
  const std::string unsigned_part = token.substr(0, token.rfind('.'));
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), token + ".x", token + "=", " " + token,
        unsigned_part, unsigned_part + ".", std::string(20'000, 'a'), forged("{}", "{}"), forged("[]", "{}"),
        forged("not json", "{}"), forged(header_with("kid", 7), "{}"), forged(header_with("typ", "JWT"), "[]"),
        forged(header_with("typ", "JWT"), R"({"exp":"soon"})"),
        forged(header_with("typ", "JWT"), std::string(1000, '[') + std::string(1000, ']'))})
    EXPECT_NE(refusal(text), "") << text.substr(0, 80);
}

TEST_P(Jwt, SaysNothingOfTheToken) {
  EXPECT_THAT(refusal(forged(header_with("typ", "JWT"), R"({"exp":"s3cret"})")), Not(HasSubstr("s3cret")));
}

TEST_P(Jwt, ATokenWithoutKeyNameIsTriedWithTheKeysOfItsAlgorithm) {
  const std::string header = json{{"alg", jose::name_of(GetParam())}}.dump();
  EXPECT_EQ(refusal(forged(header, claims().dump())), "");
}

TEST_P(Jwt, SaysWhoItClaimsToBeFrom) {
  const JwtHint hint = peek_jwt(sign_jwt(claims()));
  EXPECT_EQ(hint.issuer, "trunkline");
  EXPECT_EQ(hint.key_id, kKid);
  EXPECT_THROW(peek_jwt("a.b.c"), Error);
}

TEST_P(Jwt, KeysTravelAsDerAndJwk) {
  const jose::PublicKey by_der = jose::PublicKey::from_der(key().der());
  const JwtKey by_jwk = parse_jwk(to_jwk({kKid, key()}));
  const jose::PrivateKey back = jose::PrivateKey::from_der(key().private_der());
  EXPECT_EQ(by_jwk.id, kKid);
  EXPECT_EQ(by_der.thumbprint(), key().thumbprint());
  EXPECT_EQ(by_jwk.key.thumbprint(), key().thumbprint());
  for (int i = 0; i < 50; ++i) {  // numbers of a signature may be short
    const std::string data = "data" + std::to_string(i), signature = back.sign(data);
    EXPECT_TRUE(by_jwk.key.verify(data, signature));
    EXPECT_FALSE(by_der.verify("date", signature));
  }
  EXPECT_FALSE(by_der.verify("data", ""));
  EXPECT_FALSE(by_der.verify("data", std::string(64, '\0')));
  EXPECT_FALSE(by_der.verify("data", std::string(64, '\xff')));
}

TEST_P(Jwt, AKeySetLeavesOutWhatItCannotUse) {
  json set;
  set["keys"] = json::array({to_jwk({kKid, key()}), json{{"kty", "OKP"}}, json{{"kty", "RSA"}, {"n", "AQAB"}, {"e", "AQAB"}}, 7});
  json encryption = to_jwk({"enc", key()});
  encryption["use"] = "enc";
  set["keys"].push_back(encryption);
  const auto keys = parse_jwks(set.dump());
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].id, kKid);
  EXPECT_THROW(parse_jwks("{}"), Error);
  EXPECT_THROW(parse_jwks(R"({"keys":{}})"), Error);
  EXPECT_THROW(parse_jwks("{\"keys\":[" + std::string(300'000, ' ') + "]}"), Error);
}

TEST(JoseKey, HasTheThumbprintOfRfc7638) {
  const json jwk = json::parse(
      R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"})");
  EXPECT_EQ(parse_jwk(jwk).id, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(JoseKey, RefusesWhatIsNoneOrTooSmall) {
  EXPECT_THROW(jose::PublicKey::from_der("nonsense"), Error);
  EXPECT_THROW(jose::PrivateKey::from_der("nonsense"), Error);
  EXPECT_THROW(jose::PrivateKey::generate(jose::Algorithm::kRs256, 1024), Error);
  EXPECT_THROW(parse_jwk(json{{"kty", "EC"}}), Error);
  EXPECT_THROW(parse_jwk(json{{"kty", "EC"}, {"crv", "P-256"}, {"x", "AQAB"}, {"y", "AQAB"}}), Error);
  const std::string zeros = jose::base64url(std::string(32, '\0'));
  EXPECT_THROW(parse_jwk(json{{"kty", "EC"}, {"crv", "P-256"}, {"x", zeros}, {"y", zeros}}), Error) << "no point of the curve";
  EXPECT_THROW(parse_jwk(json{{"kty", "RSA"}, {"n", "AQAB"}, {"e", "AQAB"}}), Error);
  EXPECT_THROW(parse_jwk(json{{"kty", "RSA"}, {"n", "+/"}, {"e", "AQAB"}}), Error);
}

TEST(JoseText, HasOneSpelling) {
  for (const std::string bytes : {"", "a", "ab", "abc", "abcd", "\xff\xfe\xfd"}) {
    EXPECT_EQ(jose::base64url(bytes), base64url_encode(bytes));
    EXPECT_EQ(jose::from_base64url(jose::base64url(bytes)), bytes);
  }
  for (const char* bad : {"a", "YQ==", "YR", "Y Q", "Y+", "Y/"}) EXPECT_EQ(jose::from_base64url(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace trunkline::crypto

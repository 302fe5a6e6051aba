#include "runtime/crypto/jwt.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/json.h"

namespace trunkline::crypto {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxToken = 16 * 1024;
constexpr std::size_t kMaxKeySet = 256 * 1024;
constexpr std::size_t kMaxKeys = 200;
constexpr JsonLimits kTokenLimits{.max_bytes = kMaxToken, .max_depth = 16};

Error refused(std::string_view why) { return {ErrorCode::kUnauthenticated, "the token " + std::string(why)}; }

/// Malformed JSON inside the token is the token's fault; its text stays out of the message.
template <class F>
auto blaming_the_token(F f) {
  try {
    return f();
  } catch (const Error& e) {
    if (e.code == ErrorCode::kInvalidArgument || e.code == ErrorCode::kResourceExhausted) throw refused("is malformed");
    throw;
  }
}

json decoded(std::string_view part) {
  const auto text = jose::from_base64url(part);
  if (!text) throw refused("is not base64url");
  return parse_json(*text, kTokenLimits);
}

jose::TokenParts parts_of(std::string_view token) {
  if (token.size() > kMaxToken) throw refused("is too long");
  const auto parts = jose::split_token(token, kMaxToken);
  if (!parts) throw refused("is no JWT");
  return *parts;
}

Time time_claim(const JsonRef& claim) {
  // Just inside the clock's range; what lies beyond is as good as for ever.
  return Time(std::chrono::seconds(static_cast<std::int64_t>(std::clamp(claim.number(), -9e9, 9e9))));
}

std::string_view without_slash(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

bool has_audience(const JsonRef& claims, std::string_view wanted) {
  const auto audience = claims.find("aud");
  if (!audience) return false;
  wanted = without_slash(wanted);
  if (audience->json().is_string()) return without_slash(audience->text()) == wanted;
  for (std::size_t i = 0; i < audience->array_size(); ++i)
    if (without_slash((*audience)[i].text()) == wanted) return true;
  return false;
}

void check_claims(const JsonRef& claims, const JwtChecks& checks) {
  if (!claims.find("exp")) throw refused("has no expiry");
  if (checks.now - checks.leeway >= time_claim(claims.at("exp"))) throw refused("has expired");
  if (const auto begin = claims.find("nbf"); begin && checks.now + checks.leeway < time_claim(*begin))
    throw refused("is not valid yet");
  if (!checks.issuer.empty() && claims.text_or("iss", "") != checks.issuer) throw refused("is of another issuer");
  if (checks.audiences.empty()) return;
  for (const std::string& audience : checks.audiences)
    if (has_audience(claims, audience)) return;
  throw refused("is for another audience");
}

void check_signature(std::span<const JwtKey> keys, const jose::TokenParts& parts) {
  const json header_json = decoded(parts.header);
  const JsonRef header(header_json);
  const auto algorithm = jose::parse_algorithm(header.at("alg").text());
  if (!algorithm) throw refused("is signed with another algorithm than ES256 and RS256");
  if (header.find("crit")) throw refused("demands an extension");
  const auto signature = jose::from_base64url(parts.signature);
  if (!signature) throw refused("is not base64url");
  const auto id = header.find("kid");
  bool known = false;
  for (const JwtKey& key : keys) {
    // A key never checks another algorithm than its own, whatever the token asks for.
    if (key.key.algorithm() != *algorithm || (id && key.id != id->text())) continue;
    known = true;
    if (key.key.verify(parts.signed_part, *signature)) return;
  }
  throw refused(known ? "has a wrong signature" : "is signed with an unknown key");
}

std::string number(const JsonRef& jwk, const char* name) {
  const JsonRef member = jwk.at(name);
  auto bytes = jose::from_base64url(member.text());
  if (!bytes) throw member.error("is not base64url");
  return std::move(*bytes);
}

}  // namespace

json to_jwk(const JwtKey& key) {
  json jwk;
  const bool rsa = key.key.algorithm() == jose::Algorithm::kRs256;
  jwk["kty"] = rsa ? "RSA" : "EC";
  if (!rsa) jwk["crv"] = "P-256";
  jwk["use"] = "sig";
  jwk["alg"] = jose::name_of(key.key.algorithm());
  jwk["kid"] = key.id;
  for (const auto& [name, value] : key.key.numbers()) jwk[name] = jose::base64url(value);
  return jwk;
}

JwtKey parse_jwk(const json& jwk) {
  const JsonRef ref(jwk);
  const JsonRef kind = ref.at("kty");
  const auto key = [&] {
    if (kind.text() == "RSA") return jose::PublicKey::from_rsa(number(ref, "n"), number(ref, "e"));
    if (kind.text() != "EC") throw kind.error("must be RSA or EC");
    if (ref.at("crv").text() != "P-256") throw ref.at("crv").error("must be P-256");
    return jose::PublicKey::from_p256(number(ref, "x"), number(ref, "y"));
  }();
  std::string id(ref.text_or("kid", ""));
  return {id.empty() ? key.thumbprint() : std::move(id), key};
}

std::vector<JwtKey> parse_jwks(std::string_view text) {
  const json set = parse_json(text, {.max_bytes = kMaxKeySet, .max_depth = 8});
  const JsonRef list = JsonRef(set).at("keys");
  const std::size_t count = list.array_size();
  if (count > kMaxKeys) throw Error(ErrorCode::kResourceExhausted, "the key set has more than 200 keys", "keys");
  std::vector<JwtKey> keys;
  for (std::size_t i = 0; i < count; ++i) {
    try {
      const JsonRef item = list[i].object();
      if (item.text_or("use", "sig") != "sig") continue;
      keys.push_back(parse_jwk(item.json()));
    } catch (const Error&) {
      // Issuers list keys for other purposes as well.
    }
  }
  return keys;
}

std::string sign_jwt(const jose::PrivateKey& key, std::string_view key_id, const json& claims) {
  json header;
  header["alg"] = jose::name_of(key.algorithm());
  header["typ"] = "JWT";
  header["kid"] = key_id;
  std::string token = jose::base64url(header.dump());
  token += '.';
  jose::append_base64url(token, claims.dump(-1, ' ', false, json::error_handler_t::replace));
  key.append_signature(token);
  return token;
}

JwtHint peek_jwt(std::string_view token) {
  return blaming_the_token([&] {
    const jose::TokenParts parts = parts_of(token);
    const json header = decoded(parts.header);
    const json claims = decoded(parts.payload);
    return JwtHint{std::string(JsonRef(claims).text_or("iss", "")), std::string(JsonRef(header).text_or("kid", ""))};
  });
}

json verify_jwt(std::span<const JwtKey> keys, std::string_view token, const JwtChecks& checks) {
  return blaming_the_token([&] {
    const jose::TokenParts parts = parts_of(token);
    check_signature(keys, parts);
    json claims = decoded(parts.payload);
    check_claims(JsonRef(claims), checks);
    return claims;
  });
}

}  // namespace trunkline::crypto

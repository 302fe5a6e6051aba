#include "runtime/oidc/development_issuer.h"

#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/crypto/hash.h"

namespace trunkline::oidc {
namespace {

/// The same name gives the same GUID (RFC 9562, version 8).
std::string guid_of(std::string_view name) {
  const crypto::Digest digest = crypto::sha256(name);
  Uuid id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x80);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id.str();
}

std::int64_t seconds(Time time) { return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count(); }

}  // namespace

ScopeParts split_scope(std::string_view scope) {
  const auto scheme = scope.find("://");
  if (scheme == scope.npos) return {std::string(scope), {}};
  const auto host_end = scope.find('/', scheme + 3);
  if (host_end == scope.npos) return {std::string(scope), {}};
  const std::string_view audience = scope.substr(0, host_end);
  std::string_view path = scope.substr(host_end);
  while (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with(".default")) path = {};
  return {std::string(audience), std::string(path)};
}

DevelopmentIssuer::DevelopmentIssuer()
    : key_(jose::PrivateKey::generate(jose::Algorithm::kEs256)), public_key_{key_.thumbprint(), key_} {}

std::string DevelopmentIssuer::issue(const DevelopmentGrant& grant, std::string_view issuer, Time now) const {
  nlohmann::json claims;
  std::string permissions;
  for (const std::string_view word : split(grant.scope, ' ')) {
    if (word.empty() || word == "openid" || word == "profile" || word == "offline_access") continue;
    ScopeParts parts = split_scope(word);
    if (!claims.contains("aud")) claims["aud"] = std::move(parts.audience);
    if (!parts.permission.empty()) permissions += (permissions.empty() ? "" : " ") + parts.permission;
  }
  if (!claims.contains("aud")) claims["aud"] = grant.client_id;
  const std::string object_id = grant.object_id.empty() ? guid_of(grant.client_id) : grant.object_id;
  claims["iss"] = issuer;
  claims["iat"] = claims["nbf"] = seconds(now);
  claims["exp"] = seconds(now + grant.lifetime);
  claims["appid"] = claims["azp"] = grant.client_id;
  claims["oid"] = claims["sub"] = object_id;
  claims["tid"] = grant.tenant_id.empty() ? std::string(kTenant) : grant.tenant_id;
  claims["ver"] = "1.0";
  claims["idtyp"] = grant.object_id.empty() ? "app" : "user";
  if (!permissions.empty()) claims["scp"] = permissions;
  if (!grant.roles.empty()) claims["roles"] = grant.roles;
  return crypto::sign_jwt(key_, public_key_.id, claims);
}

}  // namespace trunkline::oidc

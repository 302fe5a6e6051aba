// An issuer of tokens in the shape of Microsoft Entra's, for machines of developers and for tests.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/crypto/jwt.h"

namespace trunkline::oidc {

/// A token that is asked for. What is empty gets a value that is made from `client_id`, or is left out.
struct DevelopmentGrant {
  std::string client_id = "11111111-1111-4111-8111-000000000001";
  std::string tenant_id;
  /// `oid`; a person's, or that of the application.
  std::string object_id;
  /// Audience and permissions as scopes: `https://communication.azure.com//.default`,
  /// `https://auth.msft.communication.azure.com/Teams.ManageCalls`.
  std::string scope = "https://communication.azure.com/.default";
  std::vector<std::string> roles;
  Duration lifetime = std::chrono::hours{1};
};

/// Gives a token to whoever asks: never where others reach it. The key is made at the start and kept in memory only. [any-thread]
class DevelopmentIssuer {
 public:
  static constexpr std::string_view kTenant = "22222222-2222-4222-8222-000000000001";

  DevelopmentIssuer();

  /// The one key there is.
  std::span<const crypto::JwtKey> keys() const { return {&public_key_, 1}; }
  /// `issuer`: `iss` of the token.
  std::string issue(const DevelopmentGrant& grant, std::string_view issuer, Time now) const;

 private:
  jose::PrivateKey key_;
  crypto::JwtKey public_key_;
};

/// `https://host/permission` taken apart: the audience, and the permission unless it is `.default`. A scope that is no URL is an
/// audience.
struct ScopeParts {
  std::string audience;
  std::string permission;
};
ScopeParts split_scope(std::string_view scope);

}  // namespace trunkline::oidc

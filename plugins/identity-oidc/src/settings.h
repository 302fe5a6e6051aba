// What the configuration says.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/identity.hpp"

namespace identity_oidc {

struct Settings {
  std::string issuer;
  std::string audience;
  std::string jwks_url;
  std::string subject_claim = "sub";
  std::string scopes_claim;
  std::vector<trunkline::identity::TokenScope> default_scopes;
  std::vector<std::string> resources;
  trunkline::Duration leeway{};
  trunkline::Duration refresh{};
  std::size_t cached_tokens = 0;
  std::size_t cached_users = 0;
};

/// Throws kInvalidArgument with the member at fault.
Settings parse_settings(std::string_view config_json);

/// `chat`, `voip`, `chat.join`, `chat.join.limited`, `voip.join`; kUnknown for others.
trunkline::identity::TokenScope parse_scope(std::string_view name);

}  // namespace identity_oidc

// The plugin's class: tokens of somebody else's issuer for users of ours.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "key_set.h"
#include "people.h"
#include "settings.h"
#include "trunkline/identity_provider.hpp"
#include "trunkline/lru_cache.hpp"
#include "trunkline/plugin.hpp"

namespace identity_oidc {

/// A token whose signature, issuer and audience are right. What can change is checked each time.
struct CheckedToken {
  std::string subject;
  std::vector<trunkline::identity::TokenScope> scopes;
  std::int64_t issued_at = 0;  // seconds
  trunkline::Time not_before;
  trunkline::Time expires_at;
  std::string claims;
  /// After as long as keys are kept it is checked again: its issuer may have withdrawn the key.
  trunkline::Time checked_at;
};

/// Verifies; issues nothing. [any-thread]
class Bridge final : public trunkline::identity::IdentityProvider {
 public:
  template <class T>
  using Task = trunkline::Task<T>;
  using Call = trunkline::Call;

  Bridge(trunkline::Host host, std::string_view config_json);

  Task<trunkline::identity::UserIdentity> create_user(Call call, trunkline::identity::CreateUserRequest request) override;
  Task<trunkline::identity::UserIdentity> get_user(Call call, std::string resource_id, std::string user_id) override;
  Task<trunkline::identity::UserIdentity> find_user(Call call, std::string resource_id, std::string custom_id) override;
  Task<trunkline::identity::UserPage> list_users(Call call, std::string resource_id, std::int32_t limit,
                                                 std::optional<std::string> continuation) override;
  Task<void> delete_user(Call call, std::string resource_id, std::string user_id) override;
  Task<trunkline::identity::AccessToken> issue_token(Call call, trunkline::identity::TokenRequest request) override;
  Task<void> revoke_tokens(Call call, std::string resource_id, std::string user_id) override;
  Task<trunkline::identity::TokenClaims> verify_token(Call call, std::string token, std::string resource_id) override;
  Task<std::vector<trunkline::identity::SigningKey>> signing_keys(Call call) override;
  trunkline::identity::IdentityCapabilities capabilities(const Call& call) override;

 private:
  Task<std::shared_ptr<const CheckedToken>> check(std::string token);

  const Settings settings_;
  const trunkline::host::ClockClient clock_;
  KeySet keys_;
  People people_;
  trunkline::LruCache<CheckedToken> checked_;
};

}  // namespace identity_oidc

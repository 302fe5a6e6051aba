// The local identity provider: the plugin's class.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "key_ring.h"
#include "token.h"
#include "trunkline/identity_provider.hpp"
#include "trunkline/lru_cache.hpp"
#include "trunkline/plugin.hpp"
#include "user_store.h"

namespace identity_local {

/// Issues and verifies tokens with keys of its own. Keys live in the host's storage, users in that of their resource.
/// [any-thread]
class Issuer final : public trunkline::identity::IdentityProvider {
 public:
  template <class T>
  using Task = trunkline::Task<T>;
  using Call = trunkline::Call;

  Issuer(trunkline::Host host, std::string_view config_json);

  Task<trunkline::identity::UserIdentity> create_user(Call call, trunkline::identity::CreateUserRequest request) override;
  Task<trunkline::identity::UserIdentity> get_user(Call call, std::string resource_id, std::string user_id) override;
  Task<trunkline::identity::UserIdentity> find_user(Call call, std::string resource_id, std::string custom_id) override;
  Task<trunkline::identity::UserPage> list_users(Call call, std::string resource_id, std::int32_t limit,
                                                 std::optional<std::string> continuation) override;
  Task<void> delete_user(Call call, std::string resource_id, std::string user_id) override;
  Task<trunkline::identity::AccessToken> issue_token(Call call, trunkline::identity::TokenRequest request) override;
  void start_issue_token(const Call& call, trunkline::identity::TokenRequestView request,
                         trunkline::Completion<trunkline::identity::AccessToken> done) override;
  Task<void> revoke_tokens(Call call, std::string resource_id, std::string user_id) override;
  Task<trunkline::identity::TokenClaims> verify_token(Call call, std::string token, std::string resource_id) override;
  Task<trunkline::identity::AccessToken> exchange(Call call, trunkline::identity::ExchangeRequest request) override;
  Task<std::vector<trunkline::identity::SigningKey>> signing_keys(Call call) override;
  Task<std::vector<trunkline::identity::SigningKey>> rotate_keys(Call call, bool drop_others) override;
  trunkline::identity::IdentityCapabilities capabilities(const Call& call) override;

 private:
  struct Settings {
    KeyRingSettings keys;
    std::string issuer;
    std::size_t cached_users = 100000;
    std::size_t cached_tokens = 10000;
  };
  static Settings parse_settings(std::string_view config_json);
  Issuer(trunkline::Host host, Settings settings);

  /// `scopes` unique and checked, as the rest of the request.
  trunkline::identity::AccessToken issue(const std::string& resource_id, const UserPtr& user, const KeyRing::Keys& keys,
                                         const std::vector<trunkline::identity::TokenScope>& scopes,
                                         trunkline::Duration lifetime, std::string_view data_location, trunkline::Time now);
  Task<UserPtr> existing(std::string resource_id, std::string user_id);

  const trunkline::host::ClockClient clock_;
  const trunkline::identity::IdentityEventsClient events_;
  const std::string issuer_;
  UserStore users_;
  KeyRing keys_;
  /// Tokens whose signature was found to be right: checking one costs a hundred times a look-up, and a client sends its token with
  /// every request. What can change (expiry, revocation) is checked each time.
  trunkline::LruCache<VerifiedToken> verified_;
};

}  // namespace identity_local

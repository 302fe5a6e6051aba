// The local identity provider: the plugin's class.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "key_ring.h"
#include "trunkline/identity_provider.hpp"
#include "trunkline/plugin.hpp"
#include "user_store.h"

namespace identity_local {

/// Issues and verifies tokens with keys of its own. Users and keys live in the host's storage. [any-thread]
class Issuer final : public trunkline::identity::IdentityProvider {
 public:
  template <class T>
  using Task = trunkline::Task<T>;
  using Call = trunkline::Call;

  Issuer(trunkline::Host host, std::string_view config_json);

  Task<trunkline::identity::UserIdentity> create_user(Call call, trunkline::identity::CreateUserRequest request) override;
  Task<void> delete_user(Call call, std::string user_id) override;
  Task<trunkline::identity::AccessToken> issue_token(Call call, trunkline::identity::TokenRequest request) override;
  Task<void> revoke_tokens(Call call, std::string user_id) override;
  Task<trunkline::identity::TokenClaims> verify_token(Call call, std::string token) override;
  Task<std::vector<trunkline::identity::SigningKey>> signing_keys(Call call) override;
  trunkline::identity::IdentityCapabilities capabilities(const Call& call) override;

 private:
  struct Settings {
    int key_bits = 2048;
    std::size_t cached_users = 100000;
  };
  static Settings parse_settings(std::string_view config_json);
  Issuer(trunkline::Host host, Settings settings);

  Task<User> existing(std::string user_id);

  const trunkline::host::ClockClient clock_;
  UserStore users_;
  KeyRing keys_;
};

}  // namespace identity_local

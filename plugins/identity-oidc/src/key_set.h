// The issuer's keys, over the host's HTTP.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "settings.h"
#include "trunkline/async_mutex.hpp"
#include "trunkline/jose.hpp"
#include "trunkline/plugin_host.hpp"

namespace identity_oidc {

struct Key {
  std::string id;
  trunkline::jose::PublicKey key;
};

/// Fetched when they are first needed, when they have become old, and when a token names one that is not among them; in the last
/// case not more often than twice a minute, so that made-up names cannot make us fetch. [any-thread]
class KeySet {
 public:
  using Keys = std::vector<Key>;
  using Ptr = std::shared_ptr<const Keys>;

  KeySet(trunkline::Host host, const Settings& settings)
      : http_(host.http()), log_(host.log()), clock_(host.clock()), settings_(settings) {}

  /// Throws kUnavailable when there are none to be had.
  trunkline::Task<Ptr> keys_for(std::string key_id);

 private:
  struct State {
    Ptr keys;
    trunkline::Time fetched_at{};
    trunkline::Time attempted_at{};
    bool attempted = false;
  };
  /// Whether there is nothing to fetch for this key at this time.
  bool settled(const std::string& key_id, trunkline::Time now) const;
  trunkline::Task<Ptr> fetch();
  trunkline::Task<std::string> get(std::string url);

  const trunkline::host::HttpClient http_;
  const trunkline::host::LogClient log_;
  const trunkline::host::ClockClient clock_;
  const Settings& settings_;
  trunkline::AsyncMutex fetching_;
  mutable std::mutex mutex_;
  State state_;
};

/// A JWK set from outside: at most 256 KiB and 200 keys; those that cannot check ES256 or RS256 are left out. Throws
/// kInvalidArgument.
KeySet::Keys parse_jwks(std::string_view text);

}  // namespace identity_oidc

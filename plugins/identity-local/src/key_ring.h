// The signing keys, in the host's storage.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/async_mutex.hpp"
#include "trunkline/jose.hpp"
#include "trunkline/plugin_host.hpp"
#include "trunkline/task.hpp"

namespace identity_local {

struct KeyRingSettings {
  trunkline::jose::Algorithm algorithm = trunkline::jose::Algorithm::kEs256;
  int rsa_bits = 2048;
  /// How long a key signs; zero: until it is rotated by hand.
  trunkline::Duration rotate_every{};
  /// How long the tokens of a key can live after it has ceased to sign.
  trunkline::Duration longest_token{};
};

/// One key. Immutable.
struct RingKey {
  trunkline::jose::PrivateKey key;
  /// SHA-1 of the public key in hexadecimal, upper case: the `kid` of its tokens.
  std::string id;
  /// `base64url(header).` of its tokens, ready made.
  std::string token_header;
  trunkline::Time created_at;
  /// When the last of its tokens has expired; absent: it signs.
  std::optional<trunkline::Time> retires_at;
  std::string stored_as;
};

/// The newest key signs; former ones verify until their last token has expired. The first is made when it is first needed, so
/// that a runtime which issues no token does not spend the time. [any-thread]
class KeyRing {
 public:
  /// Never empty, the key that signs first.
  using Keys = std::vector<RingKey>;
  using KeysPtr = std::shared_ptr<const Keys>;

  KeyRing(trunkline::Host host, KeyRingSettings settings);

  /// The keys at this time, rotated when that is due. Does not suspend unless there is something to do.
  trunkline::Task<KeysPtr> keys(trunkline::Time now);
  /// The same when nothing is to be done; else null.
  KeysPtr ready(trunkline::Time now) const;
  /// A new key signs from now on; `drop_others`: and no other one verifies.
  trunkline::Task<KeysPtr> rotate(trunkline::Time now, bool drop_others);

 private:
  trunkline::Task<Keys> load();
  trunkline::Task<KeysPtr> change(trunkline::Time now, bool force, bool drop_others);
  bool is_due(const Keys& keys, trunkline::Time now) const;

  const trunkline::host::StoreClient store_;
  const trunkline::host::ExecutorClient executor_;
  const KeyRingSettings settings_;
  trunkline::AsyncMutex changing_;
  mutable std::mutex mutex_;
  KeysPtr keys_;                 // replaced as a whole; empty until loaded
  trunkline::Time next_change_;  // when keys_ has to be looked at again
};

}  // namespace identity_local

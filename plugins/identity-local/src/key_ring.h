// The signing keys, in the host's storage.
#pragma once
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "async_mutex.h"
#include "rsa_key.h"
#include "trunkline/host_client.hpp"
#include "trunkline/task.hpp"

namespace identity_local {

/// Keys by age; the newest one signs, all of them verify. The first is made when it is first needed, so that a runtime which
/// issues no token does not spend the time. [any-thread]
class KeyRing {
 public:
  using Keys = std::vector<RsaKey>;

  KeyRing(trunkline::host::StoreClient store, trunkline::host::ExecutorClient executor, int key_bits)
      : store_(store), executor_(executor), key_bits_(key_bits) {}

  /// Never empty.
  trunkline::Task<std::shared_ptr<const Keys>> keys();

 private:
  std::shared_ptr<const Keys> current() const;

  const trunkline::host::StoreClient store_;
  const trunkline::host::ExecutorClient executor_;
  const int key_bits_;
  AsyncMutex loading_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_;  // replaced as a whole; empty until loaded
};

}  // namespace identity_local

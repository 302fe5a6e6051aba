#include "key_ring.h"

#include <string>

namespace identity_local {

using trunkline::Bytes;
using trunkline::Task;
using trunkline::host::StoreEntry;

namespace {
// Entries come back by key, so later keys need names that sort after this one.
constexpr const char* kPrefix = "signing-key/";
constexpr const char* kFirst = "signing-key/000001";
constexpr std::int32_t kMaxKeys = 100;
}  // namespace

std::shared_ptr<const KeyRing::Keys> KeyRing::current() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

Task<std::shared_ptr<const KeyRing::Keys>> KeyRing::keys() {
  if (auto loaded = current()) co_return loaded;
  const AsyncMutex::Lock lock = co_await loading_.lock();
  if (auto loaded = current()) co_return loaded;

  auto keys = std::make_shared<Keys>();
  const std::vector<StoreEntry> stored = co_await store_.list(kPrefix, kMaxKeys);
  for (const StoreEntry& entry : stored)
    keys->push_back(RsaKey::from_private_der({reinterpret_cast<const char*>(entry.value.data()), entry.value.size()}));
  if (keys->empty()) {
    co_await executor_.yield();  // making a key takes long; not on the thread that completed the read
    keys->push_back(RsaKey::generate(key_bits_));
    const std::string der = keys->back().private_der();
    Bytes bytes(der.begin(), der.end());
    co_await store_.put(kFirst, std::move(bytes));
  }
  const std::lock_guard guard(mutex_);
  keys_ = keys;
  co_return keys_;
}

}  // namespace identity_local

// The users, in the host's storage.
#pragma once
#include <array>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "async_mutex.h"
#include "trunkline/host_client.hpp"
#include "trunkline/task.hpp"

namespace identity_local {

/// What is kept of one user.
struct User {
  std::string id;
  std::optional<std::string> custom_id;
  trunkline::Time created_at;
  /// Carried by the user's tokens; those with another value are revoked. Random, so that it never comes back: not after the
  /// user was deleted and made again either.
  std::int64_t generation = 0;
};

/// Durable when an operation completes; read through a cache of bounded size. Assumes that nobody else writes the same
/// storage. [any-thread]
class UserStore {
 public:
  UserStore(trunkline::host::StoreClient store, std::size_t cached_users) : store_(store), cached_users_(cached_users) {}

  /// Serialises changes of one user: hold it from reading to writing.
  trunkline::Task<AsyncMutex::Lock> lock(std::string_view id) {
    return locks_[std::hash<std::string_view>()(id) % locks_.size()].lock();
  }
  /// nullopt: there is none.
  trunkline::Task<std::optional<User>> find(std::string id);
  trunkline::Task<void> put(User user);
  trunkline::Task<void> remove(std::string id);

 private:
  struct Entry {
    User user;
    std::list<std::string_view>::iterator use;
  };
  void keep(const User& user);  // mutex_ is held
  void drop(const std::string& id);

  const trunkline::host::StoreClient store_;
  const std::size_t cached_users_;
  std::array<AsyncMutex, 64> locks_;

  std::mutex mutex_;
  std::unordered_map<std::string, Entry> cache_;
  std::list<std::string_view> by_use_;  // keys of cache_, the one used last in front
  std::uint64_t writes_ = 0;
};

}  // namespace identity_local

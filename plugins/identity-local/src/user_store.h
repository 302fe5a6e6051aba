// The users, in the storage of their resource.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "trunkline/async_mutex.hpp"
#include "trunkline/host_client.hpp"
#include "trunkline/task.hpp"

namespace identity_local {

/// What is kept of one user. Immutable but for `last_token_ns`.
struct User {
  std::string id;
  std::optional<std::string> custom_id;
  trunkline::Time created_at;
  /// Carried by the user's tokens; those with another value are revoked. Random, so that it never comes back: not after the
  /// user was deleted and made again either.
  std::int64_t generation = 0;
  /// When a token was issued last; 0: never. The stored value lags behind, see touch().
  mutable std::atomic<std::int64_t> last_token_ns{0};

  User() = default;
  User(const User& other)
      : id(other.id),
        custom_id(other.custom_id),
        created_at(other.created_at),
        generation(other.generation),
        last_token_ns(other.last_token_ns.load()) {}
  User& operator=(const User&) = delete;
};
using UserPtr = std::shared_ptr<const User>;

/// Durable when an operation completes; read through a cache of bounded size, keyed by resource. Assumes that nobody but the
/// host writes the same storage. [any-thread]
class UserStore {
 public:
  UserStore(trunkline::host::ResourceStoreClient store, std::size_t cached_users)
      : store_(store), cached_per_shard_(cached_users / kShards + 1) {}

  /// Serialises changes of one user, or of the user with one custom id: hold it from reading to writing.
  trunkline::Task<trunkline::AsyncMutex::Lock> lock(std::string_view resource_id, std::string_view id);

  /// Null: there is none, or no such resource.
  trunkline::Task<UserPtr> find(std::string resource_id, std::string user_id);
  /// The same when no reading is needed; else null, and find() tells. Throws kNotFound (`resourceId`).
  UserPtr cached(const std::string& resource_id, std::string_view user_id) { return look_up(resource_id, user_id).user; }
  trunkline::Task<UserPtr> find_custom(std::string resource_id, std::string custom_id);
  /// By id, beginning behind `after`.
  trunkline::Task<std::vector<UserPtr>> list(std::string resource_id, std::string after, std::int32_t limit);

  trunkline::Task<void> put(std::string resource_id, UserPtr user);
  trunkline::Task<void> remove(std::string resource_id, UserPtr user);
  /// Notes that a token was issued; stored now and then, and nobody waits for it.
  void touch(const std::string& resource_id, const UserPtr& user, trunkline::Time now);

 private:
  static constexpr std::size_t kShards = 16;
  struct Key {
    std::string resource_id;
    std::string user_id;
  };
  struct KeyView {
    std::string_view resource_id;
    std::string_view user_id;
    KeyView(std::string_view r, std::string_view u) : resource_id(r), user_id(u) {}
    KeyView(const Key& key) : resource_id(key.resource_id), user_id(key.user_id) {}
    bool operator==(const KeyView&) const = default;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const KeyView& key) const {
      return std::hash<std::string_view>()(key.user_id) * 31 + std::hash<std::string_view>()(key.resource_id);
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const KeyView& a, const KeyView& b) const { return a == b; }
  };
  struct Entry {
    UserPtr user;
    std::int64_t epoch = 0;
    std::list<const Key*>::iterator use;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Key, Entry, Hash, Equal> users;
    std::list<const Key*> by_use;  // keys of `users`, the one used last in front
    std::uint64_t writes = 0;

    void keep(const std::string& resource_id, const UserPtr& user, std::int64_t epoch, std::size_t limit);
    void drop(const KeyView& key);
  };
  struct Found {
    UserPtr user;
    std::int64_t epoch = 0;
    std::uint64_t writes = 0;
  };

  Shard& shard(std::string_view resource_id, std::string_view user_id) {
    return shards_[Hash()(KeyView(resource_id, user_id)) % kShards];
  }
  Found look_up(const std::string& resource_id, std::string_view user_id);

  const trunkline::host::ResourceStoreClient store_;
  const std::size_t cached_per_shard_;
  std::array<trunkline::AsyncMutex, 64> locks_;
  std::array<Shard, kShards> shards_;
};

}  // namespace identity_local

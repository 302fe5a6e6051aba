// Who wants to know that the tokens of a user have ended before their time.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/base/function.h"

namespace trunkline {

/// Revoking tokens or deleting a user tells whoever holds a channel open in the user's name. A user is one of one resource: forks
/// have users with the same ids. [any-thread]
class TokenWatch {
 public:
  /// In place of a user: whoever came with an access key of the resource, `primary` or `secondary`.
  static std::string holder_of_key(std::string_view key) { return "key:" + std::string(key); }

  using Id = std::uint64_t;

  /// Calls fn once, on whichever thread revokes, unless forget() comes first. It must be quick.
  Id watch(std::int64_t resource_key, const std::string& user_id, UniqueFunction<void()> fn) {
    const std::lock_guard lock(mutex_);
    const Id id = ++last_;
    watchers_.emplace(Key(resource_key, user_id, id), std::move(fn));
    return id;
  }
  void forget(std::int64_t resource_key, const std::string& user_id, Id id) {
    const std::lock_guard lock(mutex_);
    watchers_.erase(Key(resource_key, user_id, id));
  }
  void ended(std::int64_t resource_key, const std::string& user_id) {
    std::vector<UniqueFunction<void()>> told;
    {
      const std::lock_guard lock(mutex_);
      auto at = watchers_.lower_bound(Key(resource_key, user_id, 0));
      while (at != watchers_.end() && std::get<0>(at->first) == resource_key && std::get<1>(at->first) == user_id) {
        told.push_back(std::move(at->second));
        at = watchers_.erase(at);
      }
    }
    for (auto& fn : told) fn();
  }

 private:
  using Key = std::tuple<std::int64_t, std::string, Id>;

  std::mutex mutex_;
  Id last_ = 0;
  std::map<Key, UniqueFunction<void()>> watchers_;
};

}  // namespace trunkline

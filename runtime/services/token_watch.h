// Who wants to know that the tokens of a user have ended before their time.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/function.h"

namespace trunkline {

/// Revoking tokens or deleting a user tells whoever holds a channel open in the user's name. [any-thread]
class TokenWatch {
 public:
  using Id = std::uint64_t;

  /// Calls fn once, on whichever thread revokes, unless forget() comes first. It must be quick.
  Id watch(std::string user_id, UniqueFunction<void()> fn) {
    const std::lock_guard lock(mutex_);
    const Id id = ++last_;
    by_user_.emplace(std::pair(std::move(user_id), id), std::move(fn));
    return id;
  }
  void forget(const std::string& user_id, Id id) {
    const std::lock_guard lock(mutex_);
    by_user_.erase({user_id, id});
  }
  void ended(const std::string& user_id) {
    std::vector<UniqueFunction<void()>> told;
    {
      const std::lock_guard lock(mutex_);
      auto at = by_user_.lower_bound({user_id, 0});
      while (at != by_user_.end() && at->first.first == user_id) {
        told.push_back(std::move(at->second));
        at = by_user_.erase(at);
      }
    }
    for (auto& fn : told) fn();
  }

 private:
  std::mutex mutex_;
  Id last_ = 0;
  std::map<std::pair<std::string, Id>, UniqueFunction<void()>> by_user_;
};

}  // namespace trunkline

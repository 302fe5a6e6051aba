// Tokens whose signature was found to be right.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "token.h"

namespace identity_local {

/// Checking an ES256 signature costs a hundred times a look-up, and a client sends its token with every request. What can change
/// (expiry, revocation) is no part of it and is checked each time. Bounded; the token used last goes last. [any-thread]
class VerifiedCache {
 public:
  using Ptr = std::shared_ptr<const VerifiedToken>;

  explicit VerifiedCache(std::size_t limit) : limit_((limit + kShards - 1) / kShards) {}

  Ptr find(std::string_view token) {
    Shard& in = shard(token);
    const std::lock_guard lock(in.mutex);
    const auto found = in.tokens.find(token);
    if (found == in.tokens.end()) return nullptr;
    in.by_use.splice(in.by_use.begin(), in.by_use, found->second);
    return found->second->second;
  }
  /// Take it before the keys that the token is checked with.
  std::uint64_t clears() const { return clears_.load(std::memory_order_acquire); }
  /// Does nothing when the cache was cleared after `clears` was taken.
  void put(std::string token, Ptr verified, std::uint64_t clears) {
    if (limit_ == 0) return;
    Shard& in = shard(token);
    const std::lock_guard lock(in.mutex);
    if (clears != this->clears() || in.tokens.contains(token)) return;
    in.by_use.emplace_front(std::move(token), std::move(verified));
    in.tokens.emplace(in.by_use.front().first, in.by_use.begin());
    if (in.tokens.size() <= limit_) return;
    in.tokens.erase(in.by_use.back().first);
    in.by_use.pop_back();
  }
  /// After keys were forgotten.
  void clear() {
    clears_.fetch_add(1, std::memory_order_acq_rel);
    for (Shard& in : shards_) {
      const std::lock_guard lock(in.mutex);
      in.tokens.clear();
      in.by_use.clear();
    }
  }

 private:
  static constexpr std::size_t kShards = 16;
  using List = std::list<std::pair<std::string, Ptr>>;
  struct Shard {
    std::mutex mutex;
    List by_use;
    std::unordered_map<std::string_view, List::iterator> tokens;  // views into by_use
  };
  Shard& shard(std::string_view token) { return shards_[std::hash<std::string_view>()(token) % kShards]; }

  const std::size_t limit_;
  std::atomic<std::uint64_t> clears_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace identity_local

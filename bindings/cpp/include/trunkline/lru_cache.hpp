// A bounded cache of what is dear to find out. For plugins. Hand-written, header-only, C++20.
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
#include <utility>

namespace trunkline {

/// From text to immutable values; what was used last goes last. What is found out about a key while clear() runs is not kept.
/// [any-thread]
template <class T>
class LruCache {
 public:
  using Ptr = std::shared_ptr<const T>;

  /// 0: keeps nothing.
  explicit LruCache(std::size_t limit) : limit_((limit + kShards - 1) / kShards) {}

  /// Null: not kept.
  Ptr find(std::string_view key) {
    Shard& in = shard(key);
    const std::lock_guard lock(in.mutex);
    const auto found = in.values.find(key);
    if (found == in.values.end()) return nullptr;
    in.by_use.splice(in.by_use.begin(), in.by_use, found->second);
    return found->second->second;
  }
  /// Take it before finding out what is put.
  std::uint64_t clears() const { return clears_.load(std::memory_order_acquire); }
  /// Replaces what was kept; does nothing when the cache was cleared after `clears` was taken.
  void put(std::string key, Ptr value, std::uint64_t clears) {
    if (limit_ == 0) return;
    Shard& in = shard(key);
    const std::lock_guard lock(in.mutex);
    if (clears != this->clears()) return;
    if (const auto found = in.values.find(key); found != in.values.end()) {
      found->second->second = std::move(value);
      return;
    }
    in.by_use.emplace_front(std::move(key), std::move(value));
    in.values.emplace(in.by_use.front().first, in.by_use.begin());
    if (in.values.size() <= limit_) return;
    in.values.erase(in.by_use.back().first);
    in.by_use.pop_back();
  }
  void remove(std::string_view key) {
    Shard& in = shard(key);
    const std::lock_guard lock(in.mutex);
    const auto found = in.values.find(key);
    if (found == in.values.end()) return;
    const auto entry = found->second;
    in.values.erase(found);
    in.by_use.erase(entry);
  }
  void clear() {
    clears_.fetch_add(1, std::memory_order_acq_rel);
    for (Shard& in : shards_) {
      const std::lock_guard lock(in.mutex);
      in.values.clear();
      in.by_use.clear();
    }
  }

 private:
  static constexpr std::size_t kShards = 16;
  using List = std::list<std::pair<std::string, Ptr>>;
  /// Of the end of a long key, which is what tells tokens apart: there they have their signature.
  struct Hash {
    std::size_t operator()(std::string_view key) const noexcept {
      constexpr std::size_t kEnd = 64;
      return std::hash<std::string_view>()(key.size() > kEnd ? key.substr(key.size() - kEnd) : key);
    }
  };
  struct Shard {
    std::mutex mutex;
    List by_use;
    std::unordered_map<std::string_view, typename List::iterator, Hash> values;  // views into by_use
  };
  Shard& shard(std::string_view key) { return shards_[Hash()(key) % kShards]; }

  const std::size_t limit_;
  std::atomic<std::uint64_t> clears_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace trunkline

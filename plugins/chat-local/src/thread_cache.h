// The threads in memory: read when they are needed, dropped when there are too many.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "thread_state.h"
#include "trunkline/host_client.hpp"

namespace chat_local {

/// There is never more than one state of a thread: one that somebody holds is not dropped. [any-thread]
class ThreadCache {
 public:
  /// `capacity` counts participants, and kThreadWeight for each thread.
  ThreadCache(trunkline::host::ResourceStoreClient store, std::size_t capacity) : store_(store), capacity_(capacity) {}

  static constexpr std::size_t kThreadWeight = 16;

  /// Throws kNotFound with the target `threadId`; kUnavailable while changes of a state that can no longer be trusted end.
  trunkline::Task<ThreadPtr> get(std::string resource, std::string thread);
  /// A thread that was just created.
  void put(const std::string& resource, ThreadPtr state);
  /// Drops what is known of a resource.
  void forget(std::string_view resource);
  std::size_t size() const;

 private:
  struct Slot {
    AsyncMutex loading;
    ThreadPtr state;  // null: not read yet
    std::list<std::string>::iterator use;
    std::size_t weight = 0;
  };
  using SlotPtr = std::shared_ptr<Slot>;

  std::string key_of(const std::string& resource, std::string_view thread) const;
  trunkline::Task<ThreadPtr> load(std::string resource, std::string thread);
  SlotPtr find_or_add(const std::string& key);
  void erase(std::unordered_map<std::string, SlotPtr>::iterator at);
  void weigh(Slot& slot);
  void make_room();

  const trunkline::host::ResourceStoreClient store_;
  const std::size_t capacity_;
  mutable std::mutex mutex_;                        // guards what follows
  std::unordered_map<std::string, SlotPtr> slots_;  // by resource, epoch and thread
  std::list<std::string> by_use_;                   // the latest first
  std::size_t weight_ = 0;
};

}  // namespace chat_local

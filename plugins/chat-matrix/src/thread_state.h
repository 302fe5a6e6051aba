// What is kept in memory of one thread, and the changes that are made of it.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rows.h"
#include "trunkline/async_mutex.hpp"
#include "trunkline/host_client.hpp"
#include "trunkline/lru_cache.hpp"

namespace chat_matrix {

/// Everything of the index but the messages. One who changes it works on a copy.
struct ThreadState {
  ChatThread properties;
  std::map<std::string, Member, std::less<>> members;
  std::map<std::string, ReadReceipt, std::less<>> receipts;
  std::uint64_t last_order = 0;
  std::int64_t last_message = 0;   // number of the newest message
  std::int64_t last_sequence = 0;  // of the newest message
  std::int64_t last_version = 0;
  Time last_message_on{};

  /// Throws kPermissionDenied when the user does not take part.
  const Member& require(std::string_view user) const;
  /// Everybody, in the order of adding.
  std::vector<const Member*> in_order() const;
  /// A version for a change at `now`.
  std::int64_t next_version(Time now);
  /// Gives a message its id, sequence, version and time. It is never before the message before.
  void number_message(ChatMessage& message, Time now);
};

using ThreadPtr = std::shared_ptr<const ThreadState>;

trunkline::Error no_such_thread(std::string_view thread);
trunkline::Error no_such_message(std::string_view id);

/// The threads in memory. Rows are read, and changed, with the thread's lock held; so what is here is what is stored.
/// [any-thread]
class Threads {
 public:
  using Lock = trunkline::AsyncMutex::Lock;

  Threads(trunkline::host::ResourceStoreClient store, std::size_t capacity) : store_(store), cache_(capacity) {}

  /// Makes one wait for the other who changes a thread. Held while the homeserver is asked, since the order of its events is the
  /// order of messages; nobody takes a second one.
  trunkline::Task<Lock> lock(std::string resource, std::string thread);
  /// Throws kNotFound with the target `threadId`.
  trunkline::Task<ThreadPtr> get(std::string resource, std::string thread);
  /// A copy to change. With the lock held.
  trunkline::Task<std::shared_ptr<ThreadState>> edit(std::string resource, std::string thread);
  /// What was stored. With the lock held.
  void put(const std::string& resource, ThreadPtr state);
  /// After a failure, or a deletion. With the lock held.
  void drop(const std::string& resource, std::string_view thread);

 private:
  std::string key_of(const std::string& resource, std::string_view thread) const;
  trunkline::Task<ThreadPtr> load(std::string resource, std::string thread);

  const trunkline::host::ResourceStoreClient store_;
  trunkline::LruCache<ThreadState> cache_;  // by resource, epoch and thread
  std::array<trunkline::AsyncMutex, 256> locks_;
};

}  // namespace chat_matrix

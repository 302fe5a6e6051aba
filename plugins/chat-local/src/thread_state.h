// What is kept in memory of one thread. The store has the same, and has it first.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "rows.h"
#include "trunkline/async_mutex.hpp"

namespace chat_local {

using trunkline::AsyncMutex;

/// Everything but the messages. Changes are made under `mutex` and handed to the host before it is released, so the order in
/// which ids are given is the order of commits; many commits of one thread may be on their way at once.
struct ThreadState {
  std::mutex mutex;  // guards what follows; never held across a wait
  ChatThread properties;
  std::map<std::string, Member, std::less<>> members;
  std::map<std::string, ReadReceipt, std::less<>> receipts;
  std::uint64_t last_order = 0;
  std::int64_t last_message = 0;   // number of the newest message
  std::int64_t last_sequence = 0;  // of the newest message
  std::int64_t last_version = 0;
  Time last_message_on{};
  bool deleted = false;
  /// A commit failed: what is here may be ahead of the store, so nothing more is built on it.
  std::atomic<bool> broken{false};
  /// Held by whoever reads a message, changes it and writes it back.
  AsyncMutex edits;

  // Under `mutex`:
  /// Throws kNotFound when it was deleted and kPermissionDenied when the user does not take part.
  const Member& require(std::string_view user) const;
  /// Everybody, in the order of adding.
  std::vector<const Member*> in_order() const;
  /// A version for a change at `now`.
  std::int64_t next_version(Time now);
  /// Gives a message its id, sequence, version and time.
  void number_message(ChatMessage& message, Time now);
};

using ThreadPtr = std::shared_ptr<ThreadState>;

trunkline::Error no_such_thread(std::string_view thread);

}  // namespace chat_local

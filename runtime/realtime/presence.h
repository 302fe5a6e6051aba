// Internal to runtime/realtime: who has a live connection.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "runtime/clock/clock.h"
#include "runtime/services/resource.h"

namespace trunkline {
class ChatHub;
}  // namespace trunkline

namespace trunkline::realtime {

/// Tells the hub of users whose last connection ended and who have not come back within kAway. [any-thread]
class Presence : public std::enable_shared_from_this<Presence> {
 public:
  /// A client that loses its network, or reloads its page, is back sooner.
  static constexpr Duration kAway = std::chrono::seconds{30};

  /// Both outlive every connection.
  Presence(Clock& clock, ChatHub& hub) : clock_(clock), hub_(hub) {}
  Presence(const Presence&) = delete;
  ~Presence();

  /// A connection, for as long as it is kept.
  std::shared_ptr<void> enter(ResourcePtr resource, std::string user_id);

 private:
  using Key = std::pair<std::int64_t, std::string>;  // resource, user
  struct One {
    std::size_t connections = 0;
    Clock::TimerId timer = 0;  // of one who has none
  };
  void leave(const ResourcePtr& resource, const std::string& user_id);
  void is_away(const ResourcePtr& resource, const std::string& user_id);

  Clock& clock_;
  ChatHub& hub_;
  std::mutex mutex_;
  std::map<Key, One> users_;  // guarded by mutex_
};

}  // namespace trunkline::realtime

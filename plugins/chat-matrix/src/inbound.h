// What happens on the Matrix side, told to the host.
#pragma once
#include <string>
#include <vector>

#include "core.h"

namespace chat_matrix {

/// Everything may be told twice: what has been dealt with is known by its event. Throws what a later attempt can mend; what none
/// can is logged and left out. [one call at a time]
class Inbound {
 public:
  explicit Inbound(Core& core) : core_(core) {}

  /// The answer of one sync. `since`: where that began; empty: nobody knows.
  Task<void> take(json answer, std::string since);
  /// Catches the threads of a resource up that was put back to an earlier state. [any-thread]
  Task<void> reconcile(std::string resource);

 private:
  /// A thread whose lock is held, and one event of it.
  struct Where {
    std::string resource;
    std::string thread;
    std::string room;
  };

  Task<void> take_room(std::string room, json update, std::string since);
  Task<void> take_event(Where where, json event);
  Task<void> take_message(Where where, json event);
  Task<void> take_edit(Where where, json event, std::string replaced);
  Task<void> take_redaction(Where where, json event);
  Task<void> take_member(Where where, json event);
  Task<void> take_topic(Where where, json event);
  Task<void> take_receipts(Where where, json content);
  Task<void> take_typing(Where where, json content);
  Task<void> take_invitation(Where where, json event, std::string user);
  Task<void> rename(Where where, std::string user, std::string name);
  /// Events between two positions, the oldest first. `to` empty: down to a page of which everything is known.
  Task<std::vector<json>> events_between(Where where, std::string from, std::string to);
  Task<bool> knows_all(Where where, json events);
  /// Runs one step; false and a line in the log when it can never be done.
  Task<bool> attempt(Where where, Task<void> step);
  /// When an event happened, as far as clocks of others can be believed: not in the future.
  Time time_of(const json& event) const;
  std::string acting(const json& event) const;

  Core& core_;
};

}  // namespace chat_matrix

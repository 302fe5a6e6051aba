#include "thread_state.h"

#include <algorithm>

namespace chat_local {

using trunkline::Error;
using trunkline::ErrorCode;

Error no_such_thread(std::string_view thread) {
  return Error(ErrorCode::kNotFound, "there is no thread " + std::string(thread), "threadId");
}

const Member& ThreadState::require(std::string_view user) const {
  if (deleted) throw no_such_thread(properties.id);
  const auto found = members.find(user);
  if (found == members.end())
    throw Error(ErrorCode::kPermissionDenied, std::string(user) + " does not take part in the thread " + properties.id,
                "threadId");
  return found->second;
}

std::vector<const Member*> ThreadState::in_order() const {
  std::vector<const Member*> all;
  all.reserve(members.size());
  for (const auto& [user, member] : members) all.push_back(&member);
  std::sort(all.begin(), all.end(), [](const Member* a, const Member* b) { return a->order < b->order; });
  return all;
}

std::int64_t ThreadState::next_version(Time now) { return last_version = std::max(unix_ms(now), last_version + 1); }

void ThreadState::number_message(ChatMessage& message, Time now) {
  // Ids run ahead of the clock when there are more than a thousand a second; they never go back.
  last_message = std::max(unix_ms(now), last_message + 1);
  last_message_on = std::max(now, last_message_on);
  message.id = message_id(last_message);
  message.thread_id = properties.id;
  message.sequence = ++last_sequence;
  last_version = std::max(last_version, last_message);
  message.version = last_message;
  message.created_on = last_message_on;
}

}  // namespace chat_local

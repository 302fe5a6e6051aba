// Who took part in which thread, and when: what the live stream and the event pipeline need to know of a provider's threads.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/resource.h"
#include "trunkline/chat.hpp"

namespace trunkline {

/// One stay of a user in a thread. Positions are those of the event log; the events of joining and leaving belong to it.
struct ChatStay {
  std::string user_id;
  std::int64_t joined = 0;
  std::optional<std::int64_t> left;
  /// Messages from before are hidden from the user.
  Time share_history{};

  bool covers(std::int64_t position) const { return joined <= position && (!left || position <= *left); }
};

/// The projection, kept in the transaction of each change. Truth is the provider's. [any-thread]
namespace chat_members {

/// What a change at `position` does to it. [writer thread, re-runnable]
void apply(store::Session& session, std::int64_t resource_key, const chat::ChatChange& change, std::int64_t position);
/// Everybody in the thread at `position`, by user id.
std::vector<ChatStay> at(const Resource& resource, std::string_view thread_id, std::int64_t position);
/// All stays of one user in one thread.
std::vector<ChatStay> of_user(const Resource& resource, std::string_view thread_id, std::string_view user_id);
/// Whoever is there now stays so; positions are those of the copied events.
void copy(store::Session& session, std::int64_t from_key, std::int64_t to_key);
void drop(store::Session& session, std::int64_t resource_key);

}  // namespace chat_members

/// The thread that a change is about.
const std::string& thread_of(const chat::ChatChange& change);
/// Whether somebody whose history begins at `share_history` may see it.
bool may_see(const chat::ChatChange& change, Time share_history);

}  // namespace trunkline

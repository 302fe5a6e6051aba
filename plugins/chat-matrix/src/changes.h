// What happens in a thread: each makes the change in a state and says what to store and to tell. Used for what our users do and
// for what arrives from the Matrix side.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "thread_state.h"

namespace chat_matrix {

using trunkline::chat::ChatChange;

/// What goes to the host: a change with the writes that make it true.
struct Pending {
  ChatChange change;
  StoreBatch batch;
};

/// Everything of a new thread but its idempotency key. `participants` in their order; each once.
Pending create(ThreadState& state, std::vector<Participant> participants, const std::string& owner, Time now);
/// Those who are none yet, at least one. `event`: what brought them; may be empty.
Pending add(ThreadState& state, std::vector<Participant> added, const std::string& by, Time now, const std::string& event);
/// One who takes part.
Pending remove(ThreadState& state, const std::string& participant, const std::string& by, Time now, const std::string& event);
/// `properties` as they shall be. A new topic is a message too; `events`: those that set it.
Pending update(ThreadState& state, ChatThread properties, const std::string& owner, const std::string& by, Time now,
               const std::vector<std::string>& events);
Pending erase(const ThreadState& state, const std::string& owner, std::optional<std::string> by, Time now);
/// Gives the message its number.
Pending receive(ThreadState& state, ChatMessage& message, const std::string& event, Time now);
/// `indexed`: with its new content. `event`: what changed it.
Pending edit(ThreadState& state, Indexed& indexed, const std::string& event, Time now);
/// Without its content from now on. `event`: may be empty.
Pending redact(ThreadState& state, Indexed& indexed, const std::string& event, Time now);
/// nullopt: had read further already.
std::optional<Pending> read(ThreadState& state, const std::string& user, const std::string& message, Time now);

/// The removals before the new values. Throws kOutOfRange, and changes nothing, when it would grow beyond `max_bytes`.
void merge_metadata(Properties& metadata, const std::optional<std::vector<std::string>>& remove,
                    const std::optional<Properties>& set, std::size_t max_bytes);
inline constexpr std::size_t kMaxThreadMetadata = 1024;
inline constexpr std::size_t kMaxMessageMetadata = 28 * 1024;

}  // namespace chat_matrix

// What a message carries, as an event's content and back.
#pragma once
#include <string>

#include "matrix_client.h"
#include "rows.h"

namespace chat_matrix {

/// The key of ours in events: what Matrix has no words for.
inline constexpr const char* kMessageKey = "com.trunkline.message";
inline constexpr const char* kParticipantKey = "com.trunkline.participant";
inline constexpr const char* kThreadState = "com.trunkline.thread";

/// `message` has kind, content, display name, metadata and attachments.
json event_content(const ChatMessage& message);
/// The content of an event that replaces another one's.
json edit_content(const ChatMessage& message, const std::string& event);

/// Fills in what an event says. `ours`: the sender is a user of ours, so what it says of itself holds; what others write is taken
/// as plain text, since nobody has looked at their HTML.
void read_content(const json& content, bool ours, ChatMessage& message);
/// The same for an event as the homeserver gives it, with its last edit, or redacted.
void read_event(const json& event, bool ours, ChatMessage& message);

/// The event that this one replaces; empty: none.
std::string replaced_event(const json& event);
bool is_redacted(const json& event);

/// HTML without its tags, for clients that show no HTML; at most 4 KiB.
std::string plain_text(std::string_view html);

}  // namespace chat_matrix

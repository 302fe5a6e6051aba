// The index in the resource's storage: which events are which messages, and what Matrix has no place for. Contents of messages
// are not in it; they rest on the homeserver.
//
//   t/<thread>                   the thread
//   p/<thread>/<user>            a participant
//   r/<thread>/<user>            how far somebody has read
//   m/<thread>/<message>         a message; ids have 13 digits, so they sort by time
//   e/<thread>/<event>           the message that an event is, or changes; it has been dealt with
//   u/<user>/<time>/<thread>     a thread that the user takes part in, by its creation
//   i/<user>/<key>               the thread that an idempotency key made
//   d/<time>/<thread>            when a thread is to be deleted
//   g/<thread>                   a deleted thread whose room is still to be left
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/chat.hpp"
#include "trunkline/host.hpp"

namespace chat_matrix {

using trunkline::Bytes;
using trunkline::Properties;
using trunkline::Time;
using trunkline::chat::ChatMessage;
using trunkline::chat::ChatThread;
using trunkline::chat::Participant;
using trunkline::chat::ReadReceipt;
using trunkline::host::StoreBatch;
using trunkline::host::StoreEntry;
using trunkline::host::StoreRange;

inline constexpr std::string_view kDuePrefix = "d/";
inline constexpr std::string_view kGarbagePrefix = "g/";

std::string thread_key(std::string_view thread);
std::string member_prefix(std::string_view thread);
std::string receipt_prefix(std::string_view thread);
std::string message_prefix(std::string_view thread);
std::string event_prefix(std::string_view thread);
std::string user_prefix(std::string_view user);
std::string user_key(std::string_view user, const ChatThread& thread);
std::string idempotency_key(std::string_view user, std::string_view key);
std::string due_key(const ChatThread& thread);
std::string garbage_key(std::string_view thread);

/// All keys that begin with `prefix`, which ends in '/'.
StoreRange range_of(std::string_view prefix, std::int32_t limit);
/// The same from the last key down, or from before `cursor` down.
StoreRange descending_range(std::string_view prefix, const std::optional<std::string>& cursor, std::int32_t limit);
/// The last part of a key.
std::string_view tail(std::string_view key);
StoreEntry entry(std::string key, Bytes value = {});
Bytes bytes_of(std::string_view text);
std::string text_of(const Bytes& bytes);

std::int64_t unix_ms(Time time);
/// In microseconds, as times are stored: what is in memory and what was read again must be equal.
inline Time stored(Time time) { return std::chrono::floor<std::chrono::microseconds>(time); }
Time due_time(const ChatThread& thread);
/// 13 digits, so that texts sort as numbers do.
std::string message_id(std::int64_t number);
/// 0 for what is no message id.
std::int64_t message_number(std::string_view id);

/// A participant and its place in the order of adding.
struct Member {
  Participant participant;
  std::uint64_t order = 0;
};

/// A message without what the homeserver keeps.
struct Indexed {
  ChatMessage message;
  std::string event;               // empty: it has none
  std::vector<std::string> edits;  // events that changed it
};

/// The decoders throw kDataLoss for bytes that the encoders did not make.
/// `owner`: the resource whose the room is. In a copy of its rows the thread is nobody's: the room has not been copied.
Bytes encode(const ChatThread& thread, std::string_view owner);
ChatThread decode_thread(const Bytes& bytes, std::string_view id, std::string& owner);
Bytes encode(const Member& member);
Member decode_member(const Bytes& bytes, std::string_view user);
Bytes encode(const ReadReceipt& receipt);
ReadReceipt decode_receipt(const Bytes& bytes, std::string_view user);
Bytes encode(const Indexed& message);
Indexed decode_message(const Bytes& bytes, std::string_view thread, std::string_view id);

/// What an application gave along, in rows and in events.
nlohmann::json participant_json(const Participant& participant);

}  // namespace chat_matrix

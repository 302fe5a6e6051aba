// What lies in the resource's storage: keys that sort the way lists are read, and compact values.
//
//   t/<thread>              the thread
//   p/<thread>/<user>       a participant
//   r/<thread>/<user>       how far somebody has read
//   m/<thread>/<message>    a message; ids have 13 digits, so they sort by time
//   u/<user>/<thread>       a thread that the user takes part in; thread ids begin with their time
//   i/<user>/<key>          the thread that an idempotency key made
//   d/<time>/<thread>       when a thread is to be deleted
//   g/<thread>              a deleted thread whose messages are still to be removed
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "codec.h"
#include "trunkline/chat.hpp"
#include "trunkline/host.hpp"

namespace chat_local {

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
std::string user_prefix(std::string_view user);
std::string idempotency_key(std::string_view user, std::string_view key);
std::string due_key(std::int64_t unix_ms, std::string_view thread);
std::string garbage_key(std::string_view thread);
/// The first key behind all that begin with `prefix`, which ends in '/'.
std::string behind(std::string_view prefix);
/// The last part of a key.
std::string_view tail(std::string_view key);

std::int64_t unix_ms(Time time);
/// 13 digits, so that texts sort as numbers do.
std::string message_id(std::int64_t number);
/// 0 for what is no message id.
std::int64_t message_number(std::string_view id);

/// A participant and its place in the order of adding.
struct Member {
  Participant participant;
  std::uint64_t order = 0;
};

Bytes encode(const ChatThread& thread);
ChatThread decode_thread(const Bytes& bytes, std::string_view id);
Bytes encode(const Member& member);
Member decode_member(const Bytes& bytes, std::string_view user);
Bytes encode(const ReadReceipt& receipt);
ReadReceipt decode_receipt(const Bytes& bytes, std::string_view user);
Bytes encode(const ChatMessage& message);
ChatMessage decode_message(const Bytes& bytes, std::string_view thread, std::string_view id);

}  // namespace chat_local

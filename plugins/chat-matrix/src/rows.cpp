#include "rows.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace chat_matrix {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::chat::MessageKind;

namespace {

std::string key(std::string_view kind, std::string_view a, std::string_view b = {}) {
  std::string text;
  text.reserve(kind.size() + a.size() + b.size() + 1);
  text.append(kind).append(a);
  if (!b.empty()) text.append("/").append(b);
  return text;
}

std::string prefix(std::string_view kind, std::string_view a) {
  std::string text = key(kind, a);
  text += '/';
  return text;
}

Bytes dump(const json& value) {
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return bytes_of(text);
}

template <class Read>
auto parsed(const Bytes& bytes, Read read) {
  try {
    return read(json::parse(bytes));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kDataLoss, std::string("a stored value of the chat is damaged: ") + error.what());
  }
}

std::int64_t us(Time time) { return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count(); }
Time from_us(const json& value) { return Time{std::chrono::microseconds{value.get<std::int64_t>()}}; }

void put(json& out, const char* name, const std::optional<std::string>& value) {
  if (value) out[name] = *value;
}
void put(json& out, const char* name, const std::optional<Time>& value) {
  if (value) out[name] = us(*value);
}
std::optional<std::string> text(const json& in, const char* name) {
  const auto found = in.find(name);
  return found == in.end() ? std::nullopt : std::optional(found->get<std::string>());
}
std::optional<Time> time(const json& in, const char* name) {
  const auto found = in.find(name);
  return found == in.end() ? std::nullopt : std::optional(from_us(*found));
}

Participant read_participant(const json& in) {
  Participant participant;
  participant.id = in.at("id").get<std::string>();
  participant.display_name = text(in, "name");
  participant.share_history_time = time(in, "history");
  if (in.contains("metadata")) participant.metadata = in.at("metadata").get<Properties>();
  return participant;
}

}  // namespace

std::string thread_key(std::string_view thread) { return key("t/", thread); }
std::string member_prefix(std::string_view thread) { return prefix("p/", thread); }
std::string receipt_prefix(std::string_view thread) { return prefix("r/", thread); }
std::string message_prefix(std::string_view thread) { return prefix("m/", thread); }
std::string event_prefix(std::string_view thread) { return prefix("e/", thread); }
std::string user_prefix(std::string_view user) { return prefix("u/", user); }
std::string user_key(std::string_view user, const ChatThread& thread) {
  return user_prefix(user) + message_id(unix_ms(thread.created_on)) + "/" + thread.id;
}
std::string idempotency_key(std::string_view user, std::string_view name) { return key("i/", user, name); }
std::string due_key(const ChatThread& thread) { return key(kDuePrefix, message_id(unix_ms(due_time(thread))), thread.id); }
std::string garbage_key(std::string_view thread) { return key(kGarbagePrefix, thread); }

StoreRange range_of(std::string_view prefix, std::int32_t limit) {
  StoreRange range;
  range.from = prefix;
  range.to = prefix;
  range.to.back() = '/' + 1;
  range.limit = limit;
  return range;
}

StoreRange descending_range(std::string_view prefix, const std::optional<std::string>& cursor, std::int32_t limit) {
  StoreRange range = range_of(prefix, limit);
  if (cursor) range.to = std::string(prefix) + *cursor;
  range.descending = true;
  return range;
}

std::string_view tail(std::string_view key) { return key.substr(key.rfind('/') + 1); }

StoreEntry entry(std::string key, Bytes value) {
  StoreEntry made;
  made.key = std::move(key);
  made.value = std::move(value);
  return made;
}

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }
std::string text_of(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

std::int64_t unix_ms(Time time) { return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count(); }
Time due_time(const ChatThread& thread) { return thread.created_on + std::chrono::hours{24} * thread.retention_days; }

std::string message_id(std::int64_t number) {
  std::string digits = std::to_string(number < 0 ? 0 : number);
  if (digits.size() < 13) digits.insert(0, 13 - digits.size(), '0');
  return digits;
}

std::int64_t message_number(std::string_view id) {
  std::int64_t number = 0;
  if (id.size() != 13) return 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  return error == std::errc{} && end == id.data() + id.size() && number > 0 ? number : 0;
}

json participant_json(const Participant& participant) {
  json out{{"id", participant.id}};
  put(out, "name", participant.display_name);
  put(out, "history", participant.share_history_time);
  if (!participant.metadata.empty()) out["metadata"] = participant.metadata;
  return out;
}

Bytes encode(const ChatThread& thread, std::string_view owner) {
  json out{{"topic", thread.topic}, {"created", us(thread.created_on)}, {"by", thread.created_by}, {"owner", owner}};
  out["retention"] = thread.retention_days;
  out["metadata"] = thread.metadata;
  return dump(out);
}

ChatThread decode_thread(const Bytes& bytes, std::string_view id, std::string& owner) {
  return parsed(bytes, [&](const json& in) {
    ChatThread thread;
    owner = in.at("owner").get<std::string>();
    thread.id = id;
    thread.topic = in.at("topic").get<std::string>();
    thread.created_on = from_us(in.at("created"));
    thread.created_by = in.at("by").get<std::string>();
    thread.retention_days = in.at("retention").get<std::int32_t>();
    thread.metadata = in.at("metadata").get<Properties>();
    return thread;
  });
}

Bytes encode(const Member& member) {
  json out = participant_json(member.participant);
  out["order"] = member.order;
  return dump(out);
}

Member decode_member(const Bytes& bytes, std::string_view user) {
  return parsed(bytes, [&](const json& in) {
    Member member;
    member.participant = read_participant(in);
    member.participant.id = user;
    member.order = in.at("order").get<std::uint64_t>();
    return member;
  });
}

Bytes encode(const ReadReceipt& receipt) { return dump({{"message", receipt.message_id}, {"read", us(receipt.read_on)}}); }

ReadReceipt decode_receipt(const Bytes& bytes, std::string_view user) {
  return parsed(bytes, [&](const json& in) {
    ReadReceipt receipt;
    receipt.sender_id = user;
    receipt.message_id = in.at("message").get<std::string>();
    receipt.read_on = from_us(in.at("read"));
    return receipt;
  });
}

Bytes encode(const Indexed& indexed) {
  const ChatMessage& message = indexed.message;
  json out{{"kind", static_cast<int>(message.kind)}, {"sequence", message.sequence}, {"version", message.version}};
  out["created"] = us(message.created_on);
  if (!indexed.event.empty()) out["event"] = indexed.event;
  if (!indexed.edits.empty()) out["edits"] = indexed.edits;
  put(out, "sender", message.sender_id);
  put(out, "initiator", message.initiator_id);
  put(out, "topic", message.topic);
  put(out, "edited", message.edited_on);
  put(out, "deleted", message.deleted_on);
  for (const Participant& participant : message.participants) out["participants"].push_back(participant_json(participant));
  return dump(out);
}

Indexed decode_message(const Bytes& bytes, std::string_view thread, std::string_view id) {
  return parsed(bytes, [&](const json& in) {
    Indexed indexed;
    ChatMessage& message = indexed.message;
    message.id = id;
    message.thread_id = thread;
    message.kind = static_cast<MessageKind>(in.at("kind").get<int>());
    message.sequence = in.at("sequence").get<std::int64_t>();
    message.version = in.at("version").get<std::int64_t>();
    message.created_on = from_us(in.at("created"));
    indexed.event = in.value("event", "");
    if (in.contains("edits")) indexed.edits = in.at("edits").get<std::vector<std::string>>();
    message.sender_id = text(in, "sender");
    message.initiator_id = text(in, "initiator");
    message.topic = text(in, "topic");
    message.edited_on = time(in, "edited");
    message.deleted_on = time(in, "deleted");
    if (in.contains("participants"))
      for (const json& participant : in.at("participants")) message.participants.push_back(read_participant(participant));
    return indexed;
  });
}

}  // namespace chat_matrix

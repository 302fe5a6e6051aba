#include "rows.h"

#include <charconv>

namespace chat_local {
namespace {

constexpr std::uint64_t kForm = 1;  // first number of every value; a new form gets a new one

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

Reader open(const Bytes& bytes) {
  Reader reader(bytes);
  if (reader.number() != kForm)
    throw trunkline::Error(trunkline::ErrorCode::kDataLoss, "a stored value of the chat was written by a newer version");
  return reader;
}

void write(Writer& out, const Participant& participant) {
  out.text(participant.display_name);
  out.time(participant.share_history_time);
  out.map(participant.metadata);
}

Participant read_participant(Reader& in) {
  Participant participant;
  participant.display_name = in.optional_text();
  participant.share_history_time = in.optional_time();
  participant.metadata = in.map();
  return participant;
}

}  // namespace

std::string thread_key(std::string_view thread) { return key("t/", thread); }
std::string member_prefix(std::string_view thread) { return prefix("p/", thread); }
std::string receipt_prefix(std::string_view thread) { return prefix("r/", thread); }
std::string message_prefix(std::string_view thread) { return prefix("m/", thread); }
std::string user_prefix(std::string_view user) { return prefix("u/", user); }
std::string idempotency_key(std::string_view user, std::string_view name) { return key("i/", user, name); }
std::string due_key(std::int64_t ms, std::string_view thread) { return key(kDuePrefix, message_id(ms), thread); }
std::string garbage_key(std::string_view thread) { return key(kGarbagePrefix, thread); }

std::string behind(std::string_view prefix) {
  std::string end(prefix);
  end.back() = '/' + 1;
  return end;
}

std::string_view tail(std::string_view key) { return key.substr(key.rfind('/') + 1); }

std::int64_t unix_ms(Time time) { return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count(); }

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

Bytes encode(const ChatThread& thread) {
  Writer out;
  out.number(kForm);
  out.text(std::string_view(thread.topic));
  out.time(thread.created_on);
  out.text(std::string_view(thread.created_by));
  out.number(static_cast<std::uint64_t>(thread.retention_days));
  out.map(thread.metadata);
  return out.take();
}

ChatThread decode_thread(const Bytes& bytes, std::string_view id) {
  Reader in = open(bytes);
  ChatThread thread;
  thread.id = id;
  thread.topic = in.text();
  thread.created_on = in.time();
  thread.created_by = in.text();
  thread.retention_days = static_cast<std::int32_t>(in.number());
  thread.metadata = in.map();
  return thread;
}

Bytes encode(const Member& member) {
  Writer out;
  out.number(kForm);
  out.number(member.order);
  write(out, member.participant);
  return out.take();
}

Member decode_member(const Bytes& bytes, std::string_view user) {
  Reader in = open(bytes);
  Member member;
  member.order = in.number();
  member.participant = read_participant(in);
  member.participant.id = user;
  return member;
}

Bytes encode(const ReadReceipt& receipt) {
  Writer out;
  out.number(kForm);
  out.text(std::string_view(receipt.message_id));
  out.time(receipt.read_on);
  return out.take();
}

ReadReceipt decode_receipt(const Bytes& bytes, std::string_view user) {
  Reader in = open(bytes);
  ReadReceipt receipt;
  receipt.sender_id = user;
  receipt.message_id = in.text();
  receipt.read_on = in.time();
  return receipt;
}

Bytes encode(const ChatMessage& message) {
  constexpr std::size_t kUsualBytes = 192;  // beside the content
  Writer out;
  out.reserve(kUsualBytes + (message.content ? message.content->size() : 0));
  out.number(kForm);
  out.number(static_cast<std::uint64_t>(message.kind));
  out.number(static_cast<std::uint64_t>(message.sequence));
  out.number(static_cast<std::uint64_t>(message.version));
  out.time(message.created_on);
  out.time(message.edited_on);
  out.time(message.deleted_on);
  out.text(message.content);
  out.text(message.topic);
  out.text(message.initiator_id);
  out.text(message.sender_id);
  out.text(message.sender_display_name);
  out.map(message.metadata);
  out.number(message.participants.size());
  for (const Participant& participant : message.participants) {
    out.text(std::string_view(participant.id));
    write(out, participant);
  }
  out.number(message.attachments.size());
  for (const auto& attachment : message.attachments) {
    out.text(std::string_view(attachment.id));
    out.number(static_cast<std::uint64_t>(attachment.kind));
    out.text(attachment.name);
    out.text(attachment.url);
    out.text(attachment.preview_url);
  }
  return out.take();
}

ChatMessage decode_message(const Bytes& bytes, std::string_view thread, std::string_view id) {
  Reader in = open(bytes);
  ChatMessage message;
  message.id = id;
  message.thread_id = thread;
  message.kind = static_cast<trunkline::chat::MessageKind>(in.number());
  message.sequence = static_cast<std::int64_t>(in.number());
  message.version = static_cast<std::int64_t>(in.number());
  message.created_on = in.time();
  message.edited_on = in.optional_time();
  message.deleted_on = in.optional_time();
  message.content = in.optional_text();
  message.topic = in.optional_text();
  message.initiator_id = in.optional_text();
  message.sender_id = in.optional_text();
  message.sender_display_name = in.optional_text();
  message.metadata = in.map();
  for (std::uint64_t left = in.number(); left > 0; --left) {
    std::string user = in.text();
    message.participants.push_back(read_participant(in));
    message.participants.back().id = std::move(user);
  }
  for (std::uint64_t left = in.number(); left > 0; --left) {
    auto& attachment = message.attachments.emplace_back();
    attachment.id = in.text();
    attachment.kind = static_cast<trunkline::chat::AttachmentKind>(in.number());
    attachment.name = in.optional_text();
    attachment.url = in.optional_text();
    attachment.preview_url = in.optional_text();
  }
  return message;
}

}  // namespace chat_local

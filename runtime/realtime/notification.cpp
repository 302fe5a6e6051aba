#include "runtime/realtime/notification.h"

#include <initializer_list>
#include <utility>
#include <variant>

#include "runtime/base/json.h"
#include "runtime/base/time_text.h"

namespace trunkline::realtime {
namespace {

using chat::ChatChange;
using chat::ChatMessage;
using chat::MessageKind;

enum class EventId {
  kMessageReceived = 200,
  kTyping = 245,
  kReadReceipt = 246,
  kMessageEdited = 247,
  kMessageDeleted = 248,
  kThreadCreated = 257,
  kThreadUpdated = 258,
  kThreadDeleted = 259,
  kParticipantsAdded = 260,
  kParticipantsRemoved = 261,
};

/// A JSON object as text, member by member.
class Object {
 public:
  Object& text(std::string_view name, std::string_view value) {
    key(name);
    append_json_string(out_, value);
    return *this;
  }
  Object& number(std::string_view name, std::int64_t value) {
    key(name);
    out_ += std::to_string(value);
    return *this;
  }
  std::string finish() && {
    out_ += '}';
    return std::move(out_);
  }

 private:
  void key(std::string_view name) {
    out_ += out_.size() > 1 ? "," : "";
    append_json_string(out_, name);
    out_ += ':';
  }
  std::string out_ = "{";
};

std::string properties_text(const Properties& properties) {
  if (properties.empty()) return {};
  Object out;
  for (const auto& [name, value] : properties) out.text(name, value);
  return std::move(out).finish();
}

std::string attachments_text(const std::vector<chat::Attachment>& attachments) {
  std::string out = "[";
  for (const chat::Attachment& attachment : attachments) {
    Object one;
    one.text("id", attachment.id);
    one.text("attachmentType", attachment.kind == chat::AttachmentKind::kImage ? "image" : "file");
    if (attachment.name) one.text("name", *attachment.name);
    if (attachment.url) one.text("url", *attachment.url);
    if (attachment.preview_url) one.text("previewUrl", *attachment.preview_url);
    if (out.size() > 1) out += ',';
    out += std::move(one).finish();
  }
  return out + "]";
}

/// The client runs `unescape` over these texts before it parses them: without this, `%41` in a topic would arrive as `A`.
std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '%')
      out += "%25";
    else
      out += c;
  }
  return out;
}

std::string participant_text(const chat::Participant& participant) {
  Object out;
  out.text("participantId", participant.id);
  out.text("displayName", participant.display_name.value_or(""));
  if (participant.share_history_time) out.text("shareHistoryTime", format_rfc3339(*participant.share_history_time));
  if (!participant.metadata.empty()) out.text("memberMetaData", properties_text(participant.metadata));
  return std::move(out).finish();
}

std::string user_text(std::string_view id) {
  Object out;
  out.text("participantId", id).text("displayName", "");
  return escaped(std::move(out).finish());
}

std::string participants_text(const std::vector<chat::Participant>& participants) {
  std::string out = "[";
  for (const chat::Participant& participant : participants) {
    if (out.size() > 1) out += ',';
    out += participant_text(participant);
  }
  return escaped(out + "]");
}

std::string thread_text(const chat::ChatThread& thread) {
  Object out;
  out.text("topic", thread.topic);
  if (!thread.metadata.empty()) out.text("acsChatThreadMetadata", properties_text(thread.metadata));
  if (thread.retention_days > 0) {
    Object policy;
    policy.text("retentionPolicyType", "DeleteAfterCreationTime");
    policy.text("executeAfter", std::to_string(thread.retention_days) + ".00:00:00");
    out.text("retentionPolicy", std::move(policy).finish());
  }
  return escaped(std::move(out).finish());
}

Object begin(EventId id) {
  Object out;
  out.number("eventId", static_cast<int>(id));
  return out;
}

Object begin_thread(EventId id, std::string_view thread_id, std::int64_t version) {
  Object out = begin(id);
  out.text("threadId", thread_id).text("version", std::to_string(version));
  return out;
}

Object begin_message(EventId id, const ChatMessage& message) {
  Object out = begin(id);
  out.text("senderId", message.sender_id.value_or("")).text("groupId", message.thread_id).text("messageId", message.id);
  out.text("clientMessageId", message.id).text("senderDisplayName", message.sender_display_name.value_or(""));
  out.text("messageType", message.kind == MessageKind::kHtml ? "RichText/Html" : "Text");
  out.text("version", std::to_string(message.version)).text("originalArrivalTime", format_rfc3339(message.created_on));
  return out;
}

void add_content(Object& out, const ChatMessage& message) {
  out.text("messageBody", message.content.value_or(""));
  out.text("acsChatMessageMetadata", properties_text(message.metadata));
  out.text("attachments", attachments_text(message.attachments));
}

std::string version_of(Time time) {
  return std::to_string(std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

/// The body of a notification without its receiver; empty: the client has no event for it.
struct Body {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(const chat::MessageReceived& change) const {
    const ChatMessage& message = change.message;
    if (message.kind != MessageKind::kText && message.kind != MessageKind::kHtml) return {};  // others have events of their own
    Object out = begin_message(EventId::kMessageReceived, message);
    add_content(out, message);
    return std::move(out).finish();
  }
  std::string operator()(const chat::MessageEdited& change) const {
    const ChatMessage& message = change.message;
    Object out = begin_message(EventId::kMessageEdited, message);
    add_content(out, message);
    out.text("edittime", format_rfc3339(message.edited_on.value_or(message.created_on)));
    return std::move(out).finish();
  }
  std::string operator()(const chat::MessageDeleted& change) const {
    const ChatMessage& message = change.message;
    Object out = begin_message(EventId::kMessageDeleted, message);
    out.text("deletetime", format_rfc3339(message.deleted_on.value_or(message.created_on)));
    return std::move(out).finish();
  }
  std::string operator()(const chat::Typing& change) const {
    Object out = begin(EventId::kTyping);
    out.text("senderId", change.sender_id).text("groupId", change.thread_id).text("version", version_of(change.at));
    out.text("senderDisplayName", change.sender_display_name.value_or("")).text("originalArrivalTime", format_rfc3339(change.at));
    return std::move(out).finish();
  }
  std::string operator()(const chat::ReceiptSent& change) const {
    const chat::ReadReceipt& receipt = change.receipt;
    const std::string at = version_of(receipt.read_on);
    Object horizon;
    horizon.text("user", receipt.sender_id).text("consumptionhorizon", receipt.message_id + ";" + at + ";" + receipt.message_id);
    horizon.text("version", at);
    Object out = begin(EventId::kReadReceipt);
    out.text("senderId", receipt.sender_id).text("groupId", change.thread_id).text("messageId", receipt.message_id);
    out.text("clientMessageId", receipt.message_id).text("messageBody", std::move(horizon).finish());
    return std::move(out).finish();
  }
  std::string operator()(const chat::ThreadCreated& change) const {
    Object out = begin_thread(EventId::kThreadCreated, change.thread.id, change.version);
    out.text("createTime", format_rfc3339(change.thread.created_on)).text("createdBy", user_text(change.thread.created_by));
    out.text("members", participants_text(change.participants)).text("properties", thread_text(change.thread));
    return std::move(out).finish();
  }
  std::string operator()(const chat::ThreadUpdated& change) const {
    Object out = begin_thread(EventId::kThreadUpdated, change.thread.id, change.version);
    out.text("editTime", format_rfc3339(change.updated_on)).text("editedBy", user_text(change.updated_by));
    out.text("properties", thread_text(change.thread));
    return std::move(out).finish();
  }
  std::string operator()(const chat::ThreadDeleted& change) const {
    Object out = begin_thread(EventId::kThreadDeleted, change.thread.id, change.version);
    out.text("deleteTime", format_rfc3339(change.deleted_on));
    if (change.deleted_by) out.text("deletedBy", user_text(*change.deleted_by));
    out.text("reason", change.deleted_by ? "deletedByUser" : "deletedByPolicy");
    return std::move(out).finish();
  }
  std::string operator()(const chat::ParticipantsAdded& change) const {
    Object out = begin_thread(EventId::kParticipantsAdded, change.thread_id, change.version);
    out.text("time", format_rfc3339(change.added_on)).text("addedBy", user_text(change.added_by));
    out.text("participantsAdded", participants_text(change.participants));
    return std::move(out).finish();
  }
  std::string operator()(const chat::ParticipantsRemoved& change) const {
    Object out = begin_thread(EventId::kParticipantsRemoved, change.thread_id, change.version);
    out.text("time", format_rfc3339(change.removed_on)).text("removedBy", user_text(change.removed_by));
    out.text("participantsRemoved", participants_text(change.participants));
    return std::move(out).finish();
  }
};

}  // namespace

net::SharedBytes render_notification(const ChatDelivery& delivery) {
  const std::string body = std::visit(Body{}, delivery.change.value);
  if (body.empty()) return nullptr;
  // The body travels as text inside JSON. Its `{` and its receiver are in the head, so that the rest is the same for everybody.
  std::string quoted;
  append_json_string(quoted, std::string_view(body).substr(1));
  std::string out;
  out.reserve(quoted.size() + 2);
  out.append(",").append(quoted, 1).append("}");
  return net::share(std::move(out));
}

std::string notification_head(std::int64_t id, std::string_view path, std::string_view recipient) {
  std::string out = R"(3:::{"id":)" + std::to_string(id) + R"(,"method":"POST","url":)";
  append_json_string(out, path);
  out += R"(,"headers":{},"body":"{\"recipientMri\":)";
  std::string name;
  append_json_string(name, recipient);
  std::string quoted;
  append_json_string(quoted, name);
  out.append(quoted, 1, quoted.size() - 2);
  return out;
}

}  // namespace trunkline::realtime

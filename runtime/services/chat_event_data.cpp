#include "runtime/services/chat_event_data.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/services/chat_members.h"

namespace trunkline {
namespace {

using chat::ChatChange;
using chat::ChatMessage;
using chat::ChatThread;
using chat::Participant;
using nlohmann::json;

#define ACS "Microsoft.Communication."
constexpr std::string_view kMessageReceived = ACS "ChatMessageReceivedInThread";
constexpr std::string_view kMessageEdited = ACS "ChatMessageEditedInThread";
constexpr std::string_view kMessageDeleted = ACS "ChatMessageDeletedInThread";
constexpr std::string_view kTyping = ACS "ChatTypingIndicatorReceivedInThread";
constexpr std::string_view kThreadCreated = ACS "ChatThreadCreated";
constexpr std::string_view kThreadUpdated = ACS "ChatThreadPropertiesUpdated";
constexpr std::string_view kThreadDeleted = ACS "ChatThreadDeleted";
constexpr std::string_view kParticipantAdded = ACS "ChatThreadParticipantAdded";
constexpr std::string_view kParticipantRemoved = ACS "ChatThreadParticipantRemoved";
#undef ACS

constexpr std::array kTypes = {kMessageReceived, kMessageEdited, kMessageDeleted, kTyping,           kReadReceiptEvent,
                               kThreadCreated,   kThreadUpdated, kThreadDeleted,  kParticipantAdded, kParticipantRemoved};

constexpr std::size_t kUsualBytes = 768;  // of an event about a message of a line or two

/// A JSON object, member by member. Written by hand: a message costs no tree.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_.push_back('{'); }
  void text(std::string_view name, std::string_view value) { key(name), append_json_string(out_, value); }
  void text(std::string_view name, const std::optional<std::string>& value) {
    if (value) text(name, std::string_view(*value));
  }
  void number(std::string_view name, std::int64_t value) {
    char digits[24];
    key(name).append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  void time(std::string_view name, Time value) { text(name, std::string_view(format_rfc3339(value))); }
  void user(std::string_view name, std::string_view raw_id) { key(name), append_identifier(out_, raw_id); }
  void map(std::string_view name, const Properties& values) {
    char before = '{';
    key(name);
    for (const auto& [k, v] : values) {
      out_.push_back(std::exchange(before, ','));
      append_json_string(out_, k);
      out_.push_back(':');
      append_json_string(out_, v);
    }
    out_ += before == '{' ? "{}" : "}";
  }
  /// `name` is one of ours and needs no escapes.
  std::string& key(std::string_view name) {
    out_.append(std::exchange(first_, false) ? "\"" : ",\"").append(name).append("\":", 2);
    return out_;
  }
  void close() { out_.push_back('}'); }

 private:
  std::string& out_;
  bool first_ = true;
};

void append_participant(std::string& out, const Participant& participant) {
  Object object(out);
  object.text("displayName", participant.display_name);
  object.user("participantCommunicationIdentifier", participant.id);
  object.map("metadata", participant.metadata);
  if (participant.share_history_time) object.time("shareHistoryTime", *participant.share_history_time);
  object.close();
}

void append_participants(std::string& out, const std::vector<Participant>& participants) {
  out.push_back('[');
  for (std::size_t i = 0; i < participants.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_participant(out, participants[i]);
  }
  out.push_back(']');
}

void write_properties(Object& data, const ChatThread& thread) {
  Object properties(data.key("properties"));
  properties.text("topic", std::string_view(thread.topic));
  if (thread.retention_days > 0) {
    Object policy(properties.key("retentionPolicy"));
    policy.text("kind", std::string_view("threadCreationDate"));
    policy.number("deleteThreadAfterDays", thread.retention_days);
    policy.close();
  }
  properties.close();
  data.map("metadata", thread.metadata);
  data.time("createTime", thread.created_on);
  data.user("createdByCommunicationIdentifier", thread.created_by);
}

void write_message(Object& data, const ChatMessage& message) {
  data.text("messageId", std::string_view(message.id));
  data.user("senderCommunicationIdentifier", message.sender_id.value_or(""));
  data.text("senderDisplayName", message.sender_display_name);
  data.time("composeTime", message.created_on);
  data.text("type", std::string_view(message.kind == chat::MessageKind::kHtml ? "Html" : "Text"));
  data.number("version", message.version);
  data.number("sequenceId", message.sequence);
}

void write_content(std::string& out, Object& data, const ChatMessage& message) {
  data.text("messageBody", std::string_view(message.content ? std::string_view(*message.content) : std::string_view()));
  data.map("metadata", message.metadata);
  if (message.attachments.empty()) return;
  data.key("attachments").push_back('[');
  for (const chat::Attachment& attachment : message.attachments) {
    if (out.back() != '[') out.push_back(',');
    Object object(out);
    object.text("id", std::string_view(attachment.id));
    object.text("attachmentType", std::string_view(attachment.kind == chat::AttachmentKind::kImage ? "image" : "file"));
    object.text("name", attachment.name);
    object.text("url", attachment.url);
    object.text("previewUrl", attachment.preview_url);
    object.close();
  }
  out.push_back(']');
}

// ---- back

std::string text_of(const json& data, const char* name) { return data.value(name, std::string()); }

std::optional<std::string> optional_text(const json& data, const char* name) {
  const auto found = data.find(name);
  return found == data.end() ? std::nullopt : std::optional(found->get<std::string>());
}

Time time_of(const json& data, const char* name) {
  const auto time = parse_rfc3339(data.at(name).get_ref<const std::string&>());
  if (!time) throw Error(ErrorCode::kDataLoss, std::string(name) + " is no time");
  return *time;
}

std::string user_of(const json& data, const char* name) { return data.at(name).at("rawId").get<std::string>(); }

Participant read_participant(const json& data) {
  Participant participant;
  participant.id = user_of(data, "participantCommunicationIdentifier");
  participant.display_name = optional_text(data, "displayName");
  participant.metadata = data.at("metadata").get<Properties>();
  if (data.contains("shareHistoryTime")) participant.share_history_time = time_of(data, "shareHistoryTime");
  return participant;
}

std::vector<Participant> read_participants(const json& data, const char* all, const char* one) {
  std::vector<Participant> participants;
  if (const auto list = data.find(all); list != data.end())
    for (const json& participant : *list) participants.push_back(read_participant(participant));
  else
    participants.push_back(read_participant(data.at(one)));
  return participants;
}

ChatThread read_thread(const json& data) {
  ChatThread thread;
  thread.id = data.at("threadId").get<std::string>();
  const json& properties = data.at("properties");
  thread.topic = text_of(properties, "topic");
  if (const auto policy = properties.find("retentionPolicy"); policy != properties.end())
    thread.retention_days = policy->at("deleteThreadAfterDays").get<std::int32_t>();
  thread.metadata = data.at("metadata").get<Properties>();
  thread.created_on = time_of(data, "createTime");
  thread.created_by = user_of(data, "createdByCommunicationIdentifier");
  return thread;
}

ChatMessage read_message(const json& data) {
  ChatMessage message;
  message.id = data.at("messageId").get<std::string>();
  message.thread_id = data.at("threadId").get<std::string>();
  message.sender_id = user_of(data, "senderCommunicationIdentifier");
  message.sender_display_name = optional_text(data, "senderDisplayName");
  message.created_on = time_of(data, "composeTime");
  message.kind = text_of(data, "type") == "Html" ? chat::MessageKind::kHtml : chat::MessageKind::kText;
  message.version = data.at("version").get<std::int64_t>();
  message.sequence = data.at("sequenceId").get<std::int64_t>();
  message.content = optional_text(data, "messageBody");
  if (const auto metadata = data.find("metadata"); metadata != data.end()) message.metadata = metadata->get<Properties>();
  if (const auto list = data.find("attachments"); list != data.end())
    for (const json& item : *list) {
      chat::Attachment& attachment = message.attachments.emplace_back();
      attachment.id = text_of(item, "id");
      attachment.kind = text_of(item, "attachmentType") == "image" ? chat::AttachmentKind::kImage : chat::AttachmentKind::kFile;
      attachment.name = optional_text(item, "name");
      attachment.url = optional_text(item, "url");
      attachment.preview_url = optional_text(item, "previewUrl");
    }
  if (data.contains("editTime")) message.edited_on = time_of(data, "editTime");
  if (data.contains("deleteTime")) message.deleted_on = time_of(data, "deleteTime");
  return message;
}

ChatChange read_change(std::string_view type, const json& data) {
  const std::string thread = data.at("threadId").get<std::string>();
  if (type == kMessageReceived) return ChatChange::of_message_received({read_message(data)});
  if (type == kMessageEdited) return ChatChange::of_message_edited({read_message(data)});
  if (type == kMessageDeleted) return ChatChange::of_message_deleted({read_message(data)});
  if (type == kTyping) {
    chat::Typing typing;
    typing.thread_id = thread;
    typing.sender_id = user_of(data, "senderCommunicationIdentifier");
    typing.sender_display_name = optional_text(data, "senderDisplayName");
    typing.at = time_of(data, "composeTime");
    return ChatChange::of_typing(std::move(typing));
  }
  if (type == kReadReceiptEvent) {
    chat::ReceiptSent sent;
    sent.thread_id = thread;
    sent.receipt.sender_id = user_of(data, "senderCommunicationIdentifier");
    sent.receipt.message_id = data.at("messageId").get<std::string>();
    sent.receipt.read_on = time_of(data, "readOn");
    return ChatChange::of_read_receipt(std::move(sent));
  }
  const std::int64_t version = data.at("version").get<std::int64_t>();
  if (type == kThreadCreated) {
    chat::ThreadCreated created;
    created.thread = read_thread(data);
    created.participants = read_participants(data, "participants", "");
    created.version = version;
    return ChatChange::of_thread_created(std::move(created));
  }
  if (type == kThreadUpdated) {
    chat::ThreadUpdated updated;
    updated.thread = read_thread(data);
    updated.updated_by = user_of(data, "editedByCommunicationIdentifier");
    updated.updated_on = time_of(data, "editTime");
    updated.version = version;
    return ChatChange::of_thread_updated(std::move(updated));
  }
  if (type == kThreadDeleted) {
    chat::ThreadDeleted deleted;
    deleted.thread = read_thread(data);
    if (data.contains("deletedByCommunicationIdentifier")) deleted.deleted_by = user_of(data, "deletedByCommunicationIdentifier");
    deleted.deleted_on = time_of(data, "deleteTime");
    deleted.version = version;
    return ChatChange::of_thread_deleted(std::move(deleted));
  }
  if (type == kParticipantAdded) {
    chat::ParticipantsAdded added;
    added.thread_id = thread;
    added.thread_created_on = time_of(data, "createTime");
    added.participants = read_participants(data, "participantsAdded", "participantAdded");
    added.added_by = user_of(data, "addedByCommunicationIdentifier");
    added.added_on = time_of(data, "time");
    added.version = version;
    return ChatChange::of_participants_added(std::move(added));
  }
  if (type == kParticipantRemoved) {
    chat::ParticipantsRemoved removed;
    removed.thread_id = thread;
    removed.thread_created_on = time_of(data, "createTime");
    removed.participants = read_participants(data, "participantsRemoved", "participantRemoved");
    removed.removed_by = user_of(data, "removedByCommunicationIdentifier");
    removed.removed_on = time_of(data, "time");
    removed.version = version;
    return ChatChange::of_participants_removed(std::move(removed));
  }
  return {};
}

}  // namespace

std::span<const std::string_view> chat_event_types() { return kTypes; }

void append_identifier(std::string& out, std::string_view raw_id) {
  out += R"({"rawId":)";
  append_json_string(out, raw_id);
  if (!raw_id.empty() && !raw_id.starts_with("8:")) {  // of the provider's own; Azure's clients call it unknown
    out += '}';
    return;
  }
  out += R"(,"communicationUser":{"id":)";
  append_json_string(out, raw_id);
  out += "}}";
}

NewEvent chat_event(const ChatChange& change, std::string_view transaction_id) {
  NewEvent event;
  std::string& out = event.data;
  out.clear();
  out.reserve(kUsualBytes);
  Object data(out);
  data.text("threadId", std::string_view(thread_of(change)));
  data.text("transactionId", transaction_id);
  const std::string thread = "thread/" + thread_of(change);
  const auto sent = [&](std::string_view type, const ChatMessage& message) {
    event.type = type;
    event.subject = thread + "/sender/" + message.sender_id.value_or("");
    write_message(data, message);
  };
  const auto people = [&](std::string_view one, std::string_view all, const std::vector<Participant>& participants) {
    append_participant(data.key(one), participants.front());
    if (participants.size() > 1) append_participants(data.key(all), participants);
  };
  if (const auto* received = change.message_received()) {
    sent(kMessageReceived, received->message);
    write_content(out, data, received->message);
    event.time = received->message.created_on;
  } else if (const auto* edited = change.message_edited()) {
    sent(kMessageEdited, edited->message);
    write_content(out, data, edited->message);
    event.time = edited->message.edited_on.value_or(edited->message.created_on);
    data.time("editTime", event.time);
  } else if (const auto* deleted = change.message_deleted()) {
    sent(kMessageDeleted, deleted->message);
    event.time = deleted->message.deleted_on.value_or(deleted->message.created_on);
    data.time("deleteTime", event.time);
  } else if (const auto* typing = change.typing()) {
    event.type = kTyping;
    event.subject = thread + "/sender/" + typing->sender_id;
    event.time = typing->at;
    // The schema makes a message of it: one without words, and with no id but its version.
    const std::int64_t version = std::chrono::floor<std::chrono::milliseconds>(typing->at.time_since_epoch()).count();
    data.text("messageId", std::string_view(std::to_string(version)));
    data.user("senderCommunicationIdentifier", typing->sender_id);
    data.text("senderDisplayName", typing->sender_display_name);
    data.time("composeTime", typing->at);
    data.text("type", std::string_view("Control/Typing"));
    data.number("version", version);
    data.text("messageBody", std::string_view());
    data.map("metadata", {});
  } else if (const auto* read = change.read_receipt()) {
    event.type = kReadReceiptEvent;
    event.subject = thread + "/sender/" + read->receipt.sender_id;
    event.time = read->receipt.read_on;
    data.user("senderCommunicationIdentifier", read->receipt.sender_id);
    data.text("messageId", std::string_view(read->receipt.message_id));
    data.time("readOn", read->receipt.read_on);
  } else if (const auto* created = change.thread_created()) {
    event.type = kThreadCreated;
    event.subject = thread + "/createdBy/" + created->thread.created_by;
    event.time = created->thread.created_on;
    write_properties(data, created->thread);
    append_participants(data.key("participants"), created->participants);
    data.number("version", created->version);
  } else if (const auto* updated = change.thread_updated()) {
    event.type = kThreadUpdated;
    event.subject = thread + "/editedBy/" + updated->updated_by;
    event.time = updated->updated_on;
    write_properties(data, updated->thread);
    data.user("editedByCommunicationIdentifier", updated->updated_by);
    // The schema has the former only; receivers are known that read this one.
    data.user("updatedByCommunicationIdentifier", updated->updated_by);
    data.time("editTime", updated->updated_on);
    data.number("version", updated->version);
  } else if (const auto* gone = change.thread_deleted()) {
    event.type = kThreadDeleted;
    event.subject = thread + "/deletedBy/" + gone->deleted_by.value_or("");
    event.time = gone->deleted_on;
    write_properties(data, gone->thread);
    if (gone->deleted_by) data.user("deletedByCommunicationIdentifier", *gone->deleted_by);
    data.time("deleteTime", gone->deleted_on);
    data.number("version", gone->version);
  } else if (const auto* added = change.participants_added()) {
    event.type = kParticipantAdded;
    event.subject = thread + "/participantadded/" + added->participants.front().id;
    event.time = added->added_on;
    data.time("createTime", added->thread_created_on);
    data.time("time", added->added_on);
    data.user("addedByCommunicationIdentifier", added->added_by);
    people("participantAdded", "participantsAdded", added->participants);
    data.number("version", added->version);
  } else if (const auto* removed = change.participants_removed()) {
    event.type = kParticipantRemoved;
    event.subject = thread + "/participantremoved/" + removed->participants.front().id;
    event.time = removed->removed_on;
    data.time("createTime", removed->thread_created_on);
    data.time("time", removed->removed_on);
    data.user("removedByCommunicationIdentifier", removed->removed_by);
    people("participantRemoved", "participantsRemoved", removed->participants);
    data.number("version", removed->version);
  }
  data.close();
  return event;
}

std::optional<ChatChange> parse_chat_event(const Event& event) {
  const json data = json::parse(event.data, nullptr, false);
  if (!data.is_object()) return std::nullopt;
  try {
    ChatChange change = read_change(event.type, data);
    if (change.kind() == ChatChange::Kind::kUnknown) return std::nullopt;
    return change;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace trunkline

#include "runtime/services/chat_rules.h"

#include <algorithm>

#include "runtime/base/ids.h"
#include "runtime/base/utf8.h"

namespace trunkline::chat_rules {
namespace {

constexpr std::string_view kUserPrefix = "8:acs:";

[[noreturn]] void invalid(const std::string& field, const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, message, field);
}

std::size_t bytes_of(const Properties& metadata) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : metadata) bytes += key.size() + value.size();
  return bytes;
}

void check_topic(const std::string& topic) {
  if (topic.find_first_not_of(" \t\r\n") == std::string::npos) invalid("topic", "the topic is empty");
  if (utf8_length(topic) > kMaxTopic)
    invalid("topic",
            "the topic has " + std::to_string(utf8_length(topic)) + " characters, wanted at most " + std::to_string(kMaxTopic));
}

void check_metadata(const Properties& metadata, const std::string& field) {
  if (bytes_of(metadata) > kMaxMetadata)
    invalid(field, "the metadata has " + std::to_string(bytes_of(metadata)) + " bytes, wanted at most 1 KB");
}

void check_retention(std::int32_t days) {
  if (days == 0 || (days >= kMinRetention && days <= kMaxRetention)) return;
  invalid("retentionPolicy.deleteThreadAfterDays", "found " + std::to_string(days) + ", wanted 30 to 90");
}

void check_content(const std::string& content, std::size_t more) {
  if (content.empty()) invalid("content", "the content is empty");
  if (content.size() + more > kMaxContent)
    throw Error(ErrorCode::kInvalidArgument,
                "the message has " + std::to_string(content.size() + more) + " bytes, wanted at most 28 KB", "content")
        .with_http_status(413)
        .with_service_code("RequestEntityTooLarge");
}

}  // namespace

void require(const ChatActor& actor, Right right) {
  const auto has = [&](std::string_view scope) {
    return std::find(actor.scopes.begin(), actor.scopes.end(), scope) != actor.scopes.end();
  };
  if (has("chat")) return;
  if (right != Right::kManageThreads && has("chat.join")) return;
  if (right == Right::kTakePart && has("chat.join.limited")) return;
  const char* wanted = right == Right::kManageThreads        ? "chat"
                       : right == Right::kManageParticipants ? "chat or chat.join"
                                                             : "chat, chat.join or chat.join.limited";
  throw Error(ErrorCode::kPermissionDenied, std::string("the token lacks the scope ") + wanted);
}

void check(const chat::CreateThreadRequest& request) {
  check_topic(request.topic);
  check_metadata(request.metadata, "metadata");
  check_retention(request.retention_days);
  check_batch(request.participants);
  if (request.idempotency_key && (request.idempotency_key->empty() || request.idempotency_key->size() > kMaxId))
    invalid("repeatability-request-id", "wanted 1 to 256 bytes");
}

void check(const chat::ThreadUpdate& update) {
  if (update.topic) check_topic(*update.topic);
  if (update.metadata) check_metadata(*update.metadata, "metadata");
  if (update.retention_days) check_retention(*update.retention_days);
}

void check_batch(const std::vector<chat::Participant>& participants) {
  if (participants.size() > kMaxBatch)
    invalid("participants", "found " + std::to_string(participants.size()) + ", wanted at most 200 in one call");
  for (std::size_t i = 0; i < participants.size(); ++i) {
    const std::string field = "participants[" + std::to_string(i) + "]";
    if (participants[i].id.empty()) invalid(field + ".communicationIdentifier", "the participant has no id");
    check_display_name(participants[i].display_name, (field + ".displayName").c_str());
    check_metadata(participants[i].metadata, field + ".metadata");
  }
}

void check(const chat::SendMessageRequest& request) {
  if (request.kind != chat::MessageKind::kText && request.kind != chat::MessageKind::kHtml)
    invalid("type", "wanted text or html");
  std::size_t more = bytes_of(request.metadata);
  for (const chat::Attachment& attachment : request.attachments)
    more += attachment.id.size() + attachment.name.value_or("").size() + attachment.url.value_or("").size() +
            attachment.preview_url.value_or("").size();
  check_content(request.content, more);
  check_display_name(request.sender_display_name, "senderDisplayName");
}

void check(const chat::MessageUpdate& update) {
  const std::size_t more = update.metadata ? bytes_of(*update.metadata) : 0;
  if (update.content) check_content(*update.content, more);
  if (more > kMaxContent) invalid("metadata", "the metadata has more than 28 KB");
}

void check(const chat::PageRequest& page) {
  if (page.limit < 1) invalid("maxPageSize", "found " + std::to_string(page.limit) + ", wanted 1 to 200");
  if (page.skip < 0) invalid("skip", "found " + std::to_string(page.skip) + ", wanted 0 or more");
  if (page.cursor && (page.cursor->empty() || !is_plain_id(*page.cursor)))
    invalid("continuation", "the continuation is none of this list");
}

void check_display_name(const std::optional<std::string>& name, const char* field) {
  if (name && name->size() > kMaxDisplayName)
    invalid(field, "found " + std::to_string(name->size()) + " bytes, wanted at most 256");
}

bool is_plain_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxId && std::none_of(id.begin(), id.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '/';
  });
}

bool is_communication_user(std::string_view raw_id) { return raw_id.starts_with(kUserPrefix); }

std::vector<chat::InvalidParticipant> remove_strangers(const Resource& resource, std::vector<chat::Participant>& participants,
                                                       bool foreigners) {
  std::vector<chat::InvalidParticipant> strangers;
  const auto is_stranger = [&](const chat::Participant& participant) {
    constexpr std::string_view kPrefix = kUserPrefix;
    const std::string& id = participant.id;
    std::string why;
    if (foreigners && !is_communication_user(id) && is_plain_id(id)) return false;
    if (!id.starts_with(kPrefix) || !is_plain_id(id) || id.size() < kPrefix.size() + 38 || id[kPrefix.size() + 36] != '_')
      why = "is no communication user";
    else if (!resource.is_or_descends_from(std::string_view(id).substr(kPrefix.size(), 36)))
      why = "belongs to another resource";
    if (why.empty()) return false;
    strangers.push_back({id, "the participant " + id + " " + why});
    return true;
  };
  std::erase_if(participants, is_stranger);
  return strangers;
}

}  // namespace trunkline::chat_rules

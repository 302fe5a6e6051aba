#include "runtime/api/chat_rest.h"

#include <nlohmann/json.hpp>

#include "runtime/api/chat_api.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/net/http.h"

namespace trunkline::api {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxChatBodyBytes = 512 * 1024;  // 200 participants with their metadata

std::int32_t number_query(const server::RouteContext& context, std::string_view name, std::int32_t fallback) {
  const std::optional<std::string> text = context.query(name);
  if (!text) return fallback;
  const auto number = parse_number<std::int32_t>(*text);
  if (!number) throw Error(ErrorCode::kInvalidArgument, "'" + *text + "' is no number", std::string(name));
  return *number;
}

json attachment_json(const chat::Attachment& attachment) {
  json out;
  out["id"] = attachment.id;
  out["attachmentType"] = attachment.kind == chat::AttachmentKind::kImage ? "image" : "file";
  if (attachment.name) out["name"] = *attachment.name;
  if (attachment.url) out["url"] = *attachment.url;
  if (attachment.preview_url) out["previewUrl"] = *attachment.preview_url;
  return out;
}

const char* to_text(chat::MessageKind kind) {
  switch (kind) {
    case chat::MessageKind::kHtml:
      return "html";
    case chat::MessageKind::kTopicUpdated:
      return "topicUpdated";
    case chat::MessageKind::kParticipantAdded:
      return "participantAdded";
    case chat::MessageKind::kParticipantRemoved:
      return "participantRemoved";
    default:
      return "text";
  }
}

}  // namespace

server::Route chat_route(const char* method, const char* path, server::BodyRule body) {
  server::Route route;
  route.method = method;
  route.path = path;
  route.auth = server::Auth::kUserToken;
  route.body = body;
  route.max_body_bytes = kMaxChatBodyBytes;
  route.versions = versions({"2021-03-07", "2021-09-07", "2023-11-07", "2024-03-07", "2025-03-15"});
  return route;
}

ChatActor actor_of(const server::RouteContext& context) {
  return {context.caller.user_id, context.caller.scopes, context.traceparent()};
}

chat::PageRequest page_of(const server::RouteContext& context, std::int32_t default_size) {
  chat::PageRequest page;
  page.limit = number_query(context, "maxPageSize", default_size);
  page.cursor = context.query("continuation");
  // The first page has left them out already.
  if (!page.cursor) page.skip = number_query(context, "skip", 0);
  if (const std::optional<std::string> text = context.query("startTime")) {
    page.start_time = parse_rfc3339(*text);
    if (!page.start_time) throw Error(ErrorCode::kInvalidArgument, "'" + *text + "' is no RFC 3339 time", "startTime");
  }
  return page;
}

net::Response page_response(const server::RouteContext& context, json value, const std::optional<std::string>& cursor) {
  json body;
  body["value"] = std::move(value);
  if (cursor) {
    std::string link(context.request.path());
    link += "?api-version=" + net::percent_encode(context.query("api-version").value_or(""));
    for (const char* name : {"maxPageSize", "startTime"})
      if (const auto given = context.query(name)) link.append("&").append(name).append("=").append(net::percent_encode(*given));
    link += "&continuation=" + net::percent_encode(*cursor);
    body["nextLink"] = std::move(link);
  }
  return json_response(200, body);
}

std::string parse_identifier(const JsonRef& identifier) {
  if (const auto user = identifier.find("communicationUser")) return std::string(user->at("id").text());
  if (const auto raw = identifier.find("rawId")) return std::string(raw->text());
  if (const auto phone = identifier.find("phoneNumber")) return "4:" + std::string(phone->at("value").text());
  if (const auto teams = identifier.find("microsoftTeamsUser")) return "8:orgid:" + std::string(teams->at("userId").text());
  throw identifier.error("has neither communicationUser nor rawId");
}

Properties parse_metadata(const JsonRef& metadata) {
  Properties values;
  for (const auto& [key, value] : metadata.object().json().items()) values[key] = metadata.at(key).text();
  return values;
}

void parse_metadata_patch(const JsonRef& request, std::optional<Properties>& set,
                          std::optional<std::vector<std::string>>& remove) {
  const auto metadata = request.find("metadata");
  if (!metadata) return;
  for (const auto& [key, value] : metadata->object().json().items()) {
    if (value.is_null()) {
      if (!remove) remove.emplace();
      remove->push_back(key);
    } else {
      if (!set) set.emplace();
      (*set)[key] = metadata->at(key).text();
    }
  }
}

std::int32_t parse_retention(const JsonRef& policy) {
  const std::string_view kind = policy.at("kind").text();
  if (kind == "none") return 0;
  if (kind != "threadCreationDate") throw policy.at("kind").error("is neither threadCreationDate nor none");
  return static_cast<std::int32_t>(
      policy.at("deleteThreadAfterDays").integer(chat_rules::kMinRetention, chat_rules::kMaxRetention));
}

std::vector<chat::Participant> parse_participants(const JsonRef& list) {
  std::vector<chat::Participant> participants(list.array_size());
  for (std::size_t i = 0; i < participants.size(); ++i) {
    const JsonRef item = list[i];
    chat::Participant& participant = participants[i];
    participant.id = parse_identifier(item.at("communicationIdentifier"));
    if (const auto name = item.find("displayName")) participant.display_name = std::string(name->text());
    if (const auto time = item.find("shareHistoryTime")) {
      participant.share_history_time = parse_rfc3339(time->text());
      if (!participant.share_history_time) throw time->error("is no RFC 3339 time");
    }
    if (const auto metadata = item.find("metadata")) participant.metadata = parse_metadata(*metadata);
  }
  return participants;
}

json identifier_json(const std::string& raw_id) {
  json out;
  out["rawId"] = raw_id;
  if (!raw_id.starts_with("8:")) {  // of the provider's own
    out["kind"] = "unknown";
    return out;
  }
  out["kind"] = "communicationUser";
  out["communicationUser"]["id"] = raw_id;
  return out;
}

json to_json(const chat::Participant& participant) {
  json out;
  out["communicationIdentifier"] = identifier_json(participant.id);
  if (participant.display_name) out["displayName"] = *participant.display_name;
  if (participant.share_history_time) out["shareHistoryTime"] = format_rfc3339(*participant.share_history_time);
  if (!participant.metadata.empty()) out["metadata"] = participant.metadata;
  return out;
}

json to_json(const chat::ChatThread& thread) {
  json out;
  out["id"] = thread.id;
  out["topic"] = thread.topic;
  out["createdOn"] = format_rfc3339(thread.created_on);
  out["createdByCommunicationIdentifier"] = identifier_json(thread.created_by);
  if (!thread.metadata.empty()) out["metadata"] = thread.metadata;
  if (thread.retention_days > 0) {
    out["retentionPolicy"]["kind"] = "threadCreationDate";
    out["retentionPolicy"]["deleteThreadAfterDays"] = thread.retention_days;
  }
  return out;
}

json to_json(const chat::ChatMessage& message) {
  json out;
  out["id"] = message.id;
  out["type"] = to_text(message.kind);
  out["sequenceId"] = std::to_string(message.sequence);
  out["version"] = std::to_string(message.version);
  json content = json::object();
  if (message.content) content["message"] = *message.content;
  if (message.topic) content["topic"] = *message.topic;
  if (message.initiator_id) content["initiatorCommunicationIdentifier"] = identifier_json(*message.initiator_id);
  for (const chat::Participant& participant : message.participants) content["participants"].push_back(to_json(participant));
  for (const chat::Attachment& attachment : message.attachments) content["attachments"].push_back(attachment_json(attachment));
  if (!content.empty()) out["content"] = std::move(content);
  if (message.sender_id) out["senderCommunicationIdentifier"] = identifier_json(*message.sender_id);
  if (message.sender_display_name) out["senderDisplayName"] = *message.sender_display_name;
  out["createdOn"] = format_rfc3339(message.created_on);
  if (message.edited_on) out["editedOn"] = format_rfc3339(*message.edited_on);
  if (message.deleted_on) out["deletedOn"] = format_rfc3339(*message.deleted_on);
  if (!message.metadata.empty()) out["metadata"] = message.metadata;
  return out;
}

json to_json(const std::vector<chat::InvalidParticipant>& invalid) {
  json out = json::array();
  for (const chat::InvalidParticipant& participant : invalid) {
    json error;
    error["code"] = "InvalidParticipant";
    error["message"] = participant.message;
    error["target"] = participant.id;
    out.push_back(std::move(error));
  }
  return out;
}

void add_chat_routes(std::vector<server::Route>& routes, ChatService& chat) {
  add_chat_thread_routes(routes, chat);
  add_chat_message_routes(routes, chat);
  add_chat_participant_routes(routes, chat);
}

}  // namespace trunkline::api

// Azure Communication Services Chat. Who acts is said by the access token in the header `Access-Token`.
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/connectors/connector.h"
#include "runtime/services/chat_service.h"
#include "runtime/services/identity_service.h"

namespace trunkline::connectors {
namespace {

using nlohmann::json;

Task<ChatActor> actor_of(ConnectorServices services, ResourcePtr resource, std::string token) {
  if (token.empty()) throw Error(ErrorCode::kUnauthenticated, "the header Access-Token is missing", "Access-Token");
  const identity::TokenClaims claims = co_await services.identity->verify_token(std::move(resource), std::move(token));
  ChatActor actor;
  actor.user_id = claims.user_id;
  for (const identity::TokenScope scope : claims.scopes) actor.scopes.emplace_back(to_rest(scope));
  co_return actor;
}

std::string token_of(const ConnectorRequest& request) {
  const auto found = request.headers.find("access-token");
  return found == request.headers.end() ? std::string() : found->second;
}

chat::PageRequest page_of(const ConnectorRequest& request, std::int32_t size) {
  chat::PageRequest page;
  page.limit = size;
  for (const auto& [name, value] : request.queries) {
    if (iequals(name, "maxPageSize") || iequals(name, "skip")) {
      const auto number = parse_number<std::int32_t>(value);
      if (!number) throw Error(ErrorCode::kInvalidArgument, "'" + value + "' is no number", name);
      (iequals(name, "skip") ? page.skip : page.limit) = *number;
    } else if (iequals(name, "startTime")) {
      page.start_time = parse_rfc3339(value);
      if (!page.start_time) throw Error(ErrorCode::kInvalidArgument, "'" + value + "' is no RFC 3339 time", name);
    }
  }
  return page;
}

std::string id_of(const JsonRef& identifier) {
  if (const auto user = identifier.find("communicationUser")) return std::string(user->at("id").text());
  return std::string(identifier.at("rawId").text());
}

std::vector<chat::Participant> participants_of(const JsonRef& list) {
  std::vector<chat::Participant> out(list.array_size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].id = id_of(list[i].at("communicationIdentifier"));
    if (const auto name = list[i].find("displayName")) out[i].display_name = std::string(name->text());
    if (const auto time = list[i].find("shareHistoryTime")) {
      out[i].share_history_time = parse_rfc3339(time->text());
      if (!out[i].share_history_time) throw time->error("is no RFC 3339 time");
    }
  }
  return out;
}

json identifier_json(const std::string& id) {
  json out;
  out["rawId"] = id;
  out["communicationUser"]["id"] = id;
  return out;
}

json participant_json(const chat::Participant& participant) {
  json out;
  out["communicationIdentifier"] = identifier_json(participant.id);
  if (participant.display_name) out["displayName"] = *participant.display_name;
  if (participant.share_history_time) out["shareHistoryTime"] = format_rfc3339(*participant.share_history_time);
  return out;
}

json thread_json(const chat::ChatThread& thread) {
  json out;
  out["id"] = thread.id;
  out["topic"] = thread.topic;
  out["createdOn"] = format_rfc3339(thread.created_on);
  out["createdByCommunicationIdentifier"] = identifier_json(thread.created_by);
  return out;
}

const char* kind_of(chat::MessageKind kind) {
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

json message_json(const chat::ChatMessage& message) {
  json out;
  out["id"] = message.id;
  out["type"] = kind_of(message.kind);
  out["sequenceId"] = std::to_string(message.sequence);
  out["version"] = std::to_string(message.version);
  json content = json::object();
  if (message.content) content["message"] = *message.content;
  if (message.topic) content["topic"] = *message.topic;
  if (message.initiator_id) content["initiatorCommunicationIdentifier"] = identifier_json(*message.initiator_id);
  for (const chat::Participant& one : message.participants) content["participants"].push_back(participant_json(one));
  if (!content.empty()) out["content"] = std::move(content);
  if (message.sender_id) out["senderCommunicationIdentifier"] = identifier_json(*message.sender_id);
  if (message.sender_display_name) out["senderDisplayName"] = *message.sender_display_name;
  out["createdOn"] = format_rfc3339(message.created_on);
  return out;
}

json invalid_json(const std::vector<chat::InvalidParticipant>& invalid) {
  json out = json::array();
  for (const chat::InvalidParticipant& one : invalid) {
    json item;
    item["target"] = one.id;
    item["code"] = "BadRequest";
    item["message"] = one.message;
    out.push_back(std::move(item));
  }
  return out;
}

Task<ConnectorResponse> create_thread(ConnectorServices services, ConnectorRequest request) {
  const JsonRef body(request.body);
  chat::CreateThreadRequest wanted;
  wanted.topic = body.at("topic").text();
  if (const auto people = body.find("participants")) wanted.participants = participants_of(*people);
  wanted.idempotency_key = request.idempotency_key;
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  const chat::CreateThreadResult made =
      co_await services.chat->create_thread(std::move(request.resource), std::move(actor), std::move(wanted));
  ConnectorResponse response;
  response.status = 201;
  response.body["chatThread"] = thread_json(made.thread);
  if (!made.invalid_participants.empty()) response.body["invalidParticipants"] = invalid_json(made.invalid_participants);
  co_return response;
}

Task<ConnectorResponse> list_threads(ConnectorServices services, ConnectorRequest request) {
  chat::PageRequest page = page_of(request, 50);
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  const chat::ThreadPage found =
      co_await services.chat->list_threads(std::move(request.resource), std::move(actor), std::move(page));
  ConnectorResponse response;
  json& value = response.body["value"] = json::array();
  for (const chat::ThreadItem& thread : found.items) {
    json item;
    item["id"] = thread.id;
    item["topic"] = thread.topic;
    if (thread.last_message_received_on) item["lastMessageReceivedOn"] = format_rfc3339(*thread.last_message_received_on);
    value.push_back(std::move(item));
  }
  co_return response;
}

Task<ConnectorResponse> get_thread(ConnectorServices services, ConnectorRequest request) {
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  const chat::ChatThread thread =
      co_await services.chat->get_thread(std::move(request.resource), std::move(actor), std::move(request.arguments[0]));
  ConnectorResponse response;
  response.body = thread_json(thread);
  co_return response;
}

Task<ConnectorResponse> update_thread(ConnectorServices services, ConnectorRequest request) {
  chat::ThreadUpdate update;
  if (const auto topic = JsonRef(request.body).find("topic")) update.topic = std::string(topic->text());
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  co_await services.chat->update_thread(std::move(request.resource), std::move(actor), std::move(request.arguments[0]),
                                        std::move(update));
  ConnectorResponse response;
  response.status = 204;
  co_return response;
}

Task<ConnectorResponse> delete_thread(ConnectorServices services, ConnectorRequest request) {
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  co_await services.chat->delete_thread(std::move(request.resource), std::move(actor), std::move(request.arguments[0]));
  ConnectorResponse response;
  response.status = 204;
  co_return response;
}

Task<ConnectorResponse> send_message(ConnectorServices services, ConnectorRequest request) {
  const JsonRef body(request.body);
  chat::SendMessageRequest wanted;
  wanted.content = body.at("content").text();
  wanted.kind = chat::MessageKind::kText;
  if (const auto name = body.find("senderDisplayName")) wanted.sender_display_name = std::string(name->text());
  if (body.text_or("type", "text") == "html") wanted.kind = chat::MessageKind::kHtml;
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  const chat::ChatMessage sent = co_await services.chat->send_message(std::move(request.resource), std::move(actor),
                                                                      std::move(request.arguments[0]), std::move(wanted));
  ConnectorResponse response;
  response.status = 201;
  response.body["id"] = sent.id;
  co_return response;
}

Task<ConnectorResponse> list_messages(ConnectorServices services, ConnectorRequest request) {
  chat::PageRequest page = page_of(request, 100);
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  const chat::MessagePage found = co_await services.chat->list_messages(std::move(request.resource), std::move(actor),
                                                                        std::move(request.arguments[0]), std::move(page));
  ConnectorResponse response;
  json& value = response.body["value"] = json::array();
  for (const chat::ChatMessage& message : found.items) value.push_back(message_json(message));
  co_return response;
}

Task<ConnectorResponse> add_participants(ConnectorServices services, ConnectorRequest request) {
  std::vector<chat::Participant> people = participants_of(JsonRef(request.body).at("participants"));
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  const std::vector<chat::InvalidParticipant> invalid = co_await services.chat->add_participants(
      std::move(request.resource), std::move(actor), std::move(request.arguments[0]), std::move(people));
  ConnectorResponse response;
  response.status = 201;
  response.body = json::object();
  if (!invalid.empty()) response.body["invalidParticipants"] = invalid_json(invalid);
  co_return response;
}

Task<ConnectorResponse> list_participants(ConnectorServices services, ConnectorRequest request) {
  chat::PageRequest page = page_of(request, 100);
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  const chat::ParticipantPage found = co_await services.chat->list_participants(std::move(request.resource), std::move(actor),
                                                                                std::move(request.arguments[0]), std::move(page));
  ConnectorResponse response;
  json& value = response.body["value"] = json::array();
  for (const chat::Participant& one : found.items) value.push_back(participant_json(one));
  co_return response;
}

Task<ConnectorResponse> remove_participant(ConnectorServices services, ConnectorRequest request) {
  std::string who = id_of(JsonRef(request.body));
  ChatActor actor = co_await actor_of(services, request.resource, token_of(request));
  co_await services.chat->remove_participant(std::move(request.resource), std::move(actor), std::move(request.arguments[0]),
                                             std::move(who));
  ConnectorResponse response;
  response.status = 204;
  co_return response;
}

constexpr ConnectorOperation kChatOperations[] = {
    {"POST", "/chat/threads", true, create_thread},
    {"GET", "/chat/threads", true, list_threads},
    {"GET", "/chat/threads/{}", true, get_thread},
    {"PATCH", "/chat/threads/{}", true, update_thread},
    {"DELETE", "/chat/threads/{}", true, delete_thread},
    {"POST", "/chat/threads/{}/messages", false, send_message},
    {"GET", "/chat/threads/{}/messages", true, list_messages},
    {"POST", "/chat/threads/{}/participants/:add", true, add_participants},
    {"GET", "/chat/threads/{}/participants", true, list_participants},
    {"POST", "/chat/threads/{}/participants/:remove", true, remove_participant},
};

}  // namespace

std::span<const ConnectorOperation> chat_operations() { return kChatOperations; }

}  // namespace trunkline::connectors

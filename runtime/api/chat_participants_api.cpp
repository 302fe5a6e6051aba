// Participants, typing and read receipts of a thread (2021-03-07 to 2025-03-15).
#include <nlohmann/json.hpp>

#include "runtime/api/chat_rest.h"
#include "runtime/base/time_text.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::BodyRule;
using server::RouteContext;

Task<net::Response> add_people(ChatService& chat, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef given(body);
  std::vector<chat::Participant> participants = parse_participants(given.at("participants"));
  std::string thread = context.param("chatThreadId");
  const std::vector<chat::InvalidParticipant> invalid =
      co_await chat.add_participants(resource_of(context), actor_of(context), std::move(thread), std::move(participants));
  json answer = json::object();
  if (!invalid.empty()) answer["invalidParticipants"] = to_json(invalid);
  co_return json_response(201, answer);
}

Task<net::Response> list_people(ChatService& chat, RouteContext& context) {
  std::string thread = context.param("chatThreadId");
  chat::PageRequest page = page_of(context, 100);
  const chat::ParticipantPage found =
      co_await chat.list_participants(resource_of(context), actor_of(context), std::move(thread), std::move(page));
  json value = json::array();
  for (const chat::Participant& participant : found.items) value.push_back(to_json(participant));
  co_return page_response(context, std::move(value), found.cursor);
}

Task<net::Response> remove_person(ChatService& chat, RouteContext& context) {
  const json body = parse_body(context);
  std::string participant = parse_identifier(JsonRef(body)), thread = context.param("chatThreadId");
  co_await chat.remove_participant(resource_of(context), actor_of(context), std::move(thread), std::move(participant));
  co_return empty_response(204);
}

Task<net::Response> send_typing(ChatService& chat, RouteContext& context) {
  std::optional<std::string> name;
  if (!context.request.body.empty()) {
    const json body = parse_body(context);
    if (const auto given = JsonRef(body).find("senderDisplayName")) name = std::string(given->text());
  }
  std::string thread = context.param("chatThreadId");
  co_await chat.send_typing(resource_of(context), actor_of(context), std::move(thread), std::move(name));
  co_return empty_response(200);
}

Task<net::Response> send_receipt(ChatService& chat, RouteContext& context) {
  const json body = parse_body(context);
  std::string message(JsonRef(body).at("chatMessageId").text()), thread = context.param("chatThreadId");
  co_await chat.send_read_receipt(resource_of(context), actor_of(context), std::move(thread), std::move(message));
  co_return empty_response(200);
}

Task<net::Response> list_receipts(ChatService& chat, RouteContext& context) {
  std::string thread = context.param("chatThreadId");
  chat::PageRequest page = page_of(context, 100);
  const chat::ReadReceiptPage found =
      co_await chat.list_read_receipts(resource_of(context), actor_of(context), std::move(thread), std::move(page));
  json value = json::array();
  for (const chat::ReadReceipt& receipt : found.items) {
    json item;
    item["senderCommunicationIdentifier"] = identifier_json(receipt.sender_id);
    item["chatMessageId"] = receipt.message_id;
    item["readOn"] = format_rfc3339(receipt.read_on);
    value.push_back(std::move(item));
  }
  co_return page_response(context, std::move(value), found.cursor);
}

}  // namespace

void add_chat_participant_routes(std::vector<server::Route>& routes, ChatService& chat) {
  const auto add = [&](server::Route route, Task<net::Response> (*handler)(ChatService&, RouteContext&)) {
    route.handler = [&chat, handler](RouteContext& context) { return handler(chat, context); };
    routes.push_back(std::move(route));
  };
  add(chat_route("POST", "/chat/threads/{chatThreadId}/participants/:add", BodyRule::kJson), add_people);
  add(chat_route("GET", "/chat/threads/{chatThreadId}/participants"), list_people);
  add(chat_route("POST", "/chat/threads/{chatThreadId}/participants/:remove", BodyRule::kMergePatch), remove_person);
  add(chat_route("POST", "/chat/threads/{chatThreadId}/typing", BodyRule::kJson), send_typing);
  add(chat_route("POST", "/chat/threads/{chatThreadId}/readReceipts", BodyRule::kJson), send_receipt);
  add(chat_route("GET", "/chat/threads/{chatThreadId}/readReceipts"), list_receipts);
}

}  // namespace trunkline::api

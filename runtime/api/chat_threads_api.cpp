// Threads: create, list, get, update, delete (2021-03-07 to 2025-03-15).
#include <nlohmann/json.hpp>

#include "runtime/api/chat_rest.h"
#include "runtime/base/time_text.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::BodyRule;
using server::RouteContext;

Task<net::Response> create(ChatService& chat, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef given(body);
  chat::CreateThreadRequest request;
  request.topic = given.at("topic").text();
  if (const auto participants = given.find("participants")) request.participants = parse_participants(*participants);
  if (const auto metadata = given.find("metadata")) request.metadata = parse_metadata(*metadata);
  if (const auto policy = given.find("retentionPolicy")) request.retention_days = parse_retention(*policy);
  if (const std::string_view key = context.request.headers.get("repeatability-request-id"); !key.empty())
    request.idempotency_key = std::string(key);
  const chat::CreateThreadResult result =
      co_await chat.create_thread(resource_of(context), actor_of(context), std::move(request));
  json answer;
  answer["chatThread"] = to_json(result.thread);
  if (!result.invalid_participants.empty()) answer["invalidParticipants"] = to_json(result.invalid_participants);
  co_return json_response(201, answer);
}

Task<net::Response> list_threads(ChatService& chat, RouteContext& context) {
  chat::PageRequest page = page_of(context, 50);
  const chat::ThreadPage found = co_await chat.list_threads(resource_of(context), actor_of(context), std::move(page));
  json value = json::array();
  for (const chat::ThreadItem& thread : found.items) {
    json item;
    item["id"] = thread.id;
    item["topic"] = thread.topic;
    if (thread.deleted_on) item["deletedOn"] = format_rfc3339(*thread.deleted_on);
    if (thread.last_message_received_on) item["lastMessageReceivedOn"] = format_rfc3339(*thread.last_message_received_on);
    value.push_back(std::move(item));
  }
  co_return page_response(context, std::move(value), found.cursor);
}

Task<net::Response> get_thread(ChatService& chat, RouteContext& context) {
  std::string id = context.param("chatThreadId");
  const chat::ChatThread thread = co_await chat.get_thread(resource_of(context), actor_of(context), std::move(id));
  co_return json_response(200, to_json(thread));
}

Task<net::Response> update_thread(ChatService& chat, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef given(body);
  chat::ThreadUpdate update;
  std::string id = context.param("chatThreadId");
  if (const auto topic = given.find("topic")) update.topic = std::string(topic->text());
  parse_metadata_patch(given, update.metadata, update.remove_metadata);
  if (const auto policy = given.find("retentionPolicy")) update.retention_days = parse_retention(*policy);
  if (body.contains("retentionPolicy") && body["retentionPolicy"].is_null()) update.retention_days = 0;
  co_await chat.update_thread(resource_of(context), actor_of(context), std::move(id), std::move(update));
  co_return empty_response(204);
}

Task<net::Response> delete_thread(ChatService& chat, RouteContext& context) {
  std::string id = context.param("chatThreadId");
  co_await chat.delete_thread(resource_of(context), actor_of(context), std::move(id));
  co_return empty_response(204);
}

}  // namespace

void add_chat_thread_routes(std::vector<server::Route>& routes, ChatService& chat) {
  const auto add = [&](server::Route route, Task<net::Response> (*handler)(ChatService&, RouteContext&)) {
    route.handler = [&chat, handler](RouteContext& context) { return handler(chat, context); };
    routes.push_back(std::move(route));
  };
  add(chat_route("POST", "/chat/threads", BodyRule::kJson), create);
  add(chat_route("GET", "/chat/threads"), list_threads);
  add(chat_route("GET", "/chat/threads/{chatThreadId}"), get_thread);
  add(chat_route("PATCH", "/chat/threads/{chatThreadId}", BodyRule::kMergePatch), update_thread);
  add(chat_route("DELETE", "/chat/threads/{chatThreadId}"), delete_thread);
}

}  // namespace trunkline::api

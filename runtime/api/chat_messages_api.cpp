// Messages of a thread: send, list, get, update, delete (2021-03-07 to 2025-03-15).
#include <nlohmann/json.hpp>

#include "runtime/api/chat_rest.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::BodyRule;
using server::RouteContext;

Task<net::Response> send(ChatService& chat, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef given(body);
  chat::SendMessageRequest request;
  request.content = given.at("content").text();
  if (const auto name = given.find("senderDisplayName")) request.sender_display_name = std::string(name->text());
  if (const auto type = given.find("type")) {
    if (type->text() == "html")
      request.kind = chat::MessageKind::kHtml;
    else if (type->text() != "text")
      throw type->error("'" + std::string(type->text()) + "' is neither text nor html");
  }
  if (const auto metadata = given.find("metadata")) request.metadata = parse_metadata(*metadata);
  std::string thread = context.param("chatThreadId");
  const chat::ChatMessage sent =
      co_await chat.send_message(resource_of(context), actor_of(context), std::move(thread), std::move(request));
  net::Response response;
  response.status = 201;
  response.body = R"({"id":")" + sent.id + R"("})";
  co_return response;
}

Task<net::Response> list_messages(ChatService& chat, RouteContext& context) {
  std::string thread = context.param("chatThreadId");
  chat::PageRequest page = page_of(context, 100);
  const chat::MessagePage found =
      co_await chat.list_messages(resource_of(context), actor_of(context), std::move(thread), std::move(page));
  json value = json::array();
  for (const chat::ChatMessage& message : found.items) value.push_back(to_json(message));
  co_return page_response(context, std::move(value), found.cursor);
}

Task<net::Response> get_message(ChatService& chat, RouteContext& context) {
  std::string thread = context.param("chatThreadId"), id = context.param("chatMessageId");
  const chat::ChatMessage message =
      co_await chat.get_message(resource_of(context), actor_of(context), std::move(thread), std::move(id));
  co_return json_response(200, to_json(message));
}

Task<net::Response> update_message(ChatService& chat, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef given(body);
  chat::MessageUpdate update;
  if (const auto content = given.find("content")) update.content = std::string(content->text());
  parse_metadata_patch(given, update.metadata, update.remove_metadata);
  std::string thread = context.param("chatThreadId"), id = context.param("chatMessageId");
  co_await chat.update_message(resource_of(context), actor_of(context), std::move(thread), std::move(id), std::move(update));
  co_return empty_response(204);
}

Task<net::Response> delete_message(ChatService& chat, RouteContext& context) {
  std::string thread = context.param("chatThreadId"), id = context.param("chatMessageId");
  co_await chat.delete_message(resource_of(context), actor_of(context), std::move(thread), std::move(id));
  co_return empty_response(204);
}

}  // namespace

void add_chat_message_routes(std::vector<server::Route>& routes, ChatService& chat) {
  const auto add = [&](server::Route route, Task<net::Response> (*handler)(ChatService&, RouteContext&)) {
    route.handler = [&chat, handler](RouteContext& context) { return handler(chat, context); };
    routes.push_back(std::move(route));
  };
  add(chat_route("POST", "/chat/threads/{chatThreadId}/messages", BodyRule::kJson), send);
  add(chat_route("GET", "/chat/threads/{chatThreadId}/messages"), list_messages);
  add(chat_route("GET", "/chat/threads/{chatThreadId}/messages/{chatMessageId}"), get_message);
  add(chat_route("PATCH", "/chat/threads/{chatThreadId}/messages/{chatMessageId}", BodyRule::kMergePatch), update_message);
  add(chat_route("DELETE", "/chat/threads/{chatThreadId}/messages/{chatMessageId}"), delete_message);
}

}  // namespace trunkline::api

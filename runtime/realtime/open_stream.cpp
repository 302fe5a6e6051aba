#include "runtime/realtime/open_stream.h"

#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/net/websocket.h"
#include "runtime/realtime/shared.h"
#include "runtime/services/chat_event_data.h"

namespace trunkline::realtime {
namespace {

using server::RouteContext;

constexpr std::uint32_t kBatch = 64;

std::string event_json(const ChatDelivery& delivery) {
  const std::string cursor = std::to_string(delivery.cursor);
  const NewEvent event = chat_event(delivery.change, cursor);
  if (event.type.empty()) return {};
  std::string out;
  out.reserve(event.data.size() + 256);
  out += R"({"cursor":")" + cursor + R"(","type":)";
  append_json_string(out, event.type);
  out += R"(,"time":)";
  append_json_string(out, format_rfc3339(delivery.time));
  out += R"(,"subject":)";
  append_json_string(out, event.subject);
  out += R"(,"data":)" + event.data + "}";
  return out;
}

/// What a stream begins with, so that a client which is told nothing for a while knows where to go on.
std::string opening(std::int64_t cursor) { return R"({"cursor":")" + std::to_string(cursor) + R"(","type":"begin"})"; }

/// Browsers repeat the id of the last event by themselves when they connect again; it counts more than the URL they began with.
std::optional<std::int64_t> start_of(const RouteContext& context) {
  std::string text(context.request.headers.get("Last-Event-ID"));
  if (text.empty()) text = context.query("after").value_or("");
  if (text.empty()) return std::nullopt;
  const auto cursor = parse_number<std::int64_t>(text);
  if (!cursor || *cursor < 0)
    throw Error(ErrorCode::kInvalidArgument, "The cursor '" + text.substr(0, 40) + "' is not one that this stream gave.", "after")
        .with_http_status(400);
  return cursor;
}

/// Two sides of a channel share this: whichever ends first ends the other.
struct Channel {
  Channel(SharedPtr s, const RouteContext& context)
      : shared(std::move(s)),
        resource(chat_resource(context)),
        listener(shared->context.chat.listen(resource, context.caller.user_id, start_of(context))),
        user_id(context.caller.user_id),
        expires_at(context.caller.expires_at) {}

  void watch_token(UniqueFunction<void()> ended) {
    life.emplace(shared->context.clock, shared->context.tokens, resource->key, user_id, expires_at, std::move(ended));
  }

  const SharedPtr shared;
  const ResourcePtr resource;
  const std::shared_ptr<ChatListener> listener;
  const std::string user_id;
  const std::optional<Time> expires_at;
  std::optional<TokenLife> life;
};
using ChannelPtr = std::shared_ptr<Channel>;

Task<void> tell(ChannelPtr channel, std::shared_ptr<net::WebSocket> socket) {
  for (;;) {
    const std::vector<ChatDeliveryPtr> batch = co_await channel->listener->next(kBatch);
    if (batch.empty()) break;
    for (const ChatDeliveryPtr& delivery : batch) {
      net::SharedBytes event = channel->shared->socket_events.get(delivery);
      if (!event) continue;
      const bool sent = co_await socket->send(std::move(event), true);
      if (!sent) co_return;
      channel->shared->socket_metrics.told();
    }
  }
  socket->close(net::close_code::kNormal, "there is nothing left to be told");
}

Task<void> serve_socket(ChannelPtr channel, std::shared_ptr<net::WebSocket> socket) {
  const ChannelMetrics::Open open(channel->shared->socket_metrics);
  channel->watch_token([weak = std::weak_ptr(socket)] {
    if (const auto alive = weak.lock()) alive->close(kTokenEnded, "the token has ended");
  });
  socket->try_send(net::share(opening(channel->listener->cursor())), true);
  spawn(tell(channel, socket), [channel](Result<void> result) {
    if (!result.ok()) channel->shared->context.log.error("realtime", "a stream failed", {{"reason", result.error().message}});
  });
  for (;;) {
    const std::optional<net::WebSocketMessage> message = co_await socket->receive();
    if (!message) break;  // what clients say means nothing here
  }
  channel->life.reset();
  channel->listener->close();
}

Task<void> serve_events(ChannelPtr channel, std::shared_ptr<net::BodyWriter> body) {
  const ChannelMetrics::Open open(channel->shared->stream_metrics);
  body->on_closed([listener = channel->listener] { listener->close(); });
  channel->watch_token([listener = channel->listener] { listener->close(); });
  const std::int64_t from = channel->listener->cursor();
  net::SharedBytes first = net::share("retry: 1000\n" + net::event_stream_event(std::to_string(from), "begin", opening(from)));
  bool alive = co_await body->write(std::move(first));
  while (alive) {
    const std::vector<ChatDeliveryPtr> batch = co_await channel->listener->next(kBatch);
    if (batch.empty()) break;
    for (const ChatDeliveryPtr& delivery : batch) {
      net::SharedBytes event = channel->shared->stream_events.get(delivery);
      if (!event) continue;
      alive = co_await body->write(std::move(event));
      if (!alive) break;
      channel->shared->stream_metrics.told();
    }
  }
  channel->life.reset();
  channel->listener->close();
}

Task<net::Response> open_stream(SharedPtr shared, RouteContext& context) {
  const auto channel = std::make_shared<Channel>(std::move(shared), context);
  if (!context.wants_websocket)
    co_return net::event_stream_response(
        [channel](std::shared_ptr<net::BodyWriter> body) { return serve_events(channel, std::move(body)); });
  net::WebSocketOptions options;
  options.protocol = context.protocol();
  options.max_message_bytes = 4 * 1024;
  co_return net::accept_websocket(context.request, options, [channel](std::shared_ptr<net::WebSocket> socket) {
    return serve_socket(channel, std::move(socket));
  });
}

}  // namespace

net::SharedBytes render_socket_event(const ChatDelivery& delivery) {
  std::string event = event_json(delivery);
  return event.empty() ? nullptr : net::share(std::move(event));
}

net::SharedBytes render_stream_event(const ChatDelivery& delivery) {
  const std::string event = event_json(delivery);
  return event.empty() ? nullptr : net::share(net::event_stream_event(std::to_string(delivery.cursor), {}, event));
}

void add_stream_routes(std::vector<server::Route>& routes, const SharedPtr& shared) {
  server::Route stream;
  stream.method = "GET";
  stream.path = "/_stream/chat";
  stream.auth = server::Auth::kUserToken;
  stream.websocket = true;
  stream.stream = true;
  stream.handler = [shared](RouteContext& context) { return open_stream(shared, context); };
  routes.push_back(std::move(stream));
}

}  // namespace trunkline::realtime

#include "runtime/realtime/stream_channel.h"

#include "runtime/base/strings.h"
#include "runtime/net/websocket.h"
#include "runtime/realtime/token_life.h"

namespace trunkline::realtime {
namespace {

using server::RouteContext;

std::string opening(std::int64_t cursor) { return R"({"cursor":")" + std::to_string(cursor) + R"(","type":"begin"})"; }

/// Whose end ends the channel.
std::string holder_of(const server::Caller& caller) {
  const bool key = caller.credential == "primary" || caller.credential == "secondary";
  return key ? TokenWatch::holder_of_key(caller.credential) : caller.user_id;
}

/// Two sides of a channel share this: whichever ends first ends the other.
struct Channel {
  Channel(std::shared_ptr<const StreamContext> s, const RouteContext& context, std::int64_t key, std::shared_ptr<StreamFeed> f)
      : shared(std::move(s)),
        feed(std::move(f)),
        life(std::in_place, shared->clock, shared->tokens, key, holder_of(context.caller), context.caller.expires_at,
             UniqueFunction<void()>()) {}

  const std::shared_ptr<const StreamContext> shared;
  const std::shared_ptr<StreamFeed> feed;
  std::optional<TokenLife> life;  // from before the answer on: a token that ends meanwhile ends the channel
};
using ChannelPtr = std::shared_ptr<Channel>;

Task<void> tell(ChannelPtr channel, std::shared_ptr<net::WebSocket> socket) {
  for (;;) {
    const std::vector<net::SharedBytes> messages = co_await channel->feed->next(StreamForm::kSocket);
    if (messages.empty()) break;
    for (const net::SharedBytes& message : messages) {
      const bool sent = co_await socket->send(message, true);
      if (!sent) co_return;
      channel->shared->socket_metrics.told();
    }
  }
  socket->close(net::close_code::kNormal, "there is nothing left to be told");
}

Task<void> serve_socket(ChannelPtr channel, std::shared_ptr<net::WebSocket> socket) {
  const ChannelMetrics::Open open(channel->shared->socket_metrics);
  channel->life->on_end([weak = std::weak_ptr(socket)] {
    if (const auto alive = weak.lock()) alive->close(kTokenEnded, "the token or key has ended");
  });
  socket->try_send(net::share(opening(channel->feed->cursor())), true);
  spawn(tell(channel, socket), [channel, socket](Result<void> result) {
    if (result.ok()) return;
    channel->shared->log.error("realtime", "a stream failed", {{"reason", result.error().message}});
    socket->close(net::close_code::kInternalError, "the stream failed");
  });
  for (;;) {
    const std::optional<net::WebSocketMessage> message = co_await socket->receive();
    if (!message) break;  // what clients say means nothing here
  }
  channel->life.reset();
  channel->feed->close();
}

Task<void> serve_events(ChannelPtr channel, std::shared_ptr<net::BodyWriter> body) {
  const ChannelMetrics::Open open(channel->shared->event_metrics);
  body->on_closed([feed = channel->feed] { feed->close(); });
  channel->life->on_end([feed = channel->feed] { feed->close(); });
  const std::int64_t from = channel->feed->cursor();
  net::SharedBytes first = net::share("retry: 1000\n" + net::event_stream_event(std::to_string(from), "begin", opening(from)));
  bool alive = co_await body->write(std::move(first));
  while (alive) {
    const std::vector<net::SharedBytes> messages = co_await channel->feed->next(StreamForm::kServerSentEvents);
    if (messages.empty()) break;
    for (const net::SharedBytes& message : messages) {
      alive = co_await body->write(message);
      if (!alive) break;
      channel->shared->event_metrics.told();
    }
  }
  channel->life.reset();
  channel->feed->close();
}

}  // namespace

std::optional<std::int64_t> stream_start(const RouteContext& context) {
  std::string text(context.request.headers.get("Last-Event-ID"));
  if (text.empty()) text = context.query("after").value_or("");
  if (text.empty()) return std::nullopt;
  const auto cursor = parse_number<std::int64_t>(text);
  if (!cursor || *cursor < 0)
    throw Error(ErrorCode::kInvalidArgument, "The cursor '" + text.substr(0, 40) + "' is not one that this stream gave.", "after")
        .with_http_status(400);
  return cursor;
}

server::Route stream_route(const char* path, server::Auth auth, server::RouteHandler handler) {
  server::Route route;
  route.method = "GET";
  route.path = path;
  route.auth = auth;
  route.websocket = true;
  route.stream = true;
  route.handler = std::move(handler);
  return route;
}

net::Response open_channel(std::shared_ptr<const StreamContext> shared, const RouteContext& context, std::int64_t resource_key,
                           std::shared_ptr<StreamFeed> feed) {
  const auto channel = std::make_shared<Channel>(std::move(shared), context, resource_key, std::move(feed));
  if (!context.wants_websocket)
    return net::event_stream_response(
        [channel](std::shared_ptr<net::BodyWriter> body) { return serve_events(channel, std::move(body)); });
  net::WebSocketOptions options;
  options.protocol = context.protocol();
  options.max_message_bytes = 4 * 1024;
  return net::accept_websocket(context.request, options, [channel](std::shared_ptr<net::WebSocket> socket) {
    return serve_socket(channel, std::move(socket));
  });
}

}  // namespace trunkline::realtime

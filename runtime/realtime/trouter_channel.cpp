// One connection of a notification client: Socket.IO 0.9 over a WebSocket.
#include "runtime/clock/clock.h"
#include "runtime/realtime/notification.h"
#include "runtime/realtime/shared.h"
#include "runtime/realtime/socketio.h"

namespace trunkline::realtime {
namespace {

constexpr std::uint32_t kBatch = 64;
/// The client gives up after 52 s without a packet.
constexpr Duration kHeartbeat = std::chrono::seconds{20};

/// Nobody is told what they do themselves while they do it; their messages come back to them, as the service has it.
bool concerns(const ChatDelivery& delivery, const std::string& user_id) {
  if (!delivery.change.typing() && !delivery.change.read_receipt()) return true;
  return actor_of(delivery.change) != user_id;
}

void beat(Clock* wall, std::weak_ptr<net::WebSocket> weak) {
  wall->schedule_after(kHeartbeat, [wall, weak] {
    static const net::SharedBytes heartbeat = net::share("2::");
    const auto socket = weak.lock();
    if (!socket || socket->closed()) return;
    socket->try_send(heartbeat, true);  // no room: there is something under way that says as much
    beat(wall, weak);
  });
}

Task<void> tell(SharedPtr shared, TrouterSessionPtr session, std::shared_ptr<net::WebSocket> socket,
                std::shared_ptr<ChatListener> listener) {
  const std::string path = session->path();
  for (;;) {
    const std::vector<ChatDeliveryPtr> batch = co_await listener->next(kBatch);
    if (batch.empty()) break;
    const bool muted = session->muted();
    for (const ChatDeliveryPtr& delivery : batch) {
      net::SharedBytes body;
      if (!muted && concerns(*delivery, session->user_id)) body = shared->notifications.get(delivery);
      if (!body) {
        session->skip(delivery->cursor);
        continue;
      }
      std::string head = notification_head(session->next(delivery->cursor), path, session->user_id);
      const bool sent = co_await socket->send_parts(std::move(head), std::move(body));
      if (!sent) co_return;
      shared->trouter_metrics.told();
    }
  }
  socket->close(net::close_code::kNormal, "there is nothing left to be told");
}

void handle(const Packet& packet, TrouterSession& session, net::WebSocket& socket) {
  switch (packet.type) {
    case PacketType::kEvent:
      if (packet.id.empty()) return;
      socket.try_send(
          net::share("6:::" + std::string(packet.id) + "+" + (event_name(packet.data) == "ping" ? R"(["pong"])" : "[]")), true);
      return;
    case PacketType::kMessage:
    case PacketType::kJson:
      if (const auto answer = parse_answer(packet.data)) session.answered(answer->id);
      return;
    case PacketType::kDisconnect:
      socket.close();
      return;
    default:
      return;
  }
}

}  // namespace

Task<void> serve_trouter(SharedPtr shared, TrouterSessionPtr session, std::shared_ptr<net::WebSocket> socket) {
  const ChannelMetrics::Open open(shared->trouter_metrics);
  const std::shared_ptr<void> present = shared->presence->enter(session->resource, session->user_id);
  session->attach(socket);
  if (session->ended()) session->end();  // while the handshake was under way
  socket->try_send(net::share("1::"), true);
  socket->try_send(net::share(R"(5:::{"name":"trouter.connected","args":[{"ttl":86400}]})"), true);
  const std::shared_ptr<ChatListener> listener =
      shared->context.chat.listen(session->resource, session->user_id, session->resume());
  session->skip(listener->cursor());
  spawn(tell(shared, session, socket, listener), [shared](Result<void> result) {
    if (!result.ok()) shared->context.log.error("realtime", "a channel failed", {{"reason", result.error().message}});
  });
  beat(&shared->context.wall, socket);
  for (;;) {
    const std::optional<net::WebSocketMessage> message = co_await socket->receive();
    if (!message) break;
    if (!message->text) continue;
    if (const auto packet = parse_packet(message->data)) handle(*packet, *session, *socket);
  }
  listener->close();
  session->detach(socket, shared->context.wall.now());
}

}  // namespace trunkline::realtime

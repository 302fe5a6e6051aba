// Internal to runtime/net: one WebSocket over a Duplex.
#pragma once
#include <deque>

#include "runtime/net/duplex.h"
#include "runtime/net/websocket_frames.h"

namespace trunkline::net {

class WebSocketSession final : public WebSocket, public Duplex {
 public:
  WebSocketSession(std::shared_ptr<Connection> connection, WebSocketOptions options);

  Task<std::optional<WebSocketMessage>> receive() override;
  Task<bool> send(SharedBytes data, bool text) override;
  Task<bool> send_parts(std::string own, SharedBytes shared) override;
  bool try_send(SharedBytes data, bool text) override;
  void close(std::uint16_t code, std::string reason) override;
  std::optional<WebSocketClose> closed() const override;
  void on_closed(UniqueFunction<void()> fn) override;
  std::size_t queued_bytes() const override { return queued(); }

 private:
  bool on_bytes(std::string_view bytes) override;
  void on_gone() override;
  void on_drain() override { close(close_code::kGoingAway, "the server shuts down"); }
  Time on_tick(Time now) override;

  bool handle(FrameParser::Event event);
  void on_message(WebSocketMessage message);
  void end(WebSocketClose how, bool by_peer);

  const WebSocketOptions options_;

  // Of the strand.
  FrameParser parser_;
  bool deaf_ = false;  // the peer has closed or failed: what follows is not looked at
  Time heard_{};
  bool pinged_ = false;  // since heard_
  std::optional<Time> close_due_;

  mutable std::mutex state_mutex_;  // never held while calling out
  std::deque<WebSocketMessage> received_;
  bool paused_ = false;
  UniqueFunction<void()> receiver_;
  std::optional<WebSocketClose> closed_;
  std::vector<UniqueFunction<void()>> on_closed_;
  bool ended_ = false;  // nothing more will be received
};

}  // namespace trunkline::net

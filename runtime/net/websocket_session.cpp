#include "runtime/net/websocket_session.h"

#include <algorithm>

namespace trunkline::net {
namespace {

Duplex::Piece frame(Opcode opcode, SharedBytes payload, std::string own = {}) {
  Duplex::Piece piece;
  const FrameHeader header = frame_header(opcode, own.size() + payload->size());
  piece.own = std::move(own);
  std::copy_n(header.bytes.begin(), header.size, piece.head.begin());
  piece.head_size = header.size;
  piece.body = std::move(payload);
  return piece;
}

Duplex::Piece close_frame(const WebSocketClose& close) { return frame(Opcode::kClose, share(close_payload(close))); }

}  // namespace

WebSocketSession::WebSocketSession(std::shared_ptr<Connection> connection, WebSocketOptions options)
    : Duplex(std::move(connection), options.queue_bytes), options_(std::move(options)), parser_(options_.max_message_bytes) {
  heard_ = now();
}

Task<std::optional<WebSocketMessage>> WebSocketSession::receive() {
  for (;;) {
    bool resume = false;
    std::optional<WebSocketMessage> message;
    bool over = false;
    {
      const std::lock_guard lock(state_mutex_);
      if (!received_.empty() && !closed_) {
        message = std::move(received_.front());
        received_.pop_front();
        resume = paused_ && received_.size() < options_.max_received_messages && std::exchange(paused_, false);
      } else if (!received_.empty() && !ended_) {
        received_.clear();  // closed by us: nobody wants them any more
        over = true;
      } else if (!received_.empty()) {
        message = std::move(received_.front());  // closed by the peer, after these
        received_.pop_front();
      } else {
        over = closed_.has_value();
      }
    }
    if (resume) resume_reading();
    if (message || over) co_return message;
    auto news = from_callback<void>([this](auto done) {
      {
        const std::lock_guard lock(state_mutex_);
        if (received_.empty() && !closed_) {
          receiver_ = [done]() mutable { done(Result<void>{}); };
          return;
        }
      }
      done(Result<void>{});
    });
    co_await news;
  }
}

Task<bool> WebSocketSession::send(SharedBytes data, bool text) {
  return push(frame(text ? Opcode::kText : Opcode::kBinary, std::move(data)));
}

Task<bool> WebSocketSession::send_parts(std::string own, SharedBytes shared) {
  return push(frame(Opcode::kText, std::move(shared), std::move(own)));
}

bool WebSocketSession::try_send(SharedBytes data, bool text) {
  return push_now(frame(text ? Opcode::kText : Opcode::kBinary, std::move(data))) == Pushed::kTaken;
}

void WebSocketSession::close(std::uint16_t code, std::string reason) {
  WebSocketClose how{code, std::move(reason)};
  {
    const std::lock_guard lock(state_mutex_);
    if (closed_) return;
  }
  seal(close_frame(how));
  end(std::move(how), false);
  resume_reading();  // for the peer's answer, should reading have been paused
  tick();            // sets the time within which it has to come
}

// The first reason stays. `by_peer`: what was received before is still to be taken.
void WebSocketSession::end(WebSocketClose how, bool by_peer) {
  UniqueFunction<void()> receiver;
  std::vector<UniqueFunction<void()>> listeners;
  {
    const std::lock_guard lock(state_mutex_);
    if (closed_) return;
    closed_ = std::move(how);
    ended_ = by_peer;
    receiver = std::move(receiver_);
    listeners.swap(on_closed_);
  }
  for (auto& fn : listeners) fn();
  if (receiver) receiver();
}

std::optional<WebSocketClose> WebSocketSession::closed() const {
  const std::lock_guard lock(state_mutex_);
  return closed_;
}

void WebSocketSession::on_closed(UniqueFunction<void()> fn) {
  {
    const std::lock_guard lock(state_mutex_);
    if (!closed_) {
      on_closed_.push_back(std::move(fn));
      return;
    }
  }
  fn();
}

bool WebSocketSession::on_bytes(std::string_view bytes) {
  heard_ = now();
  pinged_ = false;
  while (!bytes.empty() && !deaf_) {
    const FrameParser::Event event = parser_.next(bytes);
    if (event == FrameParser::Event::kNeedMore) break;
    if (!handle(event)) deaf_ = true;
  }
  const std::lock_guard lock(state_mutex_);
  paused_ = !closed_ && received_.size() >= options_.max_received_messages;
  return !paused_;
}

// False: nothing that follows counts.
bool WebSocketSession::handle(FrameParser::Event event) {
  switch (event) {
    case FrameParser::Event::kMessage:
      on_message(parser_.take_message());
      return true;
    case FrameParser::Event::kPing:
      // Pings beyond the room in the queue go unanswered: a peer that pings without reading must not fill our memory.
      push_now(frame(Opcode::kPong, share(parser_.control())), queued() < 2 * options_.queue_bytes);
      return true;
    case FrameParser::Event::kClose:
    case FrameParser::Event::kFailed: {
      const WebSocketClose how = parser_.close();
      seal(close_frame(how));  // the answer, unless ours was first
      end(how, event == FrameParser::Event::kClose);
      finish({});
      return false;
    }
    default:
      return true;
  }
}

void WebSocketSession::on_message(WebSocketMessage message) {
  UniqueFunction<void()> receiver;
  {
    const std::lock_guard lock(state_mutex_);
    if (closed_) return;
    received_.push_back(std::move(message));
    receiver = std::move(receiver_);
  }
  if (receiver) receiver();
}

void WebSocketSession::on_gone() { end({close_code::kAbnormal, {}}, true); }

Time WebSocketSession::on_tick(Time at) {
  Time next = at + std::chrono::hours{24};
  bool closed = false;
  bool paused = false;
  {
    const std::lock_guard lock(state_mutex_);
    closed = closed_.has_value();
    paused = paused_;
  }
  if (closed) {
    if (!close_due_) close_due_ = at + options_.close_timeout;
    if (*close_due_ <= at) finish({});
    return *close_due_ <= at ? next : *close_due_;
  }
  if (paused) heard_ = at;  // we do not listen, so silence says nothing
  if (options_.idle_timeout > Duration::zero()) {
    if (heard_ + options_.idle_timeout <= at) {
      cut();
      return next;
    }
    next = std::min(next, heard_ + options_.idle_timeout);
  }
  if (options_.ping_interval > Duration::zero()) {
    if (!pinged_ && heard_ + options_.ping_interval <= at) {
      pinged_ = true;
      push_now(frame(Opcode::kPing, share({})), true);
    }
    if (!pinged_) next = std::min(next, heard_ + options_.ping_interval);
  }
  return next;
}

}  // namespace trunkline::net

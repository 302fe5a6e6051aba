#include "runtime/net/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include "runtime/net/body_stream.h"
#include "runtime/net/websocket_session.h"

namespace trunkline::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t kSmallBuffer = 4 * 1024;
constexpr std::size_t kBodyBuffer = 64 * 1024;
constexpr std::size_t kKeptMemory = 64 * 1024;        // buffers above are given back between requests
constexpr std::size_t kAnswerBatchBytes = 64 * 1024;  // pipelined answers leave at the latest then
constexpr std::size_t kChunkLineBytes = 8 * 1024;     // a chunk header or trailer line
constexpr std::size_t kLingerBytes = 16 * 1024 * 1024;
constexpr Duration kLinger = std::chrono::seconds{2};

std::int64_t us(Duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); }

std::string remote_of(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  return ec ? std::string() : endpoint.address().to_string();
}

const char* code_of(int status) {
  switch (status) {
    case 408:
      return "RequestTimeout";
    case 413:
      return "RequestEntityTooLarge";
    case 414:
      return "UriTooLong";
    case 417:
      return "ExpectationFailed";
    case 431:
      return "RequestHeaderFieldsTooLarge";
    case 501:
      return "NotImplemented";
    case 505:
      return "HttpVersionNotSupported";
    default:
      return "BadRequest";
  }
}

}  // namespace

Connection::Connection(std::shared_ptr<ServerCore> core, tcp::socket socket, asio::ssl::context* tls)
    : core_(std::move(core)), socket_(std::move(socket)) {
  if (tls) tls_.emplace(socket_, *tls);
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  request_.remote = remote_of(socket_);
  request_.tls = tls != nullptr;
}

Connection::~Connection() { close(); }

void Connection::start() {
  if (!tls_) return pump();
  set_phase(Phase::kHandshake, core_->options.timeouts.header);
  tls_->async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](const error_code& ec) {
    if (!ec) return self->pump();
    self->core_->log.debug("http", "TLS handshake failed", {{"remote", self->request_.remote}, {"reason", ec.message()}});
    self->close();
  });
}

// Parses, handles and answers what has been read, then waits for more. Every wait of the connection ends here again.
void Connection::pump() {
  for (;;) {
    const Parsed parsed = parse();
    if (parsed == Parsed::kReady) {
      if (core_->stopped.load(std::memory_order_relaxed)) return close();
      if (handle() == Step::kPending) return;
      if (!append_answer()) return;
    }
    if (closing_) {
      if (flush() == Step::kGoOn) end();
      return;
    }
    if (parsed == Parsed::kNeedMore) {
      if (flush() == Step::kGoOn) read();
      return;
    }
    if (out_.size() >= kAnswerBatchBytes && flush() == Step::kPending) return;
  }
}

Connection::Parsed Connection::parse() {
  if (!fresh_) return Parsed::kNeedMore;
  if (!parser_) {
    while (begin_ < end_ && (in_[begin_] == '\r' || in_[begin_] == '\n')) ++begin_;  // RFC 9112, 2.2
    if (begin_ == end_) {
      begin_ = end_ = 0;
      fresh_ = false;
      return Parsed::kNeedMore;
    }
    parser_.emplace(request_, core_->options);
    told_continue_ = awaits_body_ = false;
  }
  error_code ec;
  begin_ += parser_->put(asio::const_buffer(in_.get() + begin_, end_ - begin_), ec);
  if (ec && ec != http::error::need_more) {
    const RequestParser::Refusal refusal = parser_->refusal(ec);
    return refuse(refusal.status, refusal.why);
  }
  if (parser_->is_done()) return Parsed::kReady;
  fresh_ = false;
  if (begin_ == end_) begin_ = end_ = 0;
  if (!parser_->is_header_done()) {
    // Beast limits what is pending; what it has taken before counts as well.
    if (parser_->header_bytes() + (end_ - begin_) >= core_->options.limits.header_bytes)
      return refuse(431, "The request header is too large.");
  } else if (end_ - begin_ >= kChunkLineBytes) {
    return refuse(400, "The chunked request body is malformed.");
  } else if (parser_->expects_continue() && !told_continue_) {
    told_continue_ = true;
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  return Parsed::kNeedMore;
}

// A request that no handler will see. What follows it on the connection cannot be trusted, so the connection ends.
Connection::Parsed Connection::refuse(int status, const char* why) {
  if (core_->options.on_refused) core_->options.on_refused(status, why);
  core_->log.debug("http", "request refused", {{"status", status}, {"reason", why}, {"remote", request_.remote}});
  Response response;
  response.status = status;
  response.body = error_envelope(code_of(status), why);
  append_response(out_, response, date_.at(core_->clock.now()), {.keep_alive = false});
  closing_ = true;
  return Parsed::kRefused;
}

Connection::Step Connection::handle() {
  phase_.store(Phase::kHandling, std::memory_order_relaxed);
  clear_deadline();
  keep_alive_ = parser_->keep_alive();
  meeting_.store(Meeting::kNobody, std::memory_order_relaxed);
  answer(shared_from_this());
  if (meeting_.load(std::memory_order_acquire) == Meeting::kDone) return Step::kGoOn;
  // It waits for something: answers before it must not wait with it. What does not fit into the socket now follows later.
  if (!tls_ && out_.size() > written_) {
    const ssize_t n =
        ::send(socket_.native_handle(), out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) written_ += static_cast<std::size_t>(n);
  }
  return meeting_.exchange(Meeting::kWaiting, std::memory_order_acq_rel) == Meeting::kNobody ? Step::kPending : Step::kGoOn;
}

trunkline::detail::Detached Connection::answer(std::shared_ptr<Connection> self) {
  try {
    self->response_ = co_await self->core_->handler(self->request_);
  } catch (...) {
    const Error error = current_error();
    self->core_->log.error("http", "handler threw",
                           {{"reason", error.message}, {"method", self->request_.method}, {"path", self->request_.path()}});
    self->response_ = Response{};
    self->response_.status = 500;
    self->response_.body = error_envelope("InternalServerError", "The request failed inside the server.");
  }
  if (self->meeting_.exchange(Meeting::kDone, std::memory_order_acq_rel) != Meeting::kWaiting) co_return;
  asio::dispatch(self->socket_.get_executor(), [self] {
    if (self->append_answer()) self->pump();
  });
}

bool Connection::append_answer() {
  if (core_->draining.load()) keep_alive_ = false;
  const bool streams = response_.stream && request_.method != "HEAD";
  if (response_.websocket || streams) {
    hand_over();
    return false;
  }
  const Framing framing{.keep_alive = keep_alive_, .http_1_0 = request_.http_1_0, .head = request_.method == "HEAD"};
  append_response(out_, response_, date_.at(core_->clock.now()), framing);
  closing_ = !keep_alive_;
  parser_.reset();
  if (request_.body.capacity() > kKeptMemory) std::string().swap(request_.body);
  return true;
}

namespace {

trunkline::detail::Detached run_websocket(std::shared_ptr<WebSocketSession> session, std::shared_ptr<WebSocketUpgrade> upgrade,
                                          Log* log) {
  std::shared_ptr<WebSocket> handle = session;
  try {
    co_await upgrade->run(std::move(handle));
    session->close(close_code::kNormal, {});
  } catch (...) {
    log->error("http", "WebSocket handler threw", {{"reason", current_error().message}});
    session->close(close_code::kInternalError, "the server failed");
  }
}

trunkline::detail::Detached run_stream(std::shared_ptr<BodyStream> body, std::shared_ptr<StreamingBody> stream, Log* log) {
  std::shared_ptr<BodyWriter> handle = body;
  try {
    co_await stream->run(std::move(handle));
    body->complete();
  } catch (...) {
    log->error("http", "stream handler threw", {{"reason", current_error().message}});
    body->fail();
  }
}

}  // namespace

// Answers that came before, and the head of this one, become the first bytes of what follows.
void Connection::hand_over() {
  std::string head = out_.substr(written_);
  std::string early(in_.get() + begin_, end_ - begin_);
  out_ = {};
  written_ = begin_ = end_ = capacity_ = 0;
  in_.reset();
  parser_.reset();
  const std::string& date = date_.at(core_->clock.now());
  const Response response = std::move(response_);
  std::shared_ptr<WebSocketSession> session;
  std::shared_ptr<BodyStream> body;
  std::shared_ptr<Duplex> duplex;
  if (response.websocket) {
    append_stream_head(head, response, date, StreamFraming::kUpgrade);
    duplex = session = std::make_shared<WebSocketSession>(shared_from_this(), response.websocket->options);
  } else {
    append_stream_head(head, response, date, request_.http_1_0 ? StreamFraming::kUntilClose : StreamFraming::kChunked);
    duplex = body = std::make_shared<BodyStream>(shared_from_this(), response.stream->options, !request_.http_1_0);
  }
  duplex_ = duplex;
  phase_.store(Phase::kTakenOver);
  duplex->begin(std::move(head), std::move(early));
  // Pairs with drain() and abandon(), which set their flags and then look at the phases.
  if (core_->draining.load()) duplex->quiesce();
  if (core_->stopped.load()) duplex->abandon();
  if (session)
    run_websocket(std::move(session), response.websocket, &core_->log);
  else
    run_stream(std::move(body), response.stream, &core_->log);
}

// Writes at once what the socket takes; kPending: the rest is under way and pump() or end() follows.
Connection::Step Connection::flush() {
  if (!tls_ && written_ < out_.size()) {
    const ssize_t n =
        ::send(socket_.native_handle(), out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) written_ += static_cast<std::size_t>(n);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
      close();
      return Step::kPending;
    }
  }
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
    if (out_.capacity() > kKeptMemory) std::string().swap(out_);
    return Step::kGoOn;
  }
  set_phase(Phase::kWriting, core_->options.timeouts.write);
  auto done = [self = shared_from_this()](const error_code& ec, std::size_t) {
    if (ec) return self->close();
    self->written_ = self->out_.size();
    self->flush();  // only tidies up
    self->closing_ ? self->end() : self->pump();
  };
  const auto rest = asio::buffer(out_.data() + written_, out_.size() - written_);
  if (tls_)
    asio::async_write(*tls_, rest, std::move(done));
  else
    asio::async_write(socket_, rest, std::move(done));
  return Step::kPending;
}

void Connection::make_room() {
  if (begin_ > 0) {
    std::memmove(in_.get(), in_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const bool in_body = parser_ && parser_->is_header_done();
  std::size_t want = in_body ? kBodyBuffer : kSmallBuffer;
  while (want < end_ + kSmallBuffer / 2) want *= 2;  // bounded: parse() refuses before limits.header_bytes is exceeded
  if (capacity_ >= want && (capacity_ <= kSmallBuffer || end_ > 0 || in_body)) return;
  if (capacity_ == want) return;
  std::unique_ptr<char[]> bigger(new char[want]);
  if (end_ > 0) std::memcpy(bigger.get(), in_.get(), end_);
  in_ = std::move(bigger);
  capacity_ = want;
}

void Connection::read() {
  const HttpTimeouts& timeouts = core_->options.timeouts;
  const bool partial = parser_.has_value();
  if (!partial) {
    set_phase(Phase::kIdle, timeouts.idle);
    // Pairs with drain(): it sets the flag and then looks at the phases.
    if (core_->draining.load() && begin_ == end_) return close();
  } else if (!parser_->is_header_done()) {
    // Set once, so that a header that trickles in does not extend it.
    if (phase_.load(std::memory_order_relaxed) != Phase::kReading) set_phase(Phase::kReading, timeouts.header);
  } else if (!awaits_body_) {
    awaits_body_ = true;
    const auto length = parser_->content_length();
    set_phase(Phase::kReading, timeouts.body + std::chrono::seconds{length ? *length / (64 * 1024) : 16});
  }
  make_room();
  const auto space = asio::buffer(in_.get() + end_, capacity_ - end_);
  auto done = [self = shared_from_this()](const error_code& ec, std::size_t n) { self->on_read(ec, n); };
  if (tls_)
    tls_->async_read_some(space, std::move(done));
  else
    socket_.async_read_some(space, std::move(done));
}

void Connection::on_read(const error_code& ec, std::size_t bytes) {
  if (!ec) {
    end_ += bytes;
    fresh_ = true;
    return pump();
  }
  const bool ended = ec == asio::error::eof || ec == asio::ssl::error::stream_truncated;
  if (!ended || !parser_ || core_->stopped.load()) return close();
  if (timed_out_.load())
    refuse(408, "The request did not arrive in time.");
  else
    refuse(400, "The request ended before it was complete.");
  if (flush() == Step::kGoOn) end();
}

// Everything has been written and the connection is to end.
void Connection::end() {
  if (!tls_) return linger();
  set_phase(Phase::kLingering, kLinger);
  tls_->async_shutdown([self = shared_from_this()](const error_code&) { self->linger(); });
}

// Closing a socket with unread input resets the connection, and the peer may lose our answer: read the rest first.
void Connection::linger() {
  set_phase(Phase::kLingering, kLinger);
  error_code ec;
  socket_.shutdown(tcp::socket::shutdown_send, ec);
  if (ec) return close();
  begin_ = end_ = 0;
  parser_.reset();
  make_room();
  discard();
}

void Connection::discard() {
  socket_.async_read_some(asio::buffer(in_.get(), capacity_), [self = shared_from_this()](const error_code& ec, std::size_t n) {
    self->discarded_ += n;
    if (ec || self->discarded_ > kLingerBytes || self->core_->stopped.load()) return self->close();
    self->discard();
  });
}

void Connection::close() {
  core_->leave(this);
  error_code ignored;
  socket_.close(ignored);
}

void Connection::set_phase(Phase phase, Duration limit) {
  phase_.store(phase);
  const std::int64_t due = core_->clock.now_unix_us() + us(limit);
  deadline_us_.store(due, std::memory_order_relaxed);
  core_->note_deadline(due);
}

void Connection::set_deadline(std::int64_t us) {
  std::int64_t set = deadline_us_.load(std::memory_order_relaxed);
  while (us < set && !deadline_us_.compare_exchange_weak(set, us, std::memory_order_relaxed)) {
  }
  core_->note_deadline(us);
}

std::shared_ptr<Duplex> Connection::taken_over_by() const {
  return phase_.load() == Phase::kTakenOver ? duplex_.lock() : nullptr;
}

void Connection::expire() {
  clear_deadline();
  if (const auto duplex = taken_over_by()) return duplex->tick();
  timed_out_.store(true);
  switch (phase_.load()) {
    case Phase::kIdle:
    case Phase::kReading:
      // The pending read ends and the connection's own chain answers 408 or closes.
      ::shutdown(socket_.native_handle(), SHUT_RD);
      break;
    case Phase::kHandling:
    case Phase::kTakenOver:
      break;
    case Phase::kHandshake:
    case Phase::kWriting:
    case Phase::kLingering:
      shut();
      break;
  }
}

void Connection::quiesce() {
  if (const auto duplex = taken_over_by()) return duplex->quiesce();
  const Phase phase = phase_.load();
  if (phase == Phase::kIdle)
    ::shutdown(socket_.native_handle(), SHUT_RD);  // what has arrived already is still read and answered
  else if (phase == Phase::kHandshake || phase == Phase::kLingering)
    shut();
}

void Connection::shut() { ::shutdown(socket_.native_handle(), SHUT_RDWR); }

}  // namespace trunkline::net

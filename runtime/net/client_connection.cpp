#include "runtime/net/client_connection.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

namespace trunkline::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr Duration kIdle = std::chrono::seconds{90};
constexpr std::size_t kSmallReadBuffer = 4 * 1024;
constexpr std::size_t kBodyReadBuffer = 64 * 1024;
constexpr std::size_t kJoinedBytes = 16 * 1024;  // bodies up to this follow their head in one piece

}  // namespace

ClientConnection::ClientConnection(ClientPool& pool, OriginPtr origin)
    : pool_(pool), origin_(std::move(origin)), socket_(pool.io()), in_(kSmallReadBuffer) {}

ClientConnection::~ClientConnection() {
  if (plain_ >= 0) ::close(plain_);
}

Error ClientConnection::error(ErrorCode code, const std::string& why) const {
  return Error(code, described(exchange_->request) + ": " + why);
}

void ClientConnection::set_deadline(SteadyTime at) {
  deadline_ = at;
  pool_.note_deadline(at);
}

// ---- opening

void ClientConnection::open(ExchangePtr exchange) {
  exchange_ = std::move(exchange);
  connect_deadline_ = std::min(exchange_->deadline, std::chrono::steady_clock::now() + exchange_->request.connect_timeout);
  set_deadline(connect_deadline_);
  error_code ec;
  const auto address = asio::ip::make_address(origin_->host, ec);
  if (!ec) return use({tcp::endpoint(address, 0)});
  pool_.lookup().find(origin_->host, [self = shared_from_this()](const Endpoints& endpoints, const std::string& problem) {
    if (self->closed_) return;
    if (endpoints.empty()) {
      Error error = self->error(ErrorCode::kUnavailable, "could not resolve host '" + self->origin_->host + "': " + problem);
      return self->end(with_resolution_failure(std::move(error).with_retry()));
    }
    self->use(endpoints);
  });
}

/// Asked about the addresses that will be connected to, so that a name cannot change its meaning in between.
void ClientConnection::use(Endpoints endpoints) {
  const auto& allowed = pool_.options().allow_address;
  if (allowed)
    std::erase_if(endpoints, [&](const tcp::endpoint& endpoint) {
      const std::string text = endpoint.address().to_string();
      return !allowed(std::string_view(text).substr(0, text.find('%')));  // without the zone of a link-local one
    });
  for (tcp::endpoint& endpoint : endpoints) endpoint.port(origin_->port);
  endpoints_ = std::move(endpoints);
  connect_next("no address of '" + origin_->host + "' may be connected to");
}

/// `problem`: of the address before.
void ClientConnection::connect_next(const std::string& problem) {
  if (attempt_ == endpoints_.size()) return broke(problem);
  const SteadyTime now = std::chrono::steady_clock::now();
  // An address that does not answer leaves time for the others.
  set_deadline(now + (connect_deadline_ - now) / static_cast<int>(endpoints_.size() - attempt_));
  const tcp::endpoint& endpoint = endpoints_[attempt_++];
  error_code ignored;
  socket_.close(ignored);
  socket_.async_connect(endpoint, [self = shared_from_this(), attempt = attempt_](const error_code& ec) {
    if (self->closed_ || self->attempt_ != attempt) return;
    if (ec) return self->connect_next("could not connect: " + ec.message());
    error_code unset;
    self->socket_.set_option(tcp::no_delay(true), unset);
    if (self->origin_->tls) return self->handshake();
    self->leave_asio();
  });
}

void ClientConnection::leave_asio() {
  error_code ec;
  plain_ = socket_.release(ec);
  if (ec || !pool_.sockets().add(plain_, *this)) return broke("the system cannot watch one more socket");
  connected_ = true;
  write();
}

void ClientConnection::handshake() {
  set_deadline(connect_deadline_);
  try {
    tls_.emplace(socket_, pool_.tls());
  } catch (const Error& error) {
    return end(this->error(error.code, error.message));
  }
  SSL* const ssl = tls_->native_handle();
  const std::string& host = origin_->host;
  error_code name;
  (void)asio::ip::make_address(host, name);
  bool ready = true;
  if (name) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ready = SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
  } else {
    ready = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  }
  if (!ready) return end(error(ErrorCode::kUnavailable, "its certificate cannot be verified"));
  tls_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](const error_code& ec) {
    if (self->closed_) return;
    if (!ec) {
      self->connected_ = true;
      return self->write();
    }
    const long verified = SSL_get_verify_result(self->tls_->native_handle());
    // Not worth another attempt soon, unlike a connection that broke.
    if (verified != X509_V_OK)
      return self->end(self->error(ErrorCode::kUnavailable, std::string("the certificate cannot be verified: ") +
                                                                X509_verify_cert_error_string(verified)));
    self->broke("TLS handshake failed: " + ec.message());
  });
}

// ---- sending

void ClientConnection::send(ExchangePtr exchange) {
  exchange_ = std::move(exchange);
  write();
}

bool ClientConnection::body_is_joined() const { return exchange_->request.body.size() <= kJoinedBytes; }

void ClientConnection::write() {
  set_deadline(exchange_->deadline);
  answered_ = false;
  out_.clear();
  append_head(out_, *exchange_, pool_.options().user_agent);
  if (body_is_joined()) out_.append(exchange_->request.body);
  writing_ = true;
  if (tls_) return write_tls();
  sent_ = 0;
  deferred_ = pool_.sockets().defer(*this);
  if (!deferred_) flush();
}

void ClientConnection::write_tls() {
  const std::array<asio::const_buffer, 2> all{asio::buffer(out_),
                                              body_is_joined() ? asio::const_buffer() : asio::buffer(exchange_->request.body)};
  asio::async_write(*tls_, all, [self = shared_from_this()](const error_code& ec, std::size_t) {
    self->writing_ = false;
    self->write_failed_ = static_cast<bool>(ec);
  });
  // Also when it cannot be written: an answer may have come first, and else the read says what happened.
  read_tls();
}

/// What does not fit into the socket follows when it does.
void ClientConnection::flush() {
  deferred_ = false;
  if (!writing_) return;
  const std::string& body = exchange_->request.body;
  const std::size_t joined = out_.size(), all = joined + (body_is_joined() ? 0 : body.size());
  while (sent_ < all) {
    const bool head = sent_ < joined;
    const std::string_view rest = head ? std::string_view(out_).substr(sent_) : std::string_view(body).substr(sent_ - joined);
    const int more = head && all > joined ? MSG_MORE : 0;
    const ssize_t n = ::send(plain_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT | more);
    if (n >= 0) {
      sent_ += static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return;
    writing_ = false;
    write_failed_ = true;
    // An answer may have come first, and else the socket says that it is readable, and then what happened.
    if (errno == EPIPE || errno == ECONNRESET) return;
    const ClientConnectionPtr self = shared_from_this();
    return broke(error_code(errno, boost::system::system_category()).message());
  }
  writing_ = false;
}

// ---- the answer

void ClientConnection::ready(std::uint32_t events) {
  const bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  const bool readable = ended || (events & EPOLLIN) != 0;
  peer_ended_ |= ended;
  const ClientConnectionPtr self = shared_from_this();
  if (!exchange_) {
    if (readable) close();  // the peer has had enough, or sends what nobody asked for
    return;
  }
  // It came before the request went.
  if (readable && deferred_) return broke("the peer closed the connection");
  if ((events & EPOLLOUT) != 0 && writing_) flush();
  if (readable && !closed_) receive();
}

void ClientConnection::receive() {
  for (;;) {
    const std::size_t space = in_.size() - end_;
    const ssize_t n = ::recv(plain_, in_.data() + end_, space, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    error_code ec;
    if (n < 0) ec.assign(errno, boost::system::system_category());
    if (n == 0) ec = asio::error::eof;
    const auto bytes = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    // Less than there is room for: the socket has no more, and says so when that changes.
    if (on_read(ec, bytes) == Then::kStop || (bytes < space && !peer_ended_)) return;
  }
}

void ClientConnection::read_tls() {
  if (reading_ || closed_) return;
  reading_ = true;
  tls_->async_read_some(asio::buffer(in_.data() + end_, in_.size() - end_),
                        [self = shared_from_this()](const error_code& ec, std::size_t n) {
                          self->reading_ = false;
                          if (self->closed_) return;
                          if (!self->exchange_) return self->close();
                          if (self->on_read(ec, n) == Then::kReadOn) self->read_tls();
                        });
}

ClientConnection::Then ClientConnection::on_read(const error_code& ec, std::size_t bytes) {
  if (ec) {
    if (ec == asio::error::eof && parser_ && parser_->got_some()) {
      error_code incomplete;
      parser_->put_eof(incomplete);
      if (!incomplete && parser_->is_done()) {
        finish();
        return Then::kStop;
      }
    }
    broke(ec == asio::error::eof ? "the peer closed the connection before its answer was complete" : ec.message());
    return Then::kStop;
  }
  end_ += bytes;
  answered_ = true;
  return parse();
}

/// kStop: the answer is complete, or as much of it as is wanted, or the connection was closed.
ClientConnection::Then ClientConnection::parse() {
  const ClientRequest& request = exchange_->request;
  const ResponseLimits limits{.body_bytes = request.max_response_bytes, .truncate_body = request.truncate_body};
  while (begin_ < end_) {
    if (!parser_) parser_.emplace(exchange_->response, limits, request.wants_headers, request.method == "HEAD");
    error_code ec;
    begin_ += parser_->put(asio::const_buffer(in_.data() + begin_, end_ - begin_), ec);
    if (ec == http::error::need_more) ec = {};
    if (parser_->truncated()) {
      finish();
      return Then::kStop;
    }
    if (ec && (parser_->too_large() || ec == http::error::header_limit)) {
      const std::size_t limit = parser_->is_header_done() ? limits.body_bytes : limits.header_bytes;
      end(error(ErrorCode::kResourceExhausted, "the answer is larger than " + std::to_string(limit) + " bytes"));
      return Then::kStop;
    }
    if (ec) {
      end(error(ErrorCode::kUnavailable, "the answer is malformed: " + ec.message()).with_retry());
      return Then::kStop;
    }
    if (!parser_->is_done()) break;
    if (!parser_->interim()) {
      finish();
      return Then::kStop;
    }
    const std::size_t taken = parser_->header_bytes();
    parser_.emplace(exchange_->response, limits, request.wants_headers, request.method == "HEAD", taken);
  }
  return make_room();
}

/// kStop: what is left to parse is too large already.
ClientConnection::Then ClientConnection::make_room() {
  if (begin_ > 0) {
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (parser_ && parser_->is_header_done() && in_.size() < kBodyReadBuffer) in_.resize(kBodyReadBuffer);
  if (end_ < in_.size()) return Then::kReadOn;
  // A header, or the head of a chunk, that goes on and on.
  const ResponseLimits limits;
  if (in_.size() >= limits.header_bytes) {
    end(error(ErrorCode::kResourceExhausted, "the answer is larger than " + std::to_string(limits.header_bytes) + " bytes"));
    return Then::kStop;
  }
  in_.resize(in_.size() * 2);
  return Then::kReadOn;
}

void ClientConnection::finish() {
  const bool reusable = !parser_->truncated() && parser_->keep_alive() && begin_ == end_ && !writing_ && !write_failed_ &&
                        !peer_ended_ && connected_;
  parser_.reset();
  begin_ = end_ = 0;
  if (in_.size() > kSmallReadBuffer) std::vector<char>(kSmallReadBuffer).swap(in_);
  ExchangePtr exchange = take_exchange();
  ClientResponse response = std::move(exchange->response);
  kept_ = true;
  const ClientConnectionPtr self = shared_from_this();
  if (!reusable) {
    close();
    return pool_.complete(std::move(exchange), std::move(response));
  }
  pool_.release(self);
  pool_.complete(std::move(exchange), std::move(response));
  if (closed_ || exchange_) return;
  // Listens, so that it goes as soon as the peer lets go of it.
  set_deadline(std::chrono::steady_clock::now() + kIdle);
  if (tls_) read_tls();
}

// ---- ends

/// Closing does not end a write over TLS at once: one that has been done in part goes on to the next record first. So the bytes
/// stay with us; a move keeps a body of more than kJoinedBytes where it is.
ExchangePtr ClientConnection::take_exchange() {
  if (exchange_ && tls_ && writing_ && exchange_->request.body.size() > kJoinedBytes) body_ = std::move(exchange_->request.body);
  return std::move(exchange_);
}

void ClientConnection::expire() {
  if (!exchange_) return close();
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < exchange_->deadline && !connected_ && !tls_ && attempt_ < endpoints_.size()) return connect_next("");
  std::string why = "no answer in time";
  if (!connected_) why = endpoints_.empty() ? "its name was not looked up in time" : "could not connect in time";
  end(error(ErrorCode::kDeadlineExceeded, why).with_retry());
}

void ClientConnection::end(Error error) {
  ExchangePtr exchange = take_exchange();
  close();
  if (exchange) pool_.complete(std::move(exchange), std::move(error));
}

/// The peer, or the way to it, failed. Before any byte of an answer on a kept connection that says no more than that the peer
/// had closed it by then.
void ClientConnection::broke(const std::string& why) {
  if (!kept_ || answered_ || exchange_->resent) return end(error(ErrorCode::kUnavailable, why).with_retry());
  ExchangePtr exchange = take_exchange();
  if (!body_.empty()) exchange->request.body = body_;  // is sent once more
  exchange->resent = true;
  close();
  pool_.restart(std::move(exchange));
}

void ClientConnection::close() {
  if (std::exchange(closed_, true)) return;
  const ClientConnectionPtr self = shared_from_this();
  parser_.reset();
  error_code ignored;
  socket_.close(ignored);
  if (plain_ >= 0) {
    pool_.sockets().remove(plain_, *this);
    ::close(std::exchange(plain_, -1));
  }
  pool_.closed(self);
}

}  // namespace trunkline::net

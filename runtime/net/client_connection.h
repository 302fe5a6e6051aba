// Internal to runtime/net: one connection to a host, plain or TLS, with one request at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "runtime/net/client_pool.h"
#include "runtime/net/response_parser.h"

namespace trunkline::net {

/// Owned by the pool while it is open, and by its pending reads and writes. On the pool's thread. A plain one is given to the
/// pool's SocketSet once it is connected; one with TLS stays with Asio.
class ClientConnection final : public std::enable_shared_from_this<ClientConnection>, private SocketSet::Member {
 public:
  ClientConnection(ClientPool& pool, OriginPtr origin);
  ClientConnection(const ClientConnection&) = delete;
  ~ClientConnection();

  Origin& origin() const { return *origin_; }
  /// Looks its host up, connects and sends.
  void open(ExchangePtr exchange);
  /// On an open connection without an exchange.
  void send(ExchangePtr exchange);
  SteadyTime deadline() const { return deadline_; }
  void expire();
  bool works_on(std::uint64_t id) const { return exchange_ && exchange_->id == id; }
  /// Closes; the exchange, if there is one, ends with the error.
  void end(Error error);
  void close();

 private:
  using tcp = boost::asio::ip::tcp;
  // Not tcp::socket, whose executor is any: that costs at every step.
  using Socket = boost::asio::basic_stream_socket<tcp, boost::asio::io_context::executor_type>;
  using error_code = boost::system::error_code;
  using Endpoints = std::vector<tcp::endpoint>;

  void use(Endpoints endpoints);
  void connect_next(const std::string& problem);
  void handshake();
  void leave_asio();
  bool body_is_joined() const;
  void write();
  void write_tls();
  void flush() override;
  void ready(std::uint32_t events) override;
  void receive();
  void read_tls();
  enum class Then { kReadOn, kStop };
  Then on_read(const error_code& ec, std::size_t bytes);
  Then parse();
  Then make_room();
  void finish();
  ExchangePtr take_exchange();
  void broke(const std::string& why);
  void set_deadline(SteadyTime at);
  Error error(ErrorCode code, const std::string& why) const;

  ClientPool& pool_;
  const OriginPtr origin_;
  Socket socket_;
  int plain_ = -1;  // what socket_ has become
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  Endpoints endpoints_;
  std::size_t attempt_ = 0;  // addresses that were tried
  SteadyTime connect_deadline_;
  SteadyTime deadline_ = SteadyTime::max();

  ExchangePtr exchange_;
  bool connected_ = false;
  bool closed_ = false;
  bool kept_ = false;      // an answer came on it before
  bool answered_ = false;  // bytes of the answer have come
  bool reading_ = false;   // TLS
  bool deferred_ = false;  // plain: the request goes at the end of the round
  bool writing_ = false;   // a part of the request has still to go
  bool write_failed_ = false;
  bool peer_ended_ = false;  // plain: nothing comes after what has come

  std::string out_;
  std::size_t sent_ = 0;  // plain: of out_ and the body
  std::string body_;      // of an exchange that ended while it was being written; until the write has ended, too
  std::vector<char> in_;  // read and not parsed yet: in_[begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::optional<ResponseParser> parser_;
};

}  // namespace trunkline::net

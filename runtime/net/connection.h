// Internal to runtime/net: one accepted connection, plain or TLS.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "runtime/net/duplex.h"
#include "runtime/net/request_parser.h"
#include "runtime/net/response_writer.h"
#include "runtime/net/server_core.h"

namespace trunkline::net {

/// A chain of steps, one at a time: read, parse, handle, write. At most one of them is pending, so no strand is needed; other
/// threads only look at the atomics and call expire(), quiesce() and shut() under ServerCore::mutex. A WebSocket or a streamed
/// body takes the socket over (Duplex) and the chain ends.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using tcp = boost::asio::ip::tcp;

  Connection(std::shared_ptr<ServerCore> core, tcp::socket socket, boost::asio::ssl::context* tls);
  Connection(const Connection&) = delete;
  ~Connection();

  void start();

  std::int64_t deadline_us() const { return deadline_us_.load(std::memory_order_relaxed); }
  /// The deadline has passed.
  void expire();
  /// The server drains: ends the connection unless a request is in progress.
  void quiesce();
  void shut();
  /// What took the connection over, if anything did; only while the connection is in ServerCore::connections.
  std::shared_ptr<Duplex> taken_over_by() const;

 private:
  friend class Duplex;
  using error_code = boost::system::error_code;
  enum class Phase { kHandshake, kIdle, kReading, kHandling, kWriting, kLingering, kTakenOver };
  enum class Parsed { kNeedMore, kReady, kRefused };
  enum class Step { kGoOn, kPending };

  void pump();
  Parsed parse();
  Parsed refuse(int status, const char* why);
  Step handle();
  /// False: the connection was handed over and is no longer this chain's.
  bool append_answer();
  void hand_over();
  Step flush();
  void read();
  void on_read(const error_code& ec, std::size_t bytes);
  void end();
  void linger();
  void discard();
  void close();
  void make_room();
  void set_phase(Phase phase, Duration limit);
  /// The earlier of this and what is set.
  void set_deadline(std::int64_t us);
  void clear_deadline() { deadline_us_.store(kNoDeadline, std::memory_order_relaxed); }

  static trunkline::detail::Detached answer(std::shared_ptr<Connection> self);

  const std::shared_ptr<ServerCore> core_;
  tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<tcp::socket&>> tls_;
  std::atomic<Phase> phase_{Phase::kIdle};
  std::atomic<std::int64_t> deadline_us_{kNoDeadline};
  std::atomic<bool> timed_out_{false};

  // Bytes read and not parsed yet: in_[begin_, end_).
  std::unique_ptr<char[]> in_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool fresh_ = false;  // bytes the parser has not seen

  std::optional<RequestParser> parser_;
  Request request_;
  Response response_;
  /// Where the thread that started the handler and the one that ends it meet.
  enum class Meeting { kNobody, kWaiting, kDone };
  std::atomic<Meeting> meeting_{Meeting::kNobody};

  std::string out_;
  std::size_t written_ = 0;
  DateCache date_;
  bool keep_alive_ = true;
  bool closing_ = false;
  bool told_continue_ = false;  // 100 Continue has been sent for the request being read
  bool awaits_body_ = false;    // its body deadline is set
  std::size_t discarded_ = 0;

  std::weak_ptr<Duplex> duplex_;  // set before phase_ becomes kTakenOver, never changed after
};

}  // namespace trunkline::net

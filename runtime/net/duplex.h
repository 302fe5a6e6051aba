// Internal to runtime/net: a connection that has left HTTP's cycle of requests and answers. Reads and writes go on side by side.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/error_code.hpp>

#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/net/stream.h"

namespace trunkline::net {

class Connection;

/// Owns its Connection from the head of the answer on, and is itself owned by its pending reads and writes and by the handler's
/// handle; the Connection only knows it weakly. Input and output run in one strand; the queue has a mutex, so that any thread may
/// push. A message waits in the queue as a reference to bytes that other connections may share.
class Duplex : public std::enable_shared_from_this<Duplex> {
 public:
  /// Head and tail are framing, `own` is this receiver's, the body is shared. All may be empty.
  struct Piece {
    std::array<char, 18> head{};
    std::uint8_t head_size = 0;
    std::string own;
    SharedBytes body;
    std::string_view tail;  // static text
    std::size_t size() const { return head_size + own.size() + (body ? body->size() : 0) + tail.size(); }
  };

  Duplex(std::shared_ptr<Connection> connection, std::size_t queue_bytes);
  Duplex(const Duplex&) = delete;
  virtual ~Duplex();

  /// Writes `head` first and takes `early` for the first bytes read. Call it once, before the handler runs.
  void begin(std::string head, std::string early);

  // The server's: any thread, also with ServerCore::mutex held (but for abandon).
  /// The deadline has passed.
  void tick();
  /// The server drains.
  void quiesce();
  /// The server has stopped: nothing is written or read any more, and whoever waits goes on now, on this thread.
  void abandon();

 protected:
  enum class Pushed { kTaken, kFull, kClosed };
  /// `urgent`: a control frame, for which there is always room.
  Pushed push_now(Piece piece, bool urgent = false);
  Task<bool> push(Piece piece);
  /// No more pushes; ends the connection once the queue is written. `last` goes behind it all.
  void finish(Piece last);
  /// No more pushes, but the connection stays open for reading after `last`: the peer has to close.
  void seal(Piece last);
  /// Ends the connection now. [strand]
  void cut();
  bool sealed() const;
  std::size_t queued() const;
  void resume_reading();
  Time now() const;
  Log& log() const;
  /// Makes sure that tick() comes no later than that. [strand]
  void tick_by(Time due);

  /// Takes all of `bytes`. False: do not read on until resume_reading(). [strand]
  virtual bool on_bytes(std::string_view bytes) = 0;
  /// Nothing is sent or received any more; once. [any-thread]
  virtual void on_gone() = 0;
  /// [strand]
  virtual void on_drain() = 0;
  /// Something is due, perhaps; gives the time of the next tick. [strand]
  virtual Time on_tick(Time now) = 0;
  /// Bytes have been written. [strand]
  virtual void on_written() {}

  const std::shared_ptr<Connection> connection_;
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;

 private:
  using error_code = boost::system::error_code;

  void run_tick();
  void schedule_pump();  // with mutex_ held
  void pump();
  bool gather();
  bool write_plain();
  void write_tls();
  void written();
  void wind_down();
  void read();
  void on_read(const error_code& ec, std::size_t bytes);
  bool go();

  const std::size_t queue_bytes_;

  mutable std::mutex mutex_;
  std::deque<Piece> queue_;
  std::size_t queued_bytes_ = 0;  // in_flight_ included
  std::vector<UniqueFunction<void()>> waiting_for_room_;
  bool pump_scheduled_ = false;
  bool writing_ = false;
  bool sealed_ = false;
  bool finishing_ = false;
  bool gone_ = false;

  // Of the strand.
  std::vector<Piece> in_flight_;
  std::size_t flight_bytes_ = 0;
  std::size_t flight_written_ = 0;
  std::string tls_out_;
  Time progress_{};  // last time that bytes left, or had to
  bool reading_ = false;
  bool winding_down_ = false;
  Time wind_down_due_{};
  std::size_t discarded_ = 0;
  std::unique_ptr<char[]> in_;
  std::size_t capacity_ = 0;
};

}  // namespace trunkline::net

// Internal to runtime/net: what the connections of one server share.
#pragma once
#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "runtime/net/http_server.h"

namespace trunkline::net {

class Connection;

inline constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();

/// Outlives the HttpServer while a handler is still running. `mutex` guards the set, the timer and the listeners; a connection
/// leaves the set before it closes its socket, so whoever holds the mutex may shut sockets of the set down.
struct ServerCore : std::enable_shared_from_this<ServerCore> {
  ServerCore(Executor& e, Clock& c, Log& l, HttpServerOptions o, Handler h)
      : executor(e), clock(c), log(l), options(std::move(o)), handler(std::move(h)) {}

  Executor& executor;
  Clock& clock;
  Log& log;
  HttpServerOptions options;
  Handler handler;

  std::atomic<bool> draining{false};
  std::atomic<bool> stopped{false};
  std::atomic<std::int64_t> next_sweep_us{kNoDeadline};

  mutable std::mutex mutex;
  std::unordered_set<Connection*> connections;
  Clock::TimerId sweep_timer = 0;
  UniqueFunction<void()> on_empty;  // set by drain()
  UniqueFunction<void()> on_room;   // starts accepting again
  bool waits_for_room = false;

  /// False: the server has stopped.
  bool enter(Connection* connection);
  void leave(Connection* connection);
  /// Makes sure that sweep() runs no later than `us`. Cheap while a sweep is already due before that.
  void note_deadline(std::int64_t us);
  void sweep();
  /// Shuts every socket down and forgets the connections; requests in progress end without an answer.
  void abandon();

 private:
  void schedule_sweep(std::int64_t us);  // with mutex held
};

}  // namespace trunkline::net

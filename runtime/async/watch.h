// Waiting for a socket, and for wall time, on the executor's threads.
#pragma once
#include <chrono>
#include <memory>

#include "runtime/async/executor.h"

namespace trunkline {

/// Watches one socket, which it owns. A function that it runs may call every member; none runs after close() has returned. Not
/// counted as work. The executor must outlive it. [any-thread]
class SocketWatch : public std::enable_shared_from_this<SocketWatch> {
 public:
  static std::shared_ptr<SocketWatch> make(Executor& executor, int socket);
  SocketWatch(const SocketWatch&) = delete;
  ~SocketWatch();

  /// Open as long as this object is, also after close().
  int socket() const;
  /// Once, when something can be written. From then on the socket does not block, in whatever else reads or writes it either.
  void when_writable(UniqueFunction<void()> fn);
  /// Shuts the socket down and ends all waits. Blocks until a function that runs on another thread has returned.
  void close();

 private:
  struct Impl;
  explicit SocketWatch(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Calls a function again and again, in wall time: for what looks after things that hang in wall time. Not counted as work.
class WallTicker : public std::enable_shared_from_this<WallTicker> {
 public:
  /// The first time after `period`. `fn` runs on the executor, once at a time.
  static std::shared_ptr<WallTicker> start(Executor& executor, std::chrono::milliseconds period, UniqueFunction<void()> fn);
  WallTicker(const WallTicker&) = delete;
  ~WallTicker();
  /// Blocks until the function has returned that runs on another thread; inside of it, returns at once.
  void stop();

 private:
  struct Impl;
  explicit WallTicker(std::unique_ptr<Impl> impl);
  void arm();
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline

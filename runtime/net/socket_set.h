// Internal to runtime/net: plain sockets in large numbers, of which all that are ready are looked at together.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "runtime/base/function.h"

struct epoll_event;

namespace trunkline::net {

/// Beside the io_context's own reactor, because that looks at one socket at a time: it tries to read what cannot have come yet,
/// and each request goes out before the next answer is read, so a peer that is waiting is woken for each. Here a round reads all
/// answers that are there, and then everything goes out that they brought about. On the thread of the io_context.
class SocketSet {
 public:
  class Member {
   public:
    /// What epoll says, each change once: it reads and writes until the socket has no more.
    virtual void ready(std::uint32_t events) = 0;
    /// Whoever called defer() may write now.
    virtual void flush() = 0;

   protected:
    ~Member() = default;
  };

  explicit SocketSet(boost::asio::io_context& io);
  SocketSet(const SocketSet&) = delete;
  ~SocketSet();

  /// False: the system has no more room for it. The socket is non-blocking, and `member` stays until it is removed.
  bool add(int socket, Member& member);
  /// Before the socket is closed. Nothing is called after this.
  void remove(int socket, Member& member);
  /// True: a round is under way, and `member` is flushed soon. False: it may write at once.
  bool defer(Member& member);
  /// Runs fn when the round has read everything; without one, here and now.
  void after_events(UniqueFunction<void()> fn);
  /// Lets go of the io_context. Nothing is called after this.
  void stop();

 private:
  void wait();
  void look();
  void finish_round();
  void flush();

  // Holds the epoll descriptor, and is ready when a socket is.
  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> epoll_;
  bool waiting_ = false;  // since the first socket came
  bool in_round_ = false;
  epoll_event* next_ = nullptr;  // of the round: still to be looked at
  epoll_event* end_ = nullptr;
  std::vector<UniqueFunction<void()>> after_;
  std::vector<Member*> deferred_;
};

}  // namespace trunkline::net

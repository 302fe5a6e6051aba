#include "runtime/net/socket_set.h"

#include <gmock/gmock.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace trunkline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// One end of a connection in the set, and the other in our hand.
class Peer final : public net::SocketSet::Member {
 public:
  Peer() {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_) != 0) std::abort();
  }
  ~Peer() {
    ::close(ends_[0]);
    hang_up();
  }
  int socket() const { return ends_[0]; }
  void say(std::string_view text) { ASSERT_EQ(::send(ends_[1], text.data(), text.size(), 0), static_cast<ssize_t>(text.size())); }
  void hang_up() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }

  void ready(std::uint32_t events) override {
    if (on_ready) on_ready(events);
  }
  void flush() override {
    if (on_flush) on_flush();
  }
  std::function<void(std::uint32_t)> on_ready;
  std::function<void()> on_flush;

 private:
  int ends_[2] = {-1, -1};
};

class SocketSetTest : public ::testing::Test {
 protected:
  void add(Peer& peer) {
    ASSERT_TRUE(set.add(peer.socket(), peer));
    look();  // it can be written to, which is news
  }
  void look() {
    io.restart();
    io.poll();
  }
  boost::asio::io_context io{1};
  net::SocketSet set{io};
  std::vector<std::string> log;
};

TEST_F(SocketSetTest, EverythingIsReadBeforeAnythingIsDoneAboutItAndThatBeforeAnythingIsWritten) {
  Peer a, b;
  add(a), add(b);
  for (Peer* const peer : {&a, &b}) {
    peer->on_ready = [this, peer](std::uint32_t) {
      log.emplace_back("ready");
      set.after_events([this, peer] {
        log.emplace_back("after");
        EXPECT_TRUE(set.defer(*peer));
      });
    };
    peer->on_flush = [this] { log.emplace_back("flush"); };
    peer->say("x");
  }
  look();
  EXPECT_THAT(log, ElementsAre("ready", "ready", "after", "after", "flush", "flush"));
}

TEST_F(SocketSetTest, WhatAFlushBringsAboutIsDoneInTheSameRound) {
  Peer a;
  add(a);
  a.on_ready = [&](std::uint32_t) { EXPECT_TRUE(set.defer(a)); };
  a.on_flush = [&] {
    log.emplace_back("flush");
    if (log.size() > 3) return;
    set.after_events([&] {
      log.emplace_back("after");
      EXPECT_TRUE(set.defer(a));
    });
  };
  a.say("x");
  look();
  EXPECT_THAT(log, ElementsAre("flush", "after", "flush", "after", "flush"));
}

TEST_F(SocketSetTest, OutsideOfARoundEverythingIsDoneAtOnce) {
  Peer a;
  add(a);
  EXPECT_FALSE(set.defer(a));
  set.after_events([&] { log.emplace_back("after"); });
  EXPECT_THAT(log, ElementsAre("after"));
}

TEST_F(SocketSetTest, WhoIsRemovedInTheMiddleOfARoundHearsNothingMore) {
  Peer a, b;
  add(a), add(b);
  for (Peer* const peer : {&a, &b}) {
    Peer* const other = peer == &a ? &b : &a;
    peer->on_ready = [this, other](std::uint32_t) {
      log.emplace_back("ready");
      EXPECT_TRUE(set.defer(*other));
      set.remove(other->socket(), *other);
    };
    peer->on_flush = [this] { log.emplace_back("flush"); };
    peer->say("x");
  }
  look();
  EXPECT_THAT(log, ElementsAre("ready"));
}

TEST_F(SocketSetTest, EachChangeIsToldOnceAndTheEndOfThePeerAsWell) {
  Peer a;
  add(a);
  std::vector<bool> ended;
  a.on_ready = [&](std::uint32_t events) { ended.push_back((events & EPOLLRDHUP) != 0); };
  a.say("x");
  look();
  look();
  EXPECT_THAT(ended, ElementsAre(false));
  a.hang_up();
  look();
  EXPECT_THAT(ended, ElementsAre(false, true));
}

TEST_F(SocketSetTest, MoreThanARoundTakes) {
  std::vector<Peer> peers(100);
  int heard = 0;
  for (Peer& peer : peers) {
    add(peer);
    peer.on_ready = [&](std::uint32_t) { ++heard; };
  }
  for (Peer& peer : peers) peer.say("x");
  look();
  EXPECT_EQ(heard, 100);
}

TEST_F(SocketSetTest, AfterItWasStoppedNothingIsAddedAndTheLoopEnds) {
  Peer a;
  add(a);
  a.on_ready = [&](std::uint32_t) { log.emplace_back("ready"); };
  a.say("x");
  set.stop();
  io.restart();
  io.run();
  EXPECT_THAT(log, IsEmpty());
  EXPECT_FALSE(set.add(a.socket(), a));
  set.remove(a.socket(), a);
}

}  // namespace
}  // namespace trunkline::testing

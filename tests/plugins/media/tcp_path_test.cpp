// Packets on a stream, and a connection that carries the sound of a leg.
#include "media/tcp_path.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace call_media {
namespace {

std::vector<std::uint8_t> framed(std::size_t size, std::uint8_t byte) {
  std::vector<std::uint8_t> out{static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
  out.resize(2 + size, byte);
  return out;
}

void put(FrameReader& reader, Bytes bytes) {
  const auto space = reader.space();
  ASSERT_GE(space.size(), bytes.size());
  std::copy(bytes.begin(), bytes.end(), space.begin());
  reader.filled(bytes.size());
}

TEST(FrameReader, FindsPacketsHoweverTheyCome) {
  FrameReader reader;
  std::vector<std::uint8_t> all;
  for (const std::size_t size : {1u, 1500u, 0u, 20u})
    for (const std::uint8_t byte : framed(size, static_cast<std::uint8_t>(size))) all.push_back(byte);
  for (const std::size_t step : {1u, 7u, 3000u}) {
    std::vector<std::size_t> found;
    for (std::size_t at = 0; at < all.size(); at += step) {
      put(reader, Bytes(all).subspan(at, std::min(step, all.size() - at)));
      while (const auto packet = reader.front()) {
        EXPECT_TRUE(std::all_of(packet->begin(), packet->end(), [&](std::uint8_t b) { return b == packet->size() % 256; }));
        found.push_back(packet->size());
        reader.pop();
      }
      EXPECT_FALSE(reader.space().empty());
    }
    EXPECT_EQ(found, (std::vector<std::size_t>{1, 1500, 20})) << step << ": one that is empty is none";
  }
}

TEST(FrameReader, APacketThatIsTooLongBreaksIt) {
  FrameReader reader;
  const std::vector<std::uint8_t> length{0x05, 0xdd};  // 1501
  put(reader, length);
  EXPECT_FALSE(reader.front());
  EXPECT_TRUE(reader.broken());
}

class TcpPaths : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> both{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()), 0);
    far_ = both[0];
    path_ = std::make_unique<TcpPath>(both[1], Endpoint().over(1), FrameReader(), open_);
  }
  void TearDown() override {
    if (far_ >= 0) ::close(far_);
  }
  void say(Bytes bytes) const { ASSERT_EQ(::send(far_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size())); }

  std::shared_ptr<std::atomic<std::size_t>> open_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::unique_ptr<TcpPath> path_;
  int far_ = -1;
};

TEST_F(TcpPaths, PacketsGoBothWays) {
  EXPECT_EQ(open_->load(), 1u);
  say(framed(300, 9));
  path_->read();
  ASSERT_TRUE(path_->front());
  EXPECT_EQ(path_->front()->size(), 300u);
  path_->pop();
  EXPECT_FALSE(path_->front());
  const std::vector<std::uint8_t> packet(40, 3);
  path_->send(packet);
  std::vector<std::uint8_t> got(100);
  EXPECT_EQ(::recv(far_, got.data(), got.size(), 0), 42);
  EXPECT_EQ(got[1], 40);
  path_.reset();
  EXPECT_EQ(open_->load(), 0u);
}

TEST_F(TcpPaths, NonsenseAndTheEndCloseIt) {
  say(std::vector<std::uint8_t>{0xff, 0xff, 1});
  path_->read();
  path_->read();
  EXPECT_TRUE(path_->over());
  SetUp();
  ::close(std::exchange(far_, -1));
  path_->read();
  EXPECT_TRUE(path_->over());
  path_->send(std::vector<std::uint8_t>(10));
}

/// A far end that does not read loses packets, whole ones.
TEST_F(TcpPaths, WhatFindsNoRoomIsLostAsAWhole) {
  const std::vector<std::uint8_t> packet(1400, 5);
  for (int i = 0; i < 2000; ++i) path_->send(packet);
  FrameReader reader;
  std::size_t found = 0;
  for (int idle = 0; idle < 3;) {
    const auto space = reader.space();
    const ssize_t got = ::recv(far_, space.data(), space.size(), MSG_DONTWAIT);
    if (got > 0) reader.filled(static_cast<std::size_t>(got));
    idle = got > 0 ? 0 : idle + 1;
    path_->read();  // what has begun goes on
    while (const auto one = reader.front()) {
      ASSERT_EQ(one->size(), packet.size());
      ++found;
      reader.pop();
    }
    ASSERT_FALSE(reader.broken());
  }
  EXPECT_GT(found, 10u);
  EXPECT_LT(found, 2000u);
  path_->send(packet);
  EXPECT_FALSE(path_->over());
}

}  // namespace
}  // namespace call_media

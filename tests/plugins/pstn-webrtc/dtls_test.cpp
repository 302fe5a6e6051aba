// Handshakes without a network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "fake_page.h"

namespace trunkline::testing {
namespace {

using pstn_webrtc::DtlsIdentity;
using pstn_webrtc::DtlsServer;
using Packet = std::vector<std::uint8_t>;

std::string bytes_of(const std::string& fingerprint) {
  std::string bytes;
  for (std::size_t at = fingerprint.find(' ') + 1; at < fingerprint.size(); at += 3)
    bytes.push_back(static_cast<char>(std::stoi(fingerprint.substr(at, 2), nullptr, 16)));
  return bytes;
}

class Dtls : public ::testing::Test {
 protected:
  void open(const std::string& expected) {
    server_ = std::make_unique<DtlsServer>(
        ours_, "sha-256", expected, [this](call_media::Bytes packet) { sent_.emplace_back(packet.begin(), packet.end()); });
  }
  /// Both sides take what the other has sent, until nothing is on its way.
  void shake() {
    Packet next = client_.take({});
    for (int i = 0; i < 20 && (!next.empty() || !sent_.empty()); ++i) {
      if (!next.empty()) server_->take(next);
      next.clear();
      while (!sent_.empty()) {
        const Packet packet = sent_.front();
        sent_.pop_front();
        const Packet more = client_.take(packet);
        next.insert(next.end(), more.begin(), more.end());
      }
    }
  }

  DtlsIdentity ours_, theirs_;
  DtlsClient client_{theirs_};
  std::deque<Packet> sent_;
  std::unique_ptr<DtlsServer> server_;
};

TEST_F(Dtls, BothHaveTheSameKeys) {
  open(bytes_of(theirs_.fingerprint()));
  shake();
  ASSERT_EQ(server_->state(), DtlsServer::State::kUp) << server_->problem();
  ASSERT_TRUE(client_.up());
  EXPECT_EQ(server_->keys().send, client_.keys().receive);
  EXPECT_EQ(server_->keys().receive, client_.keys().send);
  EXPECT_EQ(server_->keys().send.size(), 30u);
  EXPECT_NE(server_->keys().send, server_->keys().receive);
  EXPECT_FALSE(server_->resend_in());
}

TEST_F(Dtls, AnotherCertificateThanTheDescriptionsIsRefused) {
  open(bytes_of(ours_.fingerprint()));
  shake();
  EXPECT_EQ(server_->state(), DtlsServer::State::kFailed);
  EXPECT_THAT(server_->problem(), ::testing::HasSubstr("not that of the session description"));
}

TEST_F(Dtls, AFlightThatWasLostIsSentAgain) {
  open(bytes_of(theirs_.fingerprint()));
  server_->take(client_.take({}));
  ASSERT_FALSE(sent_.empty());
  ASSERT_TRUE(server_->resend_in());
  EXPECT_LE(*server_->resend_in(), std::chrono::seconds{1});
  EXPECT_EQ(server_->resend(), DtlsServer::State::kHandshaking) << "too early: nothing happens";
}

TEST_F(Dtls, PacketsFitTheInternet) {
  open(bytes_of(theirs_.fingerprint()));
  server_->take(client_.take({}));
  for (const Packet& packet : sent_) EXPECT_LE(packet.size(), 1200u);
}

TEST_F(Dtls, AGoodbyeIsHeard) {
  open(bytes_of(theirs_.fingerprint()));
  shake();
  server_->take(client_.close());
  EXPECT_EQ(server_->state(), DtlsServer::State::kClosed);
}

TEST_F(Dtls, WeSayGoodbye) {
  open(bytes_of(theirs_.fingerprint()));
  shake();
  server_->close();
  ASSERT_EQ(sent_.size(), 1u);
  client_.take(sent_.front());
  EXPECT_TRUE(client_.closed_by_peer());
}

TEST_F(Dtls, WhatIsNoHandshakeIsLeftOut) {
  open(bytes_of(theirs_.fingerprint()));
  const Packet noise(100, 22);
  server_->take(noise);
  shake();
  EXPECT_EQ(server_->state(), DtlsServer::State::kUp) << server_->problem();
}

}  // namespace
}  // namespace trunkline::testing

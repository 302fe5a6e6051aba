// Pages that say how loud their packets are (RFC 6464): the loudest are chosen by it, and nobody else is decoded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>

#include "tests/plugins/media/engines.h"

namespace call_media {
namespace {

constexpr std::uint8_t kLevelNumber = 3;
constexpr std::size_t kPlaces = 2;

/// The far end of a leg: what it sends is made here, packet by packet.
class Page {
 public:
  Page() : socket_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    const Endpoint own = *ipv4_address("127.0.0.1", 0);
    if (::bind(socket_, own.raw(), own.size()) != 0) throw std::runtime_error("no socket");
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&bound), &size);
    port = ntohs(bound.sin_port);
  }
  ~Page() { ::close(socket_); }
  Page(const Page&) = delete;

  /// `level`: what it says of itself; nullopt: the truth.
  void send(const Frame& frame, std::optional<std::uint8_t> level) {
    std::array<std::uint8_t, 700> packet{};
    write_rtp_header(std::span(packet).first<kRtpHeaderBytes>(),
                     {false, 96, sequence_, static_cast<std::uint32_t>(sequence_ * 960), 1000u + port});
    ++sequence_;
    packet[0] |= 0x10;
    const double truth = 10 * std::log10(32768.0 * 32768.0 / (static_cast<double>(mean_square(frame)) + 1e-4));
    const std::uint8_t said = level.value_or(static_cast<std::uint8_t>(std::clamp(truth, 0.0, 127.0)));
    const std::array<std::uint8_t, 8> extension{0xbe, 0xde, 0, 1, kLevelNumber << 4, static_cast<std::uint8_t>(0x80 | said),
                                                0,    0};
    std::copy(extension.begin(), extension.end(), packet.begin() + kRtpHeaderBytes);
    const std::size_t head = kRtpHeaderBytes + extension.size();
    std::array<std::uint8_t, Codec::kMaxEncoded> coded{};
    const std::size_t size = codec_->encode(frame, coded);
    std::copy_n(coded.begin(), size, packet.begin() + static_cast<std::ptrdiff_t>(head));
    ASSERT_GT(::sendto(socket_, packet.data(), head + size, 0, to.raw(), to.size()), 0);
  }

  std::uint16_t port = 0;
  Endpoint to;
  MediaLegPtr leg;
  double hz = 0;  // what it says; 0: nothing
  double loudness = 5000;
  std::optional<std::uint8_t> level;

 private:
  const int socket_;
  const std::unique_ptr<Codec> codec_ = Codec::make(CodecId::kOpus);
  std::uint16_t sequence_ = 0;
};

class Levels : public Engines {
 protected:
  Levels() : Engines(kPlaces) {
    StreamSettings settings;
    settings.codec = CodecId::kOpus;
    settings.payload_type = 96;
    listener_ = line(settings);
    enter(listener_.ours);
    settings.level_extension = kLevelNumber;
    for (std::size_t i = 0; i < 6; ++i) {
      Page& page = *pages_.emplace_back(std::make_unique<Page>());
      page.leg = ours_.make_leg(100 + i, ports_.open());
      page.to = *ipv4_address("127.0.0.1", page.leg->port);
      connect(ours_, page.leg, page.port, settings);
      enter(page.leg);
    }
  }

  void enter(const MediaLegPtr& leg) {
    ours_.change(leg, [](MediaLeg& media) {
      media.bridge = "room";
      media.tapped = false;
    });
  }
  void after_frame() override {
    ++frame_;
    for (const auto& page : pages_) {
      Frame frame{};
      for (std::size_t i = 0; page->hz > 0 && i < frame.size(); ++i)
        frame[i] = static_cast<std::int16_t>(
            page->loudness * std::sin(2 * M_PI * page->hz * static_cast<double>(frame_ * frame.size() + i) / kMixRate));
      page->send(frame, page->level);
    }
  }
  std::uint32_t decoded(std::size_t page) const { return pages_[page]->leg->stream.counts().decoded; }
  double hears(double hz) { return strength_of(phone_heard_[1], hz); }

  Line listener_;
  std::vector<std::unique_ptr<Page>> pages_;
  std::uint64_t frame_ = 0;
};

TEST_F(Levels, OnlyWhoIsHeardIsDecoded) {
  for (std::size_t i = 2; i < pages_.size(); ++i) pages_[i]->loudness = 60, pages_[i]->hz = 900;  // -55 dB: a room
  pages_[0]->hz = 500;
  pages_[1]->hz = 700;
  frames(100);
  const std::uint32_t before = decoded(0), quiet = decoded(4);
  frames(50);
  EXPECT_EQ(decoded(0), before + 50);
  EXPECT_EQ(decoded(4), quiet);
  EXPECT_GT(hears(500), 0.3);
  EXPECT_GT(hears(700), 0.3);
}

TEST_F(Levels, WhoBeginsToSpeakIsHeardAtOnce) {
  pages_[0]->hz = 500;
  frames(100);
  const std::uint32_t before = decoded(3);
  frames(50);
  EXPECT_EQ(decoded(3), before) << "silent, and not decoded";
  pages_[3]->hz = 1100;
  frames(8);  // through the jitter buffers of both sides
  EXPECT_GT(hears(1100), 0.3);
  EXPECT_GT(hears(500), 0.3);
}

TEST_F(Levels, TheLouderTakesThePlaceOfTheSofter) {
  pages_[0]->hz = 500;
  pages_[1]->hz = 700, pages_[1]->loudness = 1000;
  frames(80);
  pages_[2]->hz = 1100, pages_[2]->loudness = 8000;
  frames(40);
  EXPECT_GT(hears(1100), 0.5);
  EXPECT_LT(hears(700), 0.05);
}

TEST_F(Levels, WhoSaysThatItIsLouderThanItIsIsNotBelievedForLong) {
  for (const std::size_t liar : {0, 1, 2}) pages_[liar]->level = 0;
  pages_[4]->hz = 500;
  pages_[5]->hz = 700;
  frames(150);  // a second for each of them that finds a place
  EXPECT_GT(hears(500), 0.3);
  EXPECT_GT(hears(700), 0.3);
  const std::uint32_t before = decoded(0);
  frames(10);
  EXPECT_GT(decoded(0) + decoded(1) + decoded(2), before) << "they are decoded like anybody who says nothing";
}

TEST_F(Levels, WhoeverListensHearsAllOfIt) {
  pages_[0]->hz = 500;
  pages_[1]->hz = 700;
  pages_[2]->hz = 900, pages_[2]->loudness = 200;
  frames(100);
  ours_.change(pages_[2]->leg, [](MediaLeg& leg) { leg.tapped = true; });
  heard_.clear();
  frames(5);
  EXPECT_GT(strength_of(heard_[102], 900), 0.9) << "a recording has it, although it is not mixed";
}

}  // namespace
}  // namespace call_media

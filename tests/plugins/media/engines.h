// Media engines whose legs talk to each other over the loopback, frame by frame.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "media/engine.h"
#include "tests/plugins/sound.h"

namespace call_media {

using trunkline::testing::strength_of;

inline SoundPtr tone(double hz, int frames, double loudness = 8000) {
  return std::make_shared<const std::vector<std::int16_t>>(trunkline::testing::tone_of(hz, frames * kFrameMs, loudness));
}

/// Trunkline's side and the phones' side are engines of their own; each phone is a leg of the latter.
class Engines : public ::testing::Test {
 protected:
  struct Line {
    MediaLegPtr ours, phone;
  };

  /// With eight legs and more, several threads.
  explicit Engines(std::size_t loudest = kMixLoudest) : ours_([] {}, loudest, {2, 8}) {}

  Line line(StreamSettings settings = {}) {
    const std::uint64_t number = ++last_;
    Line made;
    made.ours = ours_.make_leg(number, ports_.open());
    made.phone = phones_.make_leg(number, ports_.open());
    connect(ours_, made.ours, made.phone->port, settings);
    std::swap(settings.send_key, settings.receive_key);
    connect(phones_, made.phone, made.ours->port, settings);
    return made;
  }

  static void connect(MediaEngine& engine, const MediaLegPtr& leg, std::uint16_t port, StreamSettings settings) {
    settings.remote = *ipv4_address("127.0.0.1", port);
    if (!settings.event_type) settings.event_type = 101;
    engine.change(leg, [settings, parts = RtpStream::prepare(settings)](MediaLeg& media) {
      media.stream.configure(settings, *parts);
      media.answered = true;
      media.tapped = true;
    });
  }

  void frames(int count) {
    for (int i = 0; i < count; ++i) {
      phones_.run_frame();
      ours_.run_frame();
      take(ours_, heard_, pressed_);
      take(phones_, phone_heard_, phone_pressed_);
      after_frame();
    }
  }

  static void take(MediaEngine& engine, std::map<std::uint64_t, Frame>& heard, std::string& pressed) {
    while (const MediaNews* news = engine.news().begin_take()) {
      if (news->kind == MediaNews::Kind::kHeard) heard[news->leg] = news->frame;
      if (news->kind == MediaNews::Kind::kDigit) pressed.push_back(news->digit);
      engine.news().end_take();
    }
  }

  /// Both sides have heard and said 20 ms.
  virtual void after_frame() {}

  RtpPorts ports_{"127.0.0.1", 31000, 31999};
  MediaEngine ours_;
  MediaEngine phones_{[] {}};
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Frame> heard_, phone_heard_;  // the last frame, by line
  std::string pressed_, phone_pressed_;
};

}  // namespace call_media

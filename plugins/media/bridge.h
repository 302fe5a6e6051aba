// Who hears whom, and how little of it is coded more than once.
#pragma once
#include <array>
#include <vector>

#include "media/media_leg.h"

namespace call_media {

/// Legs that hear each other. Of a crowd, more legs than may be mixed, the loudest are mixed; all others hear the same, and of
/// those whose codecs agree one codes for all. Media thread; only what says so allocates.
class Bridge {
 public:
  /// How many are mixed; 0: everybody.
  explicit Bridge(std::size_t loudest) : loudest_(loudest) {}
  Bridge(const Bridge&) = delete;

  /// Who is in it now; all of them hear and are answered. Allocates. Legs that have gone must be alone().
  void set_legs(std::vector<MediaLeg*> legs);
  /// From now on the leg codes for itself. Before anything about it changes.
  void alone(MediaLeg& leg);
  /// Nobody but the choice of the loudest hears this leg.
  bool is_unheard(const MediaLeg& leg) const { return crowd_ && !leg.place.mixed && !leg.tapped; }
  /// Who is heard is chosen by loudness.
  bool is_crowd() const { return crowd_; }

  // 20 ms of all legs, from what each of them says to what is sent to it.
  void mix();
  /// After it; of each leg, on any thread.
  void answer(MediaLeg& leg) const;

 private:
  /// Legs to which the same packets go. The first of them codes, with a codec that is its own afterwards, too.
  struct Group {
    MediaLeg* first = nullptr;
    Frame last{};
    std::array<std::uint8_t, Codec::kMaxEncoded> coded{};
    std::size_t size = 0;
  };
  using Sum = std::array<std::int32_t, kFrameSamples>;

  void choose_loudest();
  void follow(MediaLeg& leg);
  void begin(MediaLeg& leg);
  void regroup();
  bool is_mixed(const MediaLeg& leg) const { return leg.heard && leg.place.mixed; }

  const std::size_t loudest_;
  std::vector<MediaLeg*> legs_;
  bool crowd_ = false;  // legs_ are more than loudest_
  Sum sum_{};
  std::vector<Group> groups_;  // by codec and way; none before there was a crowd
};

/// The leg's 20 ms of `sum`, and of what is played to it.
void say(MediaLeg& leg, std::array<std::int32_t, kFrameSamples> sum);

}  // namespace call_media

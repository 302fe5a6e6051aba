#include "media/bridge.h"

#include <algorithm>
#include <utility>

namespace call_media {
namespace {

constexpr std::int64_t kFloor = 16 * 16;    // mean square of what nobody hears: -66 dB
constexpr std::uint32_t kQuietFrames = 50;  // 1 s of that, after which a place is given up
constexpr std::uint32_t kLeastFrames = 20;  // 400 ms for which a place is kept against who is louder
constexpr std::int64_t kLouder = 2;         // 3 dB: by so much
constexpr int kRelease = 32;  // loudness falls by that part of it a frame, 7 dB a second: pauses between words count little
constexpr std::size_t kRise = kFrameSamples / 4;
/// 100 ms in which a leg codes for itself what everybody hears, before it is sent what another one has coded of that: by then the
/// two codecs agree on what was before.
constexpr std::uint32_t kAlikeFrames = 5;

Frame clipped(const std::array<std::int32_t, kFrameSamples>& sum) {
  Frame out;
  for (std::size_t i = 0; i < kFrameSamples; ++i) out[i] = static_cast<std::int16_t>(std::clamp(sum[i], -32768, 32767));
  return out;
}

/// The first samples come in from nothing.
void rise(Frame& frame) {
  for (std::size_t i = 0; i < kRise; ++i)
    frame[i] = static_cast<std::int16_t>(frame[i] * static_cast<std::int32_t>(i) / static_cast<std::int32_t>(kRise));
}

void fall(Frame& frame) {
  constexpr auto kSteps = static_cast<std::int32_t>(kFrameSamples);
  for (std::int32_t i = 0; i < kSteps; ++i) {
    std::int16_t& sample = frame[static_cast<std::size_t>(i)];
    sample = static_cast<std::int16_t>(sample * (kSteps - i) / kSteps);
  }
}

}  // namespace

void say(MediaLeg& leg, std::array<std::int32_t, kFrameSamples> sum) {
  leg.player.mix_into(sum);
  leg.stream.send(clipped(sum));
}

void Bridge::set_legs(std::vector<MediaLeg*> legs) {
  const bool crowd = loudest_ > 0 && legs.size() > loudest_;
  for (MediaLeg* leg : legs) {
    if (!crowd) alone(*leg);
    const bool is_new = leg->place.bridge != this;
    if (is_new) leg->place = {};
    leg->place.bridge = this;
    // Who is there while it is small is heard, and stays so until a crowd has found out that it is silent.
    if (crowd) continue;
    leg->place.mixed = true;
    leg->place.fades = false;
  }
  legs_ = std::move(legs);
  crowd_ = crowd;
  if (crowd) groups_.resize(kCodecs.size() * Codec::kWays);
}

void Bridge::alone(MediaLeg& leg) {
  BridgePlace& place = leg.place;
  place.alike = 0;
  if (place.group == BridgePlace::kAlone) return;
  Group& group = groups_[place.group];
  const std::size_t index = std::exchange(place.group, BridgePlace::kAlone);
  if (group.first != &leg) return leg.stream.codec()->continue_from(*group.first->stream.codec(), group.last);
  const auto next = std::find_if(legs_.begin(), legs_.end(), [&](const MediaLeg* one) { return one->place.group == index; });
  group.first = next == legs_.end() ? nullptr : *next;
  if (group.first) group.first->stream.codec()->continue_from(*leg.stream.codec(), group.last);
}

void Bridge::mix() {
  if (crowd_) choose_loudest();
  sum_.fill(0);
  for (MediaLeg* leg : legs_)
    if (is_mixed(*leg))
      for (std::size_t i = 0; i < kFrameSamples; ++i) sum_[i] += leg->in[i];
  if (crowd_) regroup();
  const Frame everybody = clipped(sum_);
  for (Group& group : groups_) {
    if (!group.first) continue;
    group.size = group.first->stream.code(everybody, group.coded);
    group.last = everybody;
  }
}

void Bridge::answer(MediaLeg& leg) const {
  if (leg.place.group != BridgePlace::kAlone) {
    const Group& group = groups_[leg.place.group];
    leg.stream.send_coded(Bytes(group.coded).first(group.size));
  } else if (is_mixed(leg)) {
    Sum others;
    for (std::size_t i = 0; i < kFrameSamples; ++i) others[i] = sum_[i] - leg.in[i];
    say(leg, others);
  } else {
    say(leg, sum_);
  }
}

void Bridge::follow(MediaLeg& leg) {
  BridgePlace& place = leg.place;
  const std::int64_t now = leg.loudness;
  place.loudness = std::max(now, place.loudness - place.loudness / kRelease);
  place.quiet = now < kFloor ? place.quiet + 1 : 0;
  if (!place.mixed) return;
  ++place.age;
  const bool faded = std::exchange(place.fades, false);  // also of one that goes for another reason: it may begin again
  if (!leg.heard || place.quiet > kQuietFrames || faded) place.mixed = false;
}

void Bridge::begin(MediaLeg& leg) {
  if (leg.stream.told_loudness()) {
    leg.stream.decode_after_all(leg.in);
    // From now on it is what is heard that counts.
    leg.place.loudness = leg.loudness = mean_square(leg.in);
  }
  leg.place.mixed = true;
  leg.place.age = 0;
  rise(leg.in);
}

void Bridge::choose_loudest() {
  for (MediaLeg* leg : legs_) follow(*leg);
  // Each frame some begin as long as there is room, and one may take the place of another.
  for (;;) {
    std::size_t mixed = 0;
    MediaLeg *best = nullptr, *least = nullptr;
    for (MediaLeg* leg : legs_) {
      const BridgePlace& place = leg->place;
      if (place.mixed) {
        ++mixed;
        if (!least || place.loudness < least->place.loudness) least = leg;
      } else if (leg->heard && place.quiet == 0 && (!best || place.loudness > best->place.loudness)) {
        best = leg;
      }
    }
    if (mixed < loudest_ && best) {
      begin(*best);
      continue;
    }
    if (!best || least->place.age < kLeastFrames || best->place.loudness <= kLouder * least->place.loudness) return;
    least->place.fades = true;
    fall(least->in);
    begin(*best);
    return;
  }
}

void Bridge::regroup() {
  for (MediaLeg* leg : legs_) {
    BridgePlace& place = leg->place;
    std::size_t wanted = BridgePlace::kAlone;
    if (!is_mixed(*leg) && leg->player.idle() && leg->stream.sends_sound())
      wanted = static_cast<std::size_t>(leg->stream.codec()->id()) * Codec::kWays + leg->stream.codec()->way();
    if (wanted == BridgePlace::kAlone || (place.group != BridgePlace::kAlone && place.group != wanted)) alone(*leg);
    place.wanted = wanted;
  }
  // Only now: codecs that others continue from have coded as much as theirs.
  for (MediaLeg* leg : legs_) {
    BridgePlace& place = leg->place;
    if (place.wanted == BridgePlace::kAlone || place.group != BridgePlace::kAlone || ++place.alike <= kAlikeFrames) continue;
    place.group = place.wanted;
    if (!groups_[place.group].first) groups_[place.group].first = leg;
  }
}

}  // namespace call_media

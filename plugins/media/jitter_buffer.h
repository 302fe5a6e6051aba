// Puts packets back in order and evens out when they come. One thread; nothing is allocated after construction.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "media/rtp.h"

namespace call_media {

/// Packets wait until `target` of them are there, so that one that is late by less is not missed. The target rises when packets
/// come too late and falls again while none do.
class JitterBuffer {
 public:
  static constexpr std::size_t kSlots = 32;
  static constexpr std::size_t kMaxPayload = 1280;  // 20 ms of Opus are 1275 at most; 60 ms of G.711 are 480

  struct Counts {
    std::uint32_t received = 0;
    std::uint32_t late = 0;  // after their turn
    std::uint32_t lost = 0;  // never there in their turn
    std::uint32_t duplicate = 0;
    std::uint32_t dropped = 0;  // too large, or more than there is room for
  };
  enum class Next { kPacket, kLost, kNothing };

  /// In packets; 1 <= least <= most < kSlots.
  JitterBuffer(std::size_t least, std::size_t most) : least_(least), most_(most), target_(least) {}

  /// An empty payload keeps the place of a packet that is no sound.
  void put(std::uint16_t sequence, Bytes payload, std::optional<std::uint8_t> level = {});
  /// The next packet's payload, good until the next put(). kLost: there is a gap with packets behind it. kNothing: none is there,
  /// or it waits for more.
  Next take(Bytes& payload);
  /// The payload of the packet whose turn is next, without taking it; empty when it is not there.
  Bytes peek() const;
  /// What was put with the packet that was taken last.
  std::optional<std::uint8_t> level() const { return level_; }
  void reset();

  const Counts& counts() const { return counts_; }
  std::size_t depth() const { return held_; }
  std::size_t target() const { return target_; }

 private:
  struct Slot {
    bool used = false;
    std::uint16_t sequence = 0;
    std::uint16_t size = 0;
    std::optional<std::uint8_t> level;
    std::array<std::uint8_t, kMaxPayload> bytes{};
  };
  Slot& slot(std::uint16_t sequence) { return slots_[sequence % kSlots]; }
  const Slot& slot(std::uint16_t sequence) const { return slots_[sequence % kSlots]; }
  void drop_oldest();

  const std::size_t least_;
  const std::size_t most_;
  std::size_t target_;
  std::array<Slot, kSlots> slots_{};
  std::size_t held_ = 0;
  bool started_ = false;  // next_ is of this stream
  bool playing_ = false;  // false: it fills up first
  std::uint16_t next_ = 0;
  std::optional<std::uint8_t> level_;
  std::uint32_t calm_ = 0;   // packets in turn since the last late one
  std::uint32_t empty_ = 0;  // takes that found nothing, in a row
  Counts counts_;
};

}  // namespace call_media

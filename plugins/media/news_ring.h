// What the media threads have to say, in order, without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "media/codec.h"
#include "media/endpoint.h"

namespace call_media {

struct MediaNews {
  enum class Kind : std::uint8_t {
    kHeard,
    kDigit,
    kSilent,
    kHandshake,    // packets of DTLS wait in the leg
    kConsentLost,  // the far end has not checked for too long
  };
  Kind kind = Kind::kHeard;
  char digit = 0;
  std::uint64_t leg = 0;
  std::int64_t position = 0;  // of the frame's first sample
  Frame frame{};
};

/// A packet of DTLS.
struct HandshakePacket {
  Endpoint from;
  std::uint16_t size = 0;
  std::array<std::uint8_t, 1500> bytes{};
};

/// One thread puts, one takes; nothing is allocated after construction.
template <class T>
class Ring {
 public:
  /// `size` is a power of two.
  explicit Ring(std::size_t size) : slots_(size) {}

  /// Null when it is full.
  T* begin_put() {
    if (put_.load(std::memory_order_relaxed) - taken_.load(std::memory_order_acquire) == slots_.size()) return nullptr;
    return &slots_[put_.load(std::memory_order_relaxed) & (slots_.size() - 1)];
  }
  void end_put() { put_.store(put_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// Null when it is empty.
  const T* begin_take() const {
    if (taken_.load(std::memory_order_relaxed) == put_.load(std::memory_order_acquire)) return nullptr;
    return &slots_[taken_.load(std::memory_order_relaxed) & (slots_.size() - 1)];
  }
  void end_take() { taken_.store(taken_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

 private:
  std::vector<T> slots_;
  std::atomic<std::size_t> put_{0};
  std::atomic<std::size_t> taken_{0};
};

/// Several threads put, one takes; nothing is allocated after construction. What one thread puts after another has put something,
/// and knows of it, comes after it.
class NewsRing {
 public:
  /// `size` is a power of two.
  explicit NewsRing(std::size_t size) : slots_(size) {
    for (std::size_t i = 0; i < size; ++i) slots_[i].turn.store(i, std::memory_order_relaxed);
  }

  /// False: it is full; this one is lost, and counted.
  template <class Fill>
  bool put(Fill&& fill) {
    std::size_t at = put_.load(std::memory_order_relaxed);
    for (;;) {
      Slot& slot = slots_[at & (slots_.size() - 1)];
      const std::size_t turn = slot.turn.load(std::memory_order_acquire);
      if (turn == at) {
        if (!put_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        fill(slot.news);
        slot.turn.store(at + 1, std::memory_order_release);
        return true;
      }
      if (turn < at) {  // of a round before, and not taken
        lost_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
      at = put_.load(std::memory_order_relaxed);
    }
  }

  /// Null when it is empty, or the next one is not whole yet.
  const MediaNews* begin_take() const {
    const std::size_t at = taken_.load(std::memory_order_relaxed);
    const Slot& slot = slots_[at & (slots_.size() - 1)];
    return slot.turn.load(std::memory_order_acquire) == at + 1 ? &slot.news : nullptr;
  }
  void end_take() {
    const std::size_t at = taken_.load(std::memory_order_relaxed);
    slots_[at & (slots_.size() - 1)].turn.store(at + slots_.size(), std::memory_order_release);
    taken_.store(at + 1, std::memory_order_relaxed);
  }
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    std::atomic<std::size_t> turn{0};  // whose it is: of who puts this one, or, one more, of who takes it
    MediaNews news;
  };
  std::vector<Slot> slots_;
  std::atomic<std::size_t> put_{0};
  std::atomic<std::size_t> taken_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace call_media

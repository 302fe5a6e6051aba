// What the media thread has to say, in order, without a lock.
#pragma once
#include <netinet/in.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "media/codec.h"

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
  sockaddr_in from{};
  std::uint16_t size = 0;
  std::array<std::uint8_t, 1500> bytes{};
};

/// One thread puts, one takes; nothing is allocated after construction.
template <class T>
class Ring {
 public:
  /// `size` is a power of two.
  explicit Ring(std::size_t size) : slots_(size) {}

  /// Null when it is full: this one is lost, and counted.
  T* begin_put() {
    if (put_.load(std::memory_order_relaxed) - taken_.load(std::memory_order_acquire) == slots_.size()) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return nullptr;
    }
    return &slots_[put_.load(std::memory_order_relaxed) & (slots_.size() - 1)];
  }
  void end_put() { put_.store(put_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// Null when it is empty.
  const T* begin_take() const {
    if (taken_.load(std::memory_order_relaxed) == put_.load(std::memory_order_acquire)) return nullptr;
    return &slots_[taken_.load(std::memory_order_relaxed) & (slots_.size() - 1)];
  }
  void end_take() { taken_.store(taken_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  std::vector<T> slots_;
  std::atomic<std::size_t> put_{0};
  std::atomic<std::size_t> taken_{0};
  std::atomic<std::uint64_t> lost_{0};
};

using NewsRing = Ring<MediaNews>;

}  // namespace call_media

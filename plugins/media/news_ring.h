// What the media thread has to say, in order, without a lock.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "media/codec.h"

namespace call_media {

struct MediaNews {
  enum class Kind : std::uint8_t { kHeard, kDigit, kSilent };
  Kind kind = Kind::kHeard;
  char digit = 0;
  std::uint64_t leg = 0;
  std::int64_t position = 0;  // of the frame's first sample
  Frame frame{};
};

/// One thread puts, one takes; nothing is allocated after construction.
class NewsRing {
 public:
  /// `size` is a power of two.
  explicit NewsRing(std::size_t size) : slots_(size) {}

  /// Null when it is full: the news is lost, and counted.
  MediaNews* begin_put() {
    if (put_.load(std::memory_order_relaxed) - taken_.load(std::memory_order_acquire) == slots_.size()) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return nullptr;
    }
    return &slots_[put_.load(std::memory_order_relaxed) & (slots_.size() - 1)];
  }
  void end_put() { put_.store(put_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// Null when it is empty.
  const MediaNews* begin_take() const {
    if (taken_.load(std::memory_order_relaxed) == put_.load(std::memory_order_acquire)) return nullptr;
    return &slots_[taken_.load(std::memory_order_relaxed) & (slots_.size() - 1)];
  }
  void end_take() { taken_.store(taken_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  std::vector<MediaNews> slots_;
  std::atomic<std::size_t> put_{0};
  std::atomic<std::size_t> taken_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace call_media

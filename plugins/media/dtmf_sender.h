// Digits as telephone events (RFC 4733), 20 ms at a time. One thread; nothing is allocated.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "media/rtp.h"

namespace call_media {

class DtmfSender {
 public:
  static constexpr std::size_t kMaxQueued = 128;

  /// False: too many wait already; then none of these is taken.
  bool add(std::string_view digits);
  /// There are none to send.
  bool idle() const { return count_ == 0; }
  /// What goes out in this frame's place; its packets all have `timestamp`. `copies` 0: the frame is sound. `pause`: nothing is
  /// sent at all.
  struct Step {
    int copies = 0;
    bool pause = false;
    bool marker = false;
    std::uint32_t timestamp = 0;
    TelephoneEvent event;
  };
  /// `timestamp` is that of the frame, and `ticks` how long a frame is in units of the events' clock.
  Step next(std::uint32_t timestamp, std::uint32_t ticks);

 private:
  std::array<char, kMaxQueued> digits_{};
  std::size_t begin_ = 0;
  std::size_t count_ = 0;
  int frame_ = 0;  // of the digit at the front; 0: not begun
  std::uint32_t started_ = 0;
};

}  // namespace call_media

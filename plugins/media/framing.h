// Packets on a stream (RFC 4571): two bytes of length before each.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace call_media {

/// Finds the packets in what a connection brings. Allocates nothing.
class FrameReader {
 public:
  static constexpr std::size_t kMaxPacket = 1500;
  static constexpr std::size_t kLengthBytes = 2;

  /// Where the next bytes go; never empty while front() has nothing and it is not broken.
  std::span<std::uint8_t> space();
  /// So many have come.
  void filled(std::size_t count) { end_ += count; }
  /// The oldest packet that is whole, to be read and written until pop() or space(); nullopt: there is none yet. Empty packets
  /// are passed over.
  std::optional<std::span<std::uint8_t>> front();
  void pop();
  /// A packet is longer than any of ours: nobody knows where the next begins.
  bool broken() const { return broken_; }

 private:
  std::size_t length() const { return static_cast<std::size_t>(bytes_[begin_]) << 8 | bytes_[begin_ + 1]; }

  std::array<std::uint8_t, 4 * (kLengthBytes + kMaxPacket)> bytes_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool broken_ = false;
};

}  // namespace call_media

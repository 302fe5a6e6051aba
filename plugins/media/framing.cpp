#include "media/framing.h"

#include <algorithm>

namespace call_media {

std::span<std::uint8_t> FrameReader::space() {
  if (begin_ > 0) {
    std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_), bytes_.begin() + static_cast<std::ptrdiff_t>(end_),
              bytes_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(bytes_).subspan(end_);
}

std::optional<std::span<std::uint8_t>> FrameReader::front() {
  while (!broken_ && end_ - begin_ >= kLengthBytes) {
    const std::size_t size = length();
    if (size > kMaxPacket) broken_ = true;
    if (broken_ || end_ - begin_ < kLengthBytes + size) return std::nullopt;
    if (size > 0) return std::span(bytes_).subspan(begin_ + kLengthBytes, size);
    begin_ += kLengthBytes;
  }
  return std::nullopt;
}

void FrameReader::pop() {
  if (front()) begin_ += kLengthBytes + length();
}

}  // namespace call_media

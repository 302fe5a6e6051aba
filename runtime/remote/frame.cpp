#include "runtime/remote/frame.h"

#include <algorithm>
#include <utility>

#include "trunkline/error.hpp"

namespace trunkline::remote {
namespace {

constexpr std::size_t kKeptScratch = 64 * 1024;
// Taken while it is used: what is written may call somebody who writes.
thread_local std::string t_scratch;

}  // namespace

Scratch::Scratch() : text_(std::exchange(t_scratch, {})) {}
Scratch::~Scratch() {
  if (text_.capacity() <= kKeptScratch) t_scratch.swap(text_);
}

char* FrameBuffer::room(std::size_t size) {
  if (begin_ == end_ && size < kKeptRoom && bytes_.size() > kKeptRoom) {
    give_back(bytes_);
    begin_ = end_ = 0;
  }
  if (begin_ > 0 && (begin_ == end_ || bytes_.size() - end_ < size)) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (bytes_.size() - end_ < size) bytes_.resize(end_ + size);
  return bytes_.data() + end_;
}

std::size_t FrameBuffer::wanted() const {
  if (pending() < sizeof(FrameHead)) return 0;
  FrameHead head;
  std::memcpy(&head, bytes_.data() + begin_, sizeof head);
  const std::size_t whole = sizeof head + std::min<std::size_t>(head.size, kMaxBody);
  return whole > pending() ? whole - pending() : 0;
}

bool FrameBuffer::next(Frame& out) {
  if (pending() < sizeof(FrameHead)) return false;
  std::memcpy(&out.head, bytes_.data() + begin_, sizeof out.head);
  const auto type = static_cast<std::uint8_t>(out.head.type);
  if (type < static_cast<std::uint8_t>(FrameType::kCreate) || type > static_cast<std::uint8_t>(FrameType::kStopped))
    throw Error(ErrorCode::kDataLoss, "a frame of the unknown type " + std::to_string(type));
  if (out.head.size > kMaxBody) throw Error(ErrorCode::kDataLoss, "a frame of " + std::to_string(out.head.size) + " bytes");
  if (pending() - sizeof(FrameHead) < out.head.size) return false;
  out.body.assign(bytes_, begin_ + sizeof(FrameHead), out.head.size);
  begin_ += sizeof(FrameHead) + out.head.size;
  return true;
}

}  // namespace trunkline::remote

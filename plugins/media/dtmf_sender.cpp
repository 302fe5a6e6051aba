#include "media/dtmf_sender.h"

namespace call_media {
namespace {

constexpr int kToneFrames = 5;  // 100 ms
constexpr int kGapFrames = 4;   // 80 ms
constexpr int kEndCopies = 3;   // the end is said three times

}  // namespace

bool DtmfSender::add(std::string_view digits) {
  if (digits.size() > kMaxQueued - count_) return false;
  for (const char digit : digits) digits_[(begin_ + count_++) % kMaxQueued] = digit;
  return true;
}

DtmfSender::Step DtmfSender::next(std::uint32_t timestamp, std::uint32_t ticks) {
  Step step;
  if (count_ == 0) return step;
  if (frame_ == 0) started_ = timestamp;
  ++frame_;
  if (frame_ <= kToneFrames) {
    step.event.end = frame_ == kToneFrames;
    step.copies = step.event.end ? kEndCopies : 1;
    step.marker = frame_ == 1;
    step.timestamp = started_;
    step.event.digit = digits_[begin_];
    step.event.duration = static_cast<std::uint16_t>(ticks * static_cast<std::uint32_t>(frame_));
    return step;
  }
  step.pause = true;
  if (frame_ == kToneFrames + kGapFrames) {
    frame_ = 0;
    begin_ = (begin_ + 1) % kMaxQueued;
    --count_;
  }
  return step;
}

}  // namespace call_media

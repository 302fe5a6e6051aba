#include "runtime/net/websocket_frames.h"

#include <algorithm>

#include "runtime/base/utf8.h"

namespace trunkline::net {
namespace {

constexpr std::size_t kMaxControl = 125;

bool is_control(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

bool sendable(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != close_code::kNoStatus && code != close_code::kAbnormal;
}

}  // namespace

FrameHeader frame_header(Opcode opcode, std::size_t payload) {
  FrameHeader out;
  out.bytes[0] = static_cast<char>(0x80 | static_cast<std::uint8_t>(opcode));
  int length_bytes = 0;
  if (payload <= 125) {
    out.bytes[1] = static_cast<char>(payload);
  } else {
    length_bytes = payload <= 0xFFFF ? 2 : 8;
    out.bytes[1] = static_cast<char>(length_bytes == 2 ? 126 : 127);
  }
  out.size = static_cast<std::uint8_t>(2 + length_bytes);
  const auto value = static_cast<std::uint64_t>(payload);
  for (int i = 0; i < length_bytes; ++i)
    out.bytes[static_cast<std::size_t>(2 + i)] = static_cast<char>(value >> (8 * (length_bytes - 1 - i)));
  return out;
}

std::string close_payload(const WebSocketClose& close) {
  std::string out;
  if (close.code == close_code::kNoStatus) return out;
  out.push_back(static_cast<char>(close.code >> 8));
  out.push_back(static_cast<char>(close.code & 0xFF));
  std::string_view reason = close.reason;
  if (reason.size() > kMaxControl - 2) reason = reason.substr(0, kMaxControl - 2);
  out.append(reason.substr(0, utf8_valid_prefix(reason)));
  return out;
}

FrameParser::Event FrameParser::fail(std::uint16_t code, const char* why) {
  close_ = {code, why};
  return Event::kFailed;
}

// True: the header is complete. False: `event` says what is to be done.
bool FrameParser::header(std::string_view& in, Event& event) {
  event = Event::kNeedMore;
  const auto want = [&](std::size_t n) {
    while (head_size_ < n && !in.empty()) {
      head_[head_size_++] = static_cast<std::uint8_t>(in.front());
      in.remove_prefix(1);
    }
    return head_size_ >= n;
  };
  const auto refuse = [&](std::uint16_t code, const char* why) {
    event = fail(code, why);
    return false;
  };
  if (!want(2)) return false;
  final_ = (head_[0] & 0x80) != 0;
  const std::uint8_t code = head_[0] & 0x0F;
  if ((head_[0] & 0x70) != 0) return refuse(close_code::kProtocolError, "a reserved bit is set");
  if ((code > 2 && code < 8) || code > 10) return refuse(close_code::kProtocolError, "an unknown opcode");
  opcode_ = static_cast<Opcode>(code);
  if ((head_[1] & 0x80) == 0) return refuse(close_code::kProtocolError, "a frame is not masked");
  const std::uint8_t short_length = head_[1] & 0x7F;
  if (is_control(opcode_)) {
    if (!final_) return refuse(close_code::kProtocolError, "a control frame is fragmented");
    if (short_length > kMaxControl) return refuse(close_code::kProtocolError, "a control frame is too long");
  } else if (opcode_ == Opcode::kContinuation && !fragmented_) {
    return refuse(close_code::kProtocolError, "a continuation of nothing");
  } else if (opcode_ != Opcode::kContinuation && fragmented_) {
    return refuse(close_code::kProtocolError, "a message begins inside another");
  }
  const std::size_t length_bytes = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
  if (!want(2 + length_bytes + 4)) return false;
  left_ = short_length;
  if (length_bytes > 0) {
    left_ = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) left_ = left_ << 8 | head_[2 + i];
    if ((left_ >> 63) != 0 || left_ <= (length_bytes == 2 ? 125u : 0xFFFFu))
      return refuse(close_code::kProtocolError, "a frame length is malformed");
  }
  if (!is_control(opcode_) && left_ > max_message_bytes_ - message_.size())
    return refuse(close_code::kMessageTooBig, "the message is too big");
  std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(2 + length_bytes), 4, mask_.begin());
  head_size_ = 0;
  mask_at_ = 0;
  in_payload_ = true;
  if (is_control(opcode_)) {
    control_.clear();
  } else if (opcode_ != Opcode::kContinuation) {
    text_ = opcode_ == Opcode::kText;
    fragmented_ = true;
  }
  return true;
}

FrameParser::Event FrameParser::next(std::string_view& in) {
  for (;;) {
    Event event = Event::kNeedMore;
    if (!in_payload_ && !header(in, event)) return event;
    std::string& to = is_control(opcode_) ? control_ : message_;
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
    const std::size_t from = to.size();
    to.append(in.substr(0, n));
    for (std::size_t i = from; i < to.size(); ++i, ++mask_at_)
      to[i] = static_cast<char>(static_cast<std::uint8_t>(to[i]) ^ mask_[mask_at_ & 3]);
    in.remove_prefix(n);
    left_ -= n;
    if (left_ > 0) return Event::kNeedMore;
    in_payload_ = false;
    event = frame_end();
    if (event != Event::kNeedMore) return event;
  }
}

FrameParser::Event FrameParser::frame_end() {
  switch (opcode_) {
    case Opcode::kPing:
      return Event::kPing;
    case Opcode::kPong:
      return Event::kPong;
    case Opcode::kClose:
      return close_frame();
    default:
      break;
  }
  if (!final_) return Event::kNeedMore;
  fragmented_ = false;
  if (text_ && !utf8_valid(message_)) return fail(close_code::kInvalidPayload, "the text is not UTF-8");
  return Event::kMessage;
}

FrameParser::Event FrameParser::close_frame() {
  if (control_.empty()) {
    close_ = {close_code::kNoStatus, {}};
    return Event::kClose;
  }
  if (control_.size() == 1) return fail(close_code::kProtocolError, "a close frame is malformed");
  const auto code =
      static_cast<std::uint16_t>(static_cast<std::uint8_t>(control_[0]) << 8 | static_cast<std::uint8_t>(control_[1]));
  if (!sendable(code)) return fail(close_code::kProtocolError, "a close code is not allowed");
  const std::string_view reason = std::string_view(control_).substr(2);
  if (!utf8_valid(reason)) return fail(close_code::kInvalidPayload, "a close reason is not UTF-8");
  close_ = {code, std::string(reason)};
  return Event::kClose;
}

WebSocketMessage FrameParser::take_message() {
  WebSocketMessage out{text_, std::move(message_)};
  message_ = {};
  return out;
}

}  // namespace trunkline::net

// Internal to runtime/net: WebSocket frames as bytes.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/net/websocket.h"

namespace trunkline::net {

enum class Opcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

/// The header of an unfragmented, unmasked frame.
struct FrameHeader {
  std::array<char, 10> bytes;
  std::uint8_t size = 0;
};
FrameHeader frame_header(Opcode opcode, std::size_t payload);
/// A whole close frame; the reason is cut to what fits. kNoStatus gives an empty payload.
std::string close_payload(const WebSocketClose& close);

/// Takes the frames of a client apart. Keeps at most one message and one control frame; what is announced is checked before it
/// is believed.
class FrameParser {
 public:
  enum class Event { kNeedMore, kMessage, kPing, kPong, kClose, kFailed };

  explicit FrameParser(std::size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  /// Takes bytes off the front of `in` up to the next event. After kClose and kFailed it must not be called again.
  Event next(std::string_view& in);
  /// After kMessage: the message, moved out.
  WebSocketMessage take_message();
  /// After kPing: its payload.
  const std::string& control() const { return control_; }
  /// After kClose: what the peer said. After kFailed: what to tell it.
  const WebSocketClose& close() const { return close_; }

 private:
  Event fail(std::uint16_t code, const char* why);
  bool header(std::string_view& in, Event& event);
  Event frame_end();
  Event close_frame();

  const std::size_t max_message_bytes_;
  std::array<std::uint8_t, 14> head_{};
  std::size_t head_size_ = 0;
  bool in_payload_ = false;
  bool final_ = false;
  Opcode opcode_ = Opcode::kText;
  std::uint64_t left_ = 0;  // payload bytes to come
  std::size_t mask_at_ = 0;
  std::array<std::uint8_t, 4> mask_{};

  bool fragmented_ = false;  // a message has begun
  bool text_ = true;
  std::string message_;
  std::string control_;
  WebSocketClose close_;
};

}  // namespace trunkline::net

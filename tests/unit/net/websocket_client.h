// A blunt WebSocket client for tests, over SocketClient: any bytes may be sent, and every frame of the server is seen.
#pragma once
#include <array>
#include <string>
#include <string_view>

#include "tests/unit/net/socket_client.h"

namespace trunkline::testing {

struct RawFrame {
  int opcode = 0;
  bool final = true;
  std::string payload;
  int close_code() const {
    return payload.size() < 2 ? 0 : static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
  }
};

inline std::string websocket_get(std::string_view target, std::string_view more_headers = {}) {
  return get(target,
             "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                 std::string(more_headers));
}

/// A masked frame. `first`: flags and opcode, as 0x81 for a whole text.
inline std::string client_frame(int first, std::string_view payload) {
  std::string out;
  out.push_back(static_cast<char>(first));
  if (payload.size() <= 125) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    const int bytes = payload.size() <= 0xFFFF ? 2 : 8;
    out.push_back(static_cast<char>(0x80 | (bytes == 2 ? 126 : 127)));
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i)));
  }
  constexpr std::array<char, 4> mask{0x11, 0x22, 0x33, 0x44};
  out.append(mask.data(), mask.size());
  for (std::size_t i = 0; i < payload.size(); ++i) out.push_back(static_cast<char>(payload[i] ^ mask[i % 4]));
  return out;
}

inline RawFrame read_frame(SocketClient& client) {
  const std::string head = client.read_exactly(2);
  RawFrame out;
  out.final = (head[0] & 0x80) != 0;
  out.opcode = head[0] & 0x0F;
  std::size_t size = static_cast<unsigned char>(head[1]);
  if (size > 127) throw std::runtime_error("the server masked a frame");
  if (size >= 126) {
    const std::string more = client.read_exactly(size == 126 ? 2 : 8);
    size = 0;
    for (const char c : more) size = size << 8 | static_cast<unsigned char>(c);
  }
  out.payload = client.read_exactly(size);
  return out;
}

}  // namespace trunkline::testing

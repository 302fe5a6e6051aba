// WebSocket frames: never keeps more than the limit of a message, and how the bytes are cut does not change what they mean. The
// first byte says where they are cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/base/utf8.h"
#include "runtime/net/websocket_frames.h"

using namespace trunkline;
using net::FrameParser;

namespace {

constexpr std::size_t kLimit = 512;

std::vector<std::string> parse(std::initializer_list<std::string_view> parts) {
  std::vector<std::string> out;
  FrameParser parser(kLimit);
  for (std::string_view part : parts) {
    for (;;) {
      const FrameParser::Event event = parser.next(part);
      if (event == FrameParser::Event::kNeedMore) {
        if (!part.empty()) std::abort();
        break;
      }
      switch (event) {
        case FrameParser::Event::kMessage: {
          net::WebSocketMessage message = parser.take_message();
          if (message.data.size() > kLimit || (message.text && !utf8_valid(message.data))) std::abort();
          out.push_back((message.text ? "t" : "b") + message.data);
          break;
        }
        case FrameParser::Event::kPing:
          if (parser.control().size() > 125) std::abort();
          out.push_back("p" + parser.control());
          break;
        case FrameParser::Event::kClose:
        case FrameParser::Event::kFailed:
          if (net::close_payload(parser.close()).size() > 125) std::abort();
          out.push_back("c" + std::to_string(parser.close().code) + parser.close().reason);
          return out;
        default:
          break;
      }
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] % bytes.size();
  if (parse({bytes}) != parse({bytes.substr(0, cut), bytes.substr(cut)})) std::abort();
  return 0;
}

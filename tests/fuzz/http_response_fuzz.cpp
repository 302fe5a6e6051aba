// The parser for answers: never keeps more than its limits allow, and how the bytes are cut does not change what they mean. The
// first byte says where they are cut, its lowest bit whether the request was a HEAD.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdlib>
#include <optional>
#include <string>

#include "runtime/net/response_parser.h"

using namespace trunkline;

namespace {

struct Outcome {
  bool refused = false;
  bool done = false;
  net::ClientResponse response;
};

/// Feeds `first` and then the rest, as a connection does: what was not taken is offered again with what follows.
Outcome parse(std::string_view first, std::string_view rest, bool head) {
  const net::ResponseLimits limits{.header_bytes = 512, .body_bytes = 256};
  Outcome out;
  std::optional<net::ResponseParser> parser;
  parser.emplace(out.response, limits, true, head);
  std::string pending;
  for (const std::string_view part : {first, rest}) {
    pending += part;
    while (!pending.empty() && !out.done) {
      boost::beast::error_code ec;
      const std::size_t taken = parser->put(boost::asio::const_buffer(pending.data(), pending.size()), ec);
      if (taken > pending.size()) std::abort();
      pending.erase(0, taken);
      if (ec && ec != boost::beast::http::error::need_more) {
        out.refused = true;
        break;
      }
      if (!parser->is_done()) break;
      if (!parser->interim()) {
        out.done = true;
        break;
      }
      const std::size_t bytes = parser->header_bytes();
      parser.emplace(out.response, limits, true, head, bytes);
    }
    if (out.refused || out.done) break;
  }
  std::size_t header_bytes = 0;
  for (const auto& [name, value] : out.response.headers) header_bytes += name.size() + value.size();
  if (out.response.body.size() > limits.body_bytes || header_bytes > limits.header_bytes) std::abort();
  if (out.done && (out.response.status < 200 || out.response.status > 999)) std::abort();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] % text.size();
  const bool head = data[0] % 2 == 1;
  const Outcome whole = parse(text, {}, head);
  const Outcome pieces = parse(text.substr(0, cut), text.substr(cut), head);
  if (whole.done != pieces.done) std::abort();
  if (whole.done && (pieces.response.status != whole.response.status || pieces.response.body != whole.response.body ||
                     pieces.response.headers.size() != whole.response.headers.size()))
    std::abort();
  return 0;
}

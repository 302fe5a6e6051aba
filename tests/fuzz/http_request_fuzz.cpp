// The HTTP request parser: never reads or keeps more than its limits allow, and how the bytes are cut does not change what they
// mean. The first byte says where they are cut.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdlib>
#include <string>

#include "runtime/net/request_parser.h"

using namespace trunkline;

namespace {

struct Outcome {
  int refused = 0;
  bool done = false;
  net::Request request;
};

net::HttpServerOptions small_limits() {
  net::HttpServerOptions options;
  options.limits = {.header_bytes = 512, .header_count = 8, .target_bytes = 64, .body_bytes = 256};
  return options;
}

/// Feeds `first` and then the rest, as a connection does: what was not taken is offered again with what follows.
Outcome parse(std::string_view first, std::string_view rest) {
  net::HttpServerOptions options = small_limits();
  Outcome out;
  net::RequestParser parser(out.request, options);
  std::string pending;
  for (const std::string_view part : {first, rest}) {
    pending += part;
    if (pending.empty()) continue;
    boost::beast::error_code ec;
    const std::size_t taken = parser.put(boost::asio::const_buffer(pending.data(), pending.size()), ec);
    if (taken > pending.size()) std::abort();
    pending.erase(0, taken);
    if (ec && ec != boost::beast::http::error::need_more) {
      out.refused = parser.refusal(ec).status;
      if (out.refused < 400) std::abort();
      break;
    }
    if ((out.done = parser.is_done())) break;
  }
  const net::HttpLimits& limits = options.limits;
  if (out.request.headers.size() > limits.header_count || out.request.target.size() > limits.target_bytes ||
      out.request.body.size() > limits.body_bytes)
    std::abort();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] % text.size();
  const Outcome whole = parse(text, {});
  const Outcome pieces = parse(text.substr(0, cut), text.substr(cut));
  if (whole.done && !pieces.refused) {
    if (!pieces.done || pieces.request.method != whole.request.method || pieces.request.target != whole.request.target ||
        pieces.request.body != whole.request.body || pieces.request.headers.size() != whole.request.headers.size())
      std::abort();
  }
  if (whole.done && pieces.refused) std::abort();
  return 0;
}

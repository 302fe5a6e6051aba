// Percent-decoding and query strings: what is encoded decodes to itself.
#include <cstdlib>

#include "runtime/net/http.h"

using namespace trunkline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (net::percent_decode(net::percent_encode(text)) != std::string(text)) std::abort();
  for (const bool form : {false, true}) {
    const auto decoded = net::percent_decode(text, form);
    if (decoded && decoded->size() > text.size()) std::abort();
  }
  const auto middle = text.size() / 2;
  net::query_parameter(text.substr(middle), text.substr(0, middle));
  net::query_parameter(text, "api-version");
  return 0;
}

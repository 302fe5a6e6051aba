// What pages send over their sockets: messages of SIP. Reading never fails but by an Error, and what was read can be written and
// read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/sipsocket/sip_message.h"
#include "runtime/sipsocket/sip_words.h"
#include "trunkline/error.hpp"

using namespace trunkline::sipsocket;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  digit_of_info("application/dtmf-relay", text);
  digit_of_info("application/dtmf", text);
  where_of(user_of(text));
  try {
    const SipMessage message = parse_sip(text);
    for (const auto& [name, value] : message.headers) {
      uri_of(value);
      parameter_of(value, "tag");
      without_parameter(value, "expires");
    }
    const SipMessage again = parse_sip(message.text());
    if (again.headers.size() != message.headers.size() || again.body != message.body || again.method != message.method)
      std::abort();
  } catch (const trunkline::Error&) {
  }
  return 0;
}

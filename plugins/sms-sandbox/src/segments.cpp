#include "segments.h"

#include "trunkline/sms_text.hpp"

namespace sms_sandbox {

namespace gsm = trunkline::gsm;
using trunkline::sms::Encoding;

std::int32_t count_segments(std::string_view text, Encoding encoding) {
  std::string octets;
  octets.reserve(text.size());
  if (encoding == Encoding::kGsm7) {
    gsm::encode_gsm7_lossy(text, gsm::Alphabet::standard(), octets);
  } else if (encoding != Encoding::kAuto || !gsm::encode_gsm7(text, gsm::Alphabet::standard(), octets)) {
    gsm::encode_ucs2(text, octets);
    return static_cast<std::int32_t>(gsm::count_parts(octets, gsm::Charset::kUcs2));
  }
  return static_cast<std::int32_t>(gsm::count_parts(octets, gsm::Charset::kGsm7));
}

}  // namespace sms_sandbox

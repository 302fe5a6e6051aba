// Sound files, and frames of media sockets: any bytes give sound within the limits, or are refused.
#include <cstdint>
#include <cstdlib>

#include "runtime/calls/media_stream.h"
#include "runtime/calls/sound.h"

using namespace trunkline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const calls::Sound sound = calls::decode_wav(bytes);
    if (sound.length() > std::chrono::minutes{11} || sound.samples->size() > size * 3) std::abort();
  } catch (const Error& error) {
    if (error.code != ErrorCode::kInvalidArgument) std::abort();
  }
  for (const int rate : {16000, 24000})
    if (const auto frame = calls::parse_incoming(bytes, rate); frame && frame->samples.size() > size) std::abort();
  calls::text_of_ssml(bytes);
  return 0;
}

// Sound files, frames of media sockets, and SSML: any bytes give sound or words within the limits, or are refused.
#include <cstdint>
#include <cstdlib>

#include "runtime/calls/flite_voices.h"
#include "runtime/calls/media_stream.h"
#include "runtime/calls/mp3.h"
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
  calls::looks_like_mp3(bytes);
  try {
    calls::Mp3Decoder decoder;
    // In two pieces, so that frames lie across their border.
    decoder.feed(bytes.substr(0, size / 2));
    decoder.feed(bytes.substr(size / 2));
    // A frame of 24 bytes may be 72 ms.
    if (decoder.finish().samples->size() > size * 64 + 8192) std::abort();
  } catch (const Error& error) {
    if (error.code != ErrorCode::kInvalidArgument) std::abort();
  }
  for (const int rate : {16000, 24000})
    if (const auto frame = calls::parse_incoming(bytes, rate); frame && frame->samples.size() > size) std::abort();
  calls::text_of_ssml(bytes);
  if (calls::speakable(bytes).size() > size * 6) std::abort();
  try {
    for (const calls::SpeechPart& part : calls::read_ssml(bytes, {})) {
      if (part.rate < 0.5 || part.rate > 2 || part.pause_after < Duration{0} || part.pause_after > std::chrono::hours{6})
        std::abort();
      calls::choose_speaker(part.voice);
      if (calls::espeakable(part.text).size() > part.text.size()) std::abort();
    }
  } catch (const Error& error) {
    if (error.code != ErrorCode::kInvalidArgument) std::abort();
  }
  return 0;
}

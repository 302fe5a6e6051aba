// What a SIP peer sends that we read ourselves: session descriptions, RTP, RTCP, events. Reading never fails but by an Error,
// what we answer can be read again, and packets never leave the jitter buffer larger than they may be. The first byte says what
// it is.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "media/codec.h"
#include "media/jitter_buffer.h"
#include "media/sdp.h"
#include "trunkline/error.hpp"

using namespace call_media;

namespace {

void check(bool good) {
  if (!good) std::abort();
}

void description(std::string_view text, bool secure) {
  LocalAudio ours;
  ours.address = "192.0.2.1";
  ours.port = 20000;
  ours.codecs = {CodecId::kPcmu, CodecId::kPcma, CodecId::kG722, CodecId::kOpus};
  ours.srtp = secure ? SrtpUse::kOptional : SrtpUse::kOff;
  ours.srtp_key = std::string(30, 'k');
  try {
    const SdpAudio offer = parse_sdp(text);
    check(!offer.address.empty() && offer.port != 0 && offer.other_streams.size() + 1 == offer.streams);
    const Agreed agreed = agree(offer, ours);
    ours.direction = mirrored(offer.direction);
    const SdpAudio answer = parse_sdp(write_answer(ours, offer, agreed));
    check(answer.streams == offer.streams && answer.index == offer.index && answer.codecs.size() == 1);
    check(answer.codecs[0].id == agreed.codec.id &&
          (answer.event_type == agreed.event_type || answer.wide_event_type == agreed.event_type));
  } catch (const trunkline::Error&) {
  }
}

/// Packets of up to 63 bytes, each with its length before it.
void packets(Bytes bytes) {
  JitterBuffer buffer(2, 8);
  const std::array<std::unique_ptr<Codec>, 2> codecs{Codec::make(CodecId::kPcma), Codec::make(CodecId::kOpus)};
  std::array<std::int16_t, Codec::kMaxDecoded> sound;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes[0] & 63, bytes.size() - 1);
    const bool take = bytes[0] & 64;
    const Bytes packet = bytes.subspan(1, size);
    bytes = bytes.subspan(1 + size);
    if (const auto read = parse_rtp(packet)) {
      check(read->payload.size() <= packet.size());
      (void)parse_event(read->payload);
      buffer.put(read->header.sequence, read->payload);
    }
    if (!take) continue;
    Bytes payload;
    const JitterBuffer::Next next = buffer.take(payload);
    for (const auto& codec : codecs) {
      if (next == JitterBuffer::Next::kPacket) {
        check(payload.size() <= JitterBuffer::kMaxPayload && codec->duration(payload) <= sound.size());
        check(codec->decode(payload, sound) <= sound.size());
      } else if (next == JitterBuffer::Next::kLost && codec->id() == CodecId::kOpus) {
        // spandsp's concealment copies memory that overlaps, whatever the sound is: harmless with glibc, and not ours.
        check(codec->conceal(kFrameSamples, buffer.peek(), sound) <= sound.size());
      }
    }
    check(buffer.depth() < JitterBuffer::kSlots);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes bytes(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
    case 1:
      description({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, data[0] & 1);
      break;
    case 2:
      packets(bytes);
      break;
    default:
      (void)parse_rtcp(bytes, 0x01020304);
  }
  return 0;
}

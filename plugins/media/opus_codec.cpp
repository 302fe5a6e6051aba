#include "media/opus_codec.h"

#include <opus/opus.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace call_media {
namespace {

constexpr int kBitRate = 32'000;
constexpr int kComplexity = 3;  // of 10: a third less work than 5, and nobody hears it at this rate
/// In percent, upwards. Without any there would be no copies, and the first loss would be heard.
constexpr std::array<int, OpusCodec::kWays> kLosses{5, 10, 20, 30};

int size_of(Bytes bytes) { return static_cast<int>(bytes.size()); }

}  // namespace

OpusCodec::OpusCodec() : Codec(CodecId::kOpus) {
  int error = OPUS_OK;
  encoder_ = opus_encoder_create(kMixRate, 1, OPUS_APPLICATION_VOIP, &error);
  decoder_ = opus_decoder_create(kMixRate, 1, &error);
  if (!encoder_ || !decoder_) {
    opus_encoder_destroy(encoder_);
    opus_decoder_destroy(decoder_);
    throw std::bad_alloc();
  }
  opus_encoder_ctl(encoder_, OPUS_SET_BITRATE(kBitRate));
  opus_encoder_ctl(encoder_, OPUS_SET_COMPLEXITY(kComplexity));
  opus_encoder_ctl(encoder_, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  opus_encoder_ctl(encoder_, OPUS_SET_INBAND_FEC(1));
  opus_encoder_ctl(encoder_, OPUS_SET_DTX(0));
  expect_loss(0);
}

OpusCodec::~OpusCodec() {
  opus_encoder_destroy(encoder_);
  opus_decoder_destroy(decoder_);
}

void OpusCodec::expect_loss(std::uint8_t fraction) {
  way_ = 0;
  while (way_ + 1 < kWays && fraction * 100 / 256 > kLosses[way_]) ++way_;
  opus_encoder_ctl(encoder_, OPUS_SET_PACKET_LOSS_PERC(kLosses[way_]));
}

void OpusCodec::continue_from(const Codec& other, const Frame&) {
  // opus.h: the state is one piece without pointers into itself, and may be copied so.
  const auto& theirs = static_cast<const OpusCodec&>(other);
  std::memcpy(static_cast<void*>(encoder_), theirs.encoder_, static_cast<std::size_t>(opus_encoder_get_size(1)));
  opus_encoder_ctl(encoder_, OPUS_SET_PACKET_LOSS_PERC(kLosses[way_]));
}

bool OpusCodec::is_silence(Bytes payload) const {
  if (payload.size() < 2) return true;  // what DTX leaves out
  // RFC 6716, 3.1 and 4.2.3: one frame of SILK, alone or below CELT, 20 ms or less, begins with the flag that says whether there
  // is a voice in it. Without one, and shorter than 6 kbit/s would be, it is the noise of a quiet room at most.
  constexpr std::size_t kMostBytes = 14;
  const int configuration = payload[0] >> 3, frames = payload[0] & 3;
  const bool one_of_silk = configuration < 12 ? (configuration & 3) < 2 : configuration < 16;
  return payload.size() <= kMostBytes && frames == 0 && one_of_silk && (payload[1] & 0x80) == 0;
}

std::size_t OpusCodec::duration(Bytes payload) const {
  if (payload.empty()) return 0;
  const int samples = opus_packet_get_nb_samples(payload.data(), size_of(payload), kMixRate);
  return samples > 0 && static_cast<std::size_t>(samples) <= kMaxDecoded ? static_cast<std::size_t>(samples) : 0;
}

std::size_t OpusCodec::decode(Bytes payload, std::span<std::int16_t, kMaxDecoded> out) {
  const int made = opus_decode(decoder_, payload.data(), size_of(payload), out.data(), static_cast<int>(out.size()), 0);
  return made > 0 ? static_cast<std::size_t>(made) : 0;
}

std::size_t OpusCodec::conceal(std::size_t samples, Bytes following, std::span<std::int16_t, kMaxDecoded> out) {
  // Durations are multiples of 2.5 ms.
  constexpr std::size_t kStep = kMixRate / 400;
  const auto wanted = static_cast<int>(std::clamp(samples / kStep * kStep, kStep, kMaxDecoded));
  int made = 0;
  // The copy is of one packet as long as the one that carries it.
  if (duration(following) == static_cast<std::size_t>(wanted))
    made = opus_decode(decoder_, following.data(), size_of(following), out.data(), wanted, 1);
  if (made <= 0) made = opus_decode(decoder_, nullptr, 0, out.data(), wanted, 0);
  return made > 0 ? static_cast<std::size_t>(made) : 0;
}

std::size_t OpusCodec::encode(const Frame& frame, std::span<std::uint8_t, kMaxEncoded> out) {
  const opus_int32 size =
      opus_encode(encoder_, frame.data(), static_cast<int>(frame.size()), out.data(), static_cast<opus_int32>(out.size()));
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

}  // namespace call_media

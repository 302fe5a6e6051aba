#include "media/g7xx_codec.h"

#include <spandsp.h>
#include <spandsp/private/g722.h>
#include <speex/speex_resampler.h>

#include <algorithm>
#include <new>

namespace call_media {
namespace {

constexpr int kResamplerQuality = 3;  // 7 µs a frame, and clean enough for 8 kHz
constexpr std::size_t kFrameBytes = kFrameSamples / 2;

SpeexResamplerState* resampler(unsigned from, unsigned to) {
  int error = 0;
  SpeexResamplerState* state = speex_resampler_init(1, from, to, kResamplerQuality, &error);
  if (!state) throw std::bad_alloc();
  return state;
}

std::size_t resample(SpeexResamplerState* state, std::span<const std::int16_t> in, std::span<std::int16_t> out) {
  auto given = static_cast<spx_uint32_t>(in.size()), made = static_cast<spx_uint32_t>(out.size());
  speex_resampler_process_int(state, 0, in.data(), &given, out.data(), &made);
  return made;
}

}  // namespace

struct G7xxCodec::States {
  explicit States(bool wide) {
    plc_init(&plc);
    if (wide) {
      to_g722 = g722_encode_init(nullptr, 64000, 0);
      from_g722 = g722_decode_init(nullptr, 64000, 0);
      if (!to_g722 || !from_g722) throw std::bad_alloc();
    } else {
      up = resampler(8000, kMixRate);
      down = resampler(kMixRate, 8000);
    }
  }
  ~States() {
    if (up) speex_resampler_destroy(up);
    if (down) speex_resampler_destroy(down);
    if (to_g722) g722_encode_free(to_g722);
    if (from_g722) g722_decode_free(from_g722);
  }
  States(const States&) = delete;

  plc_state_t plc{};
  g722_encode_state_t* to_g722 = nullptr;
  g722_decode_state_t* from_g722 = nullptr;
  SpeexResamplerState* up = nullptr;
  SpeexResamplerState* down = nullptr;
  std::array<std::int16_t, kMaxDecoded> narrow{};
};

G7xxCodec::G7xxCodec(CodecId id) : Codec(id), states_(std::make_unique<States>(id == CodecId::kG722)) {}
G7xxCodec::~G7xxCodec() = default;

std::size_t G7xxCodec::decode(Bytes payload, std::span<std::int16_t, kMaxDecoded> out) {
  States& s = *states_;
  payload = payload.first(std::min(payload.size(), kMaxDecoded / 2));
  if (id() == CodecId::kG722) {
    const int count = g722_decode(s.from_g722, out.data(), payload.data(), static_cast<int>(payload.size()));
    plc_rx(&s.plc, out.data(), count);
    return static_cast<std::size_t>(count);
  }
  for (std::size_t i = 0; i < payload.size(); ++i)
    s.narrow[i] = id() == CodecId::kPcmu ? ulaw_to_linear(payload[i]) : alaw_to_linear(payload[i]);
  plc_rx(&s.plc, s.narrow.data(), static_cast<int>(payload.size()));
  return resample(s.up, std::span(s.narrow).first(payload.size()), out);
}

std::size_t G7xxCodec::conceal(std::size_t samples, Bytes, std::span<std::int16_t, kMaxDecoded> out) {
  States& s = *states_;
  samples = std::min(samples, kMaxDecoded);
  if (id() == CodecId::kG722) return static_cast<std::size_t>(plc_fillin(&s.plc, out.data(), static_cast<int>(samples)));
  const int count = plc_fillin(&s.plc, s.narrow.data(), static_cast<int>(samples / 2));
  return resample(s.up, std::span(s.narrow).first(static_cast<std::size_t>(count)), out);
}

std::size_t G7xxCodec::encode(const Frame& frame, std::span<std::uint8_t, kMaxEncoded> out) {
  States& s = *states_;
  if (id() == CodecId::kG722)
    return static_cast<std::size_t>(g722_encode(s.to_g722, out.data(), frame.data(), static_cast<int>(frame.size())));
  const std::size_t count = resample(s.down, frame, std::span(s.narrow).first(kFrameBytes));
  for (std::size_t i = count; i < kFrameBytes; ++i) s.narrow[i] = 0;
  for (std::size_t i = 0; i < kFrameBytes; ++i)
    out[i] = id() == CodecId::kPcmu ? linear_to_ulaw(s.narrow[i]) : linear_to_alaw(s.narrow[i]);
  return kFrameBytes;
}

void G7xxCodec::continue_from(const Codec& other, const Frame& last) {
  if (id() == CodecId::kG722) {
    // Numbers alone, as that header of the library shows; it has no call for this.
    *states_->to_g722 = *static_cast<const G7xxCodec&>(other).states_->to_g722;
    return;
  }
  // The filter looks back a few milliseconds, and that is all it knows.
  std::array<std::uint8_t, kMaxEncoded> heard_before;
  encode(last, heard_before);
}

}  // namespace call_media

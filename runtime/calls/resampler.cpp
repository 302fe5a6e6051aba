#include "runtime/calls/resampler.h"

#include <speex/speex_resampler.h>

#include <algorithm>

namespace trunkline::calls {
namespace {
constexpr int kQuality = 5;  // of 10: 15 us for 20 ms
constexpr int kLeastRate = 4000, kMostRate = 192'000;
}  // namespace

struct Resampler::State {
  explicit State(SpeexResamplerState* made) : speex(made) {}
  ~State() { speex_resampler_destroy(speex); }
  State(const State&) = delete;
  SpeexResamplerState* const speex;
};

Resampler::Resampler(int from_rate) : from_rate_(from_rate) {
  if (from_rate < kLeastRate || from_rate > kMostRate)
    throw Error(ErrorCode::kInvalidArgument, "found " + std::to_string(from_rate) + " Hz, wanted 4000 to 192000", "playSources");
  if (from_rate == kSampleRate) return;
  int error = 0;
  SpeexResamplerState* made = speex_resampler_init(1, static_cast<spx_uint32_t>(from_rate), kSampleRate, kQuality, &error);
  if (!made) throw Error(ErrorCode::kInternal, std::string("no resampler: ") + speex_resampler_strerror(error));
  state_ = std::make_unique<State>(made);
  speex_resampler_skip_zeros(made);  // the delay of the filter is no sound
}

Resampler::~Resampler() = default;

void Resampler::push(std::span<const std::int16_t> samples, Samples& out) {
  if (!state_) {
    out.insert(out.end(), samples.begin(), samples.end());
    return;
  }
  while (!samples.empty()) {
    auto given = static_cast<spx_uint32_t>(std::min<std::size_t>(samples.size(), 4096));
    const std::size_t before = out.size();
    auto made = static_cast<spx_uint32_t>(std::size_t{given} * kSampleRate / static_cast<std::size_t>(from_rate_) + 64);
    out.resize(before + made);
    speex_resampler_process_int(state_->speex, 0, samples.data(), &given, out.data() + before, &made);
    out.resize(before + made);
    if (given == 0 && made == 0) return;  // never, or it would not end
    samples = samples.subspan(given);
  }
}

void Resampler::finish(Samples& out) {
  if (!state_) return;
  const Samples silence(static_cast<std::size_t>(speex_resampler_get_input_latency(state_->speex)));
  push(silence, out);
}

}  // namespace trunkline::calls

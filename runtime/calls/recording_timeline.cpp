#include "runtime/calls/recording_timeline.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace trunkline::calls {
namespace {
constexpr std::int64_t kLiveGap = kSampleRate / 10;
}

void RecordingTimeline::resume(std::int64_t at) {
  if (active_) return;
  active_ = true;
  since_ = at;
}

void RecordingTimeline::pause(std::int64_t at) {
  if (!active_) return;
  active_ = false;
  if (at > since_) spans_.push_back({since_, at});
}

void RecordingTimeline::put(std::uint64_t sounding, std::size_t channel, std::int64_t at,
                            std::shared_ptr<const Samples> samples) {
  const std::int64_t end = at + static_cast<std::int64_t>(samples->size());
  if (end > taken_) pieces_.push_back({sounding, channel, at, end, std::move(samples)});
}

void RecordingTimeline::close(Run& run) {
  if (run.samples.empty()) return;
  put(0, run.channel, run.at, std::make_shared<const Samples>(std::move(run.samples)));
  run.samples = {};
}

void RecordingTimeline::put_live(std::int64_t speaker, std::size_t channel, std::int64_t at, const Samples& samples) {
  const auto [found, fresh] = runs_.try_emplace(speaker);
  Run& run = found->second;
  const bool follows = !fresh && at < run.end + kLiveGap && at > run.end - kLiveGap;
  const auto more = static_cast<std::int64_t>(samples.size());
  const auto held = static_cast<std::int64_t>(run.samples.size());
  if (!follows || held + more > kSliceSamples) close(run);
  if (run.samples.empty()) {
    run.channel = channel;
    run.at = follows ? run.end : at;
    run.end = run.at;
    run.samples.reserve(static_cast<std::size_t>(std::max(more, kSliceSamples)));
  }
  run.samples.insert(run.samples.end(), samples.begin(), samples.end());
  run.end += more;
}

void RecordingTimeline::cut(std::uint64_t sounding, std::int64_t at) {
  for (RecordingSlice::Piece& piece : pieces_)
    if (piece.sounding == sounding) piece.end = std::clamp(at, piece.at, piece.end);
}

std::int64_t RecordingTimeline::frames(std::int64_t now) const {
  std::int64_t all = before_;
  for (const Span& span : spans_) all += span.to - std::max(span.from, taken_);
  if (active_) all += std::max<std::int64_t>(now - std::max(since_, taken_), 0);
  return all;
}

RecordingSlice RecordingTimeline::take(std::int64_t until) {
  RecordingSlice slice;
  if (until <= taken_) return slice;
  const auto add = [&](std::int64_t from, std::int64_t to) {
    from = std::max(from, taken_);
    to = std::min(to, until);
    if (from >= to) return;
    slice.parts.push_back({from, to, before_});
    before_ += to - from;
  };
  for (const Span& span : spans_) add(span.from, span.to);
  if (active_) add(since_, until);
  std::erase_if(spans_, [&](const Span& span) { return span.to <= until; });

  // A run that begins in here may not grow under whoever mixes it.
  for (auto& [speaker, run] : runs_)
    if (run.at < until) close(run);
  const auto before = [&](const RecordingSlice::Piece& piece) { return piece.at < until; };
  std::copy_if(pieces_.begin(), pieces_.end(), std::back_inserter(slice.pieces), before);
  std::erase_if(pieces_, [&](const RecordingSlice::Piece& piece) { return piece.end <= until; });
  taken_ = until;
  return slice;
}

bool mix_block(const RecordingSlice& slice, std::size_t channels, std::int64_t from, std::int64_t to, Samples& out) {
  bool sounds = false;
  for (const RecordingSlice::Piece& piece : slice.pieces) {
    const std::int64_t begin = std::max(piece.at, from), end = std::min(piece.end, to);
    if (begin >= end) continue;
    if (!std::exchange(sounds, true)) out.assign(static_cast<std::size_t>(to - from) * channels, 0);
    const std::int16_t* source = piece.samples->data() + (begin - piece.at);
    std::int16_t* target = out.data() + static_cast<std::size_t>(begin - from) * channels + std::min(piece.channel, channels - 1);
    for (std::int64_t i = begin; i < end; ++i, ++source, target += channels)
      *target = static_cast<std::int16_t>(std::clamp(*target + *source, -32768, 32767));
  }
  return sounds;
}

}  // namespace trunkline::calls

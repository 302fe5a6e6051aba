#include "runtime/calls/leg_audio.h"

#include <algorithm>
#include <set>

#include "runtime/clock/clock.h"

namespace trunkline::calls {
namespace {

/// How far the frames of a leg may be from where its clock says; then it begins anew.
constexpr Duration kMostDrift = std::chrono::milliseconds{300};
/// Held back of what is said elsewhere, since it comes a little early or late.
constexpr Duration kHeldBack = std::chrono::milliseconds{40};
/// Of playing_: what ended by itself is forgotten when there is more.
constexpr std::size_t kMaxPlaying = 10'000;

Duration duration_of(std::int64_t samples) { return std::chrono::nanoseconds{samples * 1'000'000'000 / kSampleRate}; }

}  // namespace

bool LegAudio::hears(const Sounding& sounding, const Participant& participant) const {
  if (participant.leg_id.empty() || !participant.connected || participant.id == sounding.not_for) return false;
  if (sounding.who && participant.id == sounding.who->id) return false;
  if (sounding.only)
    return std::any_of(sounding.only->begin(), sounding.only->end(), [&](const Party& party) { return participant.is(party); });
  return !participant.on_hold;
}

void LegAudio::began(const Sounding& sounding) {
  if (sounding.who && (sounding.who->muted || sounding.who->on_hold)) return;
  const std::string speaker = sounding.who && sounding.live_at && !sounding.who->leg_id.empty()
                                  ? core_.legs.audio_provider(sounding.who->leg_id)
                                  : std::string();
  for (const Participant& participant : sounding.call->participants) {
    if (!hears(sounding, participant)) continue;
    const auto line = lines_.find(participant.leg_id);
    if (line == lines_.end()) continue;
    if (sounding.live_at) {
      // Legs of one provider are bridged there.
      if (speaker != core_.legs.audio_provider(participant.leg_id)) play_live(line->second, participant.leg_id, sounding);
      continue;
    }
    core_.legs.play(participant.leg_id, static_cast<std::int64_t>(sounding.id), sounding.sound);
    playing_[sounding.id].push_back(participant.leg_id);
    if (playing_.size() > kMaxPlaying) playing_.erase(playing_.begin());
  }
}

void LegAudio::play_live(Line& line, const std::string& leg_id, const Sounding& sounding) {
  const std::int64_t speaker = sounding.who ? sounding.who->id : 0;
  const Time now = core_.context.clock.now();
  Time& end = line.live_end[speaker];
  Sound sound = sounding.sound;
  if (end < now) {
    Samples samples(samples_in(kHeldBack));
    samples.insert(samples.end(), sound.samples->begin(), sound.samples->end());
    sound.samples = std::make_shared<const Samples>(std::move(samples));
    end = now;
  }
  end += sound.length();
  core_.legs.play(leg_id, -1 - speaker, sound);
}

void LegAudio::cut(std::uint64_t id) {
  const auto found = playing_.find(id);
  if (found == playing_.end()) return;
  for (const std::string& leg_id : found->second) core_.legs.stop_play(leg_id, static_cast<std::int64_t>(id));
  playing_.erase(found);
}

/// Legs of two providers hear each other through us.
bool LegAudio::listens(const Call& call) const {
  std::set<std::string> providers;
  for (const Participant& participant : call.participants)
    if (!participant.leg_id.empty() && participant.connected)
      if (std::string provider = core_.legs.audio_provider(participant.leg_id); !provider.empty())
        providers.insert(std::move(provider));
  return providers.size() > 1;
}

void LegAudio::rearranged(Call& call) {
  const bool tapped = core_.taps.listens(call);
  for (const Participant& participant : call.participants) {
    if (participant.leg_id.empty() || !participant.connected) continue;
    auto found = lines_.find(participant.leg_id);
    if (found == lines_.end()) {
      if (core_.legs.audio_provider(participant.leg_id).empty()) continue;
      found = lines_.emplace(participant.leg_id, Line{}).first;
    }
    Line& line = found->second;
    line.participant_id = participant.id;
    if (line.server_call_id != call.server_call_id) {
      line.server_call_id = call.server_call_id;
      core_.legs.join_bridge(participant.leg_id, call.server_call_id);
    }
    pstn::LegFlow flow;
    flow.muted = participant.muted;
    flow.on_hold = participant.on_hold;
    flow.tapped = tapped;
    if (flow == line.flow) continue;
    line.flow = flow;
    core_.legs.set_flow(participant.leg_id, flow);
  }
}

void LegAudio::forget(std::string_view leg_id) {
  if (const auto found = lines_.find(leg_id); found != lines_.end()) lines_.erase(found);
}

void LegAudio::heard(std::string_view leg_id, std::int64_t position, std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kMost = std::size_t{kSampleRate} * 2;  // a second
  if (bytes.empty() || bytes.size() % 2 != 0 || bytes.size() > kMost) return;
  Samples samples(bytes.size() / 2);
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = static_cast<std::int16_t>(static_cast<std::uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8));
  Sounding sounding;
  sounding.sound.samples = std::make_shared<const Samples>(std::move(samples));
  const std::lock_guard lock(core_.mutex);
  const auto found = lines_.find(leg_id);
  if (found == lines_.end()) return;
  Line& line = found->second;
  Call* call = core_.book.call(line.server_call_id);
  Participant* who = call ? call->find(line.participant_id) : nullptr;
  if (!who || who->muted || who->on_hold) return;
  const Time now = core_.context.clock.now();
  const Duration since = duration_of(position);
  // What was just heard began a frame ago.
  const Time began = now - sounding.sound.length();
  if (!line.origin || *line.origin + since > began + kMostDrift || *line.origin + since < began - kMostDrift)
    line.origin = began - since;
  sounding.call = call;
  sounding.who = who;
  sounding.live_at = *line.origin + since;
  core_.taps.begin(std::move(sounding));
}

}  // namespace trunkline::calls

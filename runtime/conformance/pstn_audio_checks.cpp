// What a telephone provider with sound promises: see PstnAudioProvider in bindings/idl/pstn.tsp.
#include <algorithm>

#include "runtime/conformance/declared_errors.h"
#include "runtime/conformance/pstn_client.h"

namespace trunkline::conformance {
namespace {

constexpr std::size_t kSecond = 16'000 * 2;  // bytes of sound

Bytes sound(std::size_t bytes) {
  Bytes out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::uint8_t>(i);
  return out;
}

/// A phone whose legs have sound.
class Audio {
 public:
  explicit Audio(CheckContext& kit)
      : kit_(kit),
        phone_(kit),
        client_(phone_.subject()->interface(pstn::PstnAudioProviderClient::kInterfaceId), phone_.subject()->calls()) {}

  Result<void> join_bridge(const std::string& leg, const std::string& bridge) {
    return call<void>(kit_, "join_bridge", [&](auto done) { client_.start_join_bridge(leg, bridge, {}, std::move(done)); });
  }
  Result<void> set_flow(const std::string& leg, pstn::LegFlow flow) {
    return call<void>(kit_, "set_flow", [&](auto done) { client_.start_set_flow(leg, flow, {}, std::move(done)); });
  }
  Result<void> play(const std::string& leg, std::int64_t id, Bytes samples) {
    return call<void>(kit_, "play", [&](auto done) { client_.start_play(leg, id, std::move(samples), {}, std::move(done)); });
  }
  Result<void> stop_play(const std::string& leg, std::int64_t id) {
    return call<void>(kit_, "stop_play", [&](auto done) { client_.start_stop_play(leg, id, {}, std::move(done)); });
  }
  void require_phone() {
    const auto& offered = phone_.subject()->interfaces();
    if (std::find(offered.begin(), offered.end(), pstn::PstnProviderClient::kInterfaceId) == offered.end())
      kit_.skip("it does not offer trunkline.pstn/1 beside it");
  }
  Phone& phone() { return phone_; }

 private:
  CheckContext& kit_;
  Phone phone_;
  pstn::PstnAudioProviderClient client_;
};

void check_not_found(Audio& audio, const std::string& leg, const std::string& what) {
  require_not_found(audio.join_bridge(leg, "kit"), "join_bridge of " + what);
  require_not_found(audio.set_flow(leg, {}), "set_flow of " + what);
  require_not_found(audio.play(leg, 1, sound(640)), "play to " + what);
  require_not_found(audio.stop_play(leg, 1), "stop_play of " + what);
}

void sound_not_found(CheckContext& kit) {
  Audio audio(kit);
  for (const std::string& leg : {std::string("no-such-leg"), std::string(), std::string("a\0b", 3)})
    check_not_found(audio, leg, "a leg that there is not");
  audio.phone().close();
}

void life_of_sound(CheckContext& kit) {
  Audio audio(kit);
  audio.require_phone();
  const std::string leg = audio.phone().answered_leg();
  value_of(audio.join_bridge(leg, "kit"), "join_bridge");
  value_of(audio.set_flow(leg, {true, false, false}), "set_flow");
  value_of(audio.set_flow(leg, {false, true, false}), "set_flow");
  value_of(audio.set_flow(leg, {false, false, false}), "set_flow");
  value_of(audio.play(leg, 1, sound(kSecond)), "play");
  value_of(audio.play(leg, 1, sound(kSecond)), "play of more");
  value_of(audio.play(leg, 2, sound(kSecond)), "play of another one beside it");
  value_of(audio.stop_play(leg, 1), "stop_play");
  value_of(audio.stop_play(leg, 1), "stop_play of one that is over");
  value_of(audio.stop_play(leg, 77), "stop_play of one that there never was");
  value_of(audio.join_bridge(leg, ""), "join_bridge of nobody");
  value_of(audio.phone().hang_up(leg), "hang_up");
  audio.phone().await_end(leg);
  check_not_found(audio, leg, "a leg that has ended");
  audio.phone().close();
}

// Two legs of a bridge, one of which the host listens to: frames are whole samples, in order, and of that leg.
void heard(CheckContext& kit) {
  Audio audio(kit);
  audio.require_phone();
  const std::string leg = audio.phone().answered_leg(), other = audio.phone().answered_leg();
  value_of(audio.join_bridge(leg, "kit"), "join_bridge");
  value_of(audio.join_bridge(other, "kit"), "join_bridge");
  value_of(audio.set_flow(leg, {false, false, true}), "set_flow");
  const auto& sink = *audio.phone().subject().sink;
  const auto enough = [&] { return sink.heard_frames().size() >= 3; };
  kit.host.wait(enough);
  if (sink.heard_frames().empty()) kit.remark("nothing was heard: the far end is silent");
  value_of(audio.set_flow(leg, {false, false, false}), "set_flow");
  kit.host.let_pass(std::chrono::seconds(1));
  const std::size_t until = sink.heard_frames().size();
  kit.host.let_pass(std::chrono::seconds(1));
  kit.require(sink.heard_frames().size() == until, "a leg that the host no longer listens to is heard");
  std::int64_t next = 0;
  for (const HeardFrame& frame : sink.heard_frames()) {
    kit.require(frame.leg_id == leg, "the leg \"" + frame.leg_id + "\" is heard, which the host does not listen to");
    kit.require(frame.bytes > 0 && frame.bytes % 2 == 0,
                "a frame has " + std::to_string(frame.bytes) + " bytes, wanted 16-bit samples");
    kit.require(frame.position >= next, "a frame begins at " + std::to_string(frame.position) +
                                            ", but the one before it reaches to " + std::to_string(next));
    next = frame.position + static_cast<std::int64_t>(frame.bytes / 2);
  }
  value_of(audio.phone().hang_up(leg), "hang_up");
  (void)audio.phone().hang_up(other);
  audio.phone().await_end(leg);
  audio.phone().close();
}

void nothing_after_the_end(CheckContext& kit) {
  Audio audio(kit);
  audio.require_phone();
  const std::string leg = audio.phone().answered_leg();
  value_of(audio.set_flow(leg, {false, false, true}), "set_flow");
  value_of(audio.phone().hang_up(leg), "hang_up");
  audio.phone().await_end(leg);
  for (const HeardFrame& frame : audio.phone().subject().sink->heard_frames())
    kit.require(!frame.after_end, "a leg whose end was told is heard");
  audio.phone().close();
}

// Sound of any length and any id: taken, or refused with an error that says why; the leg lives on.
void odd_plays(CheckContext& kit) {
  Audio audio(kit);
  audio.require_phone();
  const std::string leg = audio.phone().answered_leg();
  const std::pair<std::int64_t, std::size_t> plays[] = {{1, 0}, {-1, 640}, {2, 641}, {3, 60 * kSecond}, {3, 600 * kSecond}};
  for (const auto& [id, bytes] : plays) {
    const auto played = audio.play(leg, id, sound(bytes));
    if (!played.ok()) require_meaning(kit, played.error());
  }
  const auto joined = audio.join_bridge(leg, std::string("a\0\xff", 3));
  if (!joined.ok()) require_meaning(kit, joined.error());
  value_of(audio.stop_play(leg, 3), "stop_play");
  value_of(audio.phone().hang_up(leg), "hang_up");
  audio.phone().await_end(leg);
  audio.phone().close();
}

// A plan of sound that has no room is refused with resource_exhausted, and not dropped.
void too_much_sound(CheckContext& kit) {
  constexpr int kMinutes = 30;
  Audio audio(kit);
  audio.require_phone();
  const std::string leg = audio.phone().answered_leg();
  int taken = 0;
  for (; taken < kMinutes; ++taken) {
    const auto played = audio.play(leg, 1, sound(60 * kSecond));
    if (played.ok()) continue;
    require_code(played.error(), ErrorCode::kResourceExhausted);
    break;
  }
  kit.remark(std::to_string(taken) +
             (taken == kMinutes ? " minutes of sound were taken at once" : " minutes of sound have room"));
  value_of(audio.stop_play(leg, 1), "stop_play");
  value_of(audio.play(leg, 2, sound(640)), "play after what was too much was stopped");
  value_of(audio.phone().hang_up(leg), "hang_up");
  audio.phone().await_end(leg);
  audio.phone().close();
}

}  // namespace

std::vector<Check> pstn_audio_checks(NormalCall& normal) {
  normal = [](CheckContext&, plugin::PluginInstance& instance, int, CallOptions options, Settled done) {
    // Of no leg: what is normal without one is not_found, which counts as an answer.
    pstn::PstnAudioProviderClient(instance.interface(pstn::PstnAudioProviderClient::kInterfaceId), instance.calls())
        .start_set_flow("no-such-leg", {}, std::move(options), [done = std::move(done)](Result<void> result) mutable {
          done(result.ok() || result.error().code == ErrorCode::kNotFound ? nullptr : &result.error());
        });
  };
  return {{"pstn.audio.not_found", sound_not_found},
          {"pstn.audio.life_of_sound", life_of_sound},
          {"pstn.audio.heard", heard},
          {"pstn.audio.nothing_after_the_end", nothing_after_the_end},
          {"pstn.audio.play.odd_sound", odd_plays},
          {"pstn.audio.play.too_much", too_much_sound}};
}

}  // namespace trunkline::conformance

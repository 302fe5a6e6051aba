// Recognition of what people say: their sound is followed until they have finished, and then understood on a thread of its own.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/calls/call_media.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls {
namespace {

/// Sound that does not come any more, as when somebody is muted in the middle of a word.
constexpr Duration kNoMoreSound = std::chrono::seconds{1};
constexpr Duration kQuietAfter = std::chrono::seconds{2};
constexpr Duration kPiece = std::chrono::milliseconds{20};

int code_of(const Error& error) {
  if (error.code == ErrorCode::kInvalidArgument) return 400;
  return error.code == ErrorCode::kResourceExhausted ? 429 : 500;
}

}  // namespace

bool CallMedia::hears(const Resource& resource, std::string_view connection_id, const Party& target) {
  const std::lock_guard lock(core_.mutex);
  Call& call = core_.call_of(core_.require(resource, connection_id, CallAction::kMedia));
  return core_.has_voice(call, present(call, target));
}

bool CallMedia::begin_listening(Connection& connection) {
  MediaOperation& operation = connection.operations.front();
  Call& call = core_.call_of(connection);
  const Participant* who = call.find_connected(operation.to.front());
  if (!who || !core_.has_voice(call, *who)) return true;
  const RecognizeSpec& spec = operation.recogniser->spec();
  if (!core_.ears.understands(spec.language)) {
    not_understood(connection, Error(ErrorCode::kInvalidArgument,
                                     "speech in " + spec.language + " is not understood here, only " + core_.ears.language()));
    return false;
  }
  if (operation.deaf) {
    not_understood(connection, Error(ErrorCode::kFailedPrecondition, *operation.deaf));
    return false;
  }
  operation.ear.emplace(spec.end_silence);
  core_.taps.rearranged(call);
  return true;
}

bool CallMedia::listens(const Call& call) const {
  for (const Connection* connection : core_.book.connections_of(call))
    if (!connection->operations.empty() && connection->operations.front().ear) return true;
  return false;
}

void CallMedia::began(const Sounding& sounding) {
  if (!sounding.who || !sounding.live_at || sounding.who->muted || sounding.who->on_hold) return;
  for (Connection* connection : core_.book.connections_of(*sounding.call))
    if (connection->participant_id != sounding.who->id) hear_sound(*connection, *sounding.who, sounding);
}

void CallMedia::hear_sound(Connection& connection, const Participant& who, const Sounding& sounding) {
  if (connection.operations.empty()) return;
  MediaOperation& operation = connection.operations.front();
  if (!operation.ear || operation.deciding || !who.is(operation.to.front())) return;
  // Before it is somebody's turn nobody listens.
  if (!operation.listening && !(operation.prompting && operation.recogniser->spec().interrupt_prompt)) return;
  const SpeechDetector::Turn turn = operation.ear->push(*sounding.live_at, *sounding.sound.samples);
  if (turn == SpeechDetector::Turn::kEnded) return decide(connection);
  if (turn == SpeechDetector::Turn::kBegan) {
    attends(connection, who);  // a prompt that is on stops
    operation.listening = true;
  }
  if (operation.ear->speaking())
    later(connection, operation.recogniser->spec().end_silence + kNoMoreSound, &CallMedia::voice_lost);
}

void CallMedia::voice_lost(Connection& connection) { decide(connection); }

void CallMedia::decide(Connection& connection) {
  MediaOperation& operation = connection.operations.front();
  if (operation.timer != 0) core_.context.clock.cancel(operation.timer);
  operation.timer = 0;
  ++operation.turn;
  operation.deciding = true;
  try {
    core_.ears.understand(
        operation.ear->take(), operation.recogniser->phrases(),
        [this, id = connection.id, operation_id = operation.id](Result<HeardSpeech> heard) { decided(id, operation_id, heard); });
  } catch (const Error& error) {
    not_understood(connection, error);
  }
}

void CallMedia::decided(const std::string& connection_id, std::uint64_t operation_id, const Result<HeardSpeech>& heard) {
  const std::lock_guard lock(core_.mutex);
  Connection* connection = core_.book.connection(connection_id);
  if (!connection || connection->operations.empty() || connection->operations.front().id != operation_id) return;
  if (!heard.ok()) return not_understood(*connection, heard.error());
  const HeardSpeech& said = heard.value();
  recognised(*connection, connection->operations.front().recogniser->understood(said.phrase, said.text, said.confidence));
}

/// As Azure says of its speech service.
void CallMedia::not_understood(Connection& connection, const Error& error) {
  finish(connection, "RecognizeFailed", failure(code_of(error), sub_code::kSpeechRefused, error.message));
}

void CallMedia::voice_from(const std::string& leg_id, const std::string& text) {
  const auto spoken = [this, leg_id](Result<Sound> sound) {
    if (!sound.ok()) return;
    // Whoever has spoken stays on the line.
    Samples samples = *sound.value().samples;
    samples.resize(samples.size() + samples_in(kQuietAfter));
    const std::lock_guard lock(core_.mutex);
    speak_on(leg_id, {std::make_shared<const Samples>(std::move(samples))}, 0);
  };
  try {
    core_.speech.speak({{text, {}, 1.0, Duration{0}}}, spoken);
  } catch (const Error& error) {
    core_.context.log.warning("calls", "a simulated phone cannot say its words", {{"leg", leg_id}, {"reason", error.message}});
  }
}

void CallMedia::speak_on(const std::string& leg_id, Sound sound, std::size_t at) {
  const auto [call, who] = core_.book.leg(leg_id);
  if (!call || !who->connected || at >= sound.samples->size()) return;
  const std::size_t end = std::min(at + samples_in(kPiece), sound.samples->size());
  if (!who->muted) {
    Sounding piece;
    piece.call = call;
    piece.who = who;
    piece.live_at = core_.context.clock.now();
    piece.sound.samples = std::make_shared<const Samples>(sound.samples->begin() + static_cast<std::ptrdiff_t>(at),
                                                          sound.samples->begin() + static_cast<std::ptrdiff_t>(end));
    core_.taps.begin(std::move(piece));
  }
  core_.context.clock.schedule_after(kPiece, [this, leg_id, sound = std::move(sound), end] {
    const std::lock_guard lock(core_.mutex);
    speak_on(leg_id, sound, end);
  });
}

}  // namespace trunkline::calls

// How the operation at the front of a connection's queue runs.
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/calls/call_media.h"
#include "runtime/clock/clock.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

constexpr Duration kToneLength = std::chrono::milliseconds{80};
constexpr Duration kToneGap = std::chrono::milliseconds{20};
/// A loop of nothing must not spin.
constexpr Duration kShortest = std::chrono::milliseconds{20};

json tones_json(std::string_view digits) {
  json out = json::array();
  for (const char digit : digits) out.push_back(word_of_digit(digit));
  return out;
}

}  // namespace

void CallMedia::later(Connection& connection, Duration delay, void (CallMedia::*fn)(Connection&)) {
  MediaOperation& operation = connection.operations.front();
  if (operation.timer != 0) core_.context.clock.cancel(operation.timer);
  const std::uint64_t turn = ++operation.turn;
  operation.timer = core_.context.clock.schedule_after(delay, [this, fn, turn, id = connection.id, operation_id = operation.id] {
    const std::lock_guard lock(core_.mutex);
    Connection* found = core_.book.connection(id);
    if (!found || found->operations.empty()) return;
    MediaOperation& front = found->operations.front();
    if (front.id != operation_id || front.turn != turn) return;
    front.timer = 0;
    (this->*fn)(*found);
  });
}

void CallMedia::start(Connection& connection) {
  MediaOperation& operation = connection.operations.front();
  if (operation.kind == Kind::kSendTones) return next_tone(connection);
  if (operation.kind == Kind::kRecognize && operation.recogniser->takes_speech() && !begin_listening(connection)) return;
  if (operation.sources.empty()) return listen(connection);
  load_sounds(core_.context.executor, core_.http, speaks(core_.call_of(connection)) ? &core_.speech : nullptr, operation.sources,
              [this, id = connection.id, operation_id = operation.id](LoadedSounds sounds) {
                loaded(id, operation_id, std::move(sounds));
              });
}

/// Whether somebody in the call hears more than what a persona is told.
bool CallMedia::speaks(const Call& call) {
  if (core_.speech_mode != SpeechMode::kAuto) return core_.speech_mode == SpeechMode::kVoice;
  for (const Participant& participant : call.participants)
    if (!participant.leg_id.empty() && !core_.legs.audio_provider(participant.leg_id).empty()) return true;
  return false;
}

void CallMedia::loaded(const std::string& connection_id, std::uint64_t operation_id, LoadedSounds sounds) {
  const std::lock_guard lock(core_.mutex);
  Connection* connection = core_.book.connection(connection_id);
  if (!connection || connection->operations.empty() || connection->operations.front().id != operation_id) return;
  MediaOperation& operation = connection->operations.front();
  const bool play = operation.kind == Kind::kPlay;
  if (sounds.trouble) {
    CallResult result = *sounds.trouble;
    if (!play) result = failure(500, sub_code::kPromptFailed, "the prompt could not be played: " + result.message);
    json data;
    data["failedPlaySourceIndex"] = sounds.failed;
    core_.notices.callback(*connection, play ? "PlayFailed" : "RecognizeFailed", operation.tag, result, std::move(data));
    const bool listened = operation.ear.has_value();
    connection->operations.pop_front();
    if (listened) core_.taps.rearranged(core_.call_of(*connection));
    if (!connection->operations.empty()) start(*connection);
    return;
  }
  operation.sounds = std::move(sounds.sounds);
  operation.prompting = true;
  if (operation.tells_start) core_.notices.callback(*connection, "PlayStarted", operation.tag, success("the playback has begun"));
  play_sound(*connection);
}

void CallMedia::play_sound(Connection& connection) {
  MediaOperation& operation = connection.operations.front();
  Call& call = core_.call_of(connection);
  const Sound& sound = operation.sounds[operation.at];
  const PlaySource& source = operation.sources[operation.at];
  Sounding prompt;
  prompt.call = &call;
  prompt.sound = sound;
  prompt.text = source.text;
  if (!operation.to.empty() && operation.kind == Kind::kPlay) prompt.only = &operation.to;
  operation.sounding = core_.taps.begin(std::move(prompt));
  for (const Participant& participant : call.participants) {
    bool hears = operation.to.empty();
    for (const Party& party : operation.to) hears = hears || participant.is(party);
    if (hears && participant.connected && !participant.leg_id.empty())
      core_.legs.prompt(participant.leg_id, source.kind == PlaySource::Kind::kFile ? source.uri : source.text, sound.length());
  }
  later(connection, std::max(sound.length(), kShortest), &CallMedia::sound_over);
}

void CallMedia::sound_over(Connection& connection) {
  MediaOperation& operation = connection.operations.front();
  operation.sounding = 0;
  if (++operation.at == operation.sounds.size()) {
    if (!operation.loop) {
      operation.prompting = false;
      if (operation.kind == Kind::kRecognize) return listen(connection);
      return finish(connection, "PlayCompleted", success("the playback has completed"));
    }
    operation.at = 0;
  }
  play_sound(connection);
}

void CallMedia::listen(Connection& connection) {
  MediaOperation& operation = connection.operations.front();
  operation.listening = true;
  later(connection, operation.recogniser->wait(), &CallMedia::silence);
}

void CallMedia::silence(Connection& connection) { recognised(connection, connection.operations.front().recogniser->silence()); }

void CallMedia::next_tone(Connection& connection) {
  MediaOperation& operation = connection.operations.front();
  Call& call = core_.call_of(connection);
  Participant* target = call.find_connected(operation.to.front());
  const Participant* own = call.find(connection.participant_id);
  if (!target || !own)
    return finish(connection, "SendDtmfTonesFailed", failure(400, sub_code::kNotPresent, "the participant has left"));
  if (operation.at == operation.tones.size()) return finish(connection, "SendDtmfTonesCompleted", success("the tones were sent"));
  const char digit = operation.tones[operation.at++];
  Sounding tone;
  tone.call = &call;
  tone.who = own;
  tone.sound = dtmf(digit, kToneLength);
  tone.tone = digit;
  tone.not_for = target->id;  // its phone gets the digit itself
  core_.taps.begin(std::move(tone));
  later(connection, kToneLength + kToneGap, &CallMedia::next_tone);
  if (!target->leg_id.empty()) core_.legs.send_tones(target->leg_id, std::string(1, digit));
  if (Connection* other = target->connection_id.empty() ? nullptr : core_.book.connection(target->connection_id))
    hear_tone(*other, *own, digit);
}

void CallMedia::tones_from(Call& call, const Participant& who, std::string_view digits) {
  for (const char digit : digits) {
    core_.taps.begin(call, &who, dtmf(digit, kToneLength), {}, digit);
    for (Connection* connection : core_.book.connections_of(call))
      if (connection->participant_id != who.id) hear_tone(*connection, who, digit);
  }
}

void CallMedia::hear_tone(Connection& connection, const Participant& who, char digit) {
  for (auto& [raw_id, continuous] : connection.continuous) {
    if (raw_id != who.who.raw_id && !(who.also && raw_id == who.also->raw_id)) continue;
    json data;
    data["sequenceId"] = ++continuous.sequence;
    data["tone"] = word_of_digit(digit);
    core_.notices.callback(connection, "ContinuousDtmfRecognitionToneReceived", continuous.tag, success("a tone was received"),
                           std::move(data));
  }
  if (connection.operations.empty()) return;
  MediaOperation& operation = connection.operations.front();
  if (operation.kind != Kind::kRecognize || !operation.recogniser->takes_tones() || !attends(connection, who)) return;
  if (const auto outcome = operation.recogniser->tone(digit)) return recognised(connection, *outcome);
  if (!operation.deciding) listen(connection);
}

/// Whether the recognition at the front listens to this participant right now; a prompt that may be interrupted is.
bool CallMedia::attends(Connection& connection, const Participant& who) {
  MediaOperation& operation = connection.operations.front();
  if (!who.is(operation.to.front())) return false;
  if (operation.listening) return true;
  if (!operation.prompting || !operation.recogniser->spec().interrupt_prompt) return false;
  stop_sounding(operation);
  operation.prompting = false;
  return true;
}

void CallMedia::speech_from(Call& call, const Participant& who, const std::string& text, Duration lasts) {
  core_.taps.begin(call, &who, speak(text, lasts), text);
  for (Connection* connection : core_.book.connections_of(call))
    if (connection->participant_id != who.id) hear_speech(*connection, who, text, lasts);
}

void CallMedia::hear_speech(Connection& connection, const Participant& who, const std::string& text, Duration lasts) {
  if (connection.operations.empty()) return;
  MediaOperation& operation = connection.operations.front();
  if (operation.kind != Kind::kRecognize || !operation.recogniser->takes_speech() || operation.ear || !attends(connection, who))
    return;
  if (const auto outcome = operation.recogniser->speech(text)) return recognised(connection, *outcome);
  // The silence that ends it begins when they have finished.
  operation.listening = true;
  later(connection, lasts + operation.recogniser->wait(), &CallMedia::silence);
}

void CallMedia::recognised(Connection& connection, const RecognizeOutcome& outcome) {
  MediaOperation& operation = connection.operations.front();
  if (!outcome.result.ok()) return finish(connection, "RecognizeFailed", outcome.result);
  json data;
  data["recognitionType"] = outcome.type;
  if (outcome.type == "dtmf") data["dtmfResult"]["tones"] = tones_json(outcome.tones);
  if (outcome.type == "choices") {
    data["choiceResult"]["label"] = outcome.label;
    if (!outcome.phrase.empty()) {
      data["choiceResult"]["recognizedPhrase"] = outcome.phrase;
      data["choiceResult"]["confidence"] = outcome.confidence;
    }
  }
  if (outcome.type == "speech") {
    data["speechResult"]["speech"] = outcome.speech;
    data["speechResult"]["confidence"] = outcome.confidence;
  }
  core_.notices.callback(connection, "RecognizeCompleted", operation.tag, outcome.result, std::move(data));
  finish(connection, nullptr, outcome.result);
}

void CallMedia::finish(Connection& connection, const char* type, const CallResult& result) {
  MediaOperation& operation = connection.operations.front();
  if (operation.timer != 0) core_.context.clock.cancel(operation.timer);
  stop_sounding(operation);
  const bool listened = operation.ear.has_value();
  if (type) core_.notices.callback(connection, type, operation.tag, result);
  connection.operations.pop_front();
  if (listened) core_.taps.rearranged(core_.call_of(connection));
  if (!connection.operations.empty()) start(connection);
}

void CallMedia::stop_sounding(MediaOperation& operation) { core_.taps.cut(std::exchange(operation.sounding, 0)); }

}  // namespace trunkline::calls

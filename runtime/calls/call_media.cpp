// Requests and the queue of operations; call_media_run.cpp runs them.
#include "runtime/calls/call_media.h"

#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"

namespace trunkline::calls {
namespace {

Error incompatible(const char* what) {
  return refusal(ErrorCode::kFailedPrecondition, 412, sub_code::kPrecondition,
                 std::string(what) + " cannot wait beside a play to one participant, a recognition in a group call or tones",
                 "callConnectionId");
}

bool any_exclusive(const Connection& connection) {
  for (const MediaOperation& operation : connection.operations)
    if (operation.exclusive) return true;
  return false;
}

}  // namespace

void CallMedia::check_sources(const std::vector<PlaySource>& sources) const {
  if (sources.empty() || sources.size() > kMaxSources)
    throw bad_argument("found " + std::to_string(sources.size()) + " play sources, wanted 1 to " + std::to_string(kMaxSources),
                       "playSources");
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string at = "playSources[" + std::to_string(i) + "]";
    if (sources[i].kind == PlaySource::Kind::kFile)
      check_callback_uri(sources[i].uri, at + ".file.uri");
    else if (sources[i].text.empty())
      throw bad_argument("there is nothing to say", at, sub_code::kEmptyText);
  }
}

Participant& CallMedia::present(Call& call, const Party& party) const {
  Participant* who = call.find_connected(party);
  if (!who) throw bad_argument(party.raw_id + " is not in the call", "targetParticipant", sub_code::kNotPresent);
  return *who;
}

void CallMedia::play(const Resource& resource, std::string_view connection_id, Play play) {
  check_sources(play.sources);
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  Call& call = core_.call_of(connection);
  for (const Party& party : play.to) present(call, party);
  MediaOperation operation;
  operation.kind = Kind::kPlay;
  operation.tag = std::move(play.tag);
  operation.exclusive = !play.to.empty();
  operation.to = std::move(play.to);
  operation.sources = std::move(play.sources);
  operation.loop = play.loop;
  operation.tells_start = play.tells_start;
  enqueue(connection, std::move(operation), play.interrupt);
}

void CallMedia::recognize(const Resource& resource, std::string_view connection_id, Recognize recognize) {
  if (!recognize.prompts.empty()) check_sources(recognize.prompts);
  Recogniser recogniser(std::move(recognize.spec));
  // Where keys will do they may be pressed; it fails when somebody speaks. Not under the mutex: this may load the library.
  const bool needs_ears =
      recogniser.takes_speech() && !recogniser.can_do_without_speech() && hears(resource, connection_id, recognize.target);
  std::optional<std::string> deaf = needs_ears ? core_.ears.trouble() : std::nullopt;
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  Call& call = core_.call_of(connection);
  present(call, recognize.target);
  MediaOperation operation;
  operation.deaf = std::move(deaf);
  operation.kind = Kind::kRecognize;
  operation.tag = std::move(recognize.tag);
  operation.to = {recognize.target};
  operation.exclusive = call.connected() > 2;
  operation.sources = std::move(recognize.prompts);
  operation.recogniser.emplace(std::move(recogniser));
  enqueue(connection, std::move(operation), recognize.interrupt);
}

void CallMedia::send_tones(const Resource& resource, std::string_view connection_id, std::string tones, const Party& target,
                           OperationTag tag) {
  if (tones.empty() || tones.size() > kMaxTones)
    throw bad_argument("found " + std::to_string(tones.size()) + " tones, wanted 1 to " + std::to_string(kMaxTones), "tones");
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  present(core_.call_of(connection), target);
  MediaOperation operation;
  operation.kind = Kind::kSendTones;
  operation.tag = std::move(tag);
  operation.to = {target};
  operation.exclusive = true;
  operation.tones = std::move(tones);
  enqueue(connection, std::move(operation), false);
}

void CallMedia::cancel_all(const Resource& resource, std::string_view connection_id) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  std::deque<MediaOperation> operations;
  operations.swap(connection.operations);
  for (MediaOperation& operation : operations)
    end_operation(connection, operation, failure(400, sub_code::kCancelled, "the operation was cancelled"), true);
}

void CallMedia::start_continuous(const Resource& resource, std::string_view connection_id, const Party& target,
                                 OperationTag tag) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  present(core_.call_of(connection), target);
  if (any_exclusive(connection)) throw incompatible("continuous recognition");
  ContinuousTones& continuous = connection.continuous[target.raw_id];
  continuous.tag = std::move(tag);
}

void CallMedia::stop_continuous(const Resource& resource, std::string_view connection_id, const Party& target, OperationTag tag) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  if (connection.continuous.erase(target.raw_id) == 0)
    throw bad_argument("tones of " + target.raw_id + " are not being recognised", "targetParticipant");
  core_.notices.callback(connection, "ContinuousDtmfRecognitionStopped", tag, success("recognition of tones was stopped"));
}

void CallMedia::hold(const Resource& resource, std::string_view connection_id, const Party& target, std::vector<PlaySource> music,
                     OperationTag) {
  if (!music.empty()) check_sources(music);
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  Call& call = core_.call_of(connection);
  Participant& who = present(call, target);
  if (std::exchange(who.on_hold, true)) return;
  if (!who.leg_id.empty() && !music.empty()) {
    const PlaySource& first = music.front();
    const bool file = first.kind == PlaySource::Kind::kFile;
    core_.legs.prompt(who.leg_id, file ? first.uri : first.text, file ? Duration{0} : speaking_time(first.text));
  }
  core_.taps.rearranged(call);
  core_.notices.roster(core_.book, call);
}

void CallMedia::unhold(const Resource& resource, std::string_view connection_id, const Party& target) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  Call& call = core_.call_of(connection);
  Participant& who = present(call, target);
  if (!std::exchange(who.on_hold, false)) return;
  core_.taps.rearranged(call);
  core_.notices.roster(core_.book, call);
}

void CallMedia::enqueue(Connection& connection, MediaOperation operation, bool interrupt) {
  if (interrupt) {
    std::deque<MediaOperation> operations;
    operations.swap(connection.operations);
    for (MediaOperation& old : operations)
      end_operation(connection, old, failure(400, sub_code::kCancelled, "another operation interrupted this one"), true);
  }
  if (operation.exclusive && any_exclusive(connection)) throw incompatible("this operation");
  if (connection.operations.size() >= kMaxQueued)
    throw refusal(ErrorCode::kResourceExhausted, 429, sub_code::kPrecondition,
                  "as many operations wait as are taken: " + std::to_string(kMaxQueued), "callConnectionId");
  operation.id = ++last_operation_;
  connection.operations.push_back(std::move(operation));
  if (connection.operations.size() == 1) start(connection);
}

void CallMedia::end_operation(Connection& connection, MediaOperation& operation, const CallResult& result, bool cancelled) {
  if (operation.timer != 0) core_.context.clock.cancel(operation.timer);
  stop_sounding(operation);
  const char* type = cancelled ? "PlayCanceled" : "PlayFailed";
  if (operation.kind == Kind::kRecognize) type = cancelled ? "RecognizeCanceled" : "RecognizeFailed";
  if (operation.kind == Kind::kSendTones) type = "SendDtmfTonesFailed";
  core_.notices.callback(connection, type, operation.tag, result);
  if (operation.ear) core_.taps.rearranged(core_.call_of(connection));  // nobody listens any more
}

void CallMedia::end_all(Connection& connection) {
  const CallResult over = failure(400, sub_code::kCallTerminated, "the call ended");
  std::deque<MediaOperation> operations;
  operations.swap(connection.operations);
  for (MediaOperation& operation : operations) end_operation(connection, operation, over, false);
  for (const auto& [id, continuous] : connection.continuous)
    core_.notices.callback(connection, "ContinuousDtmfRecognitionStopped", continuous.tag, success("the call ended"));
  connection.continuous.clear();
}

}  // namespace trunkline::calls

#include "runtime/calls/call_recordings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/base/ids.h"
#include "runtime/base/time_text.h"
#include "runtime/calls/recording_files.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls {

using nlohmann::json;

namespace {
/// How far a piece of what somebody says may be from the end of the piece before, and still follow it.
constexpr Duration kLiveGap = std::chrono::milliseconds{100};
}  // namespace

CallRecordings::Recording& CallRecordings::find(const Resource& resource, std::string_view id) {
  const auto found = recordings_.find(id);
  if (found == recordings_.end() || found->second.resource->key != resource.key)
    throw refusal(ErrorCode::kNotFound, 404, sub_code::kNotFound,
                  "there is no recording '" + std::string(id.substr(0, 80)) + "' under way", "recordingId");
  return found->second;
}

void CallRecordings::tell_state(const Recording& recording, bool active) {
  if (recording.callback_uri.empty()) return;
  json data;
  data["recordingId"] = recording.id;
  data["serverCallId"] = recording.server_call_id;
  data["correlationId"] = recording.correlation_id;
  data["state"] = active ? "active" : "inactive";
  data["startDateTime"] = format_rfc3339(std::chrono::floor<std::chrono::microseconds>(recording.started_at));
  data["recordingKind"] = "AzureCommunicationServices";
  data["resultInformation"] = result_json(success());
  core_.notices.loose(recording.resource, recording.callback_uri,
                      "calling/recordings/" + recording.server_call_id + "/recordingId/" + recording.id, "RecordingStateChanged",
                      std::move(data));
}

RecordingView CallRecordings::start(const ResourcePtr& resource, NewRecording wanted) {
  if (!wanted.callback_uri.empty()) check_callback_uri(wanted.callback_uri, "recordingStateCallbackUri");
  if (wanted.channels.size() > kMaxChannels)
    throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kInvalidArgument,
                  "found " + std::to_string(wanted.channels.size()) + " channels, wanted at most 5",
                  "audioChannelParticipantOrdering");
  const std::lock_guard lock(core_.mutex);
  Call* call = nullptr;
  if (!wanted.connection_id.empty())
    call = &core_.call_of(core_.require(*resource, wanted.connection_id, CallAction::kRecord));
  else
    call = core_.book.call(wanted.server_call_id);
  if (!call || call->resource->key != resource->key)
    throw refusal(ErrorCode::kNotFound, 404, sub_code::kNotFound, "there is no call with this id", "callLocator.serverCallId");
  if (!call->started_at)
    throw refusal(ErrorCode::kFailedPrecondition, 400, sub_code::kNotEstablished, "the call is not established yet",
                  "callLocator");
  if (!call->recording_id.empty())
    throw refusal(ErrorCode::kAlreadyExists, 400, sub_code::kDuplicateRecording, "the call is being recorded already",
                  "callLocator");
  Recording recording;
  recording.id = core_.context.ids.uuid4().str();
  recording.resource = resource;
  recording.server_call_id = call->server_call_id;
  recording.correlation_id = call->correlation_id;
  recording.callback_uri = std::move(wanted.callback_uri);
  recording.mixed = wanted.mixed;
  recording.started_at = core_.context.clock.now();
  recording.channels = std::move(wanted.channels);
  if (!wanted.paused) recording.spans.push_back({recording.started_at, std::nullopt});
  recording.timer = core_.context.clock.schedule_after(kLongest, [this, id = recording.id] {
    const std::lock_guard held(core_.mutex);
    const auto found = recordings_.find(id);
    if (found == recordings_.end()) return;
    found->second.timer = 0;
    finish(found->second, "MaxDurationReached");
  });
  call->recording_id = recording.id;
  const RecordingView view{recording.id, recording.active()};
  tell_state(recording, recording.active());
  recordings_.emplace(view.id, std::move(recording));
  core_.taps.rearranged(*call);
  return view;
}

RecordingView CallRecordings::get(const Resource& resource, std::string_view id) {
  const std::lock_guard lock(core_.mutex);
  const Recording& recording = find(resource, id);
  return {recording.id, recording.active()};
}

void CallRecordings::pause(const Resource& resource, std::string_view id) {
  const std::lock_guard lock(core_.mutex);
  Recording& recording = find(resource, id);
  if (!recording.active()) return;
  recording.spans.back().to = core_.context.clock.now();
  tell_state(recording, false);
}

void CallRecordings::resume(const Resource& resource, std::string_view id) {
  const std::lock_guard lock(core_.mutex);
  Recording& recording = find(resource, id);
  if (recording.active()) return;
  recording.spans.push_back({core_.context.clock.now(), std::nullopt});
  tell_state(recording, true);
}

void CallRecordings::stop(const Resource& resource, std::string_view id) {
  const std::lock_guard lock(core_.mutex);
  finish(find(resource, id), "AppStopped");
}

void CallRecordings::call_ends(Call& call) {
  if (const auto found = recordings_.find(call.recording_id); found != recordings_.end()) finish(found->second, "CallEnded");
}

std::size_t CallRecordings::channel_of(Recording& recording, const Participant* who) {
  if (recording.mixed) return 0;
  // Prompts of the application have a channel like everybody else.
  const Party party = who ? who->who : Party{Party::Kind::kUnknown, "prompts"};
  for (std::size_t i = 0; i < recording.channels.size(); ++i)
    if (recording.channels[i] == party || (who && who->is(recording.channels[i]))) return i;
  if (recording.channels.size() == kMaxChannels) return kMaxChannels - 1;
  recording.channels.push_back(party);
  return recording.channels.size() - 1;
}

void CallRecordings::began(const Sounding& sounding) {
  const auto found = recordings_.find(sounding.call->recording_id);
  if (found == recordings_.end() || (sounding.who && sounding.who->muted)) return;
  Recording& recording = found->second;
  Piece piece;
  piece.sounding = sounding.id;
  piece.channel = channel_of(recording, sounding.who);
  piece.at = sounding.live_at.value_or(core_.context.clock.now());
  piece.sound = sounding.sound;
  if (sounding.live_at) {
    Recording::Live& live = recording.live[sounding.who ? sounding.who->id : 0];
    const bool follows = live.samples && piece.at < live.end + kLiveGap && piece.at > live.end - kLiveGap;
    if (follows) {
      live.samples->insert(live.samples->end(), sounding.sound.samples->begin(), sounding.sound.samples->end());
      live.end += sounding.sound.length();
      return;
    }
    live.samples = std::make_shared<Samples>(*sounding.sound.samples);
    live.end = piece.at + sounding.sound.length();
    piece.sound.samples = live.samples;
  }
  recording.pieces.push_back(std::move(piece));
}

void CallRecordings::cut(std::uint64_t id) {
  for (auto& [key, recording] : recordings_)
    for (Piece& piece : recording.pieces)
      if (piece.sounding == id) piece.cut_at = core_.context.clock.now();
}

void CallRecordings::finish(Recording& recording, const char* why) {
  const Time now = core_.context.clock.now();
  if (recording.active()) recording.spans.back().to = now;
  if (recording.timer != 0) core_.context.clock.cancel(recording.timer);
  tell_state(recording, false);
  if (Call* call = core_.book.call(recording.server_call_id)) {
    call->recording_id.clear();
    core_.taps.rearranged(*call);
  }

  RecordingPlan plan;
  plan.resource = recording.resource;
  plan.id = recording.id;
  plan.server_call_id = recording.server_call_id;
  plan.correlation_id = recording.correlation_id;
  plan.document_id = core_.context.ids.uuid4().str();
  plan.started_at = recording.started_at;
  plan.ended_at = now;
  plan.mixed = recording.mixed;
  plan.end_reason = why;
  for (const Span& span : recording.spans) plan.spans.emplace_back(span.from, *span.to);
  for (const Piece& piece : recording.pieces)
    plan.pieces.push_back(
        {piece.channel, piece.at, piece.cut_at.value_or(std::min(piece.at + piece.sound.length(), now)), piece.sound});
  for (const Party& party : recording.channels) plan.channels.push_back(party.raw_id);
  recordings_.erase(std::string(recording.id));
  // Mixing half an hour takes a while: not under the mutex.
  core_.context.executor.post([context = &core_.context, notices = &core_.notices, plan = std::move(plan)]() mutable {
    keep_recording(*context, *notices, std::move(plan));
  });
}

RecordedFile CallRecordings::file(const Resource& resource, std::string_view document_id) {
  return read_recording(resource, document_id);
}

Task<void> CallRecordings::drop(ResourcePtr resource, std::string document_id) {
  return drop_recording(std::move(resource), std::move(document_id));
}

}  // namespace trunkline::calls

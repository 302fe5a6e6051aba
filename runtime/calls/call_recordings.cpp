#include "runtime/calls/call_recordings.h"

#include <algorithm>

#include "runtime/base/ids.h"
#include "runtime/calls/recording_reports.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls {

std::int64_t CallRecordings::Recording::sample_at(Time time) const {
  constexpr std::int64_t kSampleNs = 1'000'000'000 / kSampleRate;
  const std::int64_t since = std::chrono::duration_cast<std::chrono::nanoseconds>(time - facts.started_at).count();
  return since < 0 ? (since - kSampleNs + 1) / kSampleNs : since / kSampleNs;
}

CallRecordings::Recording& CallRecordings::find(const Resource& resource, std::string_view id) {
  const auto found = recordings_.find(id);
  if (found == recordings_.end() || found->second.facts.resource->key != resource.key)
    throw refusal(ErrorCode::kNotFound, 404, sub_code::kNotFound,
                  "there is no recording '" + std::string(id.substr(0, 80)) + "' under way", "recordingId");
  return found->second;
}

void CallRecordings::tell_state(const Recording& recording, const CallResult& result) {
  tell_recording_state(core_.notices, recording.facts, recording.timeline.active(), result);
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
  RecordingFacts& facts = recording.facts;
  facts.id = core_.context.ids.uuid4().str();
  facts.document_id = core_.context.ids.uuid4().str();
  facts.resource = resource;
  facts.server_call_id = call->server_call_id;
  facts.correlation_id = call->correlation_id;
  facts.callback_uri = std::move(wanted.callback_uri);
  facts.mixed = wanted.mixed;
  facts.format = wanted.format;
  facts.started_at = core_.context.clock.now();
  recording.channels = std::move(wanted.channels);
  for (const Party& party : recording.channels) facts.channels.push_back(party.raw_id);
  if (!wanted.paused) recording.timeline.resume(0);
  recording.timer = core_.context.clock.schedule_after(kLongest, [this, id = facts.id] {
    const std::lock_guard held(core_.mutex);
    const auto found = recordings_.find(id);
    if (found == recordings_.end()) return;
    found->second.timer = 0;
    finish(found->second, "MaxDurationReached", success());
  });
  recording.writer = files_.begin(facts);
  call->recording_id = facts.id;
  const RecordingView view{facts.id, recording.timeline.active()};
  tell_state(recording, success());
  recordings_.emplace(view.id, std::move(recording));
  core_.taps.rearranged(*call);
  return view;
}

RecordingView CallRecordings::get(const Resource& resource, std::string_view id) {
  const std::lock_guard lock(core_.mutex);
  const Recording& recording = find(resource, id);
  return {recording.facts.id, recording.timeline.active()};
}

void CallRecordings::pause(const Resource& resource, std::string_view id) {
  const std::lock_guard lock(core_.mutex);
  Recording& recording = find(resource, id);
  if (!recording.timeline.active()) return;
  recording.timeline.pause(recording.sample_at(core_.context.clock.now()));
  tell_state(recording, success());
}

void CallRecordings::resume(const Resource& resource, std::string_view id) {
  const std::lock_guard lock(core_.mutex);
  Recording& recording = find(resource, id);
  if (recording.timeline.active()) return;
  recording.timeline.resume(recording.sample_at(core_.context.clock.now()));
  tell_state(recording, success());
}

void CallRecordings::stop(const Resource& resource, std::string_view id) {
  const std::lock_guard lock(core_.mutex);
  finish(find(resource, id), "AppStopped", success());
}

void CallRecordings::call_ends(Call& call) {
  if (const auto found = recordings_.find(call.recording_id); found != recordings_.end())
    finish(found->second, "CallEnded", success());
}

std::size_t CallRecordings::channel_of(Recording& recording, const Participant* who) {
  if (recording.facts.mixed) return 0;
  // Prompts of the application have a channel like everybody else.
  const Party party = who ? who->who : Party{Party::Kind::kUnknown, "prompts"};
  for (std::size_t i = 0; i < recording.channels.size(); ++i)
    if (recording.channels[i] == party || (who && who->is(recording.channels[i]))) return i;
  if (recording.channels.size() == kMaxChannels) return kMaxChannels - 1;
  recording.channels.push_back(party);
  recording.facts.channels.push_back(party.raw_id);
  files_.update(recording.facts);
  return recording.channels.size() - 1;
}

void CallRecordings::began(const Sounding& sounding) {
  const auto found = recordings_.find(sounding.call->recording_id);
  if (found == recordings_.end() || (sounding.who && sounding.who->muted)) return;
  Recording& recording = found->second;
  const Time now = core_.context.clock.now();
  const std::size_t channel = channel_of(recording, sounding.who);
  const std::int64_t at = recording.sample_at(sounding.live_at.value_or(now));
  if (sounding.live_at)
    recording.timeline.put_live(sounding.who ? sounding.who->id : 0, channel, at, *sounding.sound.samples);
  else
    recording.timeline.put(sounding.id, channel, at, sounding.sound.samples);
  if (const std::int64_t present = recording.sample_at(now); recording.timeline.due(present))
    files_.write(recording.writer, recording.facts, recording.timeline.take(present - RecordingTimeline::kLate));
}

void CallRecordings::cut(std::uint64_t id) {
  for (auto& [key, recording] : recordings_) recording.timeline.cut(id, recording.sample_at(core_.context.clock.now()));
}

/// It is on no more; returns what writes it.
RecordingWriterPtr CallRecordings::take_out(Recording& recording) {
  if (recording.timer != 0) core_.context.clock.cancel(recording.timer);
  if (Call* call = core_.book.call(recording.facts.server_call_id)) {
    call->recording_id.clear();
    core_.taps.rearranged(*call);
  }
  RecordingWriterPtr writer = std::move(recording.writer);
  recordings_.erase(std::string(recording.facts.id));
  return writer;
}

void CallRecordings::finish(Recording& recording, const char* why, const CallResult& result) {
  const Time now = core_.context.clock.now();
  const std::int64_t end = recording.sample_at(now);
  recording.timeline.pause(end);
  tell_state(recording, result);
  RecordingFacts facts = recording.facts;
  facts.ended_at = now;
  facts.end_reason = why;
  facts.frames = static_cast<std::uint64_t>(recording.timeline.frames(end));
  RecordingSlice last = recording.timeline.take(end);
  files_.finish(take_out(recording), std::move(last), std::move(facts));
}

void CallRecordings::discard(Call& call) {
  if (const auto found = recordings_.find(call.recording_id); found != recordings_.end()) files_.discard(take_out(found->second));
}

void CallRecordings::failed(const std::string& id, const Error& error) {
  core_.context.log.error("calls", "a recording has failed", {{"recording", id}, {"reason", error.message}});
  const std::lock_guard lock(core_.mutex);
  const auto found = recordings_.find(id);
  if (found != recordings_.end()) finish(found->second, "StorageFailure", failure(500, sub_code::kUnknown, error.message));
}

}  // namespace trunkline::calls

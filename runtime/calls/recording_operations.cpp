// Recordings: start, pause, resume, stop, state.
#include "runtime/base/strings.h"
#include "runtime/calls/call_json.h"
#include "runtime/calls/call_recordings.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/operations.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

json state_json(const RecordingView& view) {
  json out;
  out["recordingId"] = view.id;
  out["recordingState"] = view.active ? "active" : "inactive";
  out["recordingKind"] = "azureCommunicationServices";
  return out;
}

/// What this runtime cannot record is refused rather than recorded otherwise.
RecordingFormat check_kind(const JsonRef& request, bool mixed) {
  const std::string_view format = request.text_or("recordingFormatType", "wav");
  if (!mixed && !iequals(format, "wav"))
    throw refusal(ErrorCode::kInvalidArgument, 400, 8557, "unmixed sound is recorded as wav only", "recordingFormatType");
  if (!iequals(format, "wav") && !iequals(format, "mp3"))
    throw refusal(ErrorCode::kInvalidArgument, 400, 8557,
                  "'" + std::string(format) + "' is not recorded here, for there is no video: wanted wav or mp3",
                  "recordingFormatType");
  if (const std::string_view content = request.text_or("recordingContentType", "audio"); !iequals(content, "audio"))
    throw refusal(ErrorCode::kInvalidArgument, 400, 8562, "'" + std::string(content) + "' is not recorded here: wanted audio",
                  "recordingContentType");
  if (const auto storage = request.find("externalStorage");
      storage && iequals(storage->text_or("recordingStorageKind", ""), "azureBlobStorage"))
    throw refusal(ErrorCode::kInvalidArgument, 400, 8562, "recordings are kept here, not in a blob storage",
                  "externalStorage.recordingStorageKind");
  return iequals(format, "mp3") ? RecordingFormat::kMp3 : RecordingFormat::kWav;
}

OperationAnswer start_recording(const OperationRequest& call) {
  const JsonRef request(call.body);
  NewRecording wanted;
  if (const auto connection = request.find("callConnectionId")) {
    wanted.connection_id = connection->text();
  } else {
    const JsonRef locator = request.at("callLocator");
    const JsonRef kind = locator.at("kind");
    if (kind.text() != "serverCallLocator")
      throw kind.error("'" + std::string(kind.text()) + "' cannot be recorded by: wanted serverCallLocator");
    wanted.server_call_id = locator.at("serverCallId").text();
  }
  wanted.callback_uri = request.text_or("recordingStateCallbackUri", "");
  wanted.mixed = !iequals(request.text_or("recordingChannelType", "mixed"), "unmixed");
  wanted.paused = request.boolean_or("pauseOnStart", false);
  wanted.channels = read_parties(request, "audioChannelParticipantOrdering");
  if (const auto affinity = request.find("channelAffinity"))
    for (std::size_t i = 0; i < affinity->array_size() && wanted.channels.size() < CallRecordings::kMaxChannels; ++i)
      wanted.channels.push_back(read_party((*affinity)[i].at("participant")));
  wanted.format = check_kind(request, wanted.mixed);
  return {200, state_json(call.calls.recordings().start(call.resource, std::move(wanted)))};
}

OperationAnswer show_recording(const OperationRequest& call) {
  return {200, state_json(call.calls.recordings().get(*call.resource, call.arguments[0]))};
}

OperationAnswer stop_recording(const OperationRequest& call) {
  call.calls.recordings().stop(*call.resource, call.arguments[0]);
  return {204, nullptr};
}

OperationAnswer pause_recording(const OperationRequest& call) {
  call.calls.recordings().pause(*call.resource, call.arguments[0]);
  return {202, nullptr};
}

OperationAnswer resume_recording(const OperationRequest& call) {
  call.calls.recordings().resume(*call.resource, call.arguments[0]);
  return {202, nullptr};
}

using Body = OperationBody;
constexpr Operation kRecordingOperations[] = {
    {"POST", "/calling/recordings", Body::kWanted, start_recording},
    {"GET", "/calling/recordings/{recordingId}", Body::kIgnored, show_recording},
    {"DELETE", "/calling/recordings/{recordingId}", Body::kIgnored, stop_recording},
    {"POST", "/calling/recordings/{recordingId}:pause", Body::kIgnored, pause_recording},
    {"POST", "/calling/recordings/{recordingId}:resume", Body::kIgnored, resume_recording},
};

}  // namespace

std::span<const Operation> recording_operations() { return kRecordingOperations; }

}  // namespace trunkline::calls

#include "runtime/calls/recording_reports.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/time_text.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

/// The SDKs fetch from hosts of this name only; guide/calls.md says how clients reach us by it.
constexpr const char* kStorage = "https://storage.asm.skype.com/v1/objects/";

std::string text_of(Time at) { return format_rfc3339(std::chrono::floor<std::chrono::microseconds>(at)); }
std::int64_t milliseconds(const RecordingFacts& facts) { return static_cast<std::int64_t>(facts.frames * 1000 / kSampleRate); }

}  // namespace

std::string recording_metadata(const RecordingFacts& facts) {
  json data;
  data["resourceId"] = facts.resource->id;
  data["callId"] = facts.server_call_id;
  data["correlationId"] = facts.correlation_id;
  data["recordingId"] = facts.id;
  data["chunkDocumentId"] = facts.document_id;
  data["chunkIndex"] = 0;
  data["chunkStartTime"] = text_of(facts.started_at);
  data["chunkDuration"] = milliseconds(facts);
  data["chunkEndReason"] = facts.end_reason;
  data["contentType"] = facts.mixed ? "mixed" : "unmixed";
  data["audioConfiguration"] = json{{"sampleRate", kSampleRate},
                                    {"bitRate", facts.format == RecordingFormat::kMp3 ? Mp3Encoder::kBitRate : kSampleRate * 16},
                                    {"channels", facts.mixed ? 1 : std::max<std::size_t>(facts.channels.size(), 1)}};
  data["participants"] = json::array();
  for (std::size_t i = 0; i < facts.channels.size(); ++i)
    data["participants"].push_back(json{{"participantId", facts.channels[i]}, {"channel", i}});
  // No speech engine took part.
  data["synthesized"] = true;
  return data.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string recording_subject(const RecordingFacts& facts) {
  return "/recording/call/" + facts.correlation_id + "/serverCallId/" + facts.server_call_id + "/recordingId/" + facts.id;
}

json recording_status(const RecordingFacts& facts, bool file) {
  json chunks = json::array();
  if (file) {
    const std::string base = kStorage + facts.document_id;
    json chunk;
    chunk["documentId"] = facts.document_id;
    chunk["index"] = 0;
    chunk["endReason"] = facts.end_reason;
    chunk["contentLocation"] = base + "/content/audio";
    chunk["metadataLocation"] = base + "/content/acsmetadata";
    chunk["deleteLocation"] = base;
    chunks.push_back(std::move(chunk));
  }
  json data;
  data["recordingStorageInfo"]["recordingChunks"] = std::move(chunks);
  data["recordingStartTime"] = text_of(facts.started_at);
  data["recordingDurationMs"] = file ? milliseconds(facts) : 0;
  data["recordingContentType"] = "Audio";
  data["recordingChannelType"] = facts.mixed ? "Mixed" : "Unmixed";
  data["recordingFormatType"] = facts.format == RecordingFormat::kMp3 ? "Mp3" : "Wav";
  data["sessionEndReason"] = facts.end_reason;
  return data;
}

void tell_recording_state(CallNotices& notices, const RecordingFacts& facts, bool active, const CallResult& result) {
  json data;
  data["recordingId"] = facts.id;
  data["serverCallId"] = facts.server_call_id;
  data["correlationId"] = facts.correlation_id;
  data["state"] = active ? "active" : "inactive";
  data["startDateTime"] = text_of(facts.started_at);
  data["recordingKind"] = "AzureCommunicationServices";
  data["resultInformation"] = result_json(result);
  notices.loose(facts.resource, facts.callback_uri, "calling/recordings/" + facts.server_call_id + "/recordingId/" + facts.id,
                "RecordingStateChanged", std::move(data));
}

}  // namespace trunkline::calls

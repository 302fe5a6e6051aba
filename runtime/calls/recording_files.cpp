#include "runtime/calls/recording_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/time_text.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;
using store::Row;
using store::Session;

const store::Statement kInsertFile{
    "INSERT INTO call_recordings (resource_key, document_id, recording_id, created_us, metadata, content) VALUES (?, ?, ?, ?, ?, "
    "?)"};
const store::Statement kDropOld{"DELETE FROM call_recordings WHERE resource_key = ? AND created_us < ?"};
const store::Statement kSelectFile{"SELECT metadata, content FROM call_recordings WHERE resource_key = ? AND document_id = ?"};
const store::Statement kDeleteFile{"DELETE FROM call_recordings WHERE resource_key = ? AND document_id = ?"};
const store::Statement kCopy{
    "INSERT INTO call_recordings SELECT ?, document_id, recording_id, created_us, metadata, content FROM call_recordings WHERE "
    "resource_key = ?"};
const store::Statement kDropFiles{"DELETE FROM call_recordings WHERE resource_key = ?"};

/// The SDKs fetch from hosts of this name only; guide/calls.md says how clients reach us by it.
constexpr const char* kStorage = "https://storage.asm.skype.com/v1/objects/";

std::int64_t unix_us(Time time) { return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count(); }
std::string file_time(Time at) { return format_rfc3339(std::chrono::floor<std::chrono::microseconds>(at)); }

Error not_found(std::string_view document_id) {
  return refusal(ErrorCode::kNotFound, 404, sub_code::kNotFound,
                 "there is no recorded file '" + std::string(document_id.substr(0, 80)) + "', or no more", "documentId");
}

std::int64_t milliseconds(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

json metadata_of(const RecordingPlan& plan) {
  json data;
  data["resourceId"] = plan.resource->id;
  data["callId"] = plan.server_call_id;
  data["correlationId"] = plan.correlation_id;
  data["recordingId"] = plan.id;
  data["chunkDocumentId"] = plan.document_id;
  data["chunkIndex"] = 0;
  data["chunkStartTime"] = file_time(plan.started_at);
  data["chunkDuration"] = milliseconds(length_of(plan));
  data["chunkEndReason"] = plan.end_reason;
  data["contentType"] = plan.mixed ? "mixed" : "unmixed";
  data["audioConfiguration"] = json{
      {"sampleRate", kSampleRate}, {"bitRate", kSampleRate * 16}, {"channels", std::max<std::size_t>(plan.channels.size(), 1)}};
  data["participants"] = json::array();
  for (std::size_t i = 0; i < plan.channels.size(); ++i)
    data["participants"].push_back(json{{"participantId", plan.channels[i]}, {"channel", i}});
  // No speech engine took part.
  data["synthesized"] = true;
  return data;
}

json status_of(const RecordingPlan& plan) {
  const std::string base = kStorage + plan.document_id;
  json chunk;
  chunk["documentId"] = plan.document_id;
  chunk["index"] = 0;
  chunk["endReason"] = plan.end_reason;
  chunk["contentLocation"] = base + "/content/audio";
  chunk["metadataLocation"] = base + "/content/acsmetadata";
  chunk["deleteLocation"] = base;
  json data;
  data["recordingStorageInfo"]["recordingChunks"] = json::array({std::move(chunk)});
  data["recordingStartTime"] = file_time(plan.started_at);
  data["recordingDurationMs"] = milliseconds(length_of(plan));
  data["recordingContentType"] = "Audio";
  data["recordingChannelType"] = plan.mixed ? "Mixed" : "Unmixed";
  data["recordingFormatType"] = "Wav";
  data["sessionEndReason"] = plan.end_reason;
  return data;
}

}  // namespace

Duration length_of(const RecordingPlan& plan) {
  Duration length{0};
  for (const auto& [from, to] : plan.spans) length += to - from;
  return length;
}

std::vector<Samples> mix_down(const RecordingPlan& plan) {
  std::vector<Samples> channels(std::max<std::size_t>(plan.mixed ? 1 : plan.channels.size(), 1));
  for (Samples& channel : channels) channel.resize(samples_in(length_of(plan)));
  Duration before{0};
  for (const auto& [from, to] : plan.spans) {
    for (const RecordingPlan::Piece& piece : plan.pieces) {
      const Time begin = std::max(piece.from, from), end = std::min(piece.to, to);
      if (begin >= end) continue;
      mix(channels[std::min(piece.channel, channels.size() - 1)], samples_in(before + (begin - from)), *piece.sound.samples,
          samples_in(begin - piece.from), samples_in(end - begin));
    }
    before += to - from;
  }
  for (Samples& channel : channels) channel.resize(samples_in(length_of(plan)));
  return channels;
}

void keep_recording(ServiceContext& context, CallNotices& notices, RecordingPlan plan) {
  const std::vector<Samples> channels = mix_down(plan);
  const auto content = std::make_shared<const std::string>(encode_wav(channels));
  const std::string metadata = metadata_of(plan).dump(-1, ' ', false, json::error_handler_t::replace);
  const std::int64_t now = unix_us(plan.ended_at);
  const std::int64_t kept_since = unix_us(plan.ended_at - CallRecordings::kKept);
  plan.resource->database->write(
      [plan, content, metadata, now, kept_since](Session& session) {
        const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(content->data()), content->size());
        session.execute(kDropOld, {plan.resource->key, kept_since});
        session.execute(kInsertFile, {plan.resource->key, plan.document_id, plan.id, now, metadata, bytes});
      },
      [&log = context.log, id = plan.id](Result<void> written) {
        if (!written.ok()) log.error("calls", "a recording was lost", {{"recording", id}, {"reason", written.error().message}});
      });
  // Commits are in order: whoever hears of the file finds it.
  notices.publish(plan.resource, "RecordingFileStatusUpdated",
                  "/recording/call/" + plan.correlation_id + "/serverCallId/" + plan.server_call_id + "/recordingId/" + plan.id,
                  status_of(plan));
}

RecordedFile read_recording(const Resource& resource, std::string_view document_id) {
  std::optional<RecordedFile> file;
  resource.database->read([&](Session& session) {
    session.query(kSelectFile, {resource.key, document_id}, [&](const Row& row) {
      file.emplace();
      file->metadata = row.text(0);
      const std::span<const std::uint8_t> bytes = row.blob(1);
      file->content.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
  });
  if (!file) throw not_found(document_id);
  return *std::move(file);
}

Task<void> drop_recording(ResourcePtr resource, std::string document_id) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, document_id](Session& session) {
    if (session.execute(kDeleteFile, {resource->key, document_id}) == 0) throw not_found(document_id);
  };
  co_await resource->database->write(std::move(work));
}

void copy_recordings(Session& session, const Resource& from, const Resource& to) { session.execute(kCopy, {to.key, from.key}); }
void drop_recordings(Session& session, const Resource& resource) { session.execute(kDropFiles, {resource.key}); }

}  // namespace trunkline::calls

// Transcription: words of simulated phones as they are told, voices as they are understood.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/calls/call_streams.h"
#include "runtime/calls/media_stream.h"
#include "runtime/calls/transcript.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls {

void CallStreams::transcript_event(const Connection& connection, const char* type, const OperationTag& tag,
                                   const CallResult& result, const char* status, const char* details) {
  nlohmann::json data;
  data["transcriptionUpdate"]["transcriptionStatus"] = status;
  data["transcriptionUpdate"]["transcriptionStatusDetails"] = details;
  core_.notices.callback(connection, type, tag, result, std::move(data));
}

/// Of somebody in the call who has a voice, and whose words cannot be had.
std::optional<CallResult> CallStreams::not_understood(Connection& connection, const MediaStream& stream, const Participant& who) {
  const Call& call = core_.call_of(connection);
  if (who.id == connection.participant_id || !who.connected) return std::nullopt;
  if (core_.recognition == RecognitionMode::kWords && core_.carries_sound(call, who))
    return failure(500, sub_code::kTranscriptionFailed,
                   "what " + who.who.raw_id + " says is not understood: calls.recognition is `words` here");
  if (!core_.has_voice(call, who)) return std::nullopt;
  if (const std::string& locale = connection.transcription->locale; !core_.ears.understands(locale))
    return failure(400, sub_code::kTranscriptionFailed, no_language(locale));
  if (stream.deaf) return failure(500, sub_code::kTranscriptionFailed, *stream.deaf);
  return std::nullopt;
}

std::string CallStreams::no_language(const std::string& locale) const {
  return "speech in " + locale + " is not understood here, only " + core_.ears.language();
}

void CallStreams::transcription_failed(Connection& connection, const OperationTag& tag, const CallResult& result) {
  close(connection.transcript_stream);
  connection.transcription_active = false;
  transcript_event(connection, "TranscriptionFailed", tag, result, "transcriptionFailed",
                   result.code == 400 ? "badRequest" : "speechServicesConnectionError");
  core_.taps.rearranged(core_.call_of(connection));
}

void CallStreams::start_transcript(Connection& connection, OperationTag tag, std::string locale) {
  if (connection.transcript_stream) return;
  if (!locale.empty()) connection.transcription->locale = std::move(locale);
  connection.transcript_stream =
      open(connection, connection.transcription->url, false, [this, tag](Connection& found, Result<void> result) {
        if (!result.ok()) {
          close(found.transcript_stream);
          transcript_event(found, "TranscriptionFailed", tag,
                           failure(500, sub_code::kTranscriptionFailed, result.error().message), "transcriptionFailed",
                           "initialWebSocketConnectionFailed");
          return;
        }
        MediaStream& stream = *found.transcript_stream;
        for (const Participant& participant : core_.call_of(found).participants)
          if (const auto trouble = not_understood(found, stream, participant)) return transcription_failed(found, tag, *trouble);
        found.transcription_active = true;
        stream.open = true;
        stream.opened_at = core_.context.clock.now();
        stream.transcript = transcript_of(found, found.transcript_stream);
        core_.taps.rearranged(core_.call_of(found));
        send(stream, transcription_metadata(found.id, found.transcription->locale, found.id, found.correlation_id));
        transcript_event(found, "TranscriptionStarted", tag, success("transcription has begun"), "transcriptionStarted",
                         "subscriptionStarted");
      });
}

/// Voices are followed by one object for each stream, which outlives the stream while something is being understood.
std::shared_ptr<Transcript> CallStreams::transcript_of(const Connection& connection, const std::shared_ptr<MediaStream>& stream) {
  const std::weak_ptr<MediaStream> weak = stream;
  Transcript::Sink sink;
  sink.said = [this, weak](const std::string& raw_id, const TranscriptPart& part) {
    if (const auto own = weak.lock()) send(*own, transcription_data(part, raw_id));
  };
  sink.failed = [this, weak, id = connection.id](const Error& error) {
    Connection* found = core_.book.connection(id);
    if (found && found->transcript_stream && found->transcript_stream == weak.lock())
      return transcription_failed(*found, {}, failure(500, sub_code::kTranscriptionFailed, error.message));
    forget(weak);
  };
  sink.lost = [this, id = connection.id](const std::string& raw_id, Duration lost) {
    core_.context.log.warning("calls", "more was said than can be transcribed in the time",
                              {{"connection", id}, {"participant", raw_id}, {"lost_ms", lost / std::chrono::milliseconds{1}}});
  };
  sink.over = [this, weak] { forget(weak); };
  return std::make_shared<Transcript>(core_.mutex, core_.ears, stream->opened_at, connection.transcription->intermediate,
                                      std::move(sink));
}

/// What was said before the end is still told, after which the socket is closed.
void CallStreams::end_transcript(Connection& connection) {
  const std::shared_ptr<MediaStream> stream = std::exchange(connection.transcript_stream, nullptr);
  if (!stream) return;
  stream->over = true;
  ending_.push_back(stream);
  if (stream->transcript)
    stream->transcript->finish();
  else
    forget(stream);
}

void CallStreams::forget(const std::weak_ptr<MediaStream>& stream) {
  const auto own = std::find(ending_.begin(), ending_.end(), stream.lock());
  if (own == ending_.end()) return;
  close(*own);
  ending_.erase(own);
}

bool CallStreams::hears_voices(const Connection& connection) const {
  return connection.transcript_stream && connection.transcript_stream->open;
}

void CallStreams::write_down(Connection& connection, const Sounding& sounding) {
  const std::shared_ptr<MediaStream> stream = connection.transcript_stream;
  if (!stream || !stream->open || !sounding.who) return;
  if (!sounding.live_at) {
    if (sounding.text.empty()) return;
    TranscriptPart part;
    part.text = sounding.text;
    part.offset = core_.context.clock.now() - stream->opened_at;
    part.lasts = sounding.sound.length();
    return send(*stream, transcription_data(part, sounding.who->who.raw_id));
  }
  if (sounding.who->on_hold) return;
  const std::string& raw_id = sounding.who->who.raw_id;
  if (!stream->transcript->follows(raw_id)) {
    if (const auto trouble = not_understood(connection, *stream, *sounding.who))
      return transcription_failed(connection, {}, *trouble);
    if (!core_.has_voice(*sounding.call, *sounding.who)) return;
  }
  stream->transcript->hear(raw_id, *sounding.live_at, *sounding.sound.samples);
}

void CallStreams::start_transcription(const Resource& resource, std::string_view connection_id, std::string locale,
                                      OperationTag tag) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  if (!connection.transcription)
    throw refusal(ErrorCode::kFailedPrecondition, 400, sub_code::kBadStreamUrl, "the call was made without transcriptionOptions",
                  "transcriptionOptions");
  start_transcript(connection, std::move(tag), std::move(locale));
}

void CallStreams::update_transcription(const Resource& resource, std::string_view connection_id, std::string locale,
                                       OperationTag tag) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  if (!connection.transcript_stream)
    throw refusal(ErrorCode::kFailedPrecondition, 400, sub_code::kTranscriptionFailed, "transcription is not on",
                  "callConnectionId");
  if (!locale.empty()) {
    const Call& call = core_.call_of(connection);
    for (const Participant& participant : call.participants)
      if (participant.id != connection.participant_id && core_.has_voice(call, participant) && !core_.ears.understands(locale))
        throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kTranscriptionFailed, no_language(locale), "locale");
    connection.transcription->locale = std::move(locale);
  }
  transcript_event(connection, "TranscriptionUpdated", tag, success("transcription was changed"), "transcriptionUpdated",
                   "transcriptionLocaleUpdated");
}

void CallStreams::stop_transcription(const Resource& resource, std::string_view connection_id, OperationTag tag) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  if (!connection.transcript_stream)
    throw refusal(ErrorCode::kFailedPrecondition, 400, sub_code::kTranscriptionFailed, "transcription is not on",
                  "callConnectionId");
  end_transcript(connection);
  core_.taps.rearranged(core_.call_of(connection));
  connection.transcription_active = false;
  transcript_event(connection, "TranscriptionStopped", tag, success("transcription was stopped"), "transcriptionStopped",
                   "subscriptionStopped");
}

}  // namespace trunkline::calls

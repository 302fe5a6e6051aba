#include "runtime/calls/call_streams.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/base/ids.h"
#include "runtime/calls/media_stream.h"
#include "runtime/calls/transcript.h"
#include "runtime/clock/clock.h"
#include "runtime/clock/system_time.h"

namespace trunkline::calls {
namespace {

constexpr Duration kTokenLife = std::chrono::hours{24};
/// A minute that an application sends ahead of time.
constexpr std::size_t kMaxIncoming = std::size_t{kSampleRate} * 60;
constexpr std::size_t kStreamFrameSamples = static_cast<std::size_t>(kSampleRate) / 50;

using Events = net::WebSocketClient::Events;

}  // namespace

void CallStreams::audio_event(const Connection& connection, const char* type, const OperationTag& tag, const CallResult& result,
                              const char* status, const char* details) {
  nlohmann::json data;
  data["mediaStreamingUpdate"]["contentType"] = "Audio";
  data["mediaStreamingUpdate"]["mediaStreamingStatus"] = status;
  data["mediaStreamingUpdate"]["mediaStreamingStatusDetails"] = details;
  core_.notices.callback(connection, type, tag, result, std::move(data));
}

std::shared_ptr<MediaStream> CallStreams::open(const Connection& connection, const std::string& url, bool audio,
                                               UniqueFunction<void(Connection&, Result<void>)> opened) {
  auto stream = std::make_shared<MediaStream>();
  net::WebSocketTarget target;
  target.url = url;
  target.headers.add("x-ms-call-connection-id", connection.id);
  target.headers.add("x-ms-call-correlation-id", connection.correlation_id);
  Events events;
  const auto with_connection = [this, id = connection.id, weak = std::weak_ptr(stream), audio](auto fn) {
    const std::lock_guard lock(core_.mutex);
    Connection* found = core_.book.connection(id);
    const std::shared_ptr<MediaStream> own = weak.lock();
    if (found && own && (audio ? found->stream : found->transcript_stream) == own) fn(*found, *own);
  };
  events.opened = [with_connection, opened = std::move(opened)](Result<void> result) mutable {
    with_connection([&](Connection& found, MediaStream&) { opened(found, std::move(result)); });
  };
  events.message = [with_connection](std::string text) {
    with_connection([&](Connection& found, MediaStream& own) {
      if (!found.streaming || !found.streaming->bidirectional) return;
      const auto frame = parse_incoming(text, found.streaming->sample_rate);
      if (!frame) return;
      if (frame->stop) return own.incoming.clear();
      if (own.incoming.size() + frame->samples.size() <= kMaxIncoming)
        own.incoming.insert(own.incoming.end(), frame->samples.begin(), frame->samples.end());
    });
  };
  events.closed = [this, with_connection, audio] {
    with_connection([&](Connection& found, MediaStream&) { lost(found, audio); });
  };
  // Signing takes a millisecond, and the first key much longer: not under the mutex.
  core_.context.executor.post([this, stream, audio, target = std::move(target), events = std::move(events),
                               audience = connection.resource->id]() mutable {
    std::optional<std::string> deaf = audio ? std::nullopt : core_.ears.trouble();  // this may load a library
    target.headers.add("Authorization",
                       "Bearer " + core_.signer.token(audience, system_time_now(), kTokenLife, core_.context.ids.uuid4().str()));
    // Opening only begins here, and what comes of it waits for the mutex: it finds the socket in its place.
    const std::lock_guard lock(core_.mutex);
    stream->deaf = std::move(deaf);
    if (!stream->over) stream->socket = net::WebSocketClient::open(core_.context.executor, std::move(target), std::move(events));
  });
  return stream;
}

void CallStreams::close(std::shared_ptr<MediaStream>& stream) {
  if (!stream) return;
  stream->over = true;
  if (stream->timer != 0) core_.context.clock.cancel(stream->timer);
  if (stream->transcript) stream->transcript->drop();
  if (stream->socket) stream->socket->close();
  stream.reset();
}

void CallStreams::lost(Connection& connection, bool audio) {
  const CallResult result =
      failure(500, audio ? sub_code::kStreamingFailed : sub_code::kTranscriptionFailed, "the application closed the socket");
  if (audio) {
    close(connection.stream);
    connection.streaming_active = false;
    audio_event(connection, "MediaStreamingFailed", {}, result, "mediaStreamingFailed", "streamConnectionInterrupted");
  } else {
    close(connection.transcript_stream);
    connection.transcription_active = false;
    transcript_event(connection, "TranscriptionFailed", {}, result, "transcriptionFailed", "streamConnectionInterrupted");
  }
  core_.taps.rearranged(core_.call_of(connection));  // perhaps nobody listens any more
}

void CallStreams::start_audio(Connection& connection, OperationTag tag) {
  if (connection.stream) return;
  connection.stream = open(connection, connection.streaming->url, true, [this, tag](Connection& found, Result<void> result) {
    if (!result.ok()) {
      close(found.stream);
      audio_event(found, "MediaStreamingFailed", tag, failure(500, sub_code::kStreamingFailed, result.error().message),
                  "mediaStreamingFailed", "initialWebSocketConnectionFailed");
      return;
    }
    found.streaming_active = true;
    MediaStream& stream = *found.stream;
    stream.open = true;
    core_.taps.rearranged(core_.call_of(found));
    send(stream, audio_metadata(found.id, found.streaming->sample_rate));
    audio_event(found, "MediaStreamingStarted", tag, success("media streaming has begun"), "mediaStreamingStarted",
                "subscriptionStarted");
    next_frame(found);
  });
}

void CallStreams::send(MediaStream& stream, std::string text) {
  if (stream.socket) stream.socket->send(std::move(text));
}

/// Every 20 ms, whether somebody is heard or not.
void CallStreams::next_frame(Connection& connection) {
  MediaStream& stream = *connection.stream;
  Call& call = core_.call_of(connection);
  const Time now = core_.context.clock.now();
  if (!stream.incoming.empty()) {
    const std::size_t count = std::min(stream.incoming.size(), kStreamFrameSamples);
    Samples next(stream.incoming.begin(), stream.incoming.begin() + static_cast<std::ptrdiff_t>(count));
    stream.incoming.erase(stream.incoming.begin(), stream.incoming.begin() + static_cast<std::ptrdiff_t>(count));
    Sounding said;
    said.call = &call;
    said.who = call.find(connection.participant_id);
    said.sound.samples = std::make_shared<const Samples>(std::move(next));
    said.live_at = now;
    core_.taps.begin(std::move(said));
  }
  Samples frame;
  if (connection.streaming->mixed) {
    const bool heard = stream.mix_frame(frame);
    send(stream, audio_data(frame, connection.streaming->sample_rate, now, "", !heard));
  } else {
    constexpr std::size_t kDominant = 4;
    for (const MediaStream::Voice* voice : stream.loudest(kDominant)) {
      frame.assign(kStreamFrameSamples, 0);
      mix(frame, 0, *voice->sound.samples, voice->at, kStreamFrameSamples);
      send(stream, audio_data(frame, connection.streaming->sample_rate, now, voice->raw_id, false));
    }
  }
  stream.advance();
  stream.timer = core_.context.clock.schedule_after(kFrame, [this, id = connection.id, weak = std::weak_ptr(connection.stream)] {
    const std::lock_guard lock(core_.mutex);
    Connection* found = core_.book.connection(id);
    if (found && found->stream && found->stream == weak.lock()) next_frame(*found);
  });
}

void CallStreams::began(const Sounding& sounding) {
  if (sounding.who && sounding.who->muted) return;
  for (Connection* connection : core_.book.connections_of(*sounding.call)) {
    // Nobody hears an echo of what they say themselves.
    if (sounding.who && sounding.who->id == connection->participant_id) continue;
    if (connection->stream && connection->stream->open && sounding.live_at) {
      connection->stream->add_live(sounding.id, sounding.who ? sounding.who->who.raw_id : "", sounding.sound);
    } else if (connection->stream && connection->stream->open) {
      MediaStream::Voice voice;
      voice.sounding = sounding.id;
      if (sounding.who) voice.raw_id = sounding.who->who.raw_id;
      voice.sound = sounding.sound;
      connection->stream->voices.push_back(std::move(voice));
      if (sounding.tone != 0 && connection->streaming->dtmf) send(*connection->stream, dtmf_data(sounding.tone));
    }
    write_down(*connection, sounding);
  }
}

void CallStreams::cut(std::uint64_t id) {
  for (Call* call : core_.book.all_calls())
    for (Connection* connection : core_.book.connections_of(*call))
      if (connection->stream)
        std::erase_if(connection->stream->voices, [&](const MediaStream::Voice& voice) { return voice.sounding == id; });
}

bool CallStreams::listens(const Call& call) const {
  for (const Connection* connection : core_.book.connections_of(call))
    if ((connection->stream && connection->stream->open) || hears_voices(*connection)) return true;
  return false;
}

void CallStreams::end_all(Connection& connection) {
  close(connection.stream);
  end_transcript(connection);
  if (std::exchange(connection.streaming_active, false))
    audio_event(connection, "MediaStreamingStopped", {}, success("the call ended"), "mediaStreamingStopped", "callEnded");
  if (std::exchange(connection.transcription_active, false))
    transcript_event(connection, "TranscriptionStopped", {}, success("the call ended"), "transcriptionStopped", "callEnded");
}

void CallStreams::start_streaming(const Resource& resource, std::string_view connection_id, OperationTag tag) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  if (!connection.streaming)
    throw refusal(ErrorCode::kFailedPrecondition, 400, sub_code::kBadStreamUrl, "the call was made without mediaStreamingOptions",
                  "mediaStreamingOptions");
  start_audio(connection, std::move(tag));
}

void CallStreams::stop_streaming(const Resource& resource, std::string_view connection_id, OperationTag tag) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kMedia);
  if (!connection.stream)
    throw refusal(ErrorCode::kFailedPrecondition, 400, sub_code::kStreamingFailed, "media streaming is not on",
                  "callConnectionId");
  close(connection.stream);
  core_.taps.rearranged(core_.call_of(connection));
  connection.streaming_active = false;
  audio_event(connection, "MediaStreamingStopped", tag, success("media streaming was stopped"), "mediaStreamingStopped",
              "subscriptionStopped");
}

void CallStreams::stop() {
  const std::lock_guard lock(core_.mutex);
  for (Call* call : core_.book.all_calls())
    for (Connection* connection : core_.book.connections_of(*call)) {
      close(connection->stream);
      close(connection->transcript_stream);
    }
  for (std::shared_ptr<MediaStream>& stream : ending_) close(stream);
  ending_.clear();
}

}  // namespace trunkline::calls

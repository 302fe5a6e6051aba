// Sound and words of calls on their way to WebSockets of applications.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/calls/call_core.h"

namespace trunkline::calls {

class Transcript;

/// One sender for each connection that asked for one. Requests are [any-thread] and take the mutex; what is marked is called with
/// it held.
class CallStreams final : public SoundTap {
 public:
  explicit CallStreams(CallCore& core) : core_(core) {}

  /// Errors: the refusals of CallCore::require; 8581 for a connection without an address to send to.
  void start_streaming(const Resource& resource, std::string_view connection_id, OperationTag tag);
  void stop_streaming(const Resource& resource, std::string_view connection_id, OperationTag tag);
  void start_transcription(const Resource& resource, std::string_view connection_id, std::string locale, OperationTag tag);
  void update_transcription(const Resource& resource, std::string_view connection_id, std::string locale, OperationTag tag);
  void stop_transcription(const Resource& resource, std::string_view connection_id, OperationTag tag);

  /// [mutex held]
  void start_audio(Connection& connection, OperationTag tag);
  void start_transcript(Connection& connection, OperationTag tag, std::string locale);
  void end_all(Connection& connection);
  void began(const Sounding& sounding) override;
  void cut(std::uint64_t id) override;
  bool listens(const Call& call) const override;

  /// [lifecycle]
  void stop();

 private:
  void audio_event(const Connection& connection, const char* type, const OperationTag& tag, const CallResult& result,
                   const char* status, const char* details);
  void transcript_event(const Connection& connection, const char* type, const OperationTag& tag, const CallResult& result,
                        const char* status, const char* details);
  /// Opens a socket; `opened` is called with the mutex held, unless the connection or the stream has gone by then.
  std::shared_ptr<MediaStream> open(const Connection& connection, const std::string& url, bool audio,
                                    UniqueFunction<void(Connection&, Result<void>)> opened);
  void close(std::shared_ptr<MediaStream>& stream);
  void lost(Connection& connection, bool audio);
  // --- transcription: call_transcripts.cpp
  std::shared_ptr<Transcript> transcript_of(const Connection& connection, const std::shared_ptr<MediaStream>& stream);
  std::optional<CallResult> not_understood(Connection& connection, const MediaStream& stream, const Participant& who);
  std::string no_language(const std::string& locale) const;
  void transcription_failed(Connection& connection, const OperationTag& tag, const CallResult& result);
  void end_transcript(Connection& connection);
  void forget(const std::weak_ptr<MediaStream>& stream);
  bool hears_voices(const Connection& connection) const;
  void write_down(Connection& connection, const Sounding& sounding);
  void send(MediaStream& stream, std::string text);
  void next_frame(Connection& connection);

  CallCore& core_;
  std::vector<std::shared_ptr<MediaStream>> ending_;  // under the mutex
};

}  // namespace trunkline::calls

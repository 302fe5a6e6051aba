// Sound and words of calls on their way to WebSockets of applications.
#pragma once
#include <string>

#include "runtime/calls/call_core.h"

namespace trunkline::calls {

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
  void send(MediaStream& stream, std::string text);
  void next_frame(Connection& connection);

  CallCore& core_;
};

}  // namespace trunkline::calls

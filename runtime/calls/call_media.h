// What applications do with the sound of calls: play, recognise, send and hear tones, hold.
#pragma once
#include <string>
#include <string_view>

#include "runtime/calls/call_core.h"
#include "runtime/calls/sound_loader.h"

namespace trunkline::calls {

/// The operations of a connection run one after another. Requests are [any-thread] and take the mutex; what is marked is called
/// with it held.
class CallMedia final : public SoundTap {
 public:
  static constexpr std::size_t kMaxSources = 10;
  static constexpr std::size_t kMaxTones = 18;
  static constexpr std::size_t kMaxQueued = 100;

  explicit CallMedia(CallCore& core) : core_(core) {}

  /// Errors: the refusals of CallCore::require; 412/8583 beside what must be alone; kInvalidArgument (8523, 8582).
  void play(const Resource& resource, std::string_view connection_id, Play play);
  void recognize(const Resource& resource, std::string_view connection_id, Recognize recognize);
  void cancel_all(const Resource& resource, std::string_view connection_id);
  void send_tones(const Resource& resource, std::string_view connection_id, std::string tones, const Party& target,
                  OperationTag tag);
  void start_continuous(const Resource& resource, std::string_view connection_id, const Party& target, OperationTag tag);
  void stop_continuous(const Resource& resource, std::string_view connection_id, const Party& target, OperationTag tag);
  void hold(const Resource& resource, std::string_view connection_id, const Party& target, std::vector<PlaySource> music,
            OperationTag tag);
  void unhold(const Resource& resource, std::string_view connection_id, const Party& target);

  /// Somebody pressed keys, and everybody hears it. [mutex held]
  void tones_from(Call& call, const Participant& who, std::string_view digits);
  /// Somebody speaks. [mutex held]
  void speech_from(Call& call, const Participant& who, const std::string& text, Duration lasts);
  /// A simulated phone speaks with a voice: what it says is heard as it is said. `leg_id`: whose words. [mutex held]
  void voice_from(const std::string& leg_id, const std::string& text);
  // What somebody says, piece by piece. [mutex held]
  void began(const Sounding& sounding) override;
  void cut(std::uint64_t) override {}
  bool listens(const Call& call) const override;
  /// The connection is about to end. [mutex held]
  void end_all(Connection& connection);

 private:
  using Kind = MediaOperation::Kind;
  void check_sources(const std::vector<PlaySource>& sources) const;
  Participant& present(Call& call, const Party& party) const;
  void enqueue(Connection& connection, MediaOperation operation, bool interrupt);
  void start(Connection& connection);
  bool speaks(const Call& call);
  void loaded(const std::string& connection_id, std::uint64_t operation_id, LoadedSounds sounds);
  void play_sound(Connection& connection);
  void sound_over(Connection& connection);
  void listen(Connection& connection);
  void next_tone(Connection& connection);
  void hear_tone(Connection& connection, const Participant& who, char digit);
  void hear_speech(Connection& connection, const Participant& who, const std::string& text, Duration lasts);
  bool attends(Connection& connection, const Participant& who);
  // --- what is said: call_media_speech.cpp
  /// Whether the sound of this participant is what is recognised. Takes the mutex.
  bool hears(const Resource& resource, std::string_view connection_id, const Party& target);
  /// False: the operation has failed, and is no more.
  bool begin_listening(Connection& connection);
  void hear_sound(Connection& connection, const Participant& who, const Sounding& sounding);
  void voice_lost(Connection& connection);
  void decide(Connection& connection);
  void decided(const std::string& connection_id, std::uint64_t operation_id, const Result<HeardSpeech>& heard);
  void not_understood(Connection& connection, const Error& error);
  void speak_on(const std::string& leg_id, Sound sound, std::size_t at);
  void recognised(Connection& connection, const RecognizeOutcome& outcome);
  void finish(Connection& connection, const char* type, const CallResult& result);
  void stop_sounding(MediaOperation& operation);
  void end_operation(Connection& connection, MediaOperation& operation, const CallResult& result, bool cancelled);
  /// Runs `fn` later unless the operation has moved on.
  void later(Connection& connection, Duration delay, void (CallMedia::*fn)(Connection&));
  void silence(Connection& connection);

  CallCore& core_;
  std::uint64_t last_operation_ = 0;  // under the mutex
};

}  // namespace trunkline::calls

// Recordings of calls: what is heard while one is on goes into a WAV or MP3 file, half a second later.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "runtime/calls/call_core.h"
#include "runtime/calls/recording_files.h"
#include "runtime/calls/recording_timeline.h"

namespace trunkline::calls {

struct NewRecording {
  std::string server_call_id;  // or
  std::string connection_id;
  std::string callback_uri;  // empty: none is told
  bool mixed = true;
  RecordingFormat format = RecordingFormat::kWav;  // MP3 is mixed
  bool paused = false;
  std::vector<Party> channels;  // of an unmixed one, in order
};

struct RecordingView {
  std::string id;
  bool active = false;
};

/// Requests are [any-thread] and take the mutex; what is marked is called with it held.
class CallRecordings final : public SoundTap {
 public:
  static constexpr std::size_t kMaxChannels = RecordingWriter::kMaxChannels;
  /// Longer recordings end there, so that a file stays within 60 MB a channel.
  static constexpr Duration kLongest = std::chrono::minutes{30};

  explicit CallRecordings(CallCore& core)
      : core_(core),
        files_(core.context, core.notices, [this](const std::string& id, const Error& error) { failed(id, error); }) {}

  /// What an earlier process was recording. [lifecycle]
  void recover() { files_.recover(core_.resources); }
  /// Waits for what is being written; calls are over by then. [lifecycle]
  void stop() { files_.stop(); }

  /// Errors: kNotFound (8522), 8553 (there is one already), kInvalidArgument.
  RecordingView start(const ResourcePtr& resource, NewRecording recording);
  /// Errors: kNotFound.
  RecordingView get(const Resource& resource, std::string_view id);
  void pause(const Resource& resource, std::string_view id);
  void resume(const Resource& resource, std::string_view id);
  void stop(const Resource& resource, std::string_view id);

  /// A finished one. Errors: kNotFound.
  RecordedFile file(const Resource& resource, std::string_view document_id) { return files_.open(resource, document_id); }
  Task<void> drop(ResourcePtr resource, std::string document_id) {
    return files_.drop(std::move(resource), std::move(document_id));
  }

  /// Finishes what is recorded of it. [mutex held]
  void call_ends(Call& call);
  /// Forgets it: the resource is gone. [mutex held]
  void discard(Call& call);
  void began(const Sounding& sounding) override;
  void cut(std::uint64_t id) override;
  bool listens(const Call& call) const override { return !call.recording_id.empty(); }

 private:
  struct Recording {
    RecordingFacts facts;
    RecordingTimeline timeline;
    RecordingWriterPtr writer;
    std::vector<Party> channels;
    Clock::TimerId timer = 0;

    std::int64_t sample_at(Time time) const;
  };

  Recording& find(const Resource& resource, std::string_view id);
  void tell_state(const Recording& recording, const CallResult& result);
  void finish(Recording& recording, const char* why, const CallResult& result);
  RecordingWriterPtr take_out(Recording& recording);
  void failed(const std::string& id, const Error& error);
  std::size_t channel_of(Recording& recording, const Participant* who);

  CallCore& core_;
  std::map<std::string, Recording, std::less<>> recordings_;  // by id, those that are on; under the mutex
  RecordingFiles files_;
};

}  // namespace trunkline::calls

// Recordings of calls: what is heard while one is on, as a WAV file.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/calls/call_core.h"

namespace trunkline::calls {

struct NewRecording {
  std::string server_call_id;  // or
  std::string connection_id;
  std::string callback_uri;  // empty: none is told
  bool mixed = true;
  bool paused = false;
  std::vector<Party> channels;  // of an unmixed one, in order
};

struct RecordingView {
  std::string id;
  bool active = false;
};

/// A file, or what describes it.
struct RecordedFile {
  std::string content;
  std::string metadata;  // JSON
};

/// Requests are [any-thread] and take the mutex; what is marked is called with it held.
class CallRecordings final : public SoundTap {
 public:
  static constexpr std::size_t kMaxChannels = 5;
  /// Longer recordings end there, so that a file stays within 60 MB.
  static constexpr Duration kLongest = std::chrono::minutes{30};
  static constexpr Duration kKept = std::chrono::hours{24};

  explicit CallRecordings(CallCore& core) : core_(core) {}

  /// Errors: kNotFound (8522), 8553 (there is one already), kInvalidArgument.
  RecordingView start(const ResourcePtr& resource, NewRecording recording);
  /// Errors: kNotFound.
  RecordingView get(const Resource& resource, std::string_view id);
  void pause(const Resource& resource, std::string_view id);
  void resume(const Resource& resource, std::string_view id);
  void stop(const Resource& resource, std::string_view id);

  /// A finished one. Errors: kNotFound.
  RecordedFile file(const Resource& resource, std::string_view document_id);
  Task<void> drop(ResourcePtr resource, std::string document_id);

  /// Finishes what is recorded of it. [mutex held]
  void call_ends(Call& call);
  void began(const Sounding& sounding) override;
  void cut(std::uint64_t id) override;
  bool listens(const Call& call) const override { return !call.recording_id.empty(); }

 private:
  struct Piece {
    std::uint64_t sounding = 0;
    std::size_t channel = 0;
    Time at;
    std::optional<Time> cut_at;
    Sound sound;
  };
  struct Span {
    Time from;
    std::optional<Time> to;  // still on
  };
  struct Recording {
    std::string id;
    ResourcePtr resource;
    std::string server_call_id;
    std::string correlation_id;
    std::string callback_uri;
    bool mixed = true;
    Time started_at;
    std::vector<Span> spans;  // while it was not paused
    std::vector<Piece> pieces;
    std::vector<Party> channels;
    Clock::TimerId timer = 0;

    /// What somebody says right now: it grows.
    struct Live {
      Time end;
      std::shared_ptr<Samples> samples;
    };
    std::map<std::int64_t, Live> live;  // by participant

    bool active() const { return !spans.empty() && !spans.back().to; }
  };

  Recording& find(const Resource& resource, std::string_view id);
  void tell_state(const Recording& recording, bool active);
  void finish(Recording& recording, const char* why);
  std::size_t channel_of(Recording& recording, const Participant* who);

  CallCore& core_;
  std::map<std::string, Recording, std::less<>> recordings_;  // by id, those that are on; under the mutex
};

void copy_recordings(store::Session& session, const Resource& from, const Resource& to);
void drop_recordings(store::Session& session, const Resource& resource);

}  // namespace trunkline::calls

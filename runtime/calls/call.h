// Calls as they are kept in memory. All of this is guarded by CallCore::mutex.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/calls/requests.h"
#include "runtime/calls/sound.h"
#include "runtime/calls/speech_detector.h"
#include "runtime/clock/clock.h"
#include "runtime/services/resource.h"

namespace trunkline::calls {

class MediaStream;

/// Somebody in a call. An application speaks for it (`connection_id`), or a phone behind a provider does (`leg_id`), or nobody
/// yet, while it rings.
struct Participant {
  std::int64_t id = 0;  // unique within the runtime
  Party who;
  std::optional<Party> also;  // the number it calls from, by which others may name it
  bool connected = false;
  bool muted = false;
  bool on_hold = false;
  bool listens = false;  // takes no part: the call does not go on for its sake
  std::string connection_id;
  std::string leg_id;
  ResourcePtr resource;              // whose number or user it is
  std::optional<Party> called_from;  // the number that called it
  std::string display_name;

  bool is(const Party& party) const { return who == party || (also && *also == party); }
};

/// One play, recognition or sequence of tones. They run one after another.
struct MediaOperation {
  enum class Kind { kPlay, kRecognize, kSendTones };
  std::uint64_t id = 0;
  Kind kind = Kind::kPlay;
  OperationTag tag;
  std::vector<Party> to;  // empty: everybody
  /// Nothing of its kind may wait beside it: a play to one, a recognition in a group call, tones.
  bool exclusive = false;
  std::vector<PlaySource> sources;
  bool loop = false;
  bool tells_start = false;
  std::string tones;
  std::optional<Recogniser> recogniser;
  std::optional<std::string> deaf;    // why what is said cannot be understood, although nothing else will do
  std::optional<SpeechDetector> ear;  // of a recognition: hears what is said

  // Once it runs.
  std::vector<Sound> sounds;
  std::size_t at = 0;  // the sound, or the tone
  bool prompting = false;
  bool listening = false;
  bool deciding = false;   // what was said is being understood
  std::uint64_t turn = 0;  // timers of an earlier one have nothing to say
  Clock::TimerId timer = 0;
  std::uint64_t sounding = 0;  // what taps know its sound by
};

struct ContinuousTones {
  OperationTag tag;
  std::int64_t sequence = 0;
};

/// An application's side of a call.
struct Connection {
  enum class Kind { kCreated, kAnswered, kJoined };
  std::string id;
  Kind kind = Kind::kCreated;
  ResourcePtr resource;
  std::string server_call_id;
  std::string correlation_id;
  std::int64_t participant_id = 0;
  CallState state = CallState::kConnecting;
  std::string callback_uri;
  std::string context;
  std::vector<Party> targets;
  std::optional<Party> source;
  std::optional<Party> source_number;
  std::string display_name;
  std::optional<Party> answered_by;
  std::optional<Party> answered_for;
  std::int64_t roster_sequence = 0;

  std::deque<MediaOperation> operations;              // the first one runs
  std::map<std::string, ContinuousTones> continuous;  // by raw id
  std::optional<StreamingSpec> streaming;
  bool streaming_active = false;
  std::optional<TranscriptionSpec> transcription;
  bool transcription_active = false;
  std::shared_ptr<MediaStream> stream;             // of audio, while it is active
  std::shared_ptr<MediaStream> transcript_stream;  // of words
};

/// Somebody is being asked into a call.
struct Invitation {
  /// kReferred: a phone that is in the call asked for it, to be replaced.
  enum class Purpose { kCreate, kAdd, kTransfer, kReferred };
  std::string id;
  Purpose purpose = Purpose::kCreate;
  std::string server_call_id;
  std::int64_t participant_id = 0;
  std::string connection_id;  // who asked; empty: a phone that calls in
  OperationTag tag;
  std::string incoming_call_context;  // empty: a phone elsewhere rings
  ResourcePtr target_resource;
  Party from;
  std::string from_name;
  CustomContext custom;
  std::int64_t transferee_id = 0;
  Clock::TimerId timer = 0;
  bool answered = false;  // by an application, while the calling phone's own leg is not up yet
};

/// An application hands a call on, and a phone's far end was asked to call the target itself (REFER).
struct Referral {
  std::string connection_id;
  std::int64_t transferee_id = 0;
  Transfer wanted;
  Clock::TimerId timer = 0;
};

/// What Azure calls a server call: those who hear each other.
struct Call {
  std::string server_call_id;
  std::string correlation_id;
  ResourcePtr resource;  // of whoever started it
  Party started_by;
  std::string room_id;   // empty: none
  std::string group_id;  // empty: none
  std::vector<Participant> participants;
  Time created_at;
  std::optional<Time> started_at;  // when the first two were there
  std::string recording_id;        // empty: none

  bool stays_open() const { return !room_id.empty() || !group_id.empty(); }
  Participant* find(std::int64_t id);
  /// One that is in the call.
  Participant* find_connected(const Party& party);
  /// Those who take part.
  std::size_t connected() const;
  bool anybody() const;
};

/// Every call under way, with the ways to find it.
class CallBook {
 public:
  Call& add_call(std::unique_ptr<Call> call);
  Connection& add_connection(std::unique_ptr<Connection> connection);
  Invitation& add_invitation(Invitation invitation);

  Call* call(std::string_view server_call_id);
  Connection* connection(std::string_view id);
  Invitation* invitation(std::string_view id);
  Invitation* by_context(std::string_view incoming_call_context);
  Invitation* of_participant(std::int64_t participant_id);
  /// The call and participant of a leg; the pair is null when there is none.
  std::pair<Call*, Participant*> leg(std::string_view leg_id);
  Call* in_room(const Resource& resource, std::string_view room_id);
  Call* in_group(const Resource& resource, std::string_view group_id);

  std::vector<Connection*> connections_of(const Call& call);
  std::vector<Invitation*> invitations_of(const Call& call);
  std::vector<Invitation*> invitations_by(const Connection& connection);
  std::vector<Call*> calls_of(const Resource& resource);
  std::vector<Call*> all_calls();

  void drop_invitation(std::string_view id) { invitations_.erase(std::string(id)); }
  void drop_connection(std::string_view id) { connections_.erase(std::string(id)); }
  void drop_call(std::string_view id) { calls_.erase(std::string(id)); }
  std::int64_t next_id() { return ++last_id_; }

 private:
  std::map<std::string, std::unique_ptr<Call>, std::less<>> calls_;
  std::map<std::string, std::unique_ptr<Connection>, std::less<>> connections_;
  std::map<std::string, Invitation, std::less<>> invitations_;
  std::int64_t last_id_ = 0;
};

}  // namespace trunkline::calls

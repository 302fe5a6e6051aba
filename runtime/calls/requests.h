// What applications ask of calls, as the REST routes have read it.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/calls/call_states.h"
#include "runtime/calls/party.h"
#include "runtime/calls/recogniser.h"
#include "runtime/calls/speech_text.h"

namespace trunkline::calls {

/// What comes back with every event of an operation, and where they go; an empty address: to that of the connection.
struct OperationTag {
  std::string context;
  std::string callback_uri;
};

struct CustomContext {
  std::map<std::string, std::string> sip_headers;
  std::map<std::string, std::string> voip_headers;
};

struct StreamingSpec {
  std::string url;
  bool mixed = true;
  bool start = false;
  bool bidirectional = false;
  bool dtmf = false;
  int sample_rate = 16000;
};

struct TranscriptionSpec {
  std::string url;
  std::string locale;
  bool start = false;
  bool intermediate = false;
};

/// What every connection is made with.
struct ConnectionSpec {
  /// Empty: of an application in this process, which listens. See check_connection.
  std::string callback_uri;
  bool in_process = false;
  std::string context;
  std::optional<StreamingSpec> streaming;
  std::optional<TranscriptionSpec> transcription;
};

struct NewCall {
  std::vector<Party> targets;
  std::optional<Party> source;
  std::optional<Party> source_number;
  std::string display_name;
  std::string repeatability_id;  // empty: none
  CustomContext custom;
  ConnectionSpec connection;
};

struct NewAnswer {
  std::string incoming_call_context;
  std::optional<Party> answered_by;
  ConnectionSpec connection;
};

struct NewJoin {
  enum class Locator { kServerCall, kRoom, kGroup };
  Locator locator = Locator::kServerCall;
  std::string id;
  ConnectionSpec connection;
};

struct Invite {
  Party target;
  std::optional<Party> source_number;
  std::string display_name;
  Duration timeout = std::chrono::seconds{30};
  CustomContext custom;
  OperationTag tag;
};

struct Transfer {
  Party target;
  std::optional<Party> transferee;
  std::optional<Party> source_number;
  CustomContext custom;
  OperationTag tag;
};

struct PlaySource {
  enum class Kind { kFile, kText };
  Kind kind = Kind::kText;
  std::string uri;   // of a file
  std::string text;  // to speak; of SSML, its words
  std::string ssml;  // the document
  VoiceWish voice;
};

struct Play {
  std::vector<PlaySource> sources;
  std::vector<Party> to;  // empty: everybody
  bool loop = false;
  bool interrupt = false;
  bool tells_start = true;  // PlayStarted, which applications of versions before 2024-06-15 do not know
  OperationTag tag;
};

struct Recognize {
  RecognizeSpec spec;
  Party target;
  std::vector<PlaySource> prompts;
  bool interrupt = false;
  OperationTag tag;
};

struct ParticipantView {
  Party who;
  bool muted = false;
  bool on_hold = false;
};

/// The properties of a connection.
struct ConnectionView {
  std::string id;
  std::string server_call_id;
  std::string correlation_id;
  CallState state = CallState::kConnecting;
  std::string callback_uri;
  std::vector<Party> targets;
  std::optional<Party> source;
  std::optional<Party> source_number;
  std::string display_name;
  std::optional<Party> answered_by;
  std::optional<Party> answered_for;
  bool streaming = false;
  std::string streaming_state;  // inactive, active
  bool transcription = false;
  std::string transcription_state;
  std::string locale;
  bool repeated = false;  // the request had been answered before
};

}  // namespace trunkline::calls

// Writes down what voices say, for one transcription.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/calls/media_stream.h"
#include "runtime/calls/speech_detector.h"
#include "runtime/calls/speech_ears.h"

namespace trunkline::calls {

/// Each voice is followed until it has finished, and then understood by SpeechEars; what one voice says comes in order, voices do
/// not wait for each other. Guarded by the mutex that it is made with, which is taken when something has been understood.
class Transcript : public std::enable_shared_from_this<Transcript> {
 public:
  /// Of one voice, what waits to be understood. Beyond that the oldest is left out.
  static constexpr Duration kMostWaiting = std::chrono::seconds{60};
  /// While somebody goes on speaking: the first look at it; the next is at twice the time, so that all of them together cost no
  /// more than the last.
  static constexpr Duration kFirstLook = std::chrono::seconds{1};

  /// All with the mutex held.
  struct Sink {
    std::function<void(const std::string& raw_id, const TranscriptPart& part)> said;
    /// Nothing can be understood, and nothing more comes.
    std::function<void(const Error& error)> failed;
    /// So much was left out, because more was said than can be understood in the time.
    std::function<void(const std::string& raw_id, Duration lost)> lost;
    /// After finish(): all has been told.
    std::function<void()> over;
  };

  /// `began`: from where times count. `intermediate`: tells of what is not over, too, while nobody else needs the ears.
  Transcript(std::mutex& mutex, SpeechEars& ears, Time began, bool intermediate, Sink sink)
      : mutex_(mutex), ears_(ears), began_(began), intermediate_(intermediate), sink_(std::move(sink)) {}

  // [mutex held]
  /// A piece of what somebody says.
  void hear(const std::string& raw_id, Time at, std::span<const std::int16_t> samples);
  /// Whether it has heard that one before.
  bool follows(const std::string& raw_id) const { return voices_.contains(raw_id); }
  /// What was said until now is all there is; it is told, and then that it is over.
  void finish();
  /// Tells nothing any more.
  void drop();

 private:
  struct Piece {
    Samples said;
    Time began;
    bool final = true;
  };
  struct Voice {
    SpeechDetector ear{kEndSilence};
    Time heard_at;
    std::size_t next_look = 0;  // samples
    std::deque<Piece> waiting;
    bool busy = false;  // one is being understood
  };
  using Voices = std::map<std::string, Voice>;
  static constexpr Duration kEndSilence = std::chrono::milliseconds{500};

  void ended(Voices::value_type& voice);
  void next(Voices::value_type& voice);
  void understood(const std::string& raw_id, Time began, bool final, const Result<HeardSpeech>& heard);
  void settle();

  std::mutex& mutex_;
  SpeechEars& ears_;
  const Time began_;
  const bool intermediate_;
  Sink sink_;
  bool finished_ = false;
  bool dropped_ = false;
  Time looked_at_;  // for voices that are not heard any more
  Voices voices_;
};

}  // namespace trunkline::calls

// Makes speech of texts, away from the threads that carry calls.
#pragma once
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/async/worker.h"
#include "runtime/base/function.h"
#include "runtime/calls/espeak_voice.h"
#include "runtime/calls/flite_voices.h"
#include "runtime/calls/speech_cache.h"
#include "runtime/calls/speech_text.h"

namespace trunkline::calls {

/// A thread of its own for each of flite and espeak-ng, which begins with the first text: speech costs milliseconds to seconds of
/// a core, and a helper may hang. Texts take turns, a piece of each, so that a long one does not hold up the short ones. Owned by
/// CallCore. [any-thread]
class SpeechEngine {
 public:
  static constexpr Duration kLongest = std::chrono::minutes{5};
  static constexpr std::size_t kMostWaiting = 64;  // of those that are in English, and of the others
  static constexpr std::size_t kMostCached = std::size_t{kSampleRate} * 60 * 16;  // samples, 30 MB

  explicit SpeechEngine(Executor& executor, EspeakVoice espeak = EspeakVoice("espeak-ng"))
      : executor_(executor), espeak_(std::move(espeak)) {}
  SpeechEngine(const SpeechEngine&) = delete;
  ~SpeechEngine() { stop(); }

  /// Calls `done` once on a thread of the executor, unless stopped before, with kInvalidArgument for what is longer than
  /// kLongest and languages that espeak-ng does not know, and with what else may go wrong with it. Throws kInvalidArgument for
  /// voices there are not and for texts that cannot be said; kFailedPrecondition without espeak-ng for languages that need it;
  /// kResourceExhausted when too many texts wait.
  void speak(const std::vector<SpeechPart>& parts, UniqueFunction<void(Result<Sound>)> done);
  /// Why it speaks English only, for people; nullopt: it speaks other languages.
  std::optional<std::string> trouble() const { return espeak_.trouble(); }
  /// Drops what is not done. Idempotent; waits for the piece under way, some seconds at most.
  void stop();

 private:
  /// Up to a few sentences.
  struct Piece {
    Speaker speaker;
    double rate = 1.0;
    std::string text;
    Duration pause_after{0};
  };
  struct Job {
    std::string key;
    std::vector<Piece> pieces;
    std::size_t next = 0;
    Samples samples;
    UniqueFunction<void(Result<Sound>)> done;
    WorkGuard work;  // a virtual clock waits for it
    /// What it counts as, in whichever lane it is: one with a piece for espeak-ng waits for that in the end.
    bool flite_only = true;
  };
  /// Those who wait for one of the threads.
  struct Lane {
    std::deque<Job> jobs;  // one step of the worker is to come for each
    Worker worker;
  };
  std::vector<Piece> cut(const std::vector<SpeechPart>& parts) const;
  void say_next(Job& job) const;
  Lane& lane_of(const Job& job) { return job.pieces[job.next].speaker.flite ? flite_lane_ : espeak_lane_; }
  /// In a lane or being said. A helper that hangs fills up its own count only.
  std::size_t& under_way(const Job& job) { return job.flite_only ? flite_under_way_ : espeak_under_way_; }
  /// Says the next piece of the first job. On the worker.
  void step(Lane& lane);
  void finish(Job job, Result<Sound> result);

  Executor& executor_;
  std::mutex mutex_;  // never held while something is said
  SpeechCache cache_{kMostCached};
  std::size_t flite_under_way_ = 0;
  std::size_t espeak_under_way_ = 0;
  bool stopped_ = false;
  const EspeakVoice espeak_;
  Lane flite_lane_;
  Lane espeak_lane_;
};

}  // namespace trunkline::calls

// Understands what is said in calls, away from the threads that carry them.
#pragma once
#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/async/worker.h"
#include "runtime/base/function.h"
#include "runtime/calls/sound.h"

namespace trunkline::calls {

struct HeardWord {
  std::string text;
  Duration at{0};  // from the begin of the sound
  Duration lasts{0};
};

/// What was understood.
struct HeardSpeech {
  std::optional<std::size_t> phrase = {};  // which of them
  std::string text;                        // empty: nothing
  double confidence = 0;                   // 0 to 1
  std::vector<HeardWord> words;            // of free speech
};

/// PocketSphinx with an acoustic model, a dictionary and a language model on this machine. Library and models are looked for when
/// they are needed; nothing is loaded before the first thing said. A few threads of its own, each with a decoder, of which the
/// second begins when the first is busy. Owned by CallCore. [any-thread]
class SpeechEars {
 public:
  static constexpr std::size_t kThreads = 2;
  static constexpr std::size_t kMostWaiting = 32;
  static constexpr std::size_t kMostPhrases = 500;
  /// The confidence that a phrase must have to be taken.
  static constexpr double kGate = 0.5;

  /// `model`: a folder with an acoustic model in a folder of its own, a dictionary (*.dict) and a language model (*.lm.bin). Its
  /// name is the language, such as en-us.
  SpeechEars(Executor& executor, std::filesystem::path model);
  ~SpeechEars();
  SpeechEars(const SpeechEars&) = delete;

  /// Why nothing can be understood, for people; nullopt: it can.
  std::optional<std::string> trouble() const;
  /// Whether words of this locale are understood. Empty: whatever the model is for.
  bool understands(std::string_view locale) const;
  std::string language() const { return model_.filename().string(); }
  /// What is being understood, and what waits.
  std::size_t waiting() const;

  /// With phrases: which of them this is, or has in it. Without: its words. Calls `done` once on a thread of the executor, unless
  /// stopped before. Errors: kFailedPrecondition (library or model), kInvalidArgument (a phrase with words that are not in the
  /// dictionary). Throws kResourceExhausted when too much waits.
  void understand(Samples said, std::vector<std::string> phrases, UniqueFunction<void(Result<HeardSpeech>)> done);
  /// Drops what is not done; waits for what is under way, seconds at most. Idempotent.
  void stop();

 private:
  class Decoder;
  struct Ear {
    std::size_t waiting = 0;           // under the mutex
    std::unique_ptr<Decoder> decoder;  // the worker's
    Worker worker;
  };

  Executor& executor_;
  const std::filesystem::path model_;
  mutable std::mutex mutex_;
  bool stopped_ = false;
  std::array<Ear, kThreads> ears_;
};

/// Words of a phrase as dictionaries have them: lower case, digits by name.
std::vector<std::string> words_to_hear(std::string_view phrase);

}  // namespace trunkline::calls

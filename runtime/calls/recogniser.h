// Collects what somebody presses or says, until it is enough. Pure: whoever owns one tells it what was heard and when time is up.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/calls/result.h"
#include "trunkline/error.hpp"

namespace trunkline::calls {

struct Choice {
  std::string label;
  std::vector<std::string> phrases;
  std::optional<char> tone;
};

struct RecognizeSpec {
  enum class Input { kDtmf, kChoices, kSpeech, kSpeechOrDtmf };
  Input input = Input::kDtmf;
  Duration initial_silence = std::chrono::seconds{5};
  Duration inter_tone = std::chrono::seconds{2};
  Duration end_silence = std::chrono::milliseconds{500};
  std::size_t max_tones = 0;  // 0: until a stop tone or silence
  std::string stop_tones;
  std::vector<Choice> choices;
  bool interrupt_prompt = false;
  std::string language;  // of what is said, such as en-US; empty: whatever is understood
};

struct RecognizeOutcome {
  CallResult result;
  /// `dtmf`, `choices` or `speech`; empty when nothing was recognised.
  std::string type;
  std::string tones;  // digits
  std::string label;  // of the choice
  std::string phrase;
  std::string speech;
  double confidence = 1;  // of what was said
};

class Recogniser {
 public:
  explicit Recogniser(RecognizeSpec spec) : spec_(std::move(spec)) {}

  const RecognizeSpec& spec() const { return spec_; }
  bool takes_tones() const { return spec_.input != RecognizeSpec::Input::kSpeech; }
  bool takes_speech() const { return spec_.input != RecognizeSpec::Input::kDtmf; }
  /// Somebody pressed a key. nullopt: it goes on.
  std::optional<RecognizeOutcome> tone(char digit);
  /// Somebody has said something.
  std::optional<RecognizeOutcome> speech(const std::string& text);
  /// Somebody has said one of phrases(), or something else.
  RecognizeOutcome understood(std::optional<std::size_t> phrase, const std::string& text, double confidence) const;
  /// What may be said, of all choices: their phrases, or the labels of those that have none. Empty: anything.
  std::vector<std::string> phrases() const;
  /// Whether it can end well although nothing that is said is understood.
  bool can_do_without_speech() const;
  /// Nothing came for as long as wait() says.
  RecognizeOutcome silence() const;
  /// How much silence is left to them, from the prompt's end or from what was heard last.
  Duration wait() const;

 private:
  std::optional<RecognizeOutcome> choose(char digit) const;
  RecognizeOutcome choose(const std::string& text) const;
  RecognizeOutcome done(int sub_code, const char* type, std::string message) const;

  const RecognizeSpec spec_;
  std::string tones_;
  std::string speech_;
};

}  // namespace trunkline::calls

#include "runtime/calls/recogniser.h"

#include <cctype>

#include "runtime/base/strings.h"

namespace trunkline::calls {
namespace {

/// Letters and digits in lower case, one blank between words: what remains of a phrase when it is spoken.
std::string spoken(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) || u >= 0x80)
      out.push_back(static_cast<char>(std::tolower(u)));
    else if (!out.empty() && out.back() != ' ')
      out.push_back(' ');
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

RecognizeOutcome Recogniser::done(int sub_code, const char* type, std::string message) const {
  RecognizeOutcome outcome;
  outcome.result = success(std::move(message));
  outcome.result.sub_code = sub_code;
  outcome.type = type;
  outcome.tones = tones_;
  outcome.speech = speech_;
  return outcome;
}

std::optional<RecognizeOutcome> Recogniser::tone(char digit) {
  if (!takes_tones()) return std::nullopt;
  if (spec_.input == RecognizeSpec::Input::kChoices) return choose(digit);
  if (spec_.stop_tones.find(digit) != std::string::npos)
    return done(sub_code::kStopTone, "dtmf", "a stop tone ended the collection");
  tones_.push_back(digit);
  if (spec_.max_tones != 0 && tones_.size() >= spec_.max_tones)
    return done(sub_code::kMaxDigits, "dtmf", "as many tones as wanted were received");
  return std::nullopt;
}

std::optional<RecognizeOutcome> Recogniser::choose(char digit) const {
  for (const Choice& choice : spec_.choices)
    if (choice.tone == digit) {
      RecognizeOutcome outcome = done(sub_code::kToneOption, "choices", "a choice was taken by its tone");
      outcome.label = choice.label;
      return outcome;
    }
  RecognizeOutcome outcome;
  outcome.result = failure(400, sub_code::kIncorrectTone, "the tone stands for none of the choices");
  return outcome;
}

RecognizeOutcome Recogniser::choose(const std::string& text) const {
  const std::string heard = " " + spoken(text) + " ";
  for (const Choice& choice : spec_.choices)
    for (const std::string& phrase : choice.phrases) {
      const std::string wanted = spoken(phrase);
      if (wanted.empty() || heard.find(" " + wanted + " ") == std::string::npos) continue;
      RecognizeOutcome outcome = done(sub_code::kSpeechOption, "choices", "a choice was taken by its phrase");
      outcome.label = choice.label;
      outcome.phrase = phrase;
      return outcome;
    }
  RecognizeOutcome outcome;
  outcome.result = failure(400, sub_code::kNoOption, "what was said is none of the choices");
  return outcome;
}

std::optional<RecognizeOutcome> Recogniser::speech(const std::string& text) {
  if (!takes_speech()) return std::nullopt;
  if (spec_.input == RecognizeSpec::Input::kChoices) return choose(text);
  speech_ += (speech_.empty() ? "" : " ") + text;
  return std::nullopt;  // silence ends it
}

namespace {
/// By phrase.
std::vector<std::pair<const Choice*, std::string>> phrases_of(const std::vector<Choice>& choices) {
  std::vector<std::pair<const Choice*, std::string>> all;
  for (const Choice& choice : choices) {
    for (const std::string& phrase : choice.phrases) all.emplace_back(&choice, phrase);
    if (choice.phrases.empty()) all.emplace_back(&choice, choice.label);
  }
  return all;
}
}  // namespace

std::vector<std::string> Recogniser::phrases() const {
  std::vector<std::string> out;
  if (spec_.input == RecognizeSpec::Input::kChoices)
    for (auto& [choice, phrase] : phrases_of(spec_.choices)) out.push_back(phrase);
  return out;
}

bool Recogniser::can_do_without_speech() const {
  if (spec_.input != RecognizeSpec::Input::kChoices) return takes_tones();
  for (const Choice& choice : spec_.choices)
    if (choice.tone) return true;
  return false;
}

RecognizeOutcome Recogniser::understood(std::optional<std::size_t> phrase, const std::string& text, double confidence) const {
  RecognizeOutcome outcome;
  if (spec_.input == RecognizeSpec::Input::kChoices) {
    if (phrase) {
      const auto all = phrases_of(spec_.choices);
      outcome = done(sub_code::kSpeechOption, "choices", "a choice was taken by its phrase");
      outcome.label = all[*phrase].first->label;
      outcome.phrase = all[*phrase].second;
    } else {
      outcome.result = failure(400, sub_code::kNoOption, "what was said is none of the choices");
    }
  } else if (text.empty()) {
    outcome.result = failure(400, sub_code::kNotRecognized, "what was said could not be understood");
  } else {
    outcome = done(sub_code::kSpeechRecognized, "speech", "speech was recognised");
    outcome.speech = text;
  }
  outcome.confidence = confidence;
  return outcome;
}

RecognizeOutcome Recogniser::silence() const {
  if (!speech_.empty()) return done(sub_code::kSpeechRecognized, "speech", "speech was recognised");
  RecognizeOutcome outcome;
  if (tones_.empty()) {
    outcome.result = failure(400, sub_code::kInitialSilence, "nothing was heard within the initial silence timeout");
  } else {
    outcome.result = failure(400, sub_code::kInterDigit, "no further tone came within the inter-tone timeout");
    outcome.tones = tones_;
  }
  return outcome;
}

Duration Recogniser::wait() const {
  if (!tones_.empty()) return spec_.inter_tone;
  return speech_.empty() ? spec_.initial_silence : spec_.end_silence;
}

}  // namespace trunkline::calls

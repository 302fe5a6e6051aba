#include "runtime/calls/speech_ears.h"

#include <algorithm>
#include <system_error>

#include "runtime/base/strings.h"
#include "runtime/calls/sphinx_decoder.h"

namespace trunkline::calls {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 10> kNumbers = {"zero", "one", "two",   "three", "four",
                                                       "five", "six", "seven", "eight", "nine"};

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace

std::vector<std::string> words_to_hear(std::string_view phrase) {
  std::vector<std::string> words;
  bool open = false;
  for (const char c : phrase) {
    const char lower = ascii_lower(c);
    if (is_digit(c)) {
      words.emplace_back(kNumbers[static_cast<std::size_t>(c - '0')]);
      open = false;
    } else if ((lower >= 'a' && lower <= 'z') || lower == '\'') {
      if (!std::exchange(open, true)) words.emplace_back();
      words.back().push_back(lower);
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      if (!std::exchange(open, true)) words.emplace_back();
      words.back().push_back(c);  // in no dictionary of ours, and told so
    } else {
      open = false;
    }
  }
  std::erase_if(words, [](const std::string& word) { return word.find_first_not_of('\'') == word.npos; });
  return words;
}

/// What a worker does its work with.
class SpeechEars::Decoder {
 public:
  explicit Decoder(const fs::path& model) : sphinx_(model) {}

  HeardSpeech understand(const Samples& said, const std::vector<std::string>& phrases) {
    return phrases.empty() ? words(said) : choice(said, phrases);
  }

 private:
  HeardSpeech words(const Samples& said) {
    const SphinxDecoder::Heard heard = sphinx_.free(said);
    if (heard.text.empty()) return {};
    HeardSpeech out{std::nullopt, heard.text, confidence(said, heard), {}};
    for (const SphinxDecoder::Word& word : heard.words)
      out.words.push_back({word.text, word.from * kSphinxFrame, (word.to - word.from) * kSphinxFrame});
    return out;
  }

  /// The phrase must fit the sound nearly as well as sounds do that need not be words: what was said is judged, not only which of
  /// the phrases is nearest.
  double confidence(const Samples& said, const SphinxDecoder::Heard& heard) {
    return SphinxDecoder::confidence(heard, sphinx_.any_sounds(said));
  }

  HeardSpeech choice(const Samples& said, const std::vector<std::string>& phrases) {
    std::vector<std::vector<std::string>> wanted;
    for (const std::string& phrase : phrases) {
      std::vector<std::string>& words = wanted.emplace_back(words_to_hear(phrase));
      for (const std::string& word : words)
        if (!sphinx_.knows(word))
          throw Error(ErrorCode::kInvalidArgument,
                      "the word '" + word + "' of the phrase '" + phrase + "' is not in the dictionary of the recognition",
                      "recognizeOptions.choices");
    }
    const SphinxDecoder::Heard heard = sphinx_.one_of(said, wanted);
    const double sure = heard.text.empty() ? 0 : confidence(said, heard);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (sure >= kGate && joined(wanted[i]) == heard.text) return {i, heard.text, sure, {}};
    // It may be among other words: `well, sales please`.
    const HeardSpeech all = words(said);
    const std::string text = " " + all.text + " ";
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (all.confidence >= kGate && !wanted[i].empty() && text.find(" " + joined(wanted[i]) + " ") != text.npos)
        return {i, all.text, all.confidence, {}};
    return {std::nullopt, all.text, all.confidence, {}};
  }

  SphinxDecoder sphinx_;
};

SpeechEars::SpeechEars(Executor& executor, fs::path model) : executor_(executor), model_(std::move(model)) {}
SpeechEars::~SpeechEars() { stop(); }

std::optional<std::string> SpeechEars::trouble() const { return SphinxDecoder::trouble(model_); }

bool SpeechEars::understands(std::string_view locale) const {
  const std::string wanted = to_lower(std::string(locale)), have = to_lower(language());
  return wanted.empty() || wanted.substr(0, wanted.find('-')) == have.substr(0, have.find('-'));
}

std::size_t SpeechEars::waiting() const {
  const std::lock_guard lock(mutex_);
  std::size_t all = 0;
  for (const Ear& ear : ears_) all += ear.waiting;
  return all;
}

void SpeechEars::understand(Samples said, std::vector<std::string> phrases, UniqueFunction<void(Result<HeardSpeech>)> done) {
  Ear* ear = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    ear = &*std::min_element(ears_.begin(), ears_.end(), [](const Ear& a, const Ear& b) { return a.waiting < b.waiting; });
    if (ear->waiting >= kMostWaiting / kThreads)
      throw Error(ErrorCode::kResourceExhausted, "as much waits to be understood as is taken: " + std::to_string(kMostWaiting));
    ++ear->waiting;
  }
  ear->worker.post([this, ear, said = std::move(said), phrases = std::move(phrases), done = std::move(done),
                    work = WorkGuard(executor_.work())]() mutable {
    std::optional<Result<HeardSpeech>> result;
    try {
      if (!ear->decoder) ear->decoder = std::make_unique<Decoder>(model_);
      result.emplace(ear->decoder->understand(said, phrases));
    } catch (const Error& error) {
      result.emplace(error);
    }
    {
      const std::lock_guard lock(mutex_);
      --ear->waiting;
      if (stopped_) return;
    }
    executor_.post(
        [done = std::move(done), result = std::move(*result), work = std::move(work)]() mutable { done(std::move(result)); });
  });
}

void SpeechEars::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  for (Ear& ear : ears_) ear.worker.stop();
}

}  // namespace trunkline::calls

#include "runtime/calls/espeak_voice.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "runtime/base/strings.h"
#include "runtime/calls/helper_process.h"
#include "runtime/calls/resampler.h"

namespace trunkline::calls {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kHeader = 44;
constexpr double kWordsAMinute = 165;

/// Its own name of the language. A region that it does not know leaves it without a variant of the voice.
std::string name_of_language(const std::string& locale) {
  for (const char* known : {"pt-br", "fr-be", "fr-ch", "es-419", "zh-yue"})
    if (locale == known) return known == std::string_view("zh-yue") ? "yue" : known;
  if (locale == "zh-hk") return "yue";
  const std::string language = locale.substr(0, locale.find('-'));
  if (language == "zh") return "cmn";
  if (language == "no") return "nb";
  return language == "es" && locale.size() > 2 && locale != "es-es" ? "es-419" : language;
}

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

/// What it writes to a pipe: a header whose lengths mean nothing, then samples to the end.
Samples read_output(std::string_view wav) {
  if (wav.size() < kHeader || wav.substr(0, 4) != "RIFF" || wav.substr(8, 8) != "WAVEfmt " || wav.substr(36, 4) != "data")
    throw Error(ErrorCode::kUnavailable, "espeak-ng wrote no sound");
  const std::uint32_t rate = number_at(wav, 24), form = number_at(wav, 20);
  if (form != 0x00010001 || number_at(wav, 32) != 0x00100002 || rate < 8000 || rate > 48000)
    throw Error(ErrorCode::kUnavailable, "espeak-ng wrote sound of another form than 16 bit, one channel");
  const std::string_view data = wav.substr(kHeader);
  Samples samples(data.size() / 2), out;
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = static_cast<std::int16_t>(
        static_cast<std::uint16_t>(static_cast<unsigned char>(data[2 * i]) | static_cast<unsigned char>(data[2 * i + 1]) << 8));
  Resampler resampler(static_cast<int>(rate));
  resampler.push(samples, out);
  resampler.finish(out);
  return out;
}

}  // namespace

fs::path EspeakVoice::find() const {
  if (program_.find('/') != program_.npos) return is_program(program_) ? fs::path(program_) : fs::path();
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const fs::path candidate = fs::path(rest.substr(0, end)) / program_;
    if (candidate.is_absolute() && is_program(candidate)) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

std::optional<std::string> EspeakVoice::trouble() const {
  if (!find().empty()) return std::nullopt;
  return "languages other than English are spoken by espeak-ng, and '" + program_ +
         "' is not installed (Debian: espeak-ng; another place: calls.espeak)";
}

bool EspeakVoice::is_locale(std::string_view locale) {
  std::size_t parts = 0;
  while (!locale.empty()) {
    const std::size_t end = std::min(locale.find('-'), locale.size());
    const std::string_view part = locale.substr(0, end);
    const bool letters = std::all_of(part.begin(), part.end(), [&](char c) {
      const char lower = ascii_lower(c);
      return (lower >= 'a' && lower <= 'z') || (parts > 0 && is_digit(c));
    });
    if (!letters || part.size() < 2 || part.size() > (parts == 0 ? 3u : 8u) || ++parts > 3) return false;
    if (end + 1 == locale.size()) return false;
    locale.remove_prefix(std::min(end + 1, locale.size()));
  }
  return parts > 0;
}

Samples EspeakVoice::say(std::string_view locale, bool man, double rate, std::string_view text) const {
  if (!is_locale(locale)) throw Error(ErrorCode::kInvalidArgument, "'" + std::string(locale) + "' is no language", "playSources");
  const fs::path program = find();
  if (program.empty()) throw Error(ErrorCode::kFailedPrecondition, *trouble());
  const std::string voice = name_of_language(to_lower(std::string(locale))) + (man ? "+m3" : "+f2");
  const std::string speed = std::to_string(std::lround(std::clamp(rate, 0.5, 2.0) * kWordsAMinute));
  // The text comes by stdin: nobody else sees it, and nothing in it is an option. -b 1: UTF-8.
  const HelperOutcome outcome = run_helper(program, {"-b", "1", "-v", voice, "-s", speed, "--stdin", "--stdout"}, text, limits_);
  switch (outcome.end) {
    case HelperOutcome::End::kTimedOut:
      throw Error(ErrorCode::kDeadlineExceeded, "espeak-ng took longer than it may");
    case HelperOutcome::End::kTooMuch:
      throw Error(ErrorCode::kResourceExhausted, "espeak-ng wrote more than it may");
    case HelperOutcome::End::kSignal:
      throw Error(ErrorCode::kUnavailable, "espeak-ng was ended by signal " + std::to_string(outcome.status));
    case HelperOutcome::End::kExit:
      break;
  }
  if (outcome.status != 0 && outcome.output.size() <= kHeader)
    throw Error(ErrorCode::kInvalidArgument, "espeak-ng does not speak " + std::string(locale), "playSources");
  if (outcome.status != 0) throw Error(ErrorCode::kUnavailable, "espeak-ng ended with " + std::to_string(outcome.status));
  return read_output(outcome.output);
}

std::string espeakable(std::string_view text) {
  std::string out;
  bool says = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // [[ begins phonemes.
    const bool blank = byte <= ' ' || byte == 0x7f || c == '[' || c == ']';
    out.push_back(blank ? ' ' : c);
    says = says || byte >= 0x80 || is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
  }
  return says ? out : std::string();
}

}  // namespace trunkline::calls

// Sound as the runtime handles it without a media engine: 16-bit mono samples, WAV files, and tones in place of voices.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline::calls {

inline constexpr int kSampleRate = 16000;
using Samples = std::vector<std::int16_t>;

/// Immutable; 16 kHz, mono.
struct Sound {
  std::shared_ptr<const Samples> samples;
  Duration length() const;
};

std::size_t samples_in(Duration length);
/// RIFF/WAVE with 8- or 16-bit PCM, A-law or µ-law, one or two channels, 8 to 48 kHz, up to 10 minutes. Throws kInvalidArgument.
Sound decode_wav(std::string_view file);
/// The 44 bytes before the samples of such a file.
inline constexpr std::size_t kWavHeaderBytes = 44;
std::string wav_header(std::size_t channels, std::uint64_t frames);
/// A file of 16-bit PCM at 16 kHz, the channels interleaved; they are as long as the longest.
std::string encode_wav(std::span<const Samples> channels);

/// Each word is a tone of its own: what personas say, and what is played where no voice is wanted. Recordings show what was said
/// when, and equal words sound alike.
Sound speak(std::string_view text, Duration length);
/// The two frequencies of ITU-T Q.23. Silence for what is no digit.
Sound dtmf(char digit, Duration length);
/// How long it takes to say this in tones.
Duration speaking_time(std::string_view text);
/// The words of an SSML document.
std::string text_of_ssml(std::string_view document);
/// Adds `from` at `at`, from its sample `skip`, at most `count` samples; loud sums are clipped.
void mix(Samples& into, std::size_t at, const Samples& from, std::size_t skip, std::size_t count);

/// `0`…`9`, `A`…`D`, `*`, `#` for `zero`, `a`, `asterisk`, `pound`; nullopt for other words.
std::optional<char> digit_of_word(std::string_view word);
std::string_view word_of_digit(char digit);

}  // namespace trunkline::calls

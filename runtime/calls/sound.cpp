#include "runtime/calls/sound.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "runtime/base/strings.h"

namespace trunkline::calls {
namespace {

constexpr Duration kWord = std::chrono::milliseconds{400};
constexpr Duration kWordGap = std::chrono::milliseconds{60};
constexpr double kLevel = 8000;
constexpr std::size_t kLongestSeconds = 600;

constexpr std::array<std::pair<char, std::string_view>, 16> kDigits = {{{'0', "zero"},
                                                                        {'1', "one"},
                                                                        {'2', "two"},
                                                                        {'3', "three"},
                                                                        {'4', "four"},
                                                                        {'5', "five"},
                                                                        {'6', "six"},
                                                                        {'7', "seven"},
                                                                        {'8', "eight"},
                                                                        {'9', "nine"},
                                                                        {'A', "a"},
                                                                        {'B', "b"},
                                                                        {'C', "c"},
                                                                        {'D', "d"},
                                                                        {'*', "asterisk"},
                                                                        {'#', "pound"}}};

std::uint32_t little_endian(std::string_view bytes, std::size_t at, int size) {
  std::uint32_t value = 0;
  for (int i = 0; i < size; ++i)
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)])} << (8 * i);
  return value;
}

void put(std::string& out, std::uint32_t value, int size) {
  for (int i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

/// ITU-T G.711.
std::int16_t from_mu_law(std::uint8_t code) {
  code = static_cast<std::uint8_t>(~code);
  const int magnitude = (((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4);
  return static_cast<std::int16_t>(code & 0x80 ? 0x84 - magnitude : magnitude - 0x84);
}

std::int16_t from_a_law(std::uint8_t code) {
  code ^= 0x55;
  const int segment = (code & 0x70) >> 4;
  int magnitude = ((code & 0x0f) << 4) + 8;
  if (segment > 0) magnitude = (magnitude + 0x100) << (segment - 1);
  return static_cast<std::int16_t>(code & 0x80 ? magnitude : -magnitude);
}

struct WavFormat {
  std::uint32_t code = 0;
  std::uint32_t channels = 0;
  std::uint32_t rate = 0;
  std::uint32_t bits = 0;
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "the file is no sound that can be played: " + why, "playSources");
}

void check(const WavFormat& format) {
  const bool pcm = format.code == 1 && (format.bits == 8 || format.bits == 16);
  const bool g711 = (format.code == 6 || format.code == 7) && format.bits == 8;
  if (!pcm && !g711)
    refuse("found WAV format " + std::to_string(format.code) + " with " + std::to_string(format.bits) +
           " bits, wanted PCM with 8 or 16 bits, A-law or mu-law");
  if (format.channels < 1 || format.channels > 2) refuse("found " + std::to_string(format.channels) + " channels, wanted 1 or 2");
  if (format.rate < 8000 || format.rate > 48000) refuse("found " + std::to_string(format.rate) + " Hz, wanted 8000 to 48000");
}

std::int16_t sample(const WavFormat& format, std::string_view data, std::size_t at) {
  const auto byte = static_cast<std::uint8_t>(data[at]);
  if (format.code == 6) return from_a_law(byte);
  if (format.code == 7) return from_mu_law(byte);
  if (format.bits == 8) return static_cast<std::int16_t>((byte - 128) * 256);
  return static_cast<std::int16_t>(little_endian(data, at, 2));
}

Samples tone(std::size_t count, std::initializer_list<double> frequencies) {
  Samples out(count);
  const double level = kLevel / static_cast<double>(frequencies.size());
  for (std::size_t i = 0; i < count; ++i) {
    double value = 0;
    for (const double frequency : frequencies)
      value += level * std::sin(2 * std::numbers::pi * frequency * static_cast<double>(i) / kSampleRate);
    out[i] = static_cast<std::int16_t>(std::lround(value));
  }
  return out;
}

Sound sound_of(Samples samples) { return {std::make_shared<const Samples>(std::move(samples))}; }

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n", at);
    if (begin == text.npos) break;
    at = std::min(text.find_first_of(" \t\r\n", begin), text.size());
    words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

}  // namespace

std::size_t samples_in(Duration length) {
  return static_cast<std::size_t>(std::max<std::int64_t>(length.count(), 0) / 1000 * kSampleRate / 1'000'000);
}

Duration Sound::length() const {
  return std::chrono::nanoseconds{static_cast<std::int64_t>(samples->size()) * 1'000'000'000 / kSampleRate};
}

Sound decode_wav(std::string_view file) {
  if (file.size() < 12 || file.substr(0, 4) != "RIFF" || file.substr(8, 4) != "WAVE") refuse("it does not begin as a WAV file");
  WavFormat format;
  std::string_view data;
  for (std::size_t at = 12; at + 8 <= file.size();) {
    const std::string_view name = file.substr(at, 4);
    const std::size_t size = std::min<std::size_t>(little_endian(file, at + 4, 4), file.size() - at - 8);
    at += 8;
    if (name == "fmt " && size >= 16) {
      format = {little_endian(file, at, 2), little_endian(file, at + 2, 2), little_endian(file, at + 4, 4),
                little_endian(file, at + 14, 2)};
      // WAVE_FORMAT_EXTENSIBLE: the code is the beginning of a GUID.
      if (format.code == 0xfffe && size >= 26) format.code = little_endian(file, at + 24, 2);
    } else if (name == "data") {
      data = file.substr(at, size);
      break;
    }
    at += size + (size & 1);
  }
  check(format);
  const std::size_t bytes = format.bits / 8;
  const std::size_t frames = data.size() / (bytes * format.channels);
  if (frames == 0) refuse("it holds no sound");
  if (frames > std::size_t{format.rate} * kLongestSeconds) refuse("it lasts longer than 10 minutes");
  const auto at_frame = [&](std::size_t frame) {
    int sum = 0;
    for (std::size_t c = 0; c < format.channels; ++c) sum += sample(format, data, (frame * format.channels + c) * bytes);
    return sum / static_cast<int>(format.channels);
  };
  // Straight between the samples: good enough for prompts, and exact where the rate is ours.
  Samples out(frames * kSampleRate / format.rate);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t scaled = i * format.rate;
    const std::size_t frame = scaled / kSampleRate;
    const auto part = static_cast<std::int64_t>(scaled % kSampleRate);
    const int a = at_frame(frame), b = at_frame(std::min(frame + 1, frames - 1));
    out[i] = static_cast<std::int16_t>(a + (b - a) * part / kSampleRate);
  }
  return sound_of(std::move(out));
}

std::string wav_header(std::size_t channels, std::uint64_t frames) {
  const auto count = static_cast<std::uint32_t>(channels);
  const auto bytes = static_cast<std::uint32_t>(frames * channels * 2);
  std::string out;
  out.reserve(kWavHeaderBytes);
  out += "RIFF";
  put(out, 36 + bytes, 4);
  out += "WAVEfmt ";
  put(out, 16, 4);
  put(out, 1, 2);
  put(out, count, 2);
  put(out, kSampleRate, 4);
  put(out, kSampleRate * count * 2, 4);
  put(out, count * 2, 2);
  put(out, 16, 2);
  out += "data";
  put(out, bytes, 4);
  return out;
}

std::string encode_wav(std::span<const Samples> channels) {
  std::size_t frames = 0;
  for (const Samples& channel : channels) frames = std::max(frames, channel.size());
  std::string out = wav_header(channels.size(), frames);
  out.reserve(out.size() + frames * channels.size() * 2);
  for (std::size_t i = 0; i < frames; ++i)
    for (const Samples& channel : channels) put(out, i < channel.size() ? static_cast<std::uint16_t>(channel[i]) : 0u, 2);
  return out;
}

Duration speaking_time(std::string_view text) {
  return kWord * static_cast<std::int64_t>(std::max<std::size_t>(words_of(text).size(), 1));
}

Sound speak(std::string_view text, Duration length) {
  const std::vector<std::string_view> words = words_of(text);
  Samples out(samples_in(length));
  if (words.empty()) return sound_of(std::move(out));
  const std::size_t each = out.size() / words.size();
  const std::size_t sounding = each - std::min(each / 2, samples_in(kWordGap));
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::uint32_t hash = 2166136261u;
    for (const char c : words[i]) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    mix(out, i * each, tone(sounding, {200.0 + hash % 600}), 0, sounding);
  }
  return sound_of(std::move(out));
}

Sound dtmf(char digit, Duration length) {
  constexpr std::string_view kKeys = "123A456B789C*0#D";
  constexpr std::array<double, 4> kRows = {697, 770, 852, 941};
  constexpr std::array<double, 4> kColumns = {1209, 1336, 1477, 1633};
  const std::size_t at = kKeys.find(digit);
  if (at == kKeys.npos) return sound_of(Samples(samples_in(length)));
  return sound_of(tone(samples_in(length), {kRows[at / 4], kColumns[at % 4]}));
}

std::string text_of_ssml(std::string_view document) {
  std::string text;
  bool inside = false;
  for (const char c : document) {
    if (c == '<') {
      inside = true;
      if (!text.empty() && text.back() != ' ') text.push_back(' ');
    } else if (c == '>') {
      inside = false;
    } else if (!inside) {
      text.push_back(c);
    }
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

void mix(Samples& into, std::size_t at, const Samples& from, std::size_t skip, std::size_t count) {
  if (skip >= from.size()) return;
  count = std::min(count, from.size() - skip);
  if (into.size() < at + count) into.resize(at + count);
  for (std::size_t i = 0; i < count; ++i)
    into[at + i] = static_cast<std::int16_t>(std::clamp(into[at + i] + from[skip + i], -32768, 32767));
}

std::optional<char> digit_of_word(std::string_view word) {
  for (const auto& [digit, name] : kDigits)
    if (iequals(word, name)) return digit;
  return std::nullopt;
}

std::string_view word_of_digit(char digit) {
  for (const auto& [known, name] : kDigits)
    if (known == digit) return name;
  return {};
}

}  // namespace trunkline::calls

#include "runtime/calls/media_stream.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

constexpr std::size_t kFrameSamples = static_cast<std::size_t>(kSampleRate) / 50;

std::string json_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

/// Straight between the samples; from 16 kHz and to it.
Samples resample(const Samples& from, int from_rate, int to_rate) {
  if (from_rate == to_rate || from.empty()) return from;
  Samples out(from.size() * static_cast<std::size_t>(to_rate) / static_cast<std::size_t>(from_rate));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t scaled = i * static_cast<std::size_t>(from_rate);
    const std::size_t at = scaled / static_cast<std::size_t>(to_rate);
    const auto part = static_cast<int>(scaled % static_cast<std::size_t>(to_rate));
    const int a = from[at], b = from[std::min(at + 1, from.size() - 1)];
    out[i] = static_cast<std::int16_t>(a + (b - a) * part / to_rate);
  }
  return out;
}

std::string base64_of(const Samples& samples) {
  std::string bytes;
  bytes.reserve(samples.size() * 2);
  for (const std::int16_t sample : samples) {
    const auto u = static_cast<std::uint16_t>(sample);
    bytes.push_back(static_cast<char>(u & 0xff));
    bytes.push_back(static_cast<char>(u >> 8));
  }
  return base64_encode(bytes);
}

std::int64_t ticks(Duration duration) { return duration.count() / 100; }

/// Of a text that was told, not heard: every word takes as long as any other.
std::vector<TranscriptPart::Word> even_words(const TranscriptPart& part) {
  const std::string_view text = part.text;
  std::vector<TranscriptPart::Word> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find_first_not_of(' ', at);
    if (begin == text.npos) break;
    at = std::min(text.find(' ', begin), text.size());
    words.push_back({std::string(text.substr(begin, at - begin)), {}, {}});
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i].lasts = part.lasts / static_cast<std::int64_t>(words.size());
    words[i].offset = part.offset + words[i].lasts * static_cast<std::int64_t>(i);
  }
  return words;
}

}  // namespace

bool MediaStream::mix_frame(Samples& frame) {
  frame.assign(kFrameSamples, 0);
  for (const Voice& voice : voices) mix(frame, 0, *voice.sound.samples, voice.at, kFrameSamples);
  return !voices.empty();
}

std::vector<const MediaStream::Voice*> MediaStream::loudest(std::size_t most) {
  constexpr int kRelease = 32;  // 7 dB a second: who pauses between two words stays
  std::vector<const Voice*> found;
  for (Voice& voice : voices) {
    if (voice.raw_id.empty()) continue;  // a prompt
    const Samples& samples = *voice.sound.samples;
    std::int64_t sum = 0;
    for (std::size_t i = voice.at; i < std::min(voice.at + kFrameSamples, samples.size()); ++i)
      sum += std::int32_t{samples[i]} * samples[i];
    voice.loudness = std::max(sum / static_cast<std::int64_t>(kFrameSamples), voice.loudness - voice.loudness / kRelease);
    found.push_back(&voice);
  }
  std::stable_sort(found.begin(), found.end(), [](const Voice* a, const Voice* b) { return a->loudness > b->loudness; });
  found.resize(std::min(found.size(), most));
  return found;
}

void MediaStream::add_live(std::uint64_t sounding, const std::string& raw_id, const Sound& piece) {
  // Pieces come a little early or late: two frames are held back, and what is behind by twenty is left out.
  constexpr std::size_t kHeldBack = 2 * kFrameSamples, kMostBehind = 20 * kFrameSamples;
  auto own = std::find_if(voices.begin(), voices.end(), [&](const Voice& voice) { return voice.live && voice.raw_id == raw_id; });
  if (own == voices.end()) {
    own = voices.emplace(voices.end());
    own->sounding = sounding;
    own->raw_id = raw_id;
    own->live = std::make_shared<Samples>(kHeldBack);
    own->sound.samples = own->live;
  }
  Samples& samples = *own->live;
  if (own->at >= kSampleRate) {  // what was sent goes
    samples.erase(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(own->at));
    own->at = 0;
  }
  samples.insert(samples.end(), piece.samples->begin(), piece.samples->end());
  if (samples.size() - own->at > kMostBehind) own->at = samples.size() - kHeldBack;
}

void MediaStream::advance() {
  for (Voice& voice : voices) voice.at += kFrameSamples;
  std::erase_if(voices, [](const Voice& voice) { return voice.at >= voice.sound.samples->size(); });
}

std::string audio_metadata(std::string_view subscription_id, int sample_rate) {
  json out;
  out["kind"] = "AudioMetadata";
  out["audioMetadata"] = json{{"subscriptionId", subscription_id},
                              {"encoding", "PCM"},
                              {"sampleRate", sample_rate},
                              {"channels", 1},
                              {"length", sample_rate / 50 * 2}};
  return json_text(out);
}

std::string audio_data(const Samples& frame, int sample_rate, Time at, std::string_view raw_id, bool silent) {
  json out;
  out["kind"] = "AudioData";
  json& data = out["audioData"];
  data["timestamp"] = format_rfc3339(std::chrono::floor<std::chrono::milliseconds>(at));
  if (!raw_id.empty()) data["participantRawID"] = raw_id;
  data["data"] = base64_of(resample(frame, kSampleRate, sample_rate));
  data["silent"] = silent;
  return json_text(out);
}

std::string dtmf_data(char digit) {
  json out;
  out["kind"] = "DtmfData";
  out["dtmfData"]["data"] = std::string(1, digit);
  return json_text(out);
}

std::string transcription_metadata(std::string_view subscription_id, std::string_view locale, std::string_view connection_id,
                                   std::string_view correlation_id) {
  json out;
  out["kind"] = "TranscriptionMetadata";
  out["transcriptionMetadata"] = json{{"subscriptionId", subscription_id},
                                      {"locale", locale},
                                      {"callConnectionId", connection_id},
                                      {"correlationId", correlation_id}};
  return json_text(out);
}

std::string transcription_data(const TranscriptPart& part, std::string_view raw_id) {
  json out;
  out["kind"] = "TranscriptionData";
  json& data = out["transcriptionData"];
  data["text"] = part.text;
  data["format"] = "display";
  data["confidence"] = part.confidence;
  data["offset"] = ticks(part.offset);
  data["duration"] = ticks(part.lasts);
  data["words"] = json::array();
  for (const TranscriptPart::Word& word : part.words.empty() ? even_words(part) : part.words)
    data["words"].push_back(json{{"text", word.text}, {"offset", ticks(word.offset)}, {"duration", ticks(word.lasts)}});
  data["participantRawID"] = raw_id;
  data["resultStatus"] = part.final ? "Final" : "Intermediate";
  return json_text(out);
}

std::optional<IncomingFrame> parse_incoming(std::string_view text, int sample_rate) {
  try {
    const json value = parse_json(text, {.max_bytes = 64 * 1024, .max_depth = 8});
    const JsonRef frame(value);
    std::string kind(frame.text_or("kind", frame.text_or("Kind", "")));
    IncomingFrame out;
    if (kind == "StopAudio") {
      out.stop = true;
      return out;
    }
    const auto upper = frame.find("AudioData");
    const auto data = upper ? upper : frame.find("audioData");
    if (kind != "AudioData" || !data) return std::nullopt;
    const auto bytes = base64_decode(data->text_or("data", data->text_or("Data", "")));
    if (!bytes) return std::nullopt;
    for (std::size_t i = 0; i + 1 < bytes->size(); i += 2)
      out.samples.push_back(
          static_cast<std::int16_t>(static_cast<unsigned char>((*bytes)[i]) | static_cast<unsigned char>((*bytes)[i + 1]) << 8));
    out.samples = resample(out.samples, sample_rate, kSampleRate);
    return out;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace trunkline::calls

#include "runtime/calls/transcript.h"

#include <algorithm>
#include <utility>

namespace trunkline::calls {
namespace {

/// A voice of which no sound comes any more, as when somebody has left or is muted in the middle of a word.
constexpr Duration kNoMoreSound = std::chrono::seconds{1};
/// The rest is for recognitions, on which people wait.
constexpr std::size_t kMostOfTheEars = SpeechEars::kMostWaiting / 2;
/// Noise of a line fits the words that are made of it worse than this.
constexpr double kLeastConfidence = 0.05;

Duration length_of(const Samples& samples) {
  return std::chrono::nanoseconds{static_cast<std::int64_t>(samples.size()) * 1'000'000'000 / kSampleRate};
}

}  // namespace

void Transcript::hear(const std::string& raw_id, Time at, std::span<const std::int16_t> samples) {
  if (finished_) return;
  auto& own = *voices_.try_emplace(raw_id).first;
  Voice& voice = own.second;
  voice.heard_at = at;
  const SpeechDetector::Turn turn = voice.ear.push(at, samples);
  if (turn == SpeechDetector::Turn::kBegan) voice.next_look = samples_in(kFirstLook);
  if (turn == SpeechDetector::Turn::kEnded) {
    ended(own);
  } else if (intermediate_ && voice.ear.speaking() && voice.ear.so_far().size() >= voice.next_look) {
    voice.next_look *= 2;
    // It is told again when it is over; so only where nobody waits for it.
    if (!voice.busy && voice.waiting.empty() && ears_.waiting() == 0) {
      voice.waiting.push_back({voice.ear.so_far(), voice.ear.began(), false});
      next(own);
    }
  }
  if (!voice.waiting.empty()) next(own);
  if (at < looked_at_ + kNoMoreSound) return;
  looked_at_ = at;
  for (auto& other : voices_)
    if (other.second.ear.speaking() && other.second.heard_at + kNoMoreSound < at) ended(other);
}

void Transcript::ended(Voices::value_type& own) {
  Voice& voice = own.second;
  const Time began = voice.ear.began();
  voice.waiting.push_back({voice.ear.take(), began, true});
  Duration waiting{0};
  for (const Piece& piece : voice.waiting) waiting += length_of(piece.said);
  while (waiting > kMostWaiting) {
    const Duration lost = length_of(voice.waiting.front().said);
    waiting -= lost;
    voice.waiting.pop_front();
    sink_.lost(own.first, lost);
  }
  next(own);
}

void Transcript::next(Voices::value_type& own) {
  Voice& voice = own.second;
  while (!voice.busy && !voice.waiting.empty()) {
    if (!finished_ && ears_.waiting() >= kMostOfTheEars) return;  // asked again with the next piece of sound
    Piece piece = std::move(voice.waiting.front());
    voice.waiting.pop_front();
    const Duration length = length_of(piece.said);
    try {
      ears_.understand(std::move(piece.said), {},
                       [self = shared_from_this(), raw_id = own.first, began = piece.began,
                        final = piece.final](const Result<HeardSpeech>& heard) {
                         const std::lock_guard lock(self->mutex_);
                         self->understood(raw_id, began, final, heard);
                       });
      voice.busy = true;
    } catch (const Error&) {
      if (piece.final) sink_.lost(own.first, length);
    }
  }
}

void Transcript::understood(const std::string& raw_id, Time began, bool final, const Result<HeardSpeech>& heard) {
  const auto own = voices_.find(raw_id);
  if (dropped_ || own == voices_.end()) return;
  own->second.busy = false;
  if (!heard.ok()) {
    drop();
    return sink_.failed(heard.error());
  }
  const HeardSpeech& speech = heard.value();
  if (!speech.words.empty() && speech.confidence >= kLeastConfidence) {
    TranscriptPart part;
    part.text = speech.text;
    part.confidence = speech.confidence;
    part.final = final;
    const Duration from = began - began_;
    for (const HeardWord& word : speech.words)
      part.words.push_back({word.text, std::max(from + word.at, Duration{0}), word.lasts});
    part.offset = part.words.front().offset;
    part.lasts = part.words.back().offset + part.words.back().lasts - part.offset;
    sink_.said(raw_id, part);
  }
  next(*own);
  settle();
}

void Transcript::finish() {
  if (std::exchange(finished_, true)) return;
  for (auto& voice : voices_) {
    if (voice.second.ear.speaking())
      ended(voice);
    else
      next(voice);
  }
  settle();
}

void Transcript::drop() {
  finished_ = dropped_ = true;
  voices_.clear();
}

void Transcript::settle() {
  if (!finished_ || dropped_) return;
  for (const auto& [raw_id, voice] : voices_)
    if (voice.busy || !voice.waiting.empty()) return;
  dropped_ = true;
  sink_.over();
}

}  // namespace trunkline::calls

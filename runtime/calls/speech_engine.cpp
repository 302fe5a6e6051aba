#include "runtime/calls/speech_engine.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace trunkline::calls {
namespace {

constexpr std::size_t kLongestPiece = 300;  // bytes; some 20 seconds

/// How much of a text to say in one go: it ends after a sentence, else after a comma, else between words.
std::size_t piece_length(std::string_view text) {
  if (text.size() <= kLongestPiece) return text.size();
  const std::string_view head = text.substr(0, kLongestPiece);
  for (const std::string_view ends : {".!?", ",;:", " "})
    for (std::size_t i = head.size() - 1; i > kLongestPiece / 4; --i)
      if (ends.find(head[i]) != ends.npos && (ends == " " || text[i + 1] == ' ')) return i + 1;
  std::size_t length = head.size();  // between two characters
  while (length > 1 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
  return length;
}

}  // namespace

std::vector<SpeechEngine::Piece> SpeechEngine::cut(const std::vector<SpeechPart>& parts) const {
  std::vector<Piece> pieces;
  bool says = false;
  std::string locale = "en";
  for (const SpeechPart& part : parts) {
    Speaker speaker{FliteVoice::kSlt, "en", false};
    if (!part.text.empty()) speaker = choose_speaker(part.voice);
    if (!speaker.flite)
      if (const auto trouble = espeak_.trouble()) throw Error(ErrorCode::kFailedPrecondition, *trouble, "playSources");
    const std::string whole = speaker.flite ? speakable(part.text) : espeakable(part.text);
    locale = speaker.locale;
    says = says || !whole.empty();
    std::string_view rest = whole;
    do {
      const std::size_t length = piece_length(rest);
      pieces.push_back({speaker, part.rate, std::string(rest.substr(0, length)), Duration{0}});
      rest.remove_prefix(length);
    } while (!rest.empty());
    pieces.back().pause_after = part.pause_after;
  }
  if (!says)
    throw Error(ErrorCode::kInvalidArgument,
                "the text has nothing in it that can be said in " + (locale.starts_with("en") ? "English" : locale),
                "playSources");
  return pieces;
}

void SpeechEngine::speak(const std::vector<SpeechPart>& parts, UniqueFunction<void(Result<Sound>)> done) {
  Job job;
  job.pieces = cut(parts);
  for (const Piece& piece : job.pieces) {
    job.flite_only = job.flite_only && piece.speaker.flite.has_value();
    job.key += piece.speaker.flite ? std::string(name_of_voice(*piece.speaker.flite))
                                   : piece.speaker.locale + (piece.speaker.man ? "+m" : "+f");
    job.key += ' ' + std::to_string(piece.rate) + ' ';
    job.key += std::to_string(piece.text.size()) + ' ' + piece.text + std::to_string(piece.pause_after.count()) + '\n';
  }
  job.done = std::move(done);
  job.work = WorkGuard(executor_.work());
  std::optional<Sound> known;
  Lane* lane = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    known = cache_.find(job.key);
    if (!known) {
      if (under_way(job) >= kMostWaiting)
        throw Error(ErrorCode::kResourceExhausted,
                    "as many texts wait to be spoken as are taken: " + std::to_string(kMostWaiting));
      ++under_way(job);
      lane = &lane_of(job);
      lane->jobs.push_back(std::move(job));
    }
  }
  if (known) return finish(std::move(job), std::move(*known));
  lane->worker.post([this, lane] { step(*lane); });
}

void SpeechEngine::stop() {
  std::deque<Job> dropped, dropped_too;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(flite_lane_.jobs);
    dropped_too.swap(espeak_lane_.jobs);
  }
  flite_lane_.worker.stop();
  espeak_lane_.worker.stop();
}

void SpeechEngine::say_next(Job& job) const {
  const Piece& piece = job.pieces[job.next++];
  if (!piece.text.empty()) {
    const Speaker& who = piece.speaker;
    const Samples said =
        who.flite ? say(*who.flite, piece.text, piece.rate) : espeak_.say(who.locale, who.man, piece.rate, piece.text);
    job.samples.insert(job.samples.end(), said.begin(), said.end());
  }
  const std::size_t silence = samples_in(piece.pause_after);
  if (job.samples.size() + silence > samples_in(kLongest))
    throw Error(ErrorCode::kInvalidArgument, "to say the text takes longer than 5 minutes", "playSources");
  job.samples.resize(job.samples.size() + silence);
}

void SpeechEngine::step(Lane& lane) {
  Job job;
  {
    const std::lock_guard lock(mutex_);
    if (lane.jobs.empty()) return;  // stopped
    job = std::move(lane.jobs.front());
    lane.jobs.pop_front();
  }
  std::optional<Result<Sound>> result;
  try {
    say_next(job);
    if (job.next == job.pieces.size()) {
      job.samples.shrink_to_fit();
      result.emplace(Sound{std::make_shared<const Samples>(std::move(job.samples))});
    }
  } catch (const Error& error) {
    result.emplace(error);
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    if (!result) {
      Lane& next = lane_of(job);
      next.jobs.push_back(std::move(job));
      next.worker.post([this, &next] { step(next); });
      return;
    }
    --under_way(job);
    if (result->ok()) cache_.add(job.key, result->value());
  }
  finish(std::move(job), std::move(*result));
}

void SpeechEngine::finish(Job job, Result<Sound> result) {
  executor_.post([done = std::move(job.done), result = std::move(result), work = std::move(job.work)]() mutable {
    done(std::move(result));
  });
}

}  // namespace trunkline::calls

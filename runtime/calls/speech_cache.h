// Speech that has been made already.
#pragma once
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "runtime/calls/sound.h"

namespace trunkline::calls {

/// Forgets what was not asked for the longest. Not safe for threads; its owner has a mutex.
class SpeechCache {
 public:
  explicit SpeechCache(std::size_t most_samples) : most_(most_samples) {}

  std::optional<Sound> find(const std::string& key) {
    const auto found = at_.find(key);
    if (found == at_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->sound;
  }

  /// What takes more than a quarter of the place is not kept.
  void add(const std::string& key, const Sound& sound) {
    const std::size_t size = sound.samples->size();
    if (size > most_ / 4 || at_.contains(key)) return;
    entries_.push_front({key, sound});
    at_.emplace(key, entries_.begin());
    samples_ += size;
    while (samples_ > most_) {
      samples_ -= entries_.back().sound.samples->size();
      at_.erase(entries_.back().key);
      entries_.pop_back();
    }
  }

  std::size_t samples() const { return samples_; }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    Sound sound;
  };
  const std::size_t most_;
  std::size_t samples_ = 0;
  std::list<Entry> entries_;  // the last asked for first
  std::unordered_map<std::string, std::list<Entry>::iterator> at_;
};

}  // namespace trunkline::calls

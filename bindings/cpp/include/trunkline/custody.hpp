// What was handed to a carrier, and what it said: remembered over a crash. For plugins. Hand-written, header-only, C++20.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "trunkline/async_mutex.hpp"
#include "trunkline/journal.hpp"

namespace trunkline {

/// Who has a message. Handed: a request with it may have reached the carrier, and there is no answer.
enum class Custody { kHanded, kTaken, kRefused };

/// The carrier's custody of messages, by our keys and by its ids. A handover is noted durably before the request is made, the
/// answer after it: after a crash a message that is not here was never handed over, one that is `kHanded` may have been sent, and
/// of others the answer is known. Bounded: the oldest are forgotten first. [any-thread]
class CustodyBook {
 public:
  struct Entry {
    Custody custody = Custody::kHanded;
    std::string carrier_id;
  };
  static constexpr std::size_t kMaxEntries = 200'000;

  CustodyBook(host::StoreClient store, host::ClockClient clock, Duration keep)
      : clock_(clock), journal_(std::move(store), std::move(clock), keep) {}

  /// Reads what earlier processes left; before anything else, at the beginning of every call. Errors: kUnavailable.
  Task<void> ready() {
    if (loaded_.load(std::memory_order_acquire)) co_return;
    const AsyncMutex::Lock alone = co_await loading_.lock();
    if (loaded_.load(std::memory_order_acquire)) co_return;
    std::vector<std::string> notes;
    try {
      notes = co_await journal_.load();
    } catch (const Error& error) {
      throw Error(ErrorCode::kUnavailable, "what was handed over before cannot be read: " + error.message).with_retry();
    }
    for (const std::string& note : notes) read(note);
    loaded_.store(true, std::memory_order_release);
  }

  /// Reads what another instance has noted since: one that this takes over from may still have had calls. Before saying that a
  /// message was never handed over. Errors: kUnavailable.
  Task<void> refresh() {
    const AsyncMutex::Lock alone = co_await loading_.lock();
    std::vector<std::string> notes;
    try {
      notes = co_await journal_.load_others();
    } catch (const Error& error) {
      throw Error(ErrorCode::kUnavailable, "what was handed over elsewhere cannot be read: " + error.message).with_retry();
    }
    for (const std::string& note : notes) read(note);
  }

  /// Durable when it completes: from now on the carrier may have them. Errors: kUnavailable; then nothing may be sent.
  Task<void> hand_over(std::vector<std::string> keys) {
    std::string text = "S";
    for (const std::string& key : keys) {
      set(key, {Custody::kHanded, {}});
      text += kField;
      text += key;
    }
    std::optional<Error> trouble;
    try {
      co_await journal_.note(std::move(text));
    } catch (...) {
      trouble = current_error();
    }
    if (!trouble) co_return;
    for (const std::string& key : keys) set(key, {Custody::kRefused, {}});
    throw Error(ErrorCode::kUnavailable, "the handover cannot be noted: " + trouble->message).with_retry();
  }
  /// The carrier's answer; known at once, durable when flush() completes.
  void answered(const std::string& key, Custody custody, const std::string& carrier_id) {
    set(key, {custody, carrier_id});
    std::string text = custody == Custody::kTaken ? "A" : "R";
    text += kField;
    text += key;
    text += kField;
    text += carrier_id;
    journal_.note_later(std::move(text));
  }
  /// What was answered before is durable when it completes, or was tried.
  Task<void> flush() {
    std::string nothing;  // named: GCC 12
    try {
      co_await journal_.note(std::move(nothing));
    } catch (const Error&) {
      // Then a crash leaves these as handed over, without an answer.
    }
  }

  std::optional<Entry> find(std::string_view key) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(std::string(key));
    return found == entries_.end() ? std::nullopt : std::optional<Entry>(found->second);
  }
  /// The key of what has this id of the carrier; empty: not known.
  std::string key_of(std::string_view carrier_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_carrier_.find(std::string(carrier_id));
    return found == by_carrier_.end() ? std::string() : found->second;
  }
  /// A message that was accepted by the host at `since` and is not here was never handed over.
  bool would_know(Time since) const {
    {
      const std::lock_guard lock(mutex_);
      if (since <= forgotten_until_) return false;
    }
    return since >= journal_.complete_since();
  }

 private:
  static constexpr char kField = '\x1f';

  void read(std::string_view note) {
    std::vector<std::string> fields;
    for (std::size_t begin = 0; begin <= note.size();) {
      const std::size_t end = std::min(note.find(kField, begin), note.size());
      fields.emplace_back(note.substr(begin, end - begin));
      begin = end + 1;
    }
    if (fields[0] == "S") {
      for (std::size_t i = 1; i < fields.size(); ++i) set(fields[i], {Custody::kHanded, {}});
    } else if (fields.size() >= 3 && (fields[0] == "A" || fields[0] == "R")) {
      set(fields[1], {fields[0] == "A" ? Custody::kTaken : Custody::kRefused, fields[2]});
    }
  }
  void set(const std::string& key, Entry entry) {
    const Time now = clock_.now();
    const std::lock_guard lock(mutex_);
    if (!entry.carrier_id.empty()) by_carrier_[entry.carrier_id] = key;
    if (!entries_.insert_or_assign(key, std::move(entry)).second) return;
    order_.emplace_back(now, key);
    if (order_.size() <= kMaxEntries) return;
    forgotten_until_ = order_.front().first;
    const auto oldest = entries_.find(order_.front().second);
    if (oldest != entries_.end()) {
      by_carrier_.erase(oldest->second.carrier_id);
      entries_.erase(oldest);
    }
    order_.pop_front();
  }

  const host::ClockClient clock_;
  Journal journal_;
  AsyncMutex loading_;
  std::atomic<bool> loaded_{false};
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Entry> entries_;
  std::unordered_map<std::string, std::string> by_carrier_;
  std::deque<std::pair<Time, std::string>> order_;  // when they came, oldest first
  Time forgotten_until_{};
};

}  // namespace trunkline

// Notes on a provider's storage, in order, that outlive the process. For plugins. Hand-written, header-only, C++20.
#pragma once
#include <algorithm>
#include <charconv>
#include <chrono>
#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trunkline/host_client.hpp"
#include "trunkline/task.hpp"

namespace trunkline {

/// Many notes at once cost one write: a row of the storage has everything that was to be noted while the row before it was
/// written. Rows are removed once they are older than `keep`, the oldest first, as new ones are written; the newest one stays.
/// Two may be in use on one storage, as when another instance of a provider takes over: neither writes over the other's rows.
/// [any-thread]. Must outlive the calls that await it; needs no end of its own.
class Journal {
 public:
  /// `prefix`: of the keys, such as `journal/`; nothing else may use it.
  Journal(host::StoreClient store, host::ClockClient clock, Duration keep, std::string prefix = "journal/")
      : store_(std::move(store)), clock_(std::move(clock)), keep_(keep), prefix_(std::move(prefix)) {}
  Journal(const Journal&) = delete;

  /// Completes once the note is durable; all that were made before it are then. Control characters become blanks. At most
  /// 256 KiB. Errors: those of the storage; then it is not known whether it was kept.
  auto note(std::string text) {
    return from_callback<void>([this, text = std::move(text)](auto done) mutable {
      add(std::move(text), [done](Result<void> result) mutable { done(std::move(result)); });
    });
  }

  /// What earlier processes noted, oldest first. Once, before the first note. Errors: those of the storage.
  Task<std::vector<std::string>> load() {
    std::vector<host::StoreEntry> rows = co_await read(prefix_);
    std::vector<std::string> notes;
    {
      const std::lock_guard lock(mutex_);
      for (const host::StoreEntry& row : rows) {
        rows_.push_back({time_of(row.key), row.key});
        take_notes(row, notes);
      }
    }
    std::string nothing;                                  // named: GCC 12
    if (rows.empty()) co_await note(std::move(nothing));  // from here on it is complete, also for the next process
    co_return notes;
  }
  /// What others have noted since it was loaded, oldest first: the instance that this one takes over from may still have calls.
  /// Reads everything; not for every call. Errors: those of the storage.
  Task<std::vector<std::string>> load_others() {
    std::vector<host::StoreEntry> rows = co_await read(prefix_);
    std::vector<std::string> notes;
    const std::lock_guard lock(mutex_);
    const std::size_t before = rows_.size();
    for (const host::StoreEntry& row : rows) {
      const Row one{time_of(row.key), row.key};
      if (std::binary_search(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(before), one)) continue;
      rows_.push_back(one);
      take_notes(row, notes);
    }
    std::sort(rows_.begin(), rows_.end());
    co_return notes;
  }
  /// note() for what nobody waits for. Somebody who is waited for must call note() behind it before he ends.
  void note_later(std::string text) { add(std::move(text), nullptr); }

  /// Everything that was noted from this moment on is still here.
  Time complete_since() const {
    const std::lock_guard lock(mutex_);
    return rows_.empty() ? Time::max() : Time(std::chrono::microseconds(rows_.front().moment_us));
  }

 private:
  struct Row {
    std::int64_t moment_us;
    std::string key;
    auto operator<=>(const Row&) const = default;
  };
  struct Waiting {
    std::string text;
    std::function<void(Result<void>)> done;
  };
  static constexpr char kEnd = '\n';
  static constexpr std::int32_t kPage = 1000;
  static constexpr std::size_t kRowBytes = 256 * 1024;  // a value may have 1 MiB
  static constexpr std::size_t kMaxRows = 50'000;
  static constexpr std::size_t kRemovedAtOnce = 16;
  static constexpr const char* kHex = "0123456789abcdef";

  static void append_hex(std::string& text, std::uint64_t value, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += kHex[value >> shift & 0xF];
  }
  std::string key_of(std::int64_t row_us) const {
    std::string key = prefix_;
    append_hex(key, static_cast<std::uint64_t>(row_us), 16);
    return key + writer_;
  }
  /// `-` and a number of our own.
  static std::string make_writer() {
    std::string text = "-";
    append_hex(text, std::random_device()(), 8);
    return text;
  }
  static void take_notes(const host::StoreEntry& row, std::vector<std::string>& notes) {
    std::string_view text(reinterpret_cast<const char*>(row.value.data()), row.value.size());
    for (std::size_t end; (end = text.find(kEnd)) != std::string_view::npos; text.remove_prefix(end + 1))
      if (end > 0) notes.emplace_back(text.substr(0, end));
  }
  std::int64_t time_of(std::string_view key) const {
    std::int64_t row_us = 0;
    key.remove_prefix(std::min(prefix_.size(), key.size()));
    std::from_chars(key.data(), key.data() + key.size(), row_us, 16);
    return row_us;
  }

  /// A listing ends after a page; what is longer is read by the next digit of the key.
  Task<std::vector<host::StoreEntry>> read(std::string prefix) {
    std::vector<host::StoreEntry> rows = co_await store_.list(prefix, kPage);
    if (rows.size() < static_cast<std::size_t>(kPage)) co_return rows;
    rows.clear();
    for (int i = 0; i < 16; ++i) {
      std::vector<host::StoreEntry> some = co_await read(prefix + kHex[i]);
      for (host::StoreEntry& row : some) rows.push_back(std::move(row));
    }
    co_return rows;
  }

  void add(std::string text, std::function<void(Result<void>)> done) {
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20 && c != '\x1f') c = ' ';
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back({std::move(text), std::move(done)});
      if (std::exchange(writing_, true)) return;
    }
    spawn(write(), [](Result<void>) {});
  }

  /// What is to be written next; null: nothing, and the writer rests.
  std::shared_ptr<std::vector<Waiting>> take(Bytes& value, std::string& key, std::vector<std::string>& old) {
    const std::int64_t now_us = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now().time_since_epoch()).count();
    const std::int64_t keep_us = std::chrono::duration_cast<std::chrono::microseconds>(keep_).count();
    auto batch = std::make_shared<std::vector<Waiting>>();
    const std::lock_guard lock(mutex_);
    for (; !waiting_.empty() && value.size() < kRowBytes; waiting_.pop_front()) {
      const std::string& text = waiting_.front().text;
      value.insert(value.end(), text.begin(), text.end());
      value.push_back(kEnd);
      batch->push_back(std::move(waiting_.front()));
    }
    // Keys rise, also when the clock does not.
    const std::int64_t row_us = rows_.empty() ? now_us : std::max(now_us, rows_.back().moment_us + 1);
    key = key_of(row_us);
    rows_.push_back({row_us, key});
    while (rows_.size() > 1 && old.size() < kRemovedAtOnce &&
           (rows_.front().moment_us < now_us - keep_us || rows_.size() > kMaxRows)) {
      old.push_back(std::move(rows_.front().key));
      rows_.pop_front();
    }
    return batch;
  }

  Task<void> write() {
    for (bool more = true; more;) {
      Bytes value;
      std::string key;
      std::vector<std::string> old;
      const std::shared_ptr<std::vector<Waiting>> batch = take(value, key, old);
      Result<void> result;
      try {
        co_await store_.put(std::move(key), std::move(value));
        for (std::string& one : old) co_await store_.remove(std::move(one));
      } catch (...) {
        result = current_error();
      }
      {
        const std::lock_guard lock(mutex_);
        more = !waiting_.empty();
        if (!more) writing_ = false;
      }
      // When nobody else waits, the last one who does may be the end of this object.
      for (Waiting& one : *batch)
        if (one.done) one.done(result);
    }
  }

  const host::StoreClient store_;
  const host::ClockClient clock_;
  const Duration keep_;
  const std::string prefix_;
  const std::string writer_ = make_writer();
  mutable std::mutex mutex_;  // guards what follows; never held across a call
  std::deque<Waiting> waiting_;
  bool writing_ = false;
  std::deque<Row> rows_;  // sorted: the oldest first; keys are made of the moment (Unix µs) and of who wrote
};

}  // namespace trunkline

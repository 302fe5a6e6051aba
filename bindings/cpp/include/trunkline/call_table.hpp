// The calling side: calls in flight to one peer. Hand-written, header-only, C++20.
//
// Used by the host for the plugins, by plugins for the host, and by the language bindings for the runtime. It makes sure that
// whatever the other side does (completes twice, late, never, with broken results, after writing past its arguments), the
// caller hears of each call exactly once and nothing here is harmed.
#pragma once
#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "trunkline/call_slot.hpp"
#include "trunkline/codec.hpp"
#include "trunkline/errors.hpp"
#include "trunkline/task.hpp"

namespace trunkline {

/// Something a peer did that the ABI forbids.
struct CallIncident {
  enum class Kind { kSecondDone, kLateDone, kOverrun, kBadResult, kNotSynchronous, kException };
  Kind kind;
  std::string_view provider;
  std::string_view operation;
  std::string detail;
};

/// How often each kind of incident has happened.
struct CallCounters {
  std::uint64_t second_done = 0;
  std::uint64_t late_done = 0;
  std::uint64_t overrun = 0;
  std::uint64_t bad_result = 0;
  std::uint64_t not_synchronous = 0;
  std::uint64_t exception = 0;
};

namespace abi {

/// What the calls of one table share. Never freed: a peer may complete a call after its table has gone. A few hundred bytes for
/// each provider instance that was ever made.
class CallCore {
 public:
  CallCore(std::string name, Errors how) : provider(std::move(name)), errors(how) {}

  void report(CallIncident::Kind kind, std::string_view operation, std::string detail = {}) noexcept {
    try {
      incidents[static_cast<int>(kind)].fetch_add(1, std::memory_order_relaxed);
      std::function<void(const CallIncident&)> hook;
      {
        const std::lock_guard lock(mutex);
        hook = on_incident;
      }
      if (hook) hook({kind, provider, operation, std::move(detail)});
    } catch (...) {  // a report that fails must not harm the call
    }
  }

  /// The last pending call has ended, and somebody wants to know.
  void idle() noexcept {
    try {
      std::function<void()> hook;
      {
        const std::lock_guard lock(mutex);
        hook = on_idle;
      }
      if (hook) hook();
    } catch (...) {  // no harm to the call that has ended
    }
  }

  /// True: `due` is now the earliest deadline.
  bool add_deadline(Time due, CallHandle handle) {
    const std::lock_guard lock(mutex);
    if (deadlines.size() > 64 && deadlines.size() > 2 * pending.load(std::memory_order_relaxed)) drop_finished();
    const bool earliest = deadlines.empty() || due < deadlines.front().first;
    deadlines.emplace_back(due, handle);
    std::push_heap(deadlines.begin(), deadlines.end(), std::greater<>());
    return earliest;
  }

  static bool is_pending(CallHandle handle) noexcept {
    const CallSlot* slot = CallPool::instance().find(handle);
    const std::uint64_t wanted = (handle >> CallSlot::kIndexBits) << 3 | static_cast<std::uint64_t>(Phase::kPending);
    return slot && slot->state.load(std::memory_order_acquire) == wanted;
  }

  const std::string provider;
  const Errors errors;
  std::atomic<std::size_t> pending{0};
  std::array<std::atomic<std::uint64_t>, 6> incidents{};

  std::mutex mutex;  // guards what follows
  std::function<void(const CallIncident&)> on_incident;
  std::function<void(Time)> on_deadline;
  std::function<void()> on_idle;
  std::atomic<bool> tracks_deadlines{false};
  std::atomic<bool> tracks_idle{false};
  std::vector<std::pair<Time, CallHandle>> deadlines;  // a heap, earliest first; finished calls are dropped lazily

 private:
  void drop_finished() {
    std::erase_if(deadlines, [](const auto& entry) { return !is_pending(entry.second); });
    std::make_heap(deadlines.begin(), deadlines.end(), std::greater<>());
  }
};

/// Ends the life of a slot that this thread has claimed.
inline void release_slot(CallSlot& slot) noexcept {
  const std::uint64_t generation = slot.generation();
  CallCore* core = slot.core.load(std::memory_order_relaxed);
  slot.destroy(slot);
  slot.arena.reset();
  slot.options = CallOptions{};
  slot.canary_before = slot.canary_between = slot.canary_after = CallSlot::kCanary;
  slot.state.store(generation << 3 | static_cast<std::uint64_t>(Phase::kFree), std::memory_order_release);
  // In one order with CallTable::on_idle, so that either this thread sees the hook or who sets it sees no pending call.
  const bool last = core->pending.fetch_sub(1, std::memory_order_seq_cst) == 1;
  CallPool::instance().release(slot);
  if (last && core->tracks_idle.load(std::memory_order_seq_cst)) core->idle();
}

/// Gives back a slot that was never published.
inline void discard(CallSlot& slot) noexcept {
  slot.destroy(slot);
  slot.arena.reset();
  slot.options = CallOptions{};
  CallPool::instance().release(slot);
}

/// What a `done` may do with its handle. kLive: finish and release. kLate: the caller has been told; release. kLateShared: the
/// same, but the thread that tells the caller releases. kRefused: keep off.
enum class Claim { kLive, kLate, kLateShared, kRefused };
struct Claimed {
  Claim how;
  CallSlot* slot;
  CallCore* core;
};

/// `type` and `operation` belong to the `done` function that was called.
inline Claimed claim(CallHandle handle, const void* type, std::string_view operation) noexcept {
  CallSlot* slot = CallPool::instance().find(handle);
  if (!slot) return {Claim::kRefused, nullptr, nullptr};
  const std::uint64_t generation = handle >> CallSlot::kIndexBits;
  const std::uint64_t current = slot->generation();
  CallCore* core = nullptr;
  if (current == generation) {
    core = slot->core.load(std::memory_order_acquire);
    if (slot->type.load(std::memory_order_relaxed) == type) {
      if (slot->change(generation, Phase::kPending, Phase::kClaimed)) return {Claim::kLive, slot, core};
      if (slot->change(generation, Phase::kExpired, Phase::kClaimed)) return {Claim::kLate, slot, core};
      if (slot->change(generation, Phase::kExpiring, Phase::kExpiredDone)) return {Claim::kLateShared, slot, core};
      if (slot->change(generation, Phase::kExpired, Phase::kClaimed)) return {Claim::kLate, slot, core};
    }
  } else if (current == ((generation + 1) & CallSlot::kGenerationMask)) {
    core = slot->previous_core.load(std::memory_order_acquire);
  }
  // Already completed, perhaps in use for another call: only the name of the peer can still be told.
  if (core) core->report(CallIncident::Kind::kSecondDone, operation);
  return {Claim::kRefused, nullptr, nullptr};
}

}  // namespace abi

/// The calls in flight to one peer. Owned by whoever owns the connection to it; clients refer to it. [any-thread]
class CallTable {
 public:
  /// `errors`: how the errors of the peer are read.
  explicit CallTable(std::string provider, abi::Errors errors = {}) : core_(new abi::CallCore(std::move(provider), errors)) {
    keep(core_);
  }
  CallTable(const CallTable&) = delete;
  CallTable& operator=(const CallTable&) = delete;
  /// Fails what is still pending with kCancelled.
  ~CallTable() {
    on_incident({});
    on_deadline({});
    on_idle({});
    close(Error(ErrorCode::kCancelled, "the connection to " + core_->provider + " was closed"));
  }

  /// Called for every incident, on the thread of the peer. Set it before the first call.
  void on_incident(std::function<void(const CallIncident&)> hook) {
    const std::lock_guard lock(core_->mutex);
    core_->on_incident = std::move(hook);
  }
  /// Called with the earliest deadline whenever it has become earlier. Whoever sets it calls expire() at that time; without it
  /// deadlines are only told to the peer.
  void on_deadline(std::function<void(Time)> hook) {
    const std::lock_guard lock(core_->mutex);
    core_->tracks_deadlines.store(static_cast<bool>(hook), std::memory_order_release);
    core_->on_deadline = std::move(hook);
  }
  /// Called whenever the last pending call has ended, by the thread that ended it. Whoever sets it looks at pending() afterwards.
  void on_idle(std::function<void()> hook) {
    {
      const std::lock_guard lock(core_->mutex);
      core_->on_idle = std::move(hook);
    }
    core_->tracks_idle.store(true, std::memory_order_seq_cst);
  }
  std::optional<Time> earliest_deadline() const {
    const std::lock_guard lock(core_->mutex);
    if (core_->deadlines.empty()) return std::nullopt;
    return core_->deadlines.front().first;
  }
  /// Ends calls whose deadline has passed with kDeadlineExceeded. Their arguments live on until the peer completes them.
  /// Returns the earliest deadline that is left.
  std::optional<Time> expire(Time now) {
    for (;;) {
      abi::CallHandle handle;
      {
        const std::lock_guard lock(core_->mutex);
        auto& heap = core_->deadlines;
        while (!heap.empty() && !abi::CallCore::is_pending(heap.front().second)) pop(heap);
        if (heap.empty()) return std::nullopt;
        if (heap.front().first > now) return heap.front().first;
        handle = heap.front().second;
        pop(heap);
      }
      abandon(handle, Error(ErrorCode::kDeadlineExceeded, core_->provider + " did not answer in time"));
    }
  }
  /// Fails every pending call. Their arguments live on until the peer completes them.
  void close(const Error& error) {
    abi::CallPool::instance().for_each([&](abi::CallSlot& slot) {
      const std::uint64_t state = slot.state.load(std::memory_order_acquire);
      if (slot.core.load(std::memory_order_acquire) != core_ || (state & 7) != static_cast<std::uint64_t>(abi::Phase::kPending))
        return;
      abandon((state >> 3) << abi::CallSlot::kIndexBits | slot.index, error);
    });
  }

  /// Calls whose arguments are still lent out.
  std::size_t pending() const { return core_->pending.load(std::memory_order_seq_cst); }
  CallCounters counters() const {
    const auto get = [&](CallIncident::Kind kind) {
      return core_->incidents[static_cast<int>(kind)].load(std::memory_order_relaxed);
    };
    using Kind = CallIncident::Kind;
    return {get(Kind::kSecondDone), get(Kind::kLateDone),       get(Kind::kOverrun),
            get(Kind::kBadResult),  get(Kind::kNotSynchronous), get(Kind::kException)};
  }
  const std::string& provider() const { return core_->provider; }
  abi::CallCore& core() const { return *core_; }

  /// Tells the caller of one call that it has failed. False: it has completed or is completing.
  static bool abandon(abi::CallHandle handle, Error error) noexcept {
    abi::CallSlot* slot = abi::CallPool::instance().find(handle);
    const std::uint64_t generation = handle >> abi::CallSlot::kIndexBits;
    if (!slot || !slot->change(generation, abi::Phase::kPending, abi::Phase::kExpiring)) return false;
    slot->fail(*slot, std::move(error));
    if (!slot->change(generation, abi::Phase::kExpiring, abi::Phase::kExpired)) abi::release_slot(*slot);  // done came meanwhile
    return true;
  }

 private:
  static void pop(std::vector<std::pair<Time, abi::CallHandle>>& heap) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
  }
  /// Keeps cores reachable, so that leak checkers see them as what they are.
  static void keep(abi::CallCore* core) {
    static auto& all = *new std::vector<abi::CallCore*>;
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    all.push_back(core);
  }

  abi::CallCore* core_;
};

}  // namespace trunkline

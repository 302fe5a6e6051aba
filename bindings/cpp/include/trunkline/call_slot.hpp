// The memory of calls in flight. Hand-written, header-only, C++20; used by call_table.hpp alone.
//
// The `user` that crosses the ABI is a handle (generation, index), never a pointer: whatever a peer does with it later, it finds
// a slot of this pool, and the generation tells whether the call is still the one it was made for. Slots are never freed.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <stop_token>
#include <utility>

#include "trunkline/arena.hpp"
#include "trunkline/call.hpp"

namespace trunkline::abi {

class CallCore;

/// Life of one call. Every change is a compare-and-swap on (generation, phase), so exactly one party makes it.
///
///   kPending ── done ──> kClaimed ──> kFree
///   kPending ── deadline ──> kExpiring ──> kExpired ── late done ──> kClaimed ──> kFree
///                            kExpiring ── late done ──> kExpiredDone ──> kFree
enum class Phase : std::uint64_t { kFree, kPending, kClaimed, kExpiring, kExpired, kExpiredDone };

using CallHandle = std::uint64_t;  // generation << 24 | index; never 0

struct alignas(64) CallSlot {
  static constexpr int kIndexBits = 24;
  static constexpr std::uint64_t kGenerationMask = (std::uint64_t{1} << (64 - kIndexBits)) - 1;
  static constexpr std::uint64_t kCanary = 0x5afe'ca11'0ff5'e7edu;
  static constexpr std::size_t kSpace = 512;

  std::atomic<std::uint64_t> state{0};  // generation << 3 | phase
  std::atomic<std::uint32_t> next_free{0};
  std::uint32_t index = 0;
  std::atomic<CallCore*> core{nullptr};
  std::atomic<CallCore*> previous_core{nullptr};
  std::atomic<const void*> type{nullptr};               // which instantiation of `complete` may claim it
  void (*fail)(CallSlot&, Error&&) noexcept = nullptr;  // tells the caller
  void (*destroy)(CallSlot&) noexcept = nullptr;        // destroys `operation`
  void* operation = nullptr;                            // in `space` or on the heap
  CallOptions options;
  std::uint64_t canary_before = kCanary;
  tl_call call{};
  std::uint64_t canary_between = kCanary;
  tl_cancel cancel{};
  std::uint64_t canary_after = kCanary;
  Arena arena;
  alignas(16) std::byte space[kSpace];

  std::uint64_t generation() const noexcept { return (state.load(std::memory_order_relaxed) >> 3) & kGenerationMask; }
  CallHandle handle() const noexcept { return generation() << kIndexBits | index; }
  bool change(std::uint64_t generation, Phase from, Phase to) noexcept {
    std::uint64_t expected = generation << 3 | static_cast<std::uint64_t>(from);
    return state.compare_exchange_strong(expected, generation << 3 | static_cast<std::uint64_t>(to), std::memory_order_acq_rel);
  }
  bool intact() const noexcept {
    return canary_before == kCanary && canary_between == kCanary && canary_after == kCanary && arena.intact() &&
           (!options.arguments || options.arguments->intact());
  }

  /// Fills `call` from `options`.
  void prepare() noexcept {
    const auto lend = [](const std::string& s) { return s.empty() ? tl_str{} : tl_str{s.data(), s.size()}; };
    call = tl_call{};
    call.struct_size = sizeof call;
    if (options.deadline) call.deadline = {1, {}, options.deadline->time_since_epoch().count()};
    if (options.stop.stop_possible()) {
      cancel = {sizeof cancel, 0, &options.stop, &is_cancelled, &subscribe, &unsubscribe};
      call.cancel = &cancel;
    } else {
      call.cancel = options.cancel;
    }
    call.idempotency_key = lend(options.idempotency_key);
    call.traceparent = lend(options.traceparent);
    call.resource = lend(options.resource);
  }

 private:
  struct Notify {
    void (*fn)(void*);
    void* arg;
    void operator()() const { fn(arg); }
  };
  using Subscription = std::stop_callback<Notify>;

  static tl_bool is_cancelled(void* ctx) { return static_cast<std::stop_token*>(ctx)->stop_requested(); }
  static std::uint64_t subscribe(void* ctx, void (*fn)(void*), void* arg) {
    const auto& token = *static_cast<std::stop_token*>(ctx);
    if (token.stop_requested()) {
      fn(arg);
      return 0;
    }
    return reinterpret_cast<std::uint64_t>(new Subscription(token, Notify{fn, arg}));
  }
  // std::stop_callback's destructor gives the promise of tl_cancel: it waits for a function that runs on another thread.
  static void unsubscribe(void*, std::uint64_t cookie) { delete reinterpret_cast<Subscription*>(cookie); }
};

/// All slots of this module. [any-thread]
class CallPool {
 public:
  static CallPool& instance() {
    static CallPool& pool = *new CallPool;  // outlives every thread that may still complete a call
    return pool;
  }

  /// nullptr: too many calls in flight.
  CallSlot* acquire() noexcept {
    for (;;) {
      std::uint64_t head = free_.load(std::memory_order_acquire);
      while (const auto number = static_cast<std::uint32_t>(head)) {
        CallSlot* slot = at(number - 1);
        const std::uint64_t rest = next_tag(head) | slot->next_free.load(std::memory_order_relaxed);
        if (free_.compare_exchange_weak(head, rest, std::memory_order_acq_rel)) return slot;
      }
      if (!grow()) return nullptr;
    }
  }
  void release(CallSlot& slot) noexcept { push(slot, slot); }
  /// nullptr: no such slot.
  CallSlot* find(CallHandle handle) noexcept {
    const std::size_t index = handle & ((std::uint64_t{1} << CallSlot::kIndexBits) - 1);
    return index < count_.load(std::memory_order_acquire) ? at(index) : nullptr;
  }
  template <class F>
  void for_each(F fn) {
    const std::size_t count = count_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < count; ++i) fn(*at(i));
  }

 private:
  static constexpr std::size_t kSlabSize = 32;
  static constexpr std::size_t kMaxSlabs = 8192;  // 262144 calls in flight
  using Slab = std::array<CallSlot, kSlabSize>;

  CallSlot* at(std::size_t index) noexcept {
    return &(*slabs_[index / kSlabSize].load(std::memory_order_acquire))[index % kSlabSize];
  }
  // The free list is a stack of (tag, index + 1); the tag changes with every move, so that a stale head never matches.
  static std::uint64_t next_tag(std::uint64_t head) noexcept { return ((head >> 32) + 1) << 32; }
  void push(CallSlot& first, CallSlot& last) noexcept {
    std::uint64_t head = free_.load(std::memory_order_relaxed);
    do {
      last.next_free.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
    } while (!free_.compare_exchange_weak(head, next_tag(head) | (first.index + 1), std::memory_order_acq_rel));
  }
  bool grow() noexcept {
    const std::lock_guard lock(mutex_);
    if (static_cast<std::uint32_t>(free_.load(std::memory_order_acquire))) return true;  // somebody else did
    const std::size_t count = count_.load(std::memory_order_relaxed);
    if (count / kSlabSize == kMaxSlabs) return false;
    auto* slab = new (std::nothrow) Slab;
    if (!slab) return false;
    for (std::size_t i = 0; i < kSlabSize; ++i) {
      (*slab)[i].index = static_cast<std::uint32_t>(count + i);
      (*slab)[i].next_free.store(static_cast<std::uint32_t>(count + i + 2), std::memory_order_relaxed);
    }
    slabs_[count / kSlabSize].store(slab, std::memory_order_release);
    count_.store(count + kSlabSize, std::memory_order_release);
    push((*slab)[0], (*slab)[kSlabSize - 1]);
    return true;
  }

  std::atomic<std::uint64_t> free_{0};
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;
  std::array<std::atomic<Slab*>, kMaxSlabs> slabs_{};
};

}  // namespace trunkline::abi

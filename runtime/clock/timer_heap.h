// Pending timers in the order in which they fire.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/base/function.h"
#include "trunkline/error.hpp"

namespace trunkline {

/// A binary heap over (due, order of creation). Cancelling empties the timer's slot and leaves its heap entry behind; such
/// entries are skipped at the top, and swept once they outnumber the live ones. Not thread-safe; the clock locks.
class TimerHeap {
 public:
  using Id = std::uint64_t;  // generation of the slot, then slot + 1; never 0

  Id push(Time due, UniqueFunction<void()> fn);
  /// The function of a pending timer; an empty one when the id is not pending.
  UniqueFunction<void()> remove(Id id);
  /// Due time of the first timer.
  std::optional<Time> next_due();
  /// Takes the first timer; there must be one.
  UniqueFunction<void()> pop();
  std::size_t size() const noexcept { return live_; }

 private:
  struct Entry {
    Time due;
    std::uint64_t order;
    std::uint32_t slot;
    std::uint32_t generation;
  };
  struct Slot {
    UniqueFunction<void()> fn;
    std::uint32_t generation = 0;
    bool used = false;
  };
  // For std::push_heap, which keeps the largest on top.
  static bool fires_later(const Entry& a, const Entry& b) { return a.due != b.due ? a.due > b.due : a.order > b.order; }

  bool stale(const Entry& entry) const;
  UniqueFunction<void()> release(std::uint32_t slot);
  void drop_stale_top();
  void sweep();

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t created_ = 0;
  std::size_t live_ = 0;
};

}  // namespace trunkline

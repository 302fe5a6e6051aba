#include "runtime/clock/timer_heap.h"

#include <algorithm>

namespace trunkline {

TimerHeap::Id TimerHeap::push(Time due, UniqueFunction<void()> fn) {
  std::uint32_t slot;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Slot& s = slots_[slot];
  s.fn = std::move(fn);
  s.used = true;
  ++live_;
  heap_.push_back({due, created_++, slot, s.generation});
  std::push_heap(heap_.begin(), heap_.end(), fires_later);
  return Id{s.generation} << 32 | (slot + 1);
}

UniqueFunction<void()> TimerHeap::remove(Id id) {
  const std::uint32_t slot = static_cast<std::uint32_t>(id) - 1;
  const auto generation = static_cast<std::uint32_t>(id >> 32);
  if (slot >= slots_.size() || !slots_[slot].used || slots_[slot].generation != generation) return {};
  UniqueFunction<void()> fn = release(slot);
  if (heap_.size() > 2 * live_ + 64) sweep();
  return fn;
}

std::optional<Time> TimerHeap::next_due() {
  drop_stale_top();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

UniqueFunction<void()> TimerHeap::pop() {
  drop_stale_top();
  const std::uint32_t slot = heap_.front().slot;
  std::pop_heap(heap_.begin(), heap_.end(), fires_later);
  heap_.pop_back();
  return release(slot);
}

bool TimerHeap::stale(const Entry& entry) const {
  const Slot& slot = slots_[entry.slot];
  return !slot.used || slot.generation != entry.generation;
}

UniqueFunction<void()> TimerHeap::release(std::uint32_t slot) {
  Slot& s = slots_[slot];
  UniqueFunction<void()> fn = std::move(s.fn);
  s.used = false;
  ++s.generation;
  free_.push_back(slot);
  --live_;
  return fn;
}

void TimerHeap::drop_stale_top() {
  while (!heap_.empty() && stale(heap_.front())) {
    std::pop_heap(heap_.begin(), heap_.end(), fires_later);
    heap_.pop_back();
  }
}

void TimerHeap::sweep() {
  std::erase_if(heap_, [this](const Entry& entry) { return stale(entry); });
  std::make_heap(heap_.begin(), heap_.end(), fires_later);
}

}  // namespace trunkline

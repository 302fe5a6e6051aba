#include "media/crew.h"

#include <algorithm>
#include <system_error>

namespace call_media {
namespace {

constexpr std::uint32_t kLoops = (1u << 24) - 1;
constexpr int kLooks = 2000;  // at a part that another thread is at, before sleeping for it

void breathe() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

Crew::~Crew() {
  stopping_ = true;
  loop_.fetch_add(1);
  loop_.notify_all();
  for (std::thread& helper : helpers_) helper.join();  // NOLINT(trunkline-thread): as in the header
}

void Crew::start(std::size_t helpers) {
  try {
    while (helpers_.size() < helpers) helpers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // With those that there are.
  }
}

void Crew::run(std::size_t count, Call call, void* context) {
  const std::uint32_t loop = (loop_.load(std::memory_order_relaxed) + 1) & kLoops;
  call_.store(call, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  word_.store(std::uint64_t{loop} << 2 * kCountBits | std::uint64_t{count} << kCountBits, std::memory_order_release);
  loop_.store(loop, std::memory_order_release);
  loop_.notify_all();
  help(loop);
  // What others have taken.
  for (int look = 0; look < kLooks && done_.load(std::memory_order_acquire) != count; ++look) breathe();
  for (std::uint32_t done; (done = done_.load(std::memory_order_acquire)) != count;) done_.wait(done, std::memory_order_acquire);
}

void Crew::help(std::uint32_t loop) {
  constexpr std::uint64_t kMask = kMost;
  std::uint64_t word = word_.load(std::memory_order_acquire);
  for (;;) {
    const std::uint64_t count = word >> kCountBits & kMask, next = word & kMask;
    if (word >> 2 * kCountBits != loop || next >= count) return;
    const std::uint64_t end = std::min(next + kStep, count);
    if (!word_.compare_exchange_weak(word, word + (end - next), std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    // Whoever runs the loop waits for this part: what it is made of stays.
    const Call call = call_.load(std::memory_order_relaxed);
    void* const context = context_.load(std::memory_order_relaxed);
    for (std::uint64_t i = next; i < end; ++i) call(context, static_cast<std::size_t>(i));
    const auto part = static_cast<std::uint32_t>(end - next);
    if (done_.fetch_add(part, std::memory_order_acq_rel) + part == count) done_.notify_all();
    word = word_.load(std::memory_order_acquire);
  }
}

void Crew::work() {
  std::uint32_t seen = 0;
  while (!stopping_.load(std::memory_order_acquire)) {
    loop_.wait(seen, std::memory_order_acquire);
    seen = loop_.load(std::memory_order_acquire);
    help(seen);
  }
}

}  // namespace call_media

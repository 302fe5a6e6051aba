// Waiting for the other process without sleeping, for a moment.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "runtime/remote/pulse.h"

namespace trunkline::remote {

/// To sleep and to be woken costs two processes more than most calls do. When the other one runs on a core of its own, the next
/// word often comes at once under load, and whoever reads looks for it for about as long as waking takes. On one core to look
/// would keep the other from running. What was in vain is not tried again for a while, and then for a longer one: a plugin that
/// waits for its carrier costs nothing. Of one thread at a time.
class BriefWait {
 public:
  /// `take`: takes what has come without waiting, and says whether there was anything. `likely`: whether anything is expected.
  /// `under_load`: so much is under way that both sides have work at once. False: nothing came; sleep in the socket.
  template <class Take>
  bool take(Pulse::Side& mine, Pulse::Side& other, bool likely, bool under_load, Take&& take) {
    mine.core.store(this_core(), std::memory_order_relaxed);
    mine.waits.store(Pulse::Side::kInSocket, std::memory_order_relaxed);
    const bool came = ((changed(other) || more_) && take()) || (likely && look(mine, other, take)) ||
                      (under_load && sleep(mine, other) && take());
    if (came) mine.waits.store(0, std::memory_order_relaxed);
    return came;
  }
  /// Of a socket: so many bytes, at least one, 0 at its end, or -1 and errno. Where the last one filled its room there is more
  /// that no further word tells of.
  ssize_t receive(int socket, std::span<char> room, Pulse::Side& mine, Pulse::Side& other, bool likely, bool under_load);
  /// How often it has slept without the socket.
  std::uint32_t sleeps() const { return sleeps_; }
  /// After something was sent.
  static void sent(Pulse::Side& mine, const Pulse::Side& other) {
    mine.sent.fetch_add(1);
    if (other.waits.load() == Pulse::Side::kForWord) wake(mine);
  }
  /// After a sleep in the socket.
  static void woke(Pulse::Side& mine) { mine.waits.store(0, std::memory_order_relaxed); }

  /// Whether `other` runs on another core, so that both can work at once.
  static bool apart(const Pulse::Side& mine, const Pulse::Side& other) {
    return mine.core.load(std::memory_order_relaxed) != other.core.load(std::memory_order_relaxed);
  }
  /// Whether to send now what could wait: `other` has nothing to do, and `frames` are worth a system call.
  static bool is_wanted(const Pulse::Side& mine, const Pulse::Side& other, std::uint32_t frames) {
    return frames >= kWorthSending && other.waits.load(std::memory_order_relaxed) != 0 &&
           (other.waits.load(std::memory_order_relaxed) == Pulse::Side::kForWord || apart(mine, other));
  }

  static constexpr std::uint32_t kWorthSending = 8;
  /// Of one send() that waits for room: it says what it has sent when it is through, so more than the socket takes at once would
  /// keep who reads asleep while it waits for them.
  static constexpr std::size_t kMostAtOnce = 64 * 1024;

 private:
  static constexpr std::chrono::microseconds kLongest{50};
  static constexpr int kLooks = 64, kMostMisses = 10;

  template <class Take>
  bool look(const Pulse::Side& mine, const Pulse::Side& other, Take&& take) {
    if (!apart(mine, other) || !worth_it()) return false;
    const auto end = std::chrono::steady_clock::now() + kLongest;
    do {
      for (int i = 0; i < kLooks && other.sent.load(std::memory_order_relaxed) == seen_; ++i) relax();
      if (changed(other) && take()) {
        misses_ = 0;
        return true;
      }
    } while (std::chrono::steady_clock::now() < end);
    missed();
    return false;
  }

  /// Sleeps until something was sent, and not for long: the end of the other side shows in the socket alone. What wakes whoever
  /// reads from a socket leaves it on the core of who has written, so that the two would take turns there; this does not.
  bool sleep(Pulse::Side& mine, Pulse::Side& other);
  static void wake(Pulse::Side& mine);
  static int this_core();
  static void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#endif
  }
  bool changed(const Pulse::Side& other) {
    const std::uint32_t now = other.sent.load(std::memory_order_acquire);
    return std::exchange(seen_, now) != now;
  }
  bool worth_it() {
    if (skip_ == 0) return true;
    --skip_;
    return false;
  }
  void missed() {
    if (misses_ < kMostMisses) ++misses_;
    skip_ = (1 << misses_) - 1;
  }

  std::uint32_t seen_ = 0, sleeps_ = 0;
  bool more_ = false;
  int misses_ = 0, skip_ = 0;
};

}  // namespace trunkline::remote

// A page that the process of a plugin shares with its host. It says what the process is doing without a message, and still says
// it when the process has been killed. Its values are hints of a program that may be broken: they decide what is told and when
// patience ends, and the worst that a wrong one can do is that a call counts as begun, or as not begun, wrongly.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

namespace trunkline::remote {

struct Pulse {
  static constexpr std::size_t kThreads = 64;
  static constexpr std::size_t kBytes = 4096;

  /// One thread that may be inside the plugin.
  struct Thread {
    std::atomic<std::uint64_t> since_ms;  // of the steady clock; 0: outside
    std::atomic<std::uint64_t> call;      // id; 0: a completion or something else
    std::atomic<std::uint32_t> target, operation;
  };

  /// Goes up as long as the process lives.
  std::atomic<std::uint64_t> beats;
  /// The largest id of a call that was handed to the plugin.
  std::atomic<std::uint64_t> begun;
  /// Bytes that were resident at most.
  std::atomic<std::uint64_t> peak_bytes;
  /// Set before it ends by itself because it has used too much memory.
  std::atomic<std::uint32_t> out_of_memory;
  /// Threads of the process that are not the plugin's.
  std::atomic<std::uint32_t> own_threads;
  std::array<Thread, kThreads> threads;
  /// What one side shows the other. Only the socket says what was sent: this decides who sleeps, and when what is sent.
  struct Side {
    static constexpr std::uint32_t kInSocket = 1, kForWord = 2;
    alignas(64) std::atomic<std::uint32_t> sent;   // how often it has sent something
    alignas(64) std::atomic<std::uint32_t> waits;  // it has nothing to do until something comes; how it waits for that
    std::atomic<std::int32_t> core;                // where it ran last when it began to wait
  };
  Side host, process;
};
static_assert(sizeof(Pulse) <= Pulse::kBytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && sizeof(std::atomic<std::uint32_t>) == 4);

/// `target` of what is no call of an interface; its operations are create, stop and destroy.
inline constexpr std::uint32_t kLifecycleTarget = 0xffffffffu;
/// The descriptors with which the process is started.
inline constexpr int kSocketDescriptor = 3;
inline constexpr int kPulseDescriptor = 4;
/// Exit status of a process that has used more memory than it may.
inline constexpr int kExitOutOfMemory = 70;

}  // namespace trunkline::remote

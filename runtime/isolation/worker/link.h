// The connection of this process to its host, and the threads that serve it.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "runtime/remote/brief_wait.h"
#include "runtime/remote/peer.h"
#include "runtime/remote/pulse.h"

namespace trunkline::isolation {

/// Notes how much memory was used at most, where the host sees it. Async-signal-safe.
void note_peak(std::size_t bytes);
remote::Pulse& pulse();
/// Maps the page that the host gave. Before everything else.
bool map_pulse();
/// So many more threads of this process are not the plugin's, or fewer.
void count_own_threads(int by);

/// What is still to be done when the host has gone.
void on_host_gone(std::function<void()> fn);

/// One thread at a time leads: it reads a frame and deals with it, plugin and all, so that a call costs no change of threads. A
/// plugin that does not return keeps its thread; the watchman, who looks every few milliseconds, then lets another one lead. A
/// thread that waits for the host's answer to a @sync call leads meanwhile when nobody else does, and puts off all other frames.
///
/// Ends the process when the host has gone, from any thread.
class Link final : public remote::Peer {
 public:
  explicit Link(abi::Errors errors);

  /// The first frame. [lifecycle]
  remote::Frame read_first();
  /// Leads on this thread, for ever.
  void lead();
  /// Looks after the others, for ever: leadership, heartbeat, memory.
  void watch(std::size_t memory_bytes);

  /// Around lifecycle functions: `operation` of remote::kLifecycleTarget.
  void enter_lifecycle(std::uint32_t operation) noexcept;
  void leave_lifecycle() noexcept { left(); }
  void report_misuse(std::string_view kind, std::string_view operation, std::string_view detail) noexcept {
    misused(kind, operation, detail);
  }
  void transmit(std::string_view frame) noexcept override;
  /// Sends at once what there is, or leaves it to who is sending.
  void flush() noexcept;
  /// Returns when everything has been sent.
  void drain() noexcept;
  void call_it(std::string who) { who_ = std::move(who); }
  std::function<void()> on_stop;

 private:
  enum Phase : std::uint64_t { kReading, kHandling };

  void misused(std::string_view kind, std::string_view operation, std::string_view detail) noexcept override;
  void control(remote::Frame&& frame) override;
  void entering(const remote::FrameHead& head) noexcept override;
  void left() noexcept override;
  void await(const std::atomic<bool>& answered) override;
  void notify_answered() override;

  void lead(std::uint64_t term);
  void start_leader(std::uint64_t term);
  /// The next frame; only for who reads.
  void read_frame(remote::Frame& frame, bool deferred_too);
  /// `more`: others have come with it.
  void deal_with(remote::Frame&& frame, bool more);
  void take_answer(remote::Frame&& frame);
  void acknowledge() noexcept;

  remote::FrameBuffer in_;              // of who reads
  remote::BriefWait waiting_;           // likewise
  std::uint64_t handled_before_ = 0;    // likewise: when it waited last
  std::atomic<std::uint64_t> state_{};  // term << 1 | Phase
  std::atomic<std::uint64_t> handled_{0};
  std::atomic<int> threads_{0};  // that lead, or have not come back since they did
  std::atomic<std::uint32_t> to_acknowledge_{0};

  std::mutex deferred_mutex_;
  std::deque<remote::Frame> deferred_;  // guarded by deferred_mutex_

  std::mutex out_mutex_;  // guards what follows
  std::string out_;
  bool sending_ = false;
  std::string chunk_;  // of who is sending

  std::mutex answered_mutex_;
  std::condition_variable answered_;
};

}  // namespace trunkline::isolation

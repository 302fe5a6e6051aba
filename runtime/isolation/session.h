// One process of an isolated plugin, from its start to its end.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/async/watch.h"
#include "runtime/isolation/child_process.h"
#include "runtime/isolation/options.h"
#include "runtime/remote/brief_wait.h"
#include "runtime/remote/peer.h"

namespace trunkline::isolation {

/// Why a process has gone.
struct Loss {
  enum class Cause { kStopped, kRefused, kCrash, kExit, kHang, kMemory, kProtocol, kAbandoned };
  Cause cause = Cause::kCrash;
  /// `its process ended by signal 11 (SIGSEGV) while send was under way`
  std::string text;
  std::string signal;  // its number, or nothing
};
std::string_view cause_name(Loss::Cause cause);

/// Sends what the process is told and takes what it says. Its listener's functions run on the executor, and on the threads of
/// those who call; never under a lock. [any-thread] unless it is marked.
/// Sends what the process is told and takes what it says, with a thread that reads: a call that comes back must not wait for a
/// turn. The functions of the listener, and completions of calls, run on that thread. [any-thread] unless it is marked.
class Session final : public remote::Peer {
 public:
  struct Listener {
    std::function<void(remote::Frame&&)> created;
    std::function<void(const Error&)> refused;
    std::function<void()> stopped;
    std::function<void(std::string_view kind, std::string_view operation, std::string_view detail)> misused;
    /// Whether it is doing something that will end without the clock moving.
    std::function<void(bool)> busy;
    /// Last of all, once.
    std::function<void(const Loss&)> lost;
  };
  /// Starts the process; throws kUnavailable. `where`: `provider a (plugin b)`.
  static std::shared_ptr<Session> start(Executor& executor, const Options& options, std::string where, abi::Errors errors,
                                        Listener listener);
  ~Session() override;

  /// Begins to listen, and sends the first frame. After the offers.
  void run(std::string create_frame);
  void stop();
  /// Ends the process now. Blocks until it has gone.
  void abandon();
  /// After it was stopped: waits until it has gone, at most `patience` for its own will. [lifecycle]
  void finish(std::chrono::milliseconds patience);
  /// It reads more slowly than it is told things: further calls would only wait here.
  bool is_congested();
  /// After it was lost: its thread has ended. Nothing on that thread itself.
  void join();
  pid_t pid() const { return process_.pid(); }
  /// Threads that the plugin has made and that have not ended; what comes and goes of ours may be counted for a moment.
  int plugin_threads() const;

 private:
  Session(Executor& executor, const Options& options, std::string where, abi::Errors errors, Listener listener);
  void transmit(std::string_view frame) noexcept override;
  void misused(std::string_view kind, std::string_view operation, std::string_view detail) noexcept override;
  void control(remote::Frame&& frame) override;
  void read();
  void deal_with(std::size_t bytes);
  void flush();
  void look();  // at its pulse, again and again
  void condemn(Loss::Cause cause, std::string text);
  void lose();
  void sent_one();
  void acknowledged(std::uint64_t count);
  std::string running() const;
  Loss loss_of(const ProcessEnd& end) const;

  const Options options_;
  const std::string where_;
  const Listener listener_;
  ChildProcess process_;
  Executor& executor_;
  const std::shared_ptr<SocketWatch> watch_;
  const std::uint64_t forks_;  // a copy of this process has another number, and keeps off
  std::shared_ptr<WallTicker> ticker_;
  remote::FrameBuffer in_;     // of read() alone
  remote::Frame frame_;        // likewise: its room is used again
  remote::BriefWait waiting_;  // likewise
  std::thread reader_;         // keeps the session alive while it runs

  std::mutex out_mutex_;                // guards what follows
  std::string out_;                     // to be sent
  std::atomic<std::size_t> unsent_{0};  // its size
  bool sending_ = false;                // somebody is, or waits until it can
  std::string chunk_;                   // of who is sending

  std::mutex busy_mutex_;  // guards what follows
  std::uint64_t unacknowledged_ = 0;
  bool over_ = false;

  std::mutex end_mutex_;  // guards what follows
  std::optional<Loss> sentence_;
  std::once_flag ended_;

  // Of look() alone.
  std::uint64_t last_beat_ = 0;
  std::chrono::steady_clock::time_point beat_at_, started_at_;
  std::atomic<bool> ready_{false}, stopping_{false};
};

}  // namespace trunkline::isolation

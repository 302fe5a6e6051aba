// The thread on which everything but the sound of sessions happens.
#pragma once
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pstn_webrtc {

/// Work runs one after another, in the order in which it was posted. [any-thread] but for what is marked.
class ControlThread {
 public:
  ControlThread();
  ~ControlThread();
  ControlThread(const ControlThread&) = delete;

  /// Must not throw. After stop() it is dropped.
  void post(std::function<void()> work);
  /// Like post for one function that is set before: allocates nothing, may be called on a real-time thread.
  void wake() noexcept;
  /// Runs on every wake-up, after the work. [before start]
  void on_wake(std::function<void()> fn) { woken_ = std::move(fn); }
  void start();
  /// What was posted before runs first. Waits for the thread; not on that thread. Idempotent.
  void stop();

 private:
  void run();

  std::function<void()> woken_;
  const int event_;
  std::thread thread_;
  std::mutex mutex_;  // guards what follows
  std::vector<std::function<void()>> work_;
  bool stopping_ = false;
};

}  // namespace pstn_webrtc

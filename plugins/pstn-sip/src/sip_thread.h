// The thread of the SIP stack, and how work gets onto it.
#pragma once
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

struct su_root_s;

namespace pstn_sip {

/// sofia-sip is not thread-safe: everything of it happens here, the stack itself included. [any-thread] but for what is marked.
class SipThread {
 public:
  SipThread();
  ~SipThread();
  SipThread(const SipThread&) = delete;

  /// Runs later, in order; must not throw. Work that is posted after the loop was left is dropped.
  void post(std::function<void()> work);
  /// Like post for one function that is set before: cheap, allocates nothing, may be called on a real-time thread.
  void wake() noexcept;
  /// Runs on every wake-up. [before start]
  void on_wake(std::function<void()> fn) { woken_ = std::move(fn); }
  /// Runs once the loop was left, as the last thing on the thread. [before start]
  void on_end(std::function<void()> fn) { ended_ = std::move(fn); }
  void start();
  /// Leaves the loop and waits for the thread; not on that thread. Idempotent.
  void stop();
  /// [this thread]
  su_root_s* root() const { return root_; }

 private:
  void run();
  void drain();
  static int ready(void* magic, void* wait, void* self);

  std::function<void()> woken_;
  std::function<void()> ended_;
  int event_ = -1;
  su_root_s* root_ = nullptr;
  std::promise<bool> started_;
  std::thread thread_;
  std::mutex mutex_;  // guards work_
  std::vector<std::function<void()>> work_;
};

}  // namespace pstn_sip

// Asks the homeserver what is new, again and again.
#pragma once
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>

#include "inbound.h"

namespace chat_matrix {

/// Where it is rests in the provider's storage, after everything before that is durable. [any-thread]
class SyncLoop {
 public:
  SyncLoop(trunkline::Host host, Core& core, Inbound& inbound);

  /// Runs until it is stopped; the first call counts.
  void start();
  Task<void> stop();

 private:
  Task<void> run();
  Task<void> run_once();
  /// How long to wait before the next attempt.
  trunkline::Duration after(const trunkline::Error& failure);
  void recovered();
  Task<void> sleep(trunkline::Duration delay);
  void ended();
  bool stopped() const { return stop_.stop_requested(); }
  CallOptions options() const;

  const trunkline::host::ExecutorClient executor_;
  Core& core_;
  Inbound& inbound_;
  std::stop_source stop_;

  // Of the loop alone.
  std::string since_;
  std::size_t timeline_limit_;
  trunkline::Duration delay_{};
  bool ready_ = false;

  std::mutex mutex_;  // guards what follows
  bool running_ = false;
  bool started_ = false;
  std::function<void()> idle_;  // set by stop()
};

}  // namespace chat_matrix

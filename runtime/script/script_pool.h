// Scripts without waiting for them.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/script/script_host.h"

namespace trunkline::script {

struct Outcome {
  /// JSON; empty with a failure.
  std::string result;
  std::optional<Failure> failure;
};

/// Waits for scripts on threads of its own, which begin with the first script. [any-thread]
class ScriptPool {
 public:
  struct Options {
    ScriptHost::Options host;
    Limits limits;
    /// Scripts at a time; each has a worker process.
    std::size_t threads = 2;
    /// Scripts that wait for their turn; further ones fail at once.
    std::size_t max_waiting = 100'000;
  };
  explicit ScriptPool(Options options);
  ScriptPool(const ScriptPool&) = delete;
  ~ScriptPool();

  /// Calls `done` exactly once: on one of the threads, or on this one when it is refused. It must not block.
  void run(std::string code, std::string context_json, UniqueFunction<void(Outcome)> done);
  /// What runs is cut off, what waits fails. Idempotent. [lifecycle]
  void stop();

 private:
  struct Job {
    std::string code, context;
    UniqueFunction<void(Outcome)> done;
  };
  void work();

  const Options options_;
  ScriptHost host_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopped_ = false;
};

}  // namespace trunkline::script

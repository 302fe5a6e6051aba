// JavaScript of workflows, run in worker processes: no I/O, bounded time and memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline::script {

struct Limits {
  /// Of the script alone. The worker is ended when it overruns by more than a grace period.
  Duration time = std::chrono::seconds(5);
  /// What the script may add to the memory of its worker.
  std::size_t memory_bytes = 128u << 20;
  /// Characters of the code.
  std::size_t max_code_length = 100'000;
  /// Bytes of the result as JSON.
  std::size_t max_result_bytes = 10u << 20;
};

/// Why a script gave no result.
class Failure : public std::runtime_error {
 public:
  enum class Reason : std::uint8_t { kThrew, kTimedOut, kOutOfMemory, kTooLong, kNoJson, kWorker };
  Failure(Reason reason, const std::string& message, int line = 0) : std::runtime_error(message), reason(reason), line(line) {}
  Reason reason;
  /// Line of the code from 1; 0: unknown.
  int line;
};

/// A worker process with its pipes. One request at a time.
class Worker;

/// Keeps idle workers and starts further ones when it needs them. [any-thread]
class ScriptHost {
 public:
  struct Options {
    /// The program trunkline-script.
    std::filesystem::path worker;
    /// Idle workers that are kept.
    std::size_t max_idle = 2;
    /// Scripts that one worker runs before another takes its place; nothing of one is seen by the next in any case.
    std::uint32_t runs_of_a_worker = 1'000;
  };
  explicit ScriptHost(Options options);
  ~ScriptHost();
  ScriptHost(const ScriptHost&) = delete;

  /// Runs `code`, the body of a function whose parameter is `workflowContext`; `context_json` is its value. Gives what the
  /// function returns, or what its promise is kept with, as JSON (undefined: null). Blocks for as long as the script may run.
  /// Throws Failure.
  std::string run(std::string_view code, std::string_view context_json, const Limits& limits = {});
  /// Scripts that run now, and all later ones, fail with kWorker. Idempotent.
  void stop();

 private:
  class Busy;
  std::unique_ptr<Worker> take();
  void give_back(std::unique_ptr<Worker> worker);

  const Options options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> idle_;  // guarded by mutex_
  std::vector<Worker*> busy_;                  // guarded by mutex_
  bool stopped_ = false;                       // guarded by mutex_
};

/// Where the program trunkline-script is: find_beside(). Empty: nowhere.
std::filesystem::path find_worker();

}  // namespace trunkline::script

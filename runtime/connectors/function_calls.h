// Functions of an application that actions of workflows are mapped to: calls wait here until a consumer takes them.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/base/function.h"
#include "runtime/flows/action_port.h"
#include "trunkline/task.hpp"

namespace trunkline::connectors {

/// A call as a consumer gets it.
struct FunctionCall {
  std::int64_t id = 0;
  std::string function;
  std::string workflow;
  std::string run;
  std::string action;
  std::string inputs;  // JSON
  int attempt = 1;     // from 1
  std::string idempotency_key;
};

/// Names of functions compare without case. A call for which there is no consumer fails at once and may be tried again, as its
/// action's retry policy says. [any-thread]
class FunctionCalls : public std::enable_shared_from_this<FunctionCalls> {
 public:
  using Done = UniqueFunction<void(flows::ActionAnswer)>;
  explicit FunctionCalls(Executor& executor) : executor_(executor) {}

  /// `done` is called exactly once: by complete() or fail(), or when the call is cancelled, or nobody is left to take it.
  void call(FunctionCall call, net::CancelToken cancel, Done done);

  /// A consumer that holds at most `credits` calls.
  std::uint64_t attach(std::string_view function, std::uint32_t credits);
  /// Ends its takes. What it holds goes to another consumer, or fails where there is none.
  void detach(std::uint64_t consumer);
  /// 1 to `max` calls as soon as there are some; none: detached, or everything stops.
  Task<std::vector<FunctionCall>> take(std::uint64_t consumer, std::uint32_t max);

  /// False: nobody waits for it any more.
  bool complete(std::int64_t call, flows::ActionAnswer answer);

  /// Every call fails, every take ends. Idempotent.
  void stop();

 private:
  struct Pending {
    FunctionCall call;
    Done done;
    std::uint64_t consumer = 0;  // who has it; 0: nobody yet
    net::CancelToken cancel;
    std::uint64_t subscription = 0;
  };
  struct Consumer {
    std::string function;  // lower case
    std::uint32_t credits = 0;
    std::uint32_t held = 0;
    UniqueFunction<void()> resume;  // its take waits
  };
  // With the mutex held.
  bool has_consumer(const std::string& function) const;
  UniqueFunction<void()> waiter_of(const std::string& function);
  std::vector<FunctionCall> take_now(std::uint64_t consumer, std::uint32_t max, bool& over);
  void release(std::uint64_t consumer);

  Executor& executor_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::int64_t last_call_ = 0;
  std::uint64_t last_consumer_ = 0;
  std::map<std::int64_t, Pending> calls_;
  std::unordered_map<std::string, std::deque<std::int64_t>> queues_;  // not taken, by function in lower case
  std::map<std::uint64_t, Consumer> consumers_;
};

}  // namespace trunkline::connectors

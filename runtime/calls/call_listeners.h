// Events of calls for the application that has the runtime in its own process.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock/signal.h"
#include "trunkline/calling.hpp"

namespace trunkline::calls {

/// Hears what happens in the calls of one resource, or of one connection, from its making on. [any-thread]
class CallListener {
 public:
  /// Events that wait for the consumer. Beyond that it is told, rather than left to believe that nothing happened.
  static constexpr std::size_t kMaxQueued = 10'000;

  CallListener(Executor& executor, Clock& clock, std::int64_t resource_key, std::string connection_id)
      : resource_key(resource_key), connection_id(std::move(connection_id)), news_(executor, clock, false) {}

  /// 1 to `max` events in order, as soon as there are some; none: it was closed. Errors: kResourceExhausted, kFailedPrecondition
  /// while another next is pending. Static, so that the listener lives as long as the wait.
  static Task<std::vector<calling::CallEvent>> next(std::shared_ptr<CallListener> self, std::uint32_t max);
  void push(const calling::CallEvent& event);
  void close() { news_.close(); }

  const std::int64_t resource_key;
  const std::string connection_id;  // empty: all

 private:
  Signal news_;
  std::mutex mutex_;  // guards what follows
  std::deque<calling::CallEvent> queue_;
  bool overrun_ = false;
};

/// Who listens. Telling is cheap while nobody does, never blocks and never calls back. [any-thread]
class CallListeners {
 public:
  std::shared_ptr<CallListener> listen(Executor& executor, Clock& clock, std::int64_t resource_key, std::string connection_id);
  /// `type`: without prefix; `data`: as the callback has it.
  void tell(std::int64_t resource_key, std::string_view type, Time time, const nlohmann::json& data);
  /// Ends all. [lifecycle]
  void stop();

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<CallListener>> listeners_;
  bool stopped_ = false;
};

/// The event as applications in the process see it.
calling::CallEvent call_event(std::string_view type, Time time, const nlohmann::json& data);

}  // namespace trunkline::calls

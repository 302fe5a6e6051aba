// Internal to Triggers: one that waits for its time.
#pragma once
#include "runtime/flows/triggers.h"

namespace trunkline::flows {

struct Triggers::Armed {
  WorkflowPtr workflow;
  const workflow::Trigger* trigger = nullptr;  // of workflow's plan
  /// When it was switched on; the series of a recurrence without a start of its own begins there.
  Time anchor;
  std::optional<Time> last, next;
  std::int64_t count = 0;
  /// SlidingWindow: where the next window begins.
  std::optional<Time> window;
  /// Polling: where to look next.
  std::string location;
  bool subscribed = false;
  std::string problem;
  Clock::TimerId timer = 0;
  bool polling = false;
  /// The type of action that its requests are those of.
  workflow::Action as_action;

  Value state() const;
  void read(const Value& state);
};

}  // namespace trunkline::flows

// Triggers that fire by themselves: by the clock, by polling, by subscription.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/flows/firing.h"
#include "runtime/flows/http_actions.h"
#include "trunkline/task.hpp"

namespace trunkline::flows {

class WorkflowService;
struct TriggerState;

/// Subscribes a workflow to events of the runtime, for the Event Grid connector. [any-thread]
class EventSubscriber {
 public:
  virtual ~EventSubscriber() = default;
  /// `topic`: ARM id of the source; `filter`: as in an ARM event subscription, or null; `endpoint`: what event_target() will get.
  virtual Task<void> subscribe(std::string name, std::string topic, Value filter, std::string endpoint) = 0;
  virtual Task<void> unsubscribe(std::string name, std::string topic) = 0;
};

/// Keeps a timer for each trigger that has one; what a trigger remembers is a row. [any-thread]
class Triggers {
 public:
  explicit Triggers(WorkflowService& service);
  ~Triggers();

  void set_event_subscriber(EventSubscriber* subscriber) { subscriber_ = subscriber; }
  /// A workflow was deployed, changed, enabled or disabled, or removed. Null: there was none, or there is none any more. With
  /// `restored` it was there before we were: what its triggers remember counts.
  void changed(const WorkflowPtr& before, const WorkflowPtr& after, bool restored = false);
  /// A poll out of turn. Errors: kFailedPrecondition.
  Task<FiringResult> poll_now(WorkflowPtr workflow, std::string trigger);
  /// It forgets what it remembers, or takes over `row`, and begins anew. Errors: those of the write, and of ending a
  /// subscription.
  Task<void> reset(WorkflowPtr workflow, std::string trigger, std::optional<TriggerRow> row);
  /// A Notification trigger was told that there is something; completes once that is on disk. Errors: kNotFound (it does not
  /// listen), those of the write.
  Task<void> told(WorkflowPtr workflow, std::string trigger);
  TriggerState state_of(const Workflow& workflow, const workflow::Trigger& trigger) const;
  void stop();

 private:
  struct Armed;
  using Key = std::pair<std::pair<const store::Database*, std::int64_t>, std::string>;

  void arm(const WorkflowPtr& workflow, const workflow::Trigger& trigger, bool restored);
  bool is_mapped(Armed& armed);
  /// `keep`: it goes on from there when it is armed again.
  void disarm(const WorkflowPtr& workflow, const workflow::Trigger& trigger, bool keep);
  void schedule(const std::shared_ptr<Armed>& armed, Time due);
  void remember(const Armed& armed, std::optional<Time> next);
  void write_down(const Armed& armed, std::optional<Time> next);
  void forget(const WorkflowPtr& workflow, const workflow::Trigger& trigger);
  static Key key_of(const Workflow& workflow, std::string_view trigger);
  bool current(const std::shared_ptr<Armed>& armed) const;

  // trigger_ticks.cpp
  void tick(const std::shared_ptr<Armed>& armed, Time due);
  void tick_recurrence(const std::shared_ptr<Armed>& armed, Time due);
  void tick_window(const std::shared_ptr<Armed>& armed);

  // trigger_requests.cpp
  struct Ask;
  struct Answer;
  Task<Answer> request(std::shared_ptr<Armed> armed, Ask ask);
  Task<Answer> attempt(ActionCall call);
  /// Its inputs, evaluated. Throws kInvalidArgument.
  Value inputs_of(const Armed& armed) const;

  // trigger_polls.cpp
  Task<FiringResult> poll(std::shared_ptr<Armed> armed);
  FiringResult take_answer(const std::shared_ptr<Armed>& armed, Answer answer, const Value& inputs, std::string url);
  /// When it asks again, by what the answer said and by its recurrence.
  std::optional<Time> next_poll(const Armed& armed, std::optional<Time> asked) const;

  // trigger_subscriptions.cpp
  Task<void> subscribe(std::shared_ptr<Armed> armed);
  Task<void> unsubscribe(std::shared_ptr<Armed> armed);
  /// The same for nobody who waits; what fails is logged.
  void end_subscription(const std::shared_ptr<Armed>& armed);
  void start_subscription(const std::shared_ptr<Armed>& armed, bool restored);
  /// What the failure of a request for a subscription leaves to do.
  void not_subscribed(const std::shared_ptr<Armed>& armed, const Error& error, std::string_view what);
  void tick_subscription(const std::shared_ptr<Armed>& armed);
  void start_poll(const std::shared_ptr<Armed>& armed);

  WorkflowService& service_;
  EventSubscriber* subscriber_ = nullptr;
  mutable std::mutex mutex_;  // guards what follows and every Armed; never held across a call
  std::map<Key, std::shared_ptr<Armed>> armed_;
  bool stopped_ = false;
};

}  // namespace trunkline::flows

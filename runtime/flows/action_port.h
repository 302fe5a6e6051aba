// How the engine reaches whatever lies outside a workflow.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/flows/workflow.h"
#include "runtime/net/cancel_token.h"
#include "runtime/workflow/status.h"

namespace trunkline::flows {

/// One attempt at an action.
struct ActionCall {
  /// The definition's action, of `plan`, which keeps it.
  const workflow::Action* action = nullptr;
  PlanPtr plan;
  /// Evaluated inputs. Never changed.
  SharedValue inputs;
  /// Inline code: what it sees as `workflowContext`; null for other actions.
  SharedValue script_context;
  /// How the action was deployed and run, for headers and logs.
  WorkflowPtr workflow;
  std::string run_name;
  std::string client_tracking_id;
  /// GUID, the same for every attempt.
  std::string action_tracking_id;
  /// The same for every attempt and after a crash; different for each action, iteration and run.
  std::string idempotency_key;
  /// Attempts made before.
  int retries = 0;
  /// Where an asynchronous operation is to be looked at; empty: it begins.
  std::string location;
  /// What a trigger asks: `poll`, `fetch`, `subscribe` or `unsubscribe`; empty: it is an action that asks.
  std::string_view trigger_operation;
  /// Of a trigger: what its last answer said about where to go on, or the subscription that is to end; null: nothing.
  Value cursor;
  net::CancelToken cancel;
};

struct ActionAnswer {
  workflow::Status status = workflow::Status::kSucceeded;
  std::string code = "OK";
  Value outputs;  // null: none
  Value error;    // null: none
  /// Another attempt may help; the action's retry policy decides.
  bool retryable = false;
  std::optional<Duration> retry_after;
  /// Not done: it goes on, and is to be looked at there after `retry_after`.
  std::string location;
  /// To a trigger: what its next call is to have as `cursor`; null: nothing.
  Value cursor;

  static ActionAnswer failed(std::string code, std::string error_code, std::string message) {
    ActionAnswer out;
    out.status = workflow::Status::kFailed;
    out.code = std::move(code);
    out.error = Value{{"code", std::move(error_code)}, {"message", std::move(message)}};
    return out;
  }
};

/// A kind of operation: connectors, functions, inline code. [any-thread]
class ActionPort {
 public:
  virtual ~ActionPort() = default;
  /// Whether this one is for it. Ports are asked in the order in which they were added.
  virtual bool handles(const ActionCall& call) const = 0;
  /// Doing it again, with the same idempotency key, does no harm: a call whose outcome a crash hid is then made again in any
  /// case.
  virtual bool repeats_safely(const ActionCall& call) const = 0;
  /// Something stands behind one of these names of a connector, so that triggers of it may ask.
  virtual bool stands_behind(const std::vector<std::string>&) const { return false; }
  /// Makes the attempt. Calls `done` exactly once, on any thread, perhaps before it returns; never blocks.
  virtual void run(ActionCall call, UniqueFunction<void(ActionAnswer)> done) = 0;
};

}  // namespace trunkline::flows

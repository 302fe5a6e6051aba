// Triggers whose connector is mapped to a function of the application.
#pragma once
#include "runtime/base/function.h"
#include "runtime/flows/action_port.h"

namespace trunkline::connectors {

/// What the function is told beside the inputs: `{ operation, cursor? }`, or `{ operation, subscription? }` of `unsubscribe`.
expression::Value trigger_member(const flows::ActionCall& call);
/// Reads what the function returned. To a poll or fetch: null, for nothing new, or `{ body?, cursor?, retryAfter? }`; without a
/// cursor the one before stays. To a subscription: anything, which comes back when it ends. What is neither is a failure that
/// says so.
UniqueFunction<void(flows::ActionAnswer)> answers_of_trigger(const flows::ActionCall& call,
                                                             UniqueFunction<void(flows::ActionAnswer)> done);

}  // namespace trunkline::connectors

// Searches of events as requests say them, and what became of events as people read it.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/eventgrid/event_history.h"
#include "runtime/server/route.h"

namespace trunkline::api {

/// True when the request asks more of the log than "what comes after this position".
bool is_event_search(const server::RouteContext& context);
/// `from`, `to`, `type` (repeatable), `subject`, `correlation`, `subscription`, `state`, `after`, `order` (`oldest`, `newest`)
/// and `limit`. `now`: of the runtime's clock, for durations. Throws kInvalidArgument naming the parameter.
eventgrid::EventQuery event_query_of(const server::RouteContext& context, Time now);
/// The same members of a body.
eventgrid::EventQuery event_query_of(const nlohmann::json& body, Time now);

/// What became of an event (or of one that it stands for) at a subscription.
nlohmann::json to_json(const eventgrid::EventSubscription& subscription, const delivery::Explanation& explanation);
/// The same in one sentence.
std::string summary_of(const delivery::Explanation& explanation);

}  // namespace trunkline::api

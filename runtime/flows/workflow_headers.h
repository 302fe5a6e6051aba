// The x-ms headers by which the other side of a call knows the workflow, the run and the action.
#pragma once
#include "runtime/flows/action_port.h"
#include "runtime/flows/engine_types.h"
#include "runtime/net/http.h"

namespace trunkline::flows {

/// Of a request that an action, or a trigger, makes.
void add_request_headers(net::Headers& headers, const ActionCall& call);
/// Of the answer to the caller of a trigger whose run has begun.
void add_answer_headers(net::Headers& headers, const Workflow& workflow, const CallerAnswer& answer);
/// One of those: not the workflow's own.
bool is_answer_header(std::string_view name);

}  // namespace trunkline::flows

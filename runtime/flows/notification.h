// ApiConnectionNotification: its two requests.
#pragma once
#include <string_view>

#include "runtime/expression/value.h"

namespace trunkline::flows {

/// `part` (`subscribe` or `fetch`) of evaluated inputs in the shape of a connector action: `{ host, method, path, queries, … }`.
/// Throws Error kInvalidArgument for a path template whose parameters are not there.
expression::Value notification_part(const expression::Value& inputs, std::string_view part);

}  // namespace trunkline::flows

// Providers of a running server: what serves them, another build, the end of one.
#pragma once
#include <vector>

#include "runtime/server/route.h"

namespace trunkline {
class Clock;
class Runtime;
}  // namespace trunkline

namespace trunkline::api {

/// `wall`: for long polls, which end in real time.
void add_control_provider_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall);

}  // namespace trunkline::api

// The system's own time, for programs that talk to a runtime without having one. Code of the runtime asks its Clock.
#pragma once
#include "trunkline/error.hpp"

namespace trunkline {

Time system_time_now();

}  // namespace trunkline

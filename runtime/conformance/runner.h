// Runs the kit on a plugin that is in this process.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "runtime/conformance/check.h"

namespace trunkline::conformance {

/// All checks that apply, in the order in which they run. Runs no plugin code.
std::vector<Check> checks_for(const KitInput& input);
/// One check. Never throws. What a plugin that crashes or hangs does to this process is the caller's affair.
CheckResult run_check(const Check& check, const KitInput& input);
/// All checks whose name passes `wanted`; empty: all. `started` and `ended` are told as it goes.
Report run(const KitInput& input, const std::function<bool(std::string_view)>& wanted = {},
           const std::function<void(const std::string&)>& started = {},
           const std::function<void(const CheckResult&)>& ended = {});

}  // namespace trunkline::conformance

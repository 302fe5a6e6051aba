// JavaScriptCore, as far as scripts of workflows need it.
#pragma once
#include <cstddef>
#include <string>

#include "runtime/script/script_host.h"

namespace trunkline::script {

/// Runs one script in a context of its own and gives the JSON of its result. Throws Failure.
std::string run_script(const std::string& code, const std::string& context_json, double seconds, std::size_t max_result_bytes);

}  // namespace trunkline::script

// The carrier calls back: requests to trunkline.webhook/1.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/conformance/check.h"

namespace trunkline::conformance {

using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;

/// Sends `callback`, in whose texts `{name}` is replaced, and gives the status of the answer. Fails the check when the call
/// fails.
std::int32_t call_back(CheckContext& kit, Subject& subject, const HttpRule& callback, Fields fields, const std::string& what);
/// Skips the check when this instance takes none.
void require_webhook(CheckContext& kit, Subject& subject);

}  // namespace trunkline::conformance

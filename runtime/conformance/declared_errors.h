// Errors that an interface declares, and how a check brings a provider to give one.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "runtime/conformance/check.h"

namespace trunkline::conformance {

struct DeclaredError {
  ErrorCode code;
  std::int32_t status;  // of HTTP that stands for it; 0: none
};

/// As the quirks tell it; else, for what uses the host's HTTP, the status that stands for it. `operation` is such as `sms.send`.
/// `normal` makes a normal call, from which is seen whether HTTP is used. Null: arguments that say nothing are to provoke it.
/// Skips the check when nothing is known.
const ErrorRecipe* provocation(CheckContext& kit, const std::string& operation, const DeclaredError& wanted,
                               const std::function<void()>& normal, std::optional<HttpRule>& answer);

/// Fails the check when `error` is another one.
void require_code(const Error& error, ErrorCode wanted);
/// Fails the check when an author would have to look into a log: kInternal and kUnknown say nothing.
void require_meaning(CheckContext& kit, const Error& error);

}  // namespace trunkline::conformance

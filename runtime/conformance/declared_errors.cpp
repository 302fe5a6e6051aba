#include "runtime/conformance/declared_errors.h"

namespace trunkline::conformance {

const ErrorRecipe* provocation(CheckContext& kit, const std::string& operation, const DeclaredError& wanted,
                               const std::function<void()>& normal, std::optional<HttpRule>& answer) {
  const std::string name = operation + "." + error_name(wanted.code);
  const auto found = kit.input.quirks.errors.find(name);
  if (found != kit.input.quirks.errors.end()) {
    if (!found->second.skip.empty()) kit.skip("quirks: " + found->second.skip);
    answer = found->second.http;
    return &found->second;
  }
  if (wanted.status == 0) return nullptr;
  normal();
  if (kit.host.http.requests() == 0)
    kit.skip("nothing is known of how to provoke it: say so in the quirks' \"errors\" as \"" + name + "\"");
  answer.emplace().status = wanted.status;
  return nullptr;
}

void require_code(const Error& error, ErrorCode wanted) {
  CheckContext::require(error.code == wanted,
                        "wanted " + error_name(wanted) + ", found " + error_name(error.code) + ": " + error.message);
}

void require_meaning(CheckContext& kit, const Error& error) {
  kit.remark(error_name(error.code) + ": " + error.message);
  kit.require(error.code != ErrorCode::kInternal && error.code != ErrorCode::kUnknown,
              "it ended in " + error_name(error.code) + ": " + error.message);
}

}  // namespace trunkline::conformance

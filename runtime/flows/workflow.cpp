#include "runtime/flows/workflow.h"

#include <limits>

#include "runtime/base/strings.h"

namespace trunkline::flows {
namespace {
constexpr std::size_t kDigits = 20;
}

std::string_view to_text(WorkflowKind kind) { return kind == WorkflowKind::kStateful ? "Stateful" : "Stateless"; }

std::string run_name(RunKey key, std::string_view suffix) {
  std::string digits = std::to_string(std::numeric_limits<RunKey>::max() - key);
  digits.insert(0, kDigits - digits.size(), '0');
  return digits.append(suffix);
}

RunKey parse_run_name(std::string_view name, std::string_view& suffix) {
  if (name.size() < kDigits) return 0;
  const auto number = parse_number<RunKey>(name.substr(0, kDigits));
  if (!number || *number < 0) return 0;
  suffix = name.substr(kDigits);
  return std::numeric_limits<RunKey>::max() - *number;
}

}  // namespace trunkline::flows

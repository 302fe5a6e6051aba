#include "runtime/workflow/status.h"

#include <array>

#include "runtime/base/strings.h"

namespace trunkline::workflow {
namespace {
constexpr std::array<std::string_view, 8> kNames{"NotSpecified", "Waiting", "Running",  "Succeeded",
                                                 "Failed",       "Skipped", "TimedOut", "Cancelled"};
}

std::string_view to_text(Status status) { return kNames[static_cast<std::size_t>(status)]; }

std::optional<Status> parse_status(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (iequals(kNames[i], text)) return static_cast<Status>(i);
  return std::nullopt;
}

}  // namespace trunkline::workflow

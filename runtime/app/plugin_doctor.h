// Looks at a plugin from outside to inside and says of each thing what was found and what is wanted.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/app/plugin_target.h"

namespace trunkline::app {

struct DoctorStep {
  enum class State { kOk, kWarning, kFailed, kSkipped };
  std::string name;
  State state;
  std::string text;
};
std::string_view state_name(DoctorStep::State state);  // `ok`, `warning`, `failed`, `skipped`

struct Diagnosis {
  std::vector<DoctorStep> steps;
  const plugin::LoadedPlugin* loaded = nullptr;  // null: it does not load
  std::optional<Error> error;                    // the first thing that failed
};
/// Runs the plugin's code: loads it, and makes one instance when its configuration allows it.
Diagnosis diagnose(PluginTarget& target, const PluginConfigChoice& config);

}  // namespace trunkline::app

// Runs the conformance kit in a child process, so that a plugin that crashes, exits or hangs fails one check and not the run.
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "runtime/conformance/report.h"

namespace trunkline::app {

/// Number of the file descriptor on which a worker tells what it does.
inline constexpr int kKitWorkerDescriptor = 3;

/// A worker's side: `start NAME` and `end {…}` lines.
void tell_start(const std::string& check);
void tell_end(const conformance::CheckResult& result);

struct KitSupervision {
  std::string program;                 // path of this program
  std::vector<std::string> arguments;  // of a worker; `--skip-first N` is added
  std::vector<std::string> checks;     // in order
  std::chrono::seconds limit{60};      // of one check
};
/// One result for each check. `ended` is told as it goes. Throws kInternal when no worker can be started.
std::vector<conformance::CheckResult> supervise(const KitSupervision& run,
                                                const std::function<void(const conformance::CheckResult&)>& ended);

}  // namespace trunkline::app

// What a run of the kit found, and how it is written down.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::conformance {

enum class Outcome { kPassed, kFailed, kSkipped };
std::string_view outcome_name(Outcome outcome);  // `passed`, …

struct CheckResult {
  std::string name;  // `sms.send.cancel_during`
  Outcome outcome = Outcome::kPassed;
  /// Why it failed or was skipped; remarks of one that passed. Lines.
  std::string detail;
  double seconds = 0;
  /// Measured numbers, by name with unit, such as `p99_us`.
  std::map<std::string, double> figures;
};

struct Report {
  std::string plugin;
  std::string version;
  std::vector<std::string> interfaces;
  std::vector<CheckResult> results;

  std::size_t count(Outcome outcome) const;
  bool passed() const { return count(Outcome::kFailed) == 0 && !results.empty(); }
};

/// For people: every check on a line, failures with their reasons, a summary at the end.
std::string to_text(const Report& report);
/// {"plugin", "version", "interfaces", "passed", "failed", "skipped", "checks": [{"name", "outcome", "detail", "seconds",
/// "figures"}]}
std::string to_json(const Report& report);
/// One `testsuite`, one `testcase` a check.
std::string to_junit(const Report& report);

/// One check as a line of JSON, and back; what a supervised run sends to its supervisor. Throws kInvalidArgument.
std::string to_line(const CheckResult& result);
CheckResult from_line(std::string_view line);

}  // namespace trunkline::conformance

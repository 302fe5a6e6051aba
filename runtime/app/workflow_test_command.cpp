// `trunkline workflow test`: runs tests of workflows in this process; needs no server.
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/commands.h"
#include "runtime/flowtest/test_runner.h"

namespace trunkline::app {
namespace {

using flowtest::Coverage;
using flowtest::TestReport;
using Json = nlohmann::ordered_json;

struct TestOptions {
  std::vector<std::string> files;
  std::string lcov;
};

Json to_json(const TestReport& report) {
  Json out{{"name", report.name}, {"file", report.file}, {"passed", report.passed()}};
  if (!report.problem.empty()) out["problem"] = report.problem;
  out["differences"] = Json::array();
  for (const flowtest::Difference& one : report.differences)
    out["differences"].push_back({{"where", one.where}, {"expected", one.expected}, {"actual", one.actual}});
  out["elapsedSeconds"] = report.elapsed_seconds;
  out["coverage"] = {{"actions", report.coverage.actions.size()},
                     {"coveredActions", report.coverage.covered_actions()},
                     {"branches", report.coverage.branches.size()},
                     {"coveredBranches", report.coverage.covered_branches()}};
  return out;
}

std::string to_text(const TestReport& report) {
  std::string out = (report.passed() ? "ok      " : "FAILED  ") + report.name;
  if (!report.problem.empty()) out += "\n  " + report.problem;
  for (const flowtest::Difference& one : report.differences)
    out += "\n  " + one.where + "\n    expected  " + one.expected + "\n    actual    " + one.actual;
  return out;
}

/// What no test reached, by name.
std::string to_text(const Coverage& coverage) {
  std::string out = coverage.file + ": " + std::to_string(coverage.covered_actions()) + " of " +
                    std::to_string(coverage.actions.size()) + " actions, " + std::to_string(coverage.covered_branches()) +
                    " of " + std::to_string(coverage.branches.size()) + " branches";
  for (const Coverage::Action& action : coverage.actions)
    if (action.hits == 0) out += "\n  line " + std::to_string(action.line) + ": " + action.name + " never ran";
  for (const Coverage::Branch& branch : coverage.branches)
    if (branch.taken == 0)
      out += "\n  line " + std::to_string(branch.line) + ": '" + branch.arm + "' of " + branch.action + " was never taken";
  return out;
}

int run_tests(const TestOptions& options, const Output& output) {
  std::vector<TestReport> reports;
  std::size_t failed = 0;
  for (const std::string& file : options.files) {
    reports.push_back(flowtest::run_test_file(file));
    const TestReport& report = reports.back();
    failed += report.passed() ? 0 : 1;
    output.line(output.json() ? to_json(report).dump(-1, ' ', false, Json::error_handler_t::replace) : to_text(report));
  }
  const std::vector<Coverage> coverage = flowtest::merge(reports);
  if (!options.lcov.empty()) {
    std::ofstream out(options.lcov, std::ios::binary);
    out << flowtest::lcov(coverage);
    if (!out.flush()) throw Error(ErrorCode::kUnavailable, "cannot write '" + options.lcov + "'", "--lcov");
  }
  if (!output.json()) {
    output.line("");
    for (const Coverage& one : coverage) output.line(to_text(one));
    output.line(std::to_string(reports.size() - failed) + " of " + std::to_string(reports.size()) + " tests hold");
  }
  return failed == 0 ? kExitOk : kExitFailed;
}

}  // namespace

void add_workflow_test_command(CLI::App& app, CommandContext& context) {
  CLI::App* test = app.get_subcommand("workflow")
                       ->add_subcommand("test", "Run tests of workflows, with mocked services and a simulated clock.");
  auto options = std::make_shared<TestOptions>();
  test->add_option("files", options->files, "Test files.")->required();
  test->add_option("--lcov", options->lcov, "Write the coverage of actions and branches there, as lcov does.");
  test->callback(
      [&context, options] { context.run = [&context, options] { return run_tests(*options, Output(context.json)); }; });
}

}  // namespace trunkline::app

// What a test of a workflow found.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/expression/value.h"

namespace trunkline::flowtest {

using expression::Value;

/// One thing that is not as the file says.
struct Difference {
  /// Where, for people: `actions.Sum.outputs.total`.
  std::string where;
  std::string expected;
  std::string actual;
};

/// How often each action ran, and each arm of each condition was taken, in one definition.
struct Coverage {
  struct Action {
    std::string name;
    std::size_t line = 0;
    std::uint64_t hits = 0;
  };
  struct Branch {
    std::string action;
    std::string arm;  // `actions`, `else`, a case, `default`
    std::size_t line = 0;
    std::uint64_t taken = 0;
  };
  /// The file that holds the definition.
  std::string file;
  std::vector<Action> actions;
  std::vector<Branch> branches;

  std::size_t covered_actions() const;
  std::size_t covered_branches() const;
  /// Adds the hits of another test of the same definition.
  void add(const Coverage& other);
};

struct TestReport {
  std::string name;
  std::string file;
  /// Empty: it holds.
  std::vector<Difference> differences;
  /// The test could not be run at all, and why; empty: it was run.
  std::string problem;
  double elapsed_seconds = 0;  // of the run, on the virtual clock
  Coverage coverage;

  bool passed() const { return problem.empty() && differences.empty(); }
};

/// Adds what differs. `partial`: members that are not expected may be there. `{"$regex": …}` fits a text as a whole.
void compare(const Value& expected, const Value& actual, bool partial, const std::string& where, std::vector<Difference>& out);
/// The tracefile format of lcov, by file.
std::string lcov(const std::vector<Coverage>& coverage);
/// Coverage of tests of the same definition, added up; in the order of their files.
std::vector<Coverage> merge(const std::vector<TestReport>& reports);

}  // namespace trunkline::flowtest

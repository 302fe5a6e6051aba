// Every workflow of tests/workflow/cases, and those of tests/workflow/shapes, which have the forms that published definitions
// have; each with what has to come of it.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "runtime/flowtest/test_runner.h"

namespace trunkline::flowtest {
namespace {

std::vector<std::filesystem::path> case_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string described(const TestReport& report) {
  std::string out = report.problem;
  for (const Difference& difference : report.differences)
    out += "\n" + difference.where + "\n  expected " + difference.expected + "\n  actual   " + difference.actual;
  return out;
}

class Cases : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Cases, Holds) {
  const TestReport report = run_test_file(GetParam());
  EXPECT_TRUE(report.passed()) << described(report);
  EXPECT_FALSE(report.coverage.actions.empty());
}

std::string name_of(const ::testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Public, Cases, ::testing::ValuesIn(case_files(TEST_CASES_DIR)), name_of);
INSTANTIATE_TEST_SUITE_P(Shapes, Cases, ::testing::ValuesIn(case_files(std::filesystem::path(TEST_WORKFLOW_DIR) / "shapes")),
                         name_of);

}  // namespace
}  // namespace trunkline::flowtest

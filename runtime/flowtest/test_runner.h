// Runs tests of workflows: definitions with mocked triggers and HTTP, on a clock of their own.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "runtime/flowtest/report.h"

namespace trunkline::flowtest {

/// Runs one test. `text`: a test file (docs/guide/workflow-tests.md); its member `definition` may also be the path of a file,
/// beside `file`, that holds the definition. Nothing leaves the process and no time passes. Blocks; never on a runtime's threads.
/// Never throws: what is wrong with the file is the report's problem. [any-thread]
TestReport run_test(std::string_view text, const std::filesystem::path& file);
/// Reads the file and runs it.
TestReport run_test_file(const std::filesystem::path& file);

}  // namespace trunkline::flowtest

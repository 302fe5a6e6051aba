// Workflows and runs as text for a terminal.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace trunkline::app {

struct RunTextOptions {
  /// Values as long as they are; else what does not fit on two lines is cut.
  bool full = false;
};

/// All of these take what the control API answers.
std::vector<std::string> workflow_row(const nlohmann::json& workflow);
std::string workflow_line(const nlohmann::json& workflow);
/// What nothing here stands for, and which steps that makes fail: a line each, with a line break before it. Empty: all is there.
std::string missing_text(const nlohmann::json& workflow);
std::vector<std::string> run_row(const nlohmann::json& run);
std::vector<std::string> version_row(const nlohmann::json& version);
std::vector<std::string> firing_row(const nlohmann::json& firing);
std::string started_text(const nlohmann::json& started);
/// Step by step: every input and output, attempt and error.
std::string run_text(const nlohmann::json& run, RunTextOptions options);

}  // namespace trunkline::app

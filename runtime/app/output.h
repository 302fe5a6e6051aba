// What a command prints and how it ends.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "trunkline/error.hpp"

namespace trunkline::app {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // the operation was refused or failed
  kExitUsage = 2,        // wrong options or a wrong configuration
  kExitUnreachable = 3,  // no server answers
  kExitTimeout = 4,      // `wait` waited in vain
};

/// `--json`: one object on one line, also for errors (`{"error":{…}}` on standard output).
class Output {
 public:
  explicit Output(bool json) : json_(json) {}
  bool json() const { return json_; }
  /// Prints the object with --json, else the text.
  void result(const nlohmann::json& object, const std::string& text) const;
  void line(const std::string& text) const;
  /// Prints the error and gives the exit code for it.
  int failure(const Error& error) const;

 private:
  bool json_;
};

}  // namespace trunkline::app

// A whole runtime whose carriers follow a script (tests/integration/carrier_plugin).
#pragma once
#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <thread>

#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {

/// A provider that follows a script; `more`: further members of its configuration.
inline std::string carrier(const std::string& name, const std::string& script, const std::string& more = "",
                           const std::string& beside = "") {
  return "{name: " + name + ", plugin: test-carrier, config: {script: [" + script + "]" + (more.empty() ? "" : ", " + more) +
         "}" + (beside.empty() ? "" : ", " + beside) + "}";
}

/// For what comes in wall time: the end of a process, a carrier on the real clock. False: it has not come after 20 s.
inline bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

class SmsRouting : public RuntimeTest {
 protected:
  std::string one(SmsSubmission s) { return send(std::move(s))[0].message_id.value(); }
  std::string one() { return one(submission({kPhone})); }
  /// Ends the runtime, so that another one may have its files.
  void restart() {
    runtime_->close();
    runtime_.reset();
  }
  std::vector<std::string> steps(const std::string& id) {
    std::vector<std::string> out;
    for (const DecisionStep& step : runtime_->sms().explain(*resource_, id).steps)
      out.push_back(step.rule + " " + step.outcome + " " + step.value + (step.detail ? ": " + *step.detail : ""));
    return out;
  }
  std::string refusal(SmsSubmission s) {
    const auto outcome = send(std::move(s))[0];
    EXPECT_FALSE(outcome.successful);
    return std::to_string(outcome.http_status) + " " + outcome.error_message.value_or("");
  }
  void expect_taken_by(const std::string& id, const std::string& provider) {
    EXPECT_EQ(record(id).state, sms::MessageState::kSent);
    EXPECT_EQ(record(id).provider, provider);
  }
};

}  // namespace trunkline

// Internal to the test runner: what a file expects against what happened.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/flows/run_view.h"
#include "runtime/flowtest/mock_sender.h"
#include "runtime/flowtest/report.h"
#include "runtime/net/http.h"

namespace trunkline::flowtest {

/// What happened.
struct Outcome {
  std::vector<flows::RunView> runs;  // in the order in which they began
  std::optional<net::Response> response;
  std::optional<net::Response> final_response;
  std::vector<MockSender::Call> calls;
  Time began;
};

void check(const Value& expect, const Outcome& outcome, std::vector<Difference>& out);

}  // namespace trunkline::flowtest

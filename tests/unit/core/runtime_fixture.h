// A whole runtime in memory on a virtual clock.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "runtime/clock/clock.h"
#include "runtime/core/runtime.h"
#include "runtime/events/event_log.h"
#include "runtime/services/resource_service.h"
#include "runtime/services/sandbox_service.h"
#include "runtime/services/sms_service.h"

namespace trunkline {

inline constexpr const char* kOwned = "+14255550100";
inline constexpr const char* kPhone = "+14255550123";

/// A configuration with the given providers and routes (YAML lists) and one resource that owns kOwned.
inline std::string test_config(const std::string& providers, const std::string& routes = "[]", const std::string& more = "") {
  return "runtime: {clock: virtual, seed: 7, threads: 2}\n"
         "log: {level: off}\n"
         "plugins: {paths: ['" TEST_PLUGINS_DIR
         "']}\n"
         "providers: " +
         providers + "\nroutes: " + routes +
         "\n"
         "resources:\n"
         "  - name: world\n"
         "    numbers:\n"
         "      - {number: '+14255550100', type: geographic, sms: both, calling: both}\n"
         "      - {number: '+14255550101', type: geographic, sms: inbound}\n"
         "    alphanumeric_senders: [CONTOSO]\n"
         "    short_codes: ['25555']\n" +
         more;
}

/// The error that `f` ends with.
template <class F>
Error error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

inline const std::string kSandbox =
    "[{name: sim, plugin: sms-sandbox, config: {latency_ms: 20}}, {name: id, plugin: identity-local}]";

class RuntimeTest : public testing::Test {
 protected:
  void open(const std::string& yaml) {
    runtime_ = Runtime::open(parse_config(yaml));
    resource_ = runtime_->resources().default_resource();
  }
  void TearDown() override {
    if (runtime_) runtime_->close();
  }

  SmsSubmission submission(std::vector<std::string> to, bool report = true) const {
    SmsSubmission s;
    s.from = kOwned;
    s.text = "hello";
    s.wants_report = report;
    for (std::string& number : to) s.to.push_back({std::move(number), {}});
    return s;
  }
  std::vector<service::SmsSendOutcome> send(SmsSubmission s) { return sync_wait(runtime_->sms().send(resource_, std::move(s))); }
  void advance(Duration by) { runtime_->clock().advance(by); }
  void settle() { sync_wait(runtime_->settle()); }
  std::vector<Event> events(const std::string& type = {}) {
    EventFilter filter;
    if (!type.empty()) filter.types.push_back(type);
    return runtime_->events().read(*resource_->database, resource_->key, filter, 0, 1000);
  }
  service::SmsRecord record(const std::string& id) { return runtime_->sms().get(*resource_, id); }
  std::vector<std::string> rules(const std::string& id) {
    std::vector<std::string> names;
    for (const DecisionStep& step : runtime_->sms().explain(*resource_, id).steps)
      names.push_back(step.rule + ":" + step.outcome);
    return names;
  }

  std::unique_ptr<Runtime> runtime_;
  ResourcePtr resource_;
};

}  // namespace trunkline

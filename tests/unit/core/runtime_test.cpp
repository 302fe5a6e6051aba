#include <gmock/gmock.h>

#include <atomic>

#include "runtime/diagnostics/metrics.h"
#include "runtime/providers/provider_registry.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using testing::HasSubstr;
using testing::Not;

class RuntimeCloseTest : public RuntimeTest {
 protected:
  // A runtime that waits `stop_timeout` for its providers.
  void open_with(const std::string& providers, const std::string& stop_timeout) {
    std::string yaml = test_config(providers);
    yaml.insert(yaml.find("threads"), "stop_timeout: " + stop_timeout + ", ");
    open(yaml);
  }
  std::string metrics() { return runtime_->metrics().expose(); }
};

TEST_F(RuntimeCloseTest, ClosingAbandonsAProviderThatNeverStops) {
  open_with("[{name: stuck, plugin: bad-stop-never}, {name: sim, plugin: sms-sandbox}]", "20ms");
  runtime_->close();
  EXPECT_THAT(metrics(), HasSubstr(R"(kind="stop_timeout",plugin="bad-stop-never")"));
  EXPECT_THAT(metrics(), Not(HasSubstr("sms-sandbox\",provider=\"sim")));
}

// The limit is an hour: a test that waits for it does not end.
TEST_F(RuntimeCloseTest, ClosingWaitsForNothingWhenNothingHangs) {
  open_with(kSandbox, "1h");
  for (int i = 0; i < 10; ++i) send(submission({kPhone}));
  runtime_->close();
  EXPECT_THAT(metrics(), Not(HasSubstr("stop_timeout")));
}

// A call that its plugin never answers is failed when its provider is abandoned, and holds nothing up afterwards.
TEST_F(RuntimeCloseTest, ClosingFailsTheCallsOfAProviderThatNeverAnswers) {
  open_with("[{name: stuck, plugin: bad-never-answers}]", "20ms");
  const ProviderPtr stuck = runtime_->providers().find("stuck");
  sms::SmsSendRequest request;
  request.from = kOwned;
  request.text = "hello";
  request.recipients.emplace_back().to = kPhone;
  std::atomic<bool> ended{false};
  spawn(stuck->sms().send(std::move(request)), [&](Result<std::vector<sms::SmsSendResult>> result) {
    EXPECT_FALSE(result.ok());
    ended = true;
  });
  EXPECT_FALSE(ended);
  runtime_->close();
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace trunkline

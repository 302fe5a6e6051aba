// Reports that name the message by the carrier's id only, and come before the carrier's answer is on disk.
#include <gmock/gmock.h>

#include <filesystem>

#include "runtime/diagnostics/metrics.h"
#include "runtime/services/early_reports.h"
#include "tests/unit/core/sms_routing_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

class SmsEarlyReports : public SmsRouting {
 protected:
  /// What the carrier says of its own id, without ours.
  void report(const std::string& carrier_id, sms::MessageState state, const std::string& provider = "a") {
    sms::DeliveryReport report;
    report.provider_message_id = carrier_id;
    report.state = state;
    report.at = runtime_->clock().now();
    sync_wait(runtime_->sms().on_delivery_report(provider, report));
  }
};

TEST_F(SmsEarlyReports, IsAppliedOnceTheAnswerIsKnown) {
  open(test_config("[" + carrier("a", "slow") + "]"));
  const std::string id = one();
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kQueued);
  report("carrier-" + id, sms::MessageState::kSent);
  report("carrier-" + id, sms::MessageState::kDelivered);
  EXPECT_EQ(record(id).state, sms::MessageState::kQueued) << "nobody knows whose it is";
  advance(1s);
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
  EXPECT_EQ(record(id).provider_message_id, "carrier-" + id);
  EXPECT_EQ(record(id).receipt_count, 2);
  EXPECT_THAT(steps(id),
              Contains(HasSubstr("receipt applied a: delivered; it was here before the carrier's answer was on disk")));
  EXPECT_EQ(events("Microsoft.Communication.SMSDeliveryReportReceived").size(), 1u);
}

TEST_F(SmsEarlyReports, AnothersIdIsNotMistakenForIt) {
  open(test_config("[" + carrier("a", "slow") + ", " + carrier("b", "") + "]"));
  const std::string id = one();
  settle();
  report("carrier-" + id, sms::MessageState::kDelivered, "b");
  advance(1s);
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kSent);
}

TEST_F(SmsEarlyReports, IsDroppedWhenNobodyAsksForIt) {
  open(test_config("[" + carrier("a", "slow") + "]"));
  report("what we never sent", sms::MessageState::kDelivered);
  EXPECT_THAT(runtime_->metrics().expose(), HasSubstr("trunkline_early_reports_total 1"));
  advance(EarlyReports::kKept + 1s);
  settle();
  EXPECT_THAT(runtime_->metrics().expose(), HasSubstr("trunkline_unknown_reports_total 1"));
}

TEST_F(SmsEarlyReports, OfTooManyTheOldestGo) {
  open(test_config("[" + carrier("a", "slow") + "]"));
  const std::string id = one();
  settle();
  report("carrier-" + id, sms::MessageState::kDelivered);
  std::vector<Task<void>> tasks;
  for (std::size_t i = 0; i < EarlyReports::kMost; ++i) {
    sms::DeliveryReport other;
    other.provider_message_id = "other-" + std::to_string(i);
    other.state = sms::MessageState::kDelivered;
    other.at = runtime_->clock().now();
    tasks.push_back(runtime_->sms().on_delivery_report("a", other));
  }
  std::atomic<std::size_t> done{0};
  for (Task<void>& task : tasks)
    spawn(std::move(task), [&](Result<void>) {
      done.fetch_add(1);
      done.notify_all();
    });
  for (std::size_t now; (now = done.load()) < tasks.size();) done.wait(now);
  advance(1s);
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kSent) << "its report made room";
}

class SmsEarlyReportsOnDisk : public SmsEarlyReports {
 protected:
  SmsEarlyReportsOnDisk() {
    std::string name = std::filesystem::temp_directory_path() / "early-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override {
    SmsEarlyReports::TearDown();
    std::filesystem::remove_all(folder_);
  }
  std::string on_disk(const std::string& providers) {
    return test_config(providers, "[]", "store: {mode: file, path: '" + folder_.string() + "'}\n");
  }
  std::filesystem::path folder_;
};

TEST_F(SmsEarlyReportsOnDisk, SurvivesARestart) {
  // The first process ends with the call under way; the carrier takes a message once under its key.
  const std::string journal = "idempotent: true, journal: '" + (folder_ / "journal").string() + "'";
  open(on_disk("[" + carrier("a", "silent", journal) + "]"));
  const std::string id = one();
  settle();
  report("carrier-" + id, sms::MessageState::kDelivered);
  restart();
  open(on_disk("[" + carrier("a", "", journal) + "]"));
  advance(1min);
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
}

}  // namespace
}  // namespace trunkline

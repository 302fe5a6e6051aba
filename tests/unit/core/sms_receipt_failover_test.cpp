// A carrier takes a message and reports later that it failed: the next one tries, when the route says so.
#include <gmock/gmock.h>

#include <filesystem>

#include "runtime/sms/outcome.h"
#include "tests/unit/core/sms_routing_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using sms::FailureReason;
using sms::MessageState;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kRoute =
    "[{interface: sms, providers: [a, b], receipt_failover: {on: [carrier_fault, retriable], within: 10m}}]";

class SmsReceiptFailover : public SmsRouting {
 protected:
  SmsReceiptFailover() {
    std::string name = std::filesystem::temp_directory_path() / "failover-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override {
    SmsRouting::TearDown();
    std::filesystem::remove_all(folder_);
  }
  void open_two(const std::string& a = "", const std::string& b = "", const std::string& route = kRoute) {
    const auto own = [&](const std::string& name) { return "idempotent: true, journal: '" + (folder_ / name).string() + "'"; };
    open(test_config("[" + carrier("a", a, own("a")) + ", " + carrier("b", b, own("b")) + "]", route,
                     "store: {mode: file, path: '" + (folder_ / "data").string() + "'}\n"));
  }
  void report(const std::string& id, MessageState state, FailureReason reason = FailureReason::kNone,
              const std::string& provider = "a", std::optional<std::int32_t> segments = {}) {
    sms::DeliveryReport report;
    report.message_id = id;
    report.provider_message_id = "carrier-" + id;
    report.state = state;
    report.reason = reason;
    if (reason != FailureReason::kNone) report.provider_code = "E17";
    report.segments_delivered = segments;
    report.at = runtime_->clock().now();
    sync_wait(runtime_->sms().on_delivery_report(provider, report));
    settle();
  }
  std::size_t reports_told() { return events("Microsoft.Communication.SMSDeliveryReportReceived").size(); }
  std::filesystem::path folder_;
};

TEST_F(SmsReceiptFailover, TheNextCarrierTriesAndExplainSaysWhy) {
  open_two();
  const std::string id = one();
  settle();
  expect_taken_by(id, "a");
  report(id, MessageState::kFailed, FailureReason::kTemporary);
  expect_taken_by(id, "b");
  EXPECT_EQ(reports_told(), 0u) << "nothing has ended";
  EXPECT_THAT(steps(id), Contains(HasSubstr("failover.receipt next carrier fault: from a to the next carrier, b")));
  EXPECT_THAT(steps(id), Contains("failover pick b: takes over from a"));
  report(id, MessageState::kFailed, FailureReason::kTemporary);  // told twice
  report(id, MessageState::kFailed, FailureReason::kBlocked);    // and once more in other words
  expect_taken_by(id, "b");
  EXPECT_THAT(steps(id), Contains(HasSubstr("receipt stale a")));
  report(id, MessageState::kDelivered, FailureReason::kNone, "b");
  EXPECT_EQ(record(id).state, MessageState::kDelivered);
  EXPECT_EQ(reports_told(), 1u);
}

TEST_F(SmsReceiptFailover, WhenNobodyIsLeftItHasFailed) {
  open_two();
  const std::string id = one();
  settle();
  report(id, MessageState::kFailed, FailureReason::kTemporary);
  report(id, MessageState::kFailed, FailureReason::kTemporary, "b");
  EXPECT_EQ(record(id).state, MessageState::kFailed);
  EXPECT_EQ(record(id).provider, "b");
  EXPECT_THAT(steps(id), Contains("failover.receipt skip carrier fault: there is no other carrier"));
  EXPECT_EQ(reports_told(), 1u);
}

TEST_F(SmsReceiptFailover, ARefusalOfTheNextEndsWithItsReason) {
  open_two("", "bad_destination");
  const std::string id = one();
  settle();
  report(id, MessageState::kFailed, FailureReason::kTemporary);
  advance(1h);
  EXPECT_EQ(record(id).state, MessageState::kFailed);
  EXPECT_EQ(record(id).reason, FailureReason::kBadDestination);
  EXPECT_EQ(record(id).provider, "b");
}

TEST_F(SmsReceiptFailover, NeverAfterThese) {
  open_two();
  for (const FailureReason reason : {FailureReason::kOptedOut, FailureReason::kBadDestination, FailureReason::kBadSender,
                                     FailureReason::kBlocked, FailureReason::kNoReport, FailureReason::kUnspecified}) {
    const std::string id = one();
    settle();
    report(id, MessageState::kFailed, reason);
    EXPECT_EQ(record(id).state, MessageState::kFailed) << word(reason);
    EXPECT_EQ(record(id).provider, "a");
    EXPECT_THAT(steps(id), Contains(HasSubstr("failover.receipt skip"))) << word(reason);
  }
}

TEST_F(SmsReceiptFailover, NeverWhenAPartMayHaveArrivedOrItIsLate) {
  open_two();
  const std::string part = one();
  settle();
  report(part, MessageState::kFailed, FailureReason::kTemporary, "a", 1);
  EXPECT_EQ(record(part).state, MessageState::kFailed);
  EXPECT_THAT(steps(part), Contains(HasSubstr("a part of it may have arrived")));
  const std::string delivered = one();
  settle();
  report(delivered, MessageState::kDelivered);
  report(delivered, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_EQ(record(delivered).state, MessageState::kDelivered);
  const std::string expired = one();
  settle();
  report(expired, MessageState::kExpired, FailureReason::kUnreachable);
  EXPECT_EQ(record(expired).state, MessageState::kExpired);
  const std::string late = one();
  advance(11min);
  report(late, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_EQ(record(late).state, MessageState::kFailed);
  EXPECT_THAT(steps(late), Contains(HasSubstr("it was accepted too long ago")));
}

TEST_F(SmsReceiptFailover, OnlyForTheClassesOfTheRoute) {
  open_two("", "", "[{interface: sms, providers: [a, b], receipt_failover: {on: [retriable]}}]");
  const std::string fault = one(), unreachable = one();
  settle();
  report(fault, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_EQ(record(fault).state, MessageState::kFailed);
  report(unreachable, MessageState::kFailed, FailureReason::kUnreachable);
  expect_taken_by(unreachable, "b");
  restart();
  open_two("", "", "[{interface: sms, providers: [a, b]}]");
  const std::string without = one();
  settle();
  report(without, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_EQ(record(without).state, MessageState::kFailed);
  EXPECT_THAT(rules(without), Each(Not(HasSubstr("failover"))));
}

TEST_F(SmsReceiptFailover, ADeliveryOfTheFirstAfterAllCounts) {
  open_two("", "slow");
  const std::string id = one();
  settle();
  report(id, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_EQ(record(id).state, MessageState::kQueued);
  sms::DeliveryReport after_all;  // only the carrier's id
  after_all.provider_message_id = "carrier-" + id;
  after_all.state = MessageState::kDelivered;
  after_all.at = runtime_->clock().now();
  sync_wait(runtime_->sms().on_delivery_report("a", after_all));
  EXPECT_EQ(record(id).state, MessageState::kDelivered);
  advance(1min);
  EXPECT_EQ(record(id).state, MessageState::kDelivered);
}

TEST_F(SmsReceiptFailover, AReceiptFasterThanTheAnswerWaitsForIt) {
  open_two("slow");
  const std::string id = one();
  settle();
  report(id, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_EQ(record(id).state, MessageState::kQueued);
  advance(1s);
  settle();
  expect_taken_by(id, "b");
}

TEST_F(SmsReceiptFailover, AReceiptIsTheAnswerOfACarrierThatCannotBeAsked) {
  open(test_config("[" + carrier("a", "lost, lost", "", "interfaces: [sms]") + ", " + carrier("b", "") + "]", kRoute));
  const std::string id = one();
  settle();
  EXPECT_EQ(record(id).state, MessageState::kUncertain);
  report(id, MessageState::kFailed, FailureReason::kTemporary);
  expect_taken_by(id, "b");
  report(id, MessageState::kDelivered, FailureReason::kNone, "b");
  EXPECT_EQ(record(id).state, MessageState::kDelivered);
  EXPECT_EQ(reports_told(), 1u);
  const std::string other = one();  // what somebody else says of it settles nothing
  settle();
  report(other, MessageState::kFailed, FailureReason::kTemporary, "b");
  EXPECT_EQ(record(other).state, MessageState::kUncertain);
  report(other, MessageState::kFailed, FailureReason::kTemporary);
  expect_taken_by(other, "b");
  sms::DeliveryReport after_all;  // only the carrier's id, which the receipt has told
  after_all.provider_message_id = "carrier-" + other;
  after_all.state = MessageState::kDelivered;
  after_all.at = runtime_->clock().now();
  sync_wait(runtime_->sms().on_delivery_report("a", after_all));
  EXPECT_EQ(record(other).state, MessageState::kDelivered);
}

TEST_F(SmsReceiptFailover, ACarrierThatIsStillAskedKeepsTheMessage) {
  open_two("lost, lost, lost");
  const std::string id = one();
  settle();
  EXPECT_EQ(record(id).state, MessageState::kUncertain);
  report(id, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_EQ(record(id).state, MessageState::kFailed);
  EXPECT_EQ(record(id).provider, "a");
  EXPECT_THAT(steps(id), Contains(HasSubstr("its answer was lost, and it is still being asked")));
}

TEST_F(SmsReceiptFailover, ARestartInBetweenGoesOnWithTheNext) {
  open_two("", "silent");
  const std::string id = one();
  settle();
  report(id, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_EQ(record(id).state, MessageState::kQueued);
  restart();
  open_two("", "");
  advance(1min);
  settle();
  expect_taken_by(id, "b");
  report(id, MessageState::kFailed, FailureReason::kTemporary);  // what the carrier tells again after a restart
  expect_taken_by(id, "b");
  restart();
  open_two();
  report(id, MessageState::kFailed, FailureReason::kUnreachable, "b");
  EXPECT_EQ(record(id).state, MessageState::kFailed) << "a is not asked again";
}

TEST_F(SmsReceiptFailover, SomebodyWhoOptsOutInBetweenGetsNothing) {
  open_two();
  const std::string id = one();
  settle();
  sync_wait(runtime_->sms().consent().add(resource_, kOwned, {kPhone}));
  report(id, MessageState::kFailed, FailureReason::kTemporary);
  EXPECT_EQ(record(id).state, MessageState::kFailed);
  EXPECT_EQ(record(id).reason, FailureReason::kOptedOut);
}

TEST_F(SmsReceiptFailover, BadConfiguration) {
  const auto fault = [&](const std::string& routes) {
    return error_of([&] { open(test_config("[" + carrier("a", "") + "]", routes)); }).message;
  };
  EXPECT_THAT(fault("[{interface: sms, providers: [a], receipt_failover: {on: [consent]}}]"),
              HasSubstr("wanted retriable and carrier_fault, found 'consent'"));
  EXPECT_THAT(fault("[{interface: sms, providers: [a], receipt_failover: {within: 1m}}]"), HasSubstr("receipt_failover.on"));
  EXPECT_THAT(fault("[{interface: email, providers: [a], receipt_failover: {on: [retriable]}}]"),
              HasSubstr("only routes of sms"));
}

}  // namespace
}  // namespace trunkline

// Carriers with a character: rates, latencies, quirks of receipts; the same in every run.
#include "tests/plugins/sms-sandbox/sms_sandbox.h"

#include <map>

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using sms::DeliveryReport;
using sms::FailureReason;
using sms::MessageState;
using sms::SmsSendResult;
using testing::code_of;
using testing::kOurs;
using testing::kPhone;
using testing::on_behalf_of;
using ::testing::SizeIs;
using testing::SmsSandbox;

class Personality : public SmsSandbox {
 protected:
  void open_as(const std::string& personality, const std::string& more = {}) {
    open(R"({"seed": 7, "latency_ms": 100, "personality": )" + personality + (more.empty() ? "" : ", " + more) + "}");
  }
  std::vector<SmsSendResult> send_many(int count) {
    std::vector<SmsSendResult> all;
    for (int i = 0; i < count; ++i) {
      auto one = request({kPhone});
      one.recipients[0].message_id = "m" + std::to_string(i);
      all.push_back(send(one)[0]);
    }
    return all;
  }
  std::map<std::string, std::vector<DeliveryReport>> reports_by_message() const {
    std::map<std::string, std::vector<DeliveryReport>> all;
    for (const DeliveryReport& report : sink_.reports()) all[report.message_id].push_back(report);
    return all;
  }
};

TEST_F(Personality, TakesNoMoreThanItsRate) {
  open_as(R"({"rate_per_second": 2, "burst": 3})");
  const auto first = send_many(5);
  EXPECT_TRUE(first[2].accepted);
  EXPECT_FALSE(first[3].accepted);
  EXPECT_EQ(first[3].reason, FailureReason::kOverQuota);
  EXPECT_TRUE(first[3].retryable);
  host_.clock.advance(1s);
  const auto second = send_many(3);
  EXPECT_TRUE(second[1].accepted);
  EXPECT_FALSE(second[2].accepted);
}

TEST_F(Personality, WhatWasRefusedForNowIsDecidedAgain) {
  open_as(R"({"rate_per_second": 1})");
  CallOptions options = on_behalf_of("acme");
  options.idempotency_key = "key";
  send_many(1);
  EXPECT_FALSE(send(request({kPhone}), options)[0].accepted);
  host_.clock.advance(1s);
  EXPECT_TRUE(send(request({kPhone}), options)[0].accepted);
}

TEST_F(Personality, LatenciesFollowTheCurve) {
  open_as(
      R"({"latency_curve": [{"percentile": 50, "ms": 1000}, {"percentile": 90, "ms": 2000}, {"percentile": 100, "ms": 60000}]})");
  send_many(400);
  const auto after = [&](Duration step) {
    host_.clock.advance(step);
    return sink_.reports().size();
  };
  EXPECT_NEAR(static_cast<double>(after(1s)), 200, 30);
  EXPECT_NEAR(static_cast<double>(after(1s)), 360, 20);
  EXPECT_EQ(after(58s), 400u);
}

TEST_F(Personality, ErrorsComeInTheirShares) {
  open_as(
      R"({"refuse": [{"reason": "temporary", "share": 0.2}], "fail": [{"reason": "unreachable", "share": 0.3}, {"reason": "blocked", "share": 0.1}]})");
  int refused = 0;
  for (const SmsSendResult& result : send_many(500)) refused += result.accepted ? 0 : 1;
  EXPECT_NEAR(refused, 100, 30);
  host_.clock.advance(1s);
  std::map<FailureReason, int> reasons;
  for (const DeliveryReport& report : sink_.reports()) ++reasons[report.reason];
  EXPECT_NEAR(reasons[FailureReason::kUnreachable], 120, 30);
  EXPECT_NEAR(reasons[FailureReason::kBlocked], 40, 20);
}

TEST_F(Personality, ReportsComeTwiceOrLateOrNever) {
  open_as(
      R"({"duplicate": {"share": 0.5, "after_ms": 5000}, "missing": {"share": 0.2}, "late": {"share": 0.5, "by_ms": 60000}})");
  send_many(200);
  host_.clock.advance(100ms);
  const std::size_t punctual = sink_.reports().size();
  EXPECT_NEAR(static_cast<double>(punctual), 80, 25);
  // Late is the report, not the message.
  EXPECT_THAT(sandbox_.messages_sync(kPhone, on_behalf_of("acme")), SizeIs(200));
  host_.clock.advance(10min);
  const auto all = reports_by_message();
  EXPECT_NEAR(static_cast<double>(all.size()), 160, 20);
  int twice = 0;
  for (const auto& [id, reports] : all) {
    ASSERT_LE(reports.size(), 2u);
    if (reports.size() < 2) continue;
    ++twice;
    EXPECT_EQ(reports[0].state, reports[1].state);
    EXPECT_EQ(reports[1].at - reports[0].at, 5s);
  }
  EXPECT_NEAR(twice, 80, 25);
}

TEST_F(Personality, ContradictionsComeBeforeOrAfterTheTruth) {
  open_as(R"({"contradictory": {"share": 1, "after_ms": 2000}})");
  send_many(100);
  host_.clock.advance(1min);
  int lies_first = 0;
  for (const auto& [id, reports] : reports_by_message()) {
    ASSERT_THAT(reports, SizeIs(2));
    EXPECT_NE(reports[0].state, reports[1].state);
    lies_first += reports[0].state == MessageState::kFailed ? 1 : 0;
  }
  EXPECT_NEAR(lies_first, 50, 20);
}

TEST_F(Personality, TheSameSeedIsTheSameCarrier) {
  const auto run = [&](int seed) {
    testing::Host host;
    testing::Sink sink;
    auto instance = host.open("sms-sandbox", R"({"seed": )" + std::to_string(seed) + R"(, "personality": {"preset": "liar"}})",
                              sms::iface_of(&sink));
    sms::SmsProviderClient sms(instance->interface("trunkline.sms/1"), instance->calls());
    const Time began = host.clock.now();
    for (int i = 0; i < 50; ++i) {
      auto one = request({kPhone});
      one.recipients[0].message_id = "m" + std::to_string(i);
      sms.send_sync(one, on_behalf_of("acme"));
    }
    host.clock.advance(1h);
    std::vector<std::tuple<std::string, MessageState, Duration>> told;
    for (const DeliveryReport& report : sink.reports()) told.emplace_back(report.message_id, report.state, report.at - began);
    std::sort(told.begin(), told.end());
    return told;
  };
  const auto first = run(3);
  EXPECT_EQ(first, run(3));
  EXPECT_NE(first, run(4));
}

TEST_F(Personality, RulesWinOverTheMixAndPresetsCanBeChanged) {
  open_as(R"({"preset": "flaky", "refuse": []})", R"("rules": [{"match": "+14255550123", "reply": "hi"}])");
  for (const SmsSendResult& result : send_many(100)) EXPECT_TRUE(result.accepted);
  host_.clock.advance(10min);
  for (const DeliveryReport& report : sink_.reports()) EXPECT_EQ(report.state, MessageState::kDelivered);
}

TEST_F(Personality, EachPresetHasItsCharacter) {
  struct Seen {
    int taken = 0, over_quota = 0, temporary = 0, failed = 0, silent = 0, more_than_one = 0;
    Duration slowest{};
  };
  const auto live_with = [&](const char* preset) {
    testing::Host host;
    testing::Sink sink;
    auto instance = host.open("sms-sandbox", std::string(R"({"seed": 7, "personality": {"preset": ")") + preset + R"("}})",
                              sms::iface_of(&sink));
    sms::SmsProviderClient sms(instance->interface("trunkline.sms/1"), instance->calls());
    Seen seen;
    const Time began = host.clock.now();
    for (int i = 0; i < 400; ++i) {
      auto one = request({kPhone});
      one.recipients[0].message_id = "m" + std::to_string(i);
      const SmsSendResult result = sms.send_sync(one, on_behalf_of("acme"))[0];
      ++(result.accepted ? seen.taken : result.reason == FailureReason::kOverQuota ? seen.over_quota : seen.temporary);
    }
    host.clock.advance(2h);
    std::map<std::string, int> reports;
    for (const DeliveryReport& report : sink.reports()) {
      seen.failed += report.state == MessageState::kFailed ? 1 : 0;
      seen.slowest = std::max<Duration>(seen.slowest, report.at - began);
      seen.more_than_one += ++reports[report.message_id] == 2 ? 1 : 0;
    }
    seen.silent = seen.taken - static_cast<int>(reports.size());
    return seen;
  };
  const Seen steady = live_with("steady");
  EXPECT_EQ(steady.taken, 400);
  EXPECT_EQ(steady.silent + steady.more_than_one, 0);
  EXPECT_NEAR(steady.failed, 4, 4);
  EXPECT_LE(steady.slowest, 20s);
  const Seen busy = live_with("busy");
  EXPECT_NEAR(busy.taken, 20, 3) << "its burst";
  EXPECT_GT(busy.over_quota, 350);
  const Seen flaky = live_with("flaky");
  EXPECT_NEAR(flaky.temporary, 60, 25);
  EXPECT_NEAR(flaky.failed, 34, 20);
  EXPECT_NEAR(flaky.silent, 17, 14);
  EXPECT_GT(flaky.slowest, 1s);
  const Seen liar = live_with("liar");
  EXPECT_EQ(liar.taken, 400);
  EXPECT_GT(liar.more_than_one, 80) << "twice, or one against the other";
  EXPECT_NEAR(liar.silent, 40, 25);
}

TEST_F(Personality, RefusesWhatCannotBe) {
  std::string target;
  EXPECT_EQ(code_of([&] { open_as(R"({"fail": [{"reason": "blocked", "share": 0.6}, {"reason": "temporary", "share": 0.6}]})"); },
                    &target),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "personality.fail");
  EXPECT_EQ(
      code_of([&] { open_as(R"({"latency_curve": [{"percentile": 50, "ms": 10}, {"percentile": 40, "ms": 20}]})"); }, &target),
      ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "personality.latency_curve[1]");
  EXPECT_EQ(code_of([&] { open_as(R"({"preset": "angry"})"); }), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace trunkline

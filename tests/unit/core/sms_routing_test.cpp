// Failover, lost answers, receipts, routes and rates, on carriers that follow a script.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/core/sms_routing_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// ---- failover by class of outcome ----

TEST_F(SmsRouting, ACarriersFaultGoesToTheNext) {
  for (const char* word : {"unavailable", "internal", "temporary", "over_quota", "invalid", "bad_sender"}) {
    open(test_config("[" + carrier("a", word) + ", " + carrier("b", "") + "]"));
    const std::string id = one();
    settle();
    expect_taken_by(id, "b");
    EXPECT_THAT(rules(id), Contains("outcome:next")) << word;
    runtime_->close();
  }
}

TEST_F(SmsRouting, ConsentAuthenticationAndABadNumberEndIt) {
  const std::pair<const char*, sms::FailureReason> cases[] = {{"opted_out", sms::FailureReason::kOptedOut},
                                                              {"bad_destination", sms::FailureReason::kBadDestination},
                                                              {"unauthenticated", sms::FailureReason::kUnspecified}};
  for (const auto& [word, reason] : cases) {
    open(test_config("[" + carrier("a", word) + ", " + carrier("b", "") + "]"));
    const std::string id = one();
    advance(1min);
    EXPECT_EQ(record(id).state, sms::MessageState::kFailed) << word;
    EXPECT_EQ(record(id).reason, reason);
    EXPECT_EQ(record(id).provider, "a");
    EXPECT_THAT(rules(id), Contains("outcome:stop")) << word;
    runtime_->close();
  }
}

TEST_F(SmsRouting, AllAreAskedAgainAfterAPauseWhenThatCanHelp) {
  open(test_config("[" + carrier("a", "unavailable, unavailable") + ", " + carrier("b", "temporary") + "]"));
  const std::string id = one();
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kQueued);
  advance(1s);  // a is still away, b takes it
  expect_taken_by(id, "b");
  EXPECT_THAT(rules(id), Contains("retry:wait"));
}

TEST_F(SmsRouting, WhatNobodyTakesForGoodIsNotTriedForEver) {
  open(test_config("[" + carrier("a", "invalid, ok") + "]"));
  const std::string id = one();
  advance(1h);
  EXPECT_EQ(record(id).state, sms::MessageState::kFailed);
  EXPECT_THAT(rules(id), Not(Contains("retry:wait")));
}

TEST_F(SmsRouting, ARefusedRecipientGoesOnWithoutTheOthers) {
  open(test_config("[" + carrier("a", "temporary") + ", " + carrier("b", "ok, ok") + "]"));
  const auto outcomes = send(submission({kPhone, "+14255550124"}));
  settle();
  for (const auto& outcome : outcomes) expect_taken_by(*outcome.message_id, "b");
}

// ---- answers that were lost ----

TEST_F(SmsRouting, ALostAnswerIsFoundOutByAskingBeforeASecondSend) {
  open(test_config("[" + carrier("a", "lost") + ", " + carrier("b", "") + "]"));
  const std::string id = one();
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kUncertain);
  EXPECT_EQ(record(id).provider, "a");
  advance(2s);
  expect_taken_by(id, "a");
  EXPECT_THAT(steps(id), Contains(HasSubstr("inquiry pass a: the carrier has it")));
}

TEST_F(SmsRouting, WhatTheCarrierNeverTookGoesToTheNext) {
  open(test_config("[" + carrier("a", "lost-untaken") + ", " + carrier("b", "") + "]"));
  const std::string id = one();
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kUncertain);
  advance(2s);
  expect_taken_by(id, "b");
  EXPECT_THAT(steps(id), Contains(HasSubstr("inquiry pass a: the carrier never took it")));
}

TEST_F(SmsRouting, ACarrierWithIdempotencyKeysIsAskedAgainUnderTheSameKey) {
  open(test_config("[" + carrier("a", "lost, lost", "idempotent: true", "interfaces: [sms]") + ", " + carrier("b", "") + "]"));
  const std::string id = one();
  advance(2s);
  EXPECT_EQ(record(id).state, sms::MessageState::kUncertain) << "lost again";
  advance(30s);
  expect_taken_by(id, "a");
}

TEST_F(SmsRouting, ACarrierThatCannotBeAskedLeavesItUncertainUntilAReceipt) {
  open(test_config("[" + carrier("a", "lost", "", "interfaces: [sms]") + ", " + carrier("b", "") + "]"));
  const std::string id = one();
  advance(1h);
  EXPECT_EQ(record(id).state, sms::MessageState::kUncertain);
  EXPECT_THAT(steps(id), Contains(HasSubstr("inquiry stop a")));
  sms::DeliveryReport report;
  report.message_id = id;
  report.state = sms::MessageState::kDelivered;
  report.at = runtime_->clock().now();
  sync_wait(runtime_->sms().on_delivery_report("a", report));
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
}

TEST_F(SmsRouting, ACarrierThatNeverAnswersIsInDoubtAtItsDeadline) {
  open(test_config("[" + carrier("a", "silent", "", "timeout: 5s") + ", " + carrier("b", "") + "]"));
  const std::string id = one();
  advance(5s);
  EXPECT_EQ(record(id).state, sms::MessageState::kUncertain);
  advance(2s);
  expect_taken_by(id, "a");
}

TEST_F(SmsRouting, AReceiptThatIsFasterThanTheInquiryWins) {
  open(test_config("[" + carrier("a", "lost-untaken") + ", " + carrier("b", "") + "]"));
  const std::string id = one();
  settle();
  sms::DeliveryReport report;
  report.message_id = id;
  report.state = sms::MessageState::kDelivered;
  report.at = runtime_->clock().now();
  sync_wait(runtime_->sms().on_delivery_report("a", report));
  advance(1h);
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
  EXPECT_EQ(record(id).provider, "a");
}

// ---- receipts ----

TEST_F(SmsRouting, EveryReceiptIsKeptAndNoneLies) {
  open(test_config("[" + carrier("a", "") + "]"));
  const std::string id = one();
  settle();
  const auto tell = [&](sms::MessageState state, sms::FailureReason reason = sms::FailureReason::kNone,
                        const char* code = nullptr) {
    sms::DeliveryReport report;
    report.message_id = id;
    report.state = state;
    report.reason = reason;
    if (code) report.provider_code = code;
    report.at = runtime_->clock().now();
    sync_wait(runtime_->sms().on_delivery_report("a", report));
    advance(1s);
  };
  tell(sms::MessageState::kFailed, sms::FailureReason::kTemporary, "E17");
  EXPECT_EQ(record(id).state, sms::MessageState::kFailed);
  EXPECT_EQ(record(id).fault, sms::Fault::kCarrier);
  EXPECT_TRUE(record(id).retryable);
  EXPECT_EQ(record(id).provider_code, "E17");
  tell(sms::MessageState::kFailed, sms::FailureReason::kTemporary, "E17");
  tell(sms::MessageState::kDelivered);
  tell(sms::MessageState::kSent);
  tell(sms::MessageState::kFailed, sms::FailureReason::kBlocked, "E99");
  const service::SmsRecord end = record(id);
  EXPECT_EQ(end.state, sms::MessageState::kDelivered);
  EXPECT_EQ(end.fault, sms::Fault::kNone);
  EXPECT_FALSE(end.provider_code);
  EXPECT_EQ(end.receipt_count, 5);
  std::vector<std::string> verdicts;
  for (const auto& receipt : runtime_->sms().receipts(*resource_, id)) verdicts.emplace_back(word(receipt.verdict));
  EXPECT_THAT(verdicts, ElementsAre("applied", "duplicate", "corrected", "late", "contradictory"));
  EXPECT_THAT(steps(id), Contains(HasSubstr("receipt contradictory a: failed: 4005")));
  // Who was told the wrong thing hears the right one; nobody hears the same twice.
  std::vector<std::string> told;
  for (const Event& event : events("Microsoft.Communication.SMSDeliveryReportReceived"))
    told.push_back(nlohmann::json::parse(event.data)["deliveryStatus"]);
  EXPECT_THAT(told, ElementsAre("Failed", "Delivered"));
}

TEST_F(SmsRouting, ALateReceiptCorrectsATimeoutOfOurs) {
  open(test_config("[" + carrier("a", "") + "]"));
  auto s = submission({kPhone});
  s.report_timeout = 60s;
  const std::string id = one(std::move(s));
  advance(61s);
  EXPECT_EQ(record(id).state, sms::MessageState::kExpired);
  sms::DeliveryReport report;
  report.message_id = id;
  report.state = sms::MessageState::kDelivered;
  report.at = runtime_->clock().now() - 10s;
  sync_wait(runtime_->sms().on_delivery_report("a", report));
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
  EXPECT_EQ(runtime_->sms().receipts(*resource_, id).at(0).verdict, service::ReceiptVerdict::kCorrected);
}

TEST_F(SmsRouting, AStormOfReceiptsIsBounded) {
  open(test_config("[" + carrier("a", "") + "]"));
  const std::string id = one();
  settle();
  sms::DeliveryReport report;
  report.message_id = id;
  for (int i = 0; i < 300; ++i) {
    report.state = i % 2 ? sms::MessageState::kFailed : sms::MessageState::kSent;
    report.reason = i % 2 ? sms::FailureReason::kBlocked : sms::FailureReason::kNone;
    report.provider_code = "code " + std::to_string(i);
    report.at = runtime_->clock().now() + std::chrono::seconds(i);
    sync_wait(runtime_->sms().on_delivery_report("a", report));
  }
  report.state = sms::MessageState::kDelivered;
  sync_wait(runtime_->sms().on_delivery_report("a", report));
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
  EXPECT_LE(runtime_->sms().receipts(*resource_, id).size(), 201u);
}

// ---- routes ----

TEST_F(SmsRouting, ByTagCostAndWeight) {
  const std::string providers = "[" + carrier("a", "", "", "prices: {currency: EUR, parts: {default: '0.05', '+44': '0.01'}}") +
                                ", " + carrier("b", "", "", "prices: {currency: EUR, parts: {default: '0.02', '+44': '0.03'}}") +
                                ", " + carrier("c", "") + "]";
  open(test_config(providers,
                   "[{interface: sms, match: {tag: codes}, providers: [c]},"
                   " {interface: sms, match: {tag: share}, order: weight, weights: {a: 3, b: 1, c: 0}, providers: [a, b, c]},"
                   " {interface: sms, order: cost, providers: [c, a, b]}]"));
  auto s = submission({kPhone});
  s.tag = "codes";
  const std::string tagged = one(s);
  const std::string cheap_us = one(), cheap_gb = one(submission({"+447700900123"}));
  settle();
  expect_taken_by(tagged, "c");
  expect_taken_by(cheap_us, "b");
  expect_taken_by(cheap_gb, "a");
  EXPECT_EQ(record(cheap_gb).price_micros, 10'000);
  EXPECT_EQ(record(cheap_gb).currency, "EUR");
  EXPECT_THAT(steps(cheap_us), Contains(HasSubstr("route.order pick cost: b (0.02 EUR), a (0.05 EUR), c (no price)")));
  std::map<std::string, int> share;
  s.tag = "share";
  for (int i = 0; i < 400; ++i) {
    const std::string id = one(s);
    settle();
    ++share[record(id).provider.value_or("none")];
  }
  EXPECT_NEAR(share["a"], 300, 50);
  EXPECT_NEAR(share["b"], 100, 50);
  EXPECT_EQ(share["c"], 0);
}

TEST_F(SmsRouting, ABreakerLetsAProviderComeBackByDegrees) {
  open(test_config("[" +
                   carrier("a", "unavailable, unavailable", "", "breaker: {failures: 2, open_for: 10s, return_over: 100s}") +
                   ", " + carrier("b", "") + "]"));
  const auto taker = [&] {
    const std::string id = one();
    settle();
    return record(id).provider.value_or("none");
  };
  EXPECT_EQ(taker(), "b");
  EXPECT_EQ(taker(), "b");
  EXPECT_EQ(taker(), "b") << "left alone";
  advance(10s);
  EXPECT_EQ(taker(), "a") << "the trial call";
  std::map<std::string, int> share;
  for (int i = 0; i < 20; ++i) ++share[taker()];
  EXPECT_EQ(share["a"], 2) << "a tenth at first";
  advance(50s);
  share.clear();
  for (int i = 0; i < 20; ++i) ++share[taker()];
  EXPECT_NEAR(share["a"], 11, 1) << "half of the way";
  advance(60s);
  EXPECT_EQ(taker(), "a");
  EXPECT_EQ(taker(), "a");
}

// ---- rates ----

TEST_F(SmsRouting, AProvidersRateSpreadsMessagesAndSaysWhen) {
  open(test_config("[" + carrier("a", "", "", "rate: {messages: 1, per: 1s}") + "]"));
  const Time start = runtime_->clock().now();
  const auto outcomes = send(submission({kPhone, "+14255550124", "+14255550125"}));
  settle();
  std::vector<sms::MessageState> states;
  for (const auto& outcome : outcomes) states.push_back(record(*outcome.message_id).state);
  EXPECT_THAT(states, ElementsAre(sms::MessageState::kSent, sms::MessageState::kQueued, sms::MessageState::kQueued));
  EXPECT_EQ(record(*outcomes[2].message_id).expected_at, start + 2s);
  EXPECT_THAT(steps(*outcomes[2].message_id), Contains(HasSubstr("rate wait provider a")));
  const auto next = send(submission({kPhone}));
  EXPECT_EQ(next[0].expected_at, start + 3s) << "told with the answer";
  advance(1s);
  EXPECT_EQ(record(*outcomes[1].message_id).state, sms::MessageState::kSent);
  EXPECT_EQ(record(*outcomes[2].message_id).state, sms::MessageState::kQueued);
  advance(2s);
  EXPECT_EQ(record(*next[0].message_id).state, sms::MessageState::kSent);
}

TEST_F(SmsRouting, RatesOfSendersAndCountries) {
  open("sms: {sender_rate: {messages: 1, per: 10s}, country_rates: {gb: {messages: 1, per: 1m}}}\n" +
       test_config("[" + carrier("a", "") + "]"));
  const std::string first = one(), second = one();
  auto named = submission({kPhone});
  named.from = "CONTOSO";
  const std::string other = one(named);
  named.to[0].to = "+447700900123";
  settle();
  EXPECT_EQ(record(first).state, sms::MessageState::kSent);
  EXPECT_EQ(record(second).state, sms::MessageState::kQueued);
  EXPECT_EQ(record(other).state, sms::MessageState::kSent) << "another sender";
  advance(10s);
  EXPECT_EQ(record(second).state, sms::MessageState::kSent);
  const std::string british = one(named), next_british = one(named);
  settle();
  EXPECT_EQ(record(british).state, sms::MessageState::kSent);
  EXPECT_THAT(steps(next_british), Contains(HasSubstr("rate wait country GB")));
}

}  // namespace
}  // namespace trunkline

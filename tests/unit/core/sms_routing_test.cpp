// Failover, lost answers, rates, pools, times, caps: what the policy of text messages does, on carriers that follow a script.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A provider that follows a script; `more`: further members of its configuration.
std::string carrier(const std::string& name, const std::string& script, const std::string& more = "",
                    const std::string& beside = "") {
  return "{name: " + name + ", plugin: test-carrier, config: {script: [" + script + "]" + (more.empty() ? "" : ", " + more) + "}" +
         (beside.empty() ? "" : ", " + beside) + "}";
}

class SmsRouting : public RuntimeTest {
 protected:
  std::string one(SmsSubmission s) { return send(std::move(s))[0].message_id.value(); }
  std::string one() { return one(submission({kPhone})); }
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
  const auto tell = [&](sms::MessageState state, sms::FailureReason reason = sms::FailureReason::kNone, const char* code = nullptr) {
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
  const std::string providers = "[" + carrier("a", "", "", "prices: {currency: EUR, parts: {default: '0.05', '+44': '0.01'}}") + ", " +
                                carrier("b", "", "", "prices: {currency: EUR, parts: {default: '0.02', '+44': '0.03'}}") + ", " +
                                carrier("c", "") + "]";
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
  EXPECT_THAT(steps(cheap_us), Contains(HasSubstr("route.order pick cost: b (20000 millionths of EUR), a (50000")));
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
  open(test_config("[" + carrier("a", "unavailable, unavailable", "", "breaker: {failures: 2, open_for: 10s, return_over: 100s}") + ", " +
                   carrier("b", "") + "]"));
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
  open("sms: {sender_rate: {messages: 1, per: 10s}, country_rates: {gb: {messages: 1, per: 1m}}}\n" + test_config("[" + carrier("a", "") + "]"));
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

// ---- senders ----

TEST_F(SmsRouting, APoolKeepsItsSenderForEachPerson) {
  open(test_config("[" + carrier("a", "") + "]", "[]",
                   "      - {number: '+442079460100', type: geographic, sms: both}\n"
                   "      - {number: '+442079460101', type: geographic, sms: both}\n"
                   "    sms: {pools: [{name: news, numbers: ['+14255550100', '+442079460100', '+442079460101']}]}\n"));
  auto s = submission({kPhone, "+447700900123"});
  s.from = "pool:news";
  const auto first = send(s), second = send(s);
  settle();
  EXPECT_EQ(record(*first[0].message_id).from, kOwned) << "the number of the country";
  EXPECT_THAT(record(*first[1].message_id).from, HasSubstr("+4420794601"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(record(*first[i].message_id).from, record(*second[i].message_id).from);
  EXPECT_THAT(steps(*second[1].message_id), Contains(HasSubstr("the number that +447700900123 knows from pool news")));
  // A STOP to one of its numbers is a STOP to the pool.
  sync_wait(runtime_->sms().consent().add(resource_, "+442079460100", {kPhone}));
  const std::string blocked = one(s);
  EXPECT_EQ(record(blocked).reason, sms::FailureReason::kOptedOut);
  s.from = "pool:olds";
  EXPECT_THROW(send(s), Error);
}

std::string config_with_rules(const char* mode, const std::string& more = "") {
  return std::string("sms: {sender_rules: ") + mode + "}\n" + test_config("[" + carrier("a", "") + "]", "[]", more);
}

TEST_F(SmsRouting, SenderRulesOfCountries) {
  auto s = submission({kPhone});
  s.from = "CONTOSO";
  open(config_with_rules("warn"));
  EXPECT_THAT(steps(one(s)), Contains(HasSubstr("sender.country warn CONTOSO: US takes no names as senders")));
  runtime_->close();
  open(config_with_rules("enforce"));
  EXPECT_THAT(refusal(s), HasSubstr("400 'CONTOSO' cannot be used: US takes no names as senders"));
  runtime_->close();
  open(config_with_rules("enforce", "    sms: {fallback_sender: '+14255550100'}\n"));
  EXPECT_EQ(record(one(s)).from, kOwned);
}

// ---- whom, when, for how much ----

TEST_F(SmsRouting, PrefixListsAgainstPumping) {
  open(test_config("[" + carrier("a", "") + "]", "[]", "    sms: {allow_prefixes: ['+1', '+44'], deny_prefixes: ['+1900']}\n"));
  EXPECT_THAT(refusal(submission({"+8821012345678"})), HasSubstr("403 the resource may only write to numbers that begin with +1, +44"));
  EXPECT_THAT(refusal(submission({"+19005550123"})), HasSubstr("begin with +1900"));
  EXPECT_THAT(rules(one()), Contains("recipient.allowed:pass"));
}

TEST_F(SmsRouting, ASpendCapHoldsAndIsFreedByWhatWasNotSent) {
  open(test_config("[" + carrier("a", "ok, bad_destination", "price_micros: 100000", "prices: {parts: {default: '0.4'}}") + "]", "[]",
                   "    sms: {daily_cap: '1.00'}\n"));
  const std::string first = one();
  settle();
  EXPECT_EQ(record(first).price_micros, 100'000) << "the carrier's own price";
  EXPECT_THAT(steps(first), Contains(HasSubstr("spend.cap pass daily: 0.00 of 1.00 USD spent")));
  const std::string failed = one();
  settle();
  EXPECT_EQ(record(failed).state, sms::MessageState::kFailed);
  auto later = submission({kPhone});
  later.send_at = runtime_->clock().now() + 1h;
  const std::string reserved = one(later);
  one(later);  // 0.1 is spent and twice 0.4 reserved
  EXPECT_THAT(refusal(submission({kPhone})), HasSubstr("429 the daily spend cap is reached: 0.90 of 1.00 USD spent"));
  sync_wait(runtime_->sms().cancel(resource_, reserved));
  one();
  settle();
  one(later);  // 0.1 and 0.1 are spent, twice 0.4 reserved
  EXPECT_THAT(refusal(submission({kPhone})), HasSubstr("1.00 of 1.00 USD spent"));
  advance(24h);
  one();
}

TEST_F(SmsRouting, QuietHoursPutOffToTheMorningOfTheRecipient) {
  // The clock starts at 2026-01-01T00:00:00Z: 16:00 in Seattle, midnight in London.
  open(test_config("[" + carrier("a", "") + "]", "[]",
                   "    sms: {quiet_hours: [{from: '21:00', until: '08:00', tags: [news]}]}\n"));
  auto s = submission({kPhone, "+447700900123"});
  s.tag = "news";
  const auto outcomes = send(s);
  s.tag.reset();
  s.to.resize(1);
  s.to[0].to = "+447700900123";
  const std::string urgent = one(s);
  settle();
  EXPECT_EQ(record(*outcomes[0].message_id).state, sms::MessageState::kSent);
  const service::SmsRecord put_off = record(*outcomes[1].message_id);
  EXPECT_EQ(put_off.state, sms::MessageState::kScheduled);
  EXPECT_EQ(put_off.expected_at, runtime_->clock().now() + 8h);
  EXPECT_EQ(outcomes[1].expected_at, put_off.expected_at);
  EXPECT_THAT(steps(put_off.message_id), Contains(HasSubstr("quiet.hours defer 21:00-08:00: until 2026-01-01T08:00:00Z; Europe/London")));
  EXPECT_EQ(record(urgent).state, sms::MessageState::kSent);
  advance(8h);
  EXPECT_EQ(record(put_off.message_id).state, sms::MessageState::kSent);
}

TEST_F(SmsRouting, SendAtATimeAndTakeBack) {
  open(test_config("[" + carrier("a", "") + "]"));
  auto s = submission({kPhone});
  s.send_at = runtime_->clock().now() + 1h;
  const std::string kept = one(s), taken_back = one(s);
  advance(59min);
  EXPECT_EQ(record(kept).state, sms::MessageState::kScheduled);
  EXPECT_EQ(sync_wait(runtime_->sms().cancel(resource_, taken_back)).state, sms::MessageState::kCancelled);
  advance(1min);
  EXPECT_EQ(record(kept).state, sms::MessageState::kSent);
  EXPECT_EQ(record(taken_back).state, sms::MessageState::kCancelled);
  const auto fault = [&](const std::string& id) {
    try {
      sync_wait(runtime_->sms().cancel(resource_, id));
    } catch (const Error& error) {
      return error.message;
    }
    return std::string();
  };
  EXPECT_THAT(fault(kept), HasSubstr("cannot be taken back: it is sent"));
  EXPECT_THAT(fault(taken_back), HasSubstr("it is cancelled"));
  EXPECT_THAT(fault("Outgoing_nothing_1"), HasSubstr("there is no message"));
  s.send_at = runtime_->clock().now() + 31 * 24h;
  EXPECT_THROW(send(s), Error);
  s.send_at = runtime_->clock().now() - 1h;
  const std::string past = one(s);
  settle();
  EXPECT_EQ(record(past).state, sms::MessageState::kSent) << "a time that has passed is now";
}

TEST_F(SmsRouting, AMessageThatWaitsForItsTurnCanBeTakenBack) {
  open(test_config("[" + carrier("a", "", "", "rate: {messages: 1, per: 1m}") + "]"));
  one();
  const std::string waits = one();
  settle();
  sync_wait(runtime_->sms().cancel(resource_, waits));
  advance(5min);
  EXPECT_EQ(record(waits).state, sms::MessageState::kCancelled);
}

TEST_F(SmsRouting, AKeyWithAnotherBodyIsAConflict) {
  open(test_config("[" + carrier("a", "") + "]"));
  auto s = submission({kPhone});
  s.to[0].idempotency_key = "once";
  const std::string id = one(s);
  s.send_at = runtime_->clock().now() + 1h;
  EXPECT_THAT(refusal(s), HasSubstr("409 "));
  EXPECT_THAT(runtime_->sms().plan(resource_, s)[0].http_status, 409);
  s.send_at.reset();
  EXPECT_EQ(one(s), id);
}

// ---- looking ahead ----

TEST_F(SmsRouting, ADryRunSaysWhatWouldHappenAndKeepsNothing) {
  open(test_config("[" + carrier("a", "", "", "prices: {parts: {default: '0.01'}}") + "]", "[]",
                   "    sms: {allow_prefixes: ['+1'], daily_cap: '0.01'}\n"));
  auto s = submission({kPhone, "+447700900123", "nobody"});
  for (int i = 0; i < 3; ++i) {
    const auto plans = runtime_->sms().plan(resource_, s);
    ASSERT_EQ(plans.size(), 3u);
    EXPECT_TRUE(plans[0].accepted);
    EXPECT_EQ(plans[0].http_status, 202);
    EXPECT_EQ(plans[0].provider, "a");
    EXPECT_EQ(plans[0].price_micros, 10'000);
    EXPECT_EQ(plans[0].currency, "USD");
    std::vector<std::string> rules;
    for (const auto& step : plans[0].decision.steps) rules.push_back(step.rule);
    EXPECT_THAT(rules, testing::IsSupersetOf({"sender.allowed", "recipient.allowed", "consent", "spend.cap", "route.pick"}));
    EXPECT_FALSE(plans[1].accepted);
    EXPECT_EQ(plans[1].http_status, 403);
    EXPECT_EQ(plans[2].http_status, 400);
  }
  EXPECT_TRUE(runtime_->sms().list(*resource_, 10, std::nullopt).items.empty());
  one();
  EXPECT_EQ(runtime_->sms().plan(resource_, s)[0].http_status, 429);
}

TEST_F(SmsRouting, AnEstimateNamesTheCharacterAndTheSwapAndThePrices) {
  open(test_config("[" + carrier("a", "", "", "prices: {currency: EUR, parts: {'+44': '0.03', default: '0.01'}}") + ", " + carrier("b", "") + "]"));
  auto s = submission({kPhone, "+447700900123"});
  s.text = std::string(100, 'x') + "…";
  const auto estimate = runtime_->sms().estimate(*resource_, s);
  EXPECT_EQ(estimate.encoding, sms::Encoding::kUcs2);
  EXPECT_EQ(estimate.segments, 2);
  EXPECT_EQ(estimate.characters, 101);
  EXPECT_EQ(estimate.costly_character, "…");
  ASSERT_EQ(estimate.swaps.size(), 1u);
  EXPECT_EQ(estimate.swaps[0].replacement, "...");
  EXPECT_EQ(estimate.swapped_segments, 1);
  ASSERT_EQ(estimate.recipients.size(), 2u);
  EXPECT_EQ(estimate.recipients[1].country, "GB");
  EXPECT_EQ(estimate.recipients[1].prices[0].segment_micros, 30'000);
  EXPECT_EQ(estimate.recipients[1].prices[0].total_micros, 60'000);
  EXPECT_FALSE(estimate.recipients[1].prices[1].total_micros) << "b has no prices";
}

}  // namespace
}  // namespace trunkline

// As whom, to whom, when and for how much texts are sent; looking ahead.
#include <gmock/gmock.h>

#include "tests/unit/core/sms_routing_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

class SmsPolicy : public SmsRouting {};

// ---- senders ----

TEST_F(SmsPolicy, APoolKeepsItsSenderForEachPerson) {
  std::string config =
      test_config("[" + carrier("a", "") + "]", "[]",
                  "    sms: {pools: [{name: news, numbers: ['+14255550100', '+442079460100', '+442079460101']}]}\n");
  const std::string last = "sms: inbound}\n";
  config.insert(config.find(last) + last.size(),
                "      - {number: '+442079460100', type: geographic, sms: both}\n"
                "      - {number: '+442079460101', type: geographic, sms: both}\n");
  open(config);
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

TEST_F(SmsPolicy, SenderRulesOfCountries) {
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

TEST_F(SmsPolicy, PrefixListsAgainstPumping) {
  open(test_config("[" + carrier("a", "") + "]", "[]", "    sms: {allow_prefixes: ['+1', '+44'], deny_prefixes: ['+1900']}\n"));
  EXPECT_THAT(refusal(submission({"+8821012345678"})),
              HasSubstr("403 the resource may only write to numbers that begin with +1, +44"));
  EXPECT_THAT(refusal(submission({"+19005550123"})), HasSubstr("begin with +1900"));
  EXPECT_THAT(rules(one()), Contains("recipient.allowed:pass"));
}

TEST_F(SmsPolicy, ASpendCapHoldsAndIsFreedByWhatWasNotSent) {
  open(test_config("[" + carrier("a", "ok, bad_destination", "price_micros: 100000", "prices: {parts: {default: '0.4'}}") + "]",
                   "[]", "    sms: {daily_cap: '1.00'}\n"));
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

TEST_F(SmsPolicy, AMonthlyCapHoldsOverItsDays) {
  open(test_config("[" + carrier("a", "", "", "prices: {parts: {default: '0.4'}}") + "]", "[]",
                   "    sms: {daily_cap: '0.80', monthly_cap: '1.50'}\n"));
  one();
  const std::string second = one();
  EXPECT_THAT(steps(second), Contains(HasSubstr("spend.cap pass monthly: 0.40 of 1.50 USD spent in 2026-01")));
  EXPECT_THAT(refusal(submission({kPhone})), HasSubstr("429 the daily spend cap is reached: 0.80 of 0.80 USD spent"));
  advance(24h);
  one();
  EXPECT_THAT(refusal(submission({kPhone})), HasSubstr("429 the monthly spend cap is reached: 1.20 of 1.50 USD spent"));
  EXPECT_EQ(runtime_->sms().plan(resource_, submission({kPhone}))[0].http_status, 429);
  advance(30 * 24h);  // February
  one();
}

TEST_F(SmsPolicy, QuietHoursPutOffToTheMorningOfTheRecipient) {
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
  EXPECT_THAT(steps(put_off.message_id),
              Contains(HasSubstr("quiet.hours defer 21:00-08:00: until 2026-01-01T08:00:00Z; Europe/London")));
  EXPECT_EQ(record(urgent).state, sms::MessageState::kSent);
  advance(8h);
  EXPECT_EQ(record(put_off.message_id).state, sms::MessageState::kSent);
}

TEST_F(SmsPolicy, SendAtATimeAndTakeBack) {
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

TEST_F(SmsPolicy, TheTimeForAReportCountsFromTheSend) {
  open(test_config("[" + carrier("a", "") + "]"));
  auto s = submission({kPhone});
  s.send_at = runtime_->clock().now() + 1h;
  s.report_timeout = 60s;
  const std::string id = one(s);
  advance(1h);
  EXPECT_EQ(record(id).state, sms::MessageState::kSent);
  advance(61s);
  EXPECT_EQ(record(id).state, sms::MessageState::kExpired);
  EXPECT_EQ(record(id).reason, sms::FailureReason::kNoReport);
}

TEST_F(SmsPolicy, AMessageThatWaitsForItsTurnCanBeTakenBack) {
  open(test_config("[" + carrier("a", "", "", "rate: {messages: 1, per: 1m}") + "]"));
  one();
  const std::string waits = one();
  settle();
  sync_wait(runtime_->sms().cancel(resource_, waits));
  advance(5min);
  EXPECT_EQ(record(waits).state, sms::MessageState::kCancelled);
}

TEST_F(SmsPolicy, AKeyWithAnotherBodyIsAConflict) {
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

TEST_F(SmsPolicy, ADryRunSaysWhatWouldHappenAndKeepsNothing) {
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

TEST_F(SmsPolicy, AnEstimateNamesTheCharacterAndTheSwapAndThePrices) {
  open(test_config("[" + carrier("a", "", "", "prices: {currency: EUR, parts: {'+44': '0.03', default: '0.01'}}") + ", " +
                   carrier("b", "") + "]"));
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

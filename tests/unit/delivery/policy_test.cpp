#include "runtime/delivery/policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trunkline::delivery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

DeliveryOptions exactly() {
  DeliveryOptions options;
  options.jitter = 0;
  return options;
}
Duration wait_after(int status, int attempts = 1) {
  IdSource random{1};
  return retry_wait(exactly(), attempts, rule_of_status(status), random);
}

TEST(DeliveryPolicy, TheFirstWaitDependsOnTheAnswer) {
  EXPECT_EQ(wait_after(500), seconds{10});
  EXPECT_EQ(wait_after(429), seconds{10});
  EXPECT_EQ(wait_after(503), seconds{30});
  EXPECT_EQ(wait_after(408), minutes{2});
  EXPECT_EQ(wait_after(404), minutes{5});
  IdSource random{1};
  const auto after = [&](Error error) { return retry_wait(exactly(), 1, rule_of_error(error), random); };
  EXPECT_EQ(after(Error(ErrorCode::kDeadlineExceeded, "no answer in time")), seconds{10});
  EXPECT_EQ(after(Error(ErrorCode::kUnavailable, "refused")), seconds{10});
}

TEST(DeliveryPolicy, TheLeastWaitNeverShortensTheSchedule) {
  const std::vector<Duration> schedule = {seconds{10}, seconds{30}, minutes{1}, minutes{5}, minutes{10},
                                          minutes{30}, hours{1},    hours{3},   hours{6},   hours{12}};
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    const int attempts = static_cast<int>(i) + 1;
    EXPECT_EQ(wait_after(500, attempts), schedule[i]);
    EXPECT_EQ(wait_after(408, attempts), std::max<Duration>(schedule[i], minutes{2}));
  }
  EXPECT_EQ(wait_after(500, 30), hours{12});
}

TEST(DeliveryPolicy, JitterOnlyLengthens) {
  DeliveryOptions options;
  options.jitter = 0.5;
  IdSource random{7};
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const Duration wait = retry_wait(options, 1, rule_of_status(500), random);
    EXPECT_GE(wait, seconds{10});
    EXPECT_LE(wait, seconds{15});
    differs = differs || wait != seconds{10};
  }
  EXPECT_TRUE(differs);
}

TEST(DeliveryPolicy, WhatIsNeverTriedAgainHasAReasonForTheDeadLetter) {
  for (const int status : {400, 401, 403, 413}) {
    const OutcomeRule rule = rule_of_status(status);
    EXPECT_TRUE(rule.final) << status;
    EXPECT_FALSE(rule.counts) << status;
    EXPECT_FALSE(dead_letter_reason(rule.outcome).empty()) << status;
  }
  for (const int status : {404, 408, 429, 500, 502, 503}) {
    const OutcomeRule rule = rule_of_status(status);
    EXPECT_FALSE(rule.final) << status;
    EXPECT_TRUE(rule.counts) << status;
    EXPECT_TRUE(dead_letter_reason(rule.outcome).empty()) << status;
  }
  for (const int status : {200, 201, 202, 203, 204}) EXPECT_EQ(rule_of_status(status).outcome, Outcome::kDelivered) << status;
  for (const int status : {205, 301, 302}) EXPECT_NE(rule_of_status(status).outcome, Outcome::kDelivered) << status;
}

}  // namespace
}  // namespace trunkline::delivery

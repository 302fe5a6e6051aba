// The state that a set of receipts ends in is one, whatever the order in which they come.
#include "runtime/sms/receipts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "runtime/sms/outcome.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using service::ReceiptVerdict;
using sms::FailureReason;
using sms::MessageState;

constexpr Time kStart{1'000'000'000s};

Receipt receipt(MessageState state, FailureReason reason = FailureReason::kNone, Duration at = 1s, std::string code = "",
                std::string provider = "a") {
  Receipt out;
  out.provider = std::move(provider);
  out.state = state;
  out.reason = reason;
  out.provider_code = std::move(code);
  out.at = kStart + at;
  return out;
}

/// A message that provider `a` has, and everything it was told.
struct Message {
  MessageStanding standing;
  std::vector<Receipt> told;
  std::vector<ReceiptVerdict> verdicts;

  Message() {
    standing.state = MessageState::kSent;
    standing.provider = "a";
    standing.decided_at = kStart;
  }
  ReceiptVerdict hear(const Receipt& r) {
    const ReceiptVerdict verdict = judge(standing, r, told);
    told.push_back(r);
    verdicts.push_back(verdict);
    if (verdict == ReceiptVerdict::kApplied || verdict == ReceiptVerdict::kCorrected) {
      standing.state = r.state;
      standing.reason = r.reason;
      standing.provider_code = r.provider_code;
      standing.decided_at = r.at;
      standing.assumed = false;
    }
    return verdict;
  }
};

TEST(Receipts, InOrder) {
  Message message;
  EXPECT_EQ(message.hear(receipt(MessageState::kSent)), ReceiptVerdict::kDuplicate) << "we knew that it was sent";
  EXPECT_EQ(message.hear(receipt(MessageState::kDelivered)), ReceiptVerdict::kApplied);
  EXPECT_EQ(message.hear(receipt(MessageState::kDelivered)), ReceiptVerdict::kDuplicate);
  EXPECT_EQ(message.hear(receipt(MessageState::kSent, FailureReason::kNone, 5s, "late")), ReceiptVerdict::kLate);
  EXPECT_EQ(message.standing.state, MessageState::kDelivered);
}

TEST(Receipts, AFailureAfterADeliveryIsKeptAndChangesNothing) {
  Message message;
  message.hear(receipt(MessageState::kDelivered));
  EXPECT_EQ(message.hear(receipt(MessageState::kFailed, FailureReason::kBlocked, 9s)), ReceiptVerdict::kContradictory);
  EXPECT_EQ(message.standing.state, MessageState::kDelivered);
}

TEST(Receipts, ADeliveryAfterAFailureCorrectsIt) {
  Message message;
  message.hear(receipt(MessageState::kFailed, FailureReason::kBlocked));
  EXPECT_EQ(message.hear(receipt(MessageState::kDelivered, FailureReason::kNone, 9s)), ReceiptVerdict::kCorrected);
  EXPECT_EQ(message.standing.state, MessageState::kDelivered);
}

TEST(Receipts, WhatWeOnlyAssumedYieldsToAnyWordOfTheCarrier) {
  Message message;
  message.standing.state = MessageState::kExpired;
  message.standing.reason = FailureReason::kNoReport;
  message.standing.assumed = true;
  EXPECT_EQ(message.hear(receipt(MessageState::kSent, FailureReason::kNone, 1s, "x")), ReceiptVerdict::kLate);
  EXPECT_EQ(message.hear(receipt(MessageState::kFailed, FailureReason::kUnreachable, 9s)), ReceiptVerdict::kCorrected);
  EXPECT_EQ(message.standing.reason, FailureReason::kUnreachable);
}

TEST(Receipts, AnotherCarrierHasItNow) {
  Message message;
  message.standing.provider = "b";
  EXPECT_EQ(message.hear(receipt(MessageState::kFailed, FailureReason::kBlocked)), ReceiptVerdict::kStale);
  EXPECT_EQ(message.standing.state, MessageState::kSent);
  EXPECT_EQ(message.hear(receipt(MessageState::kDelivered)), ReceiptVerdict::kApplied) << "it arrived, by whomever";
}

TEST(Receipts, AReceiptThatIsFasterThanOurOwnNote) {
  Message message;
  message.standing.state = MessageState::kQueued;
  message.standing.provider.clear();
  EXPECT_EQ(message.hear(receipt(MessageState::kDelivered)), ReceiptVerdict::kApplied);
}

TEST(Receipts, AnUncertainMessageIsSettledByAnyReceipt) {
  Message message;
  message.standing.state = MessageState::kUncertain;
  EXPECT_EQ(message.hear(receipt(MessageState::kSent)), ReceiptVerdict::kApplied);
  EXPECT_EQ(message.hear(receipt(MessageState::kFailed, FailureReason::kTemporary)), ReceiptVerdict::kApplied);
}

TEST(Receipts, ACancelledMessageThatArrivedNevertheless) {
  Message message;
  message.standing.state = MessageState::kCancelled;
  EXPECT_EQ(message.hear(receipt(MessageState::kDelivered)), ReceiptVerdict::kCorrected);
}

/// Storms of receipts, drawn from a seed.
class ReceiptStorm : public testing::TestWithParam<unsigned> {};

TEST_P(ReceiptStorm, EndsInTheSameStateInEveryOrder) {
  std::mt19937 random(GetParam());
  const MessageState states[] = {MessageState::kSent, MessageState::kDelivered, MessageState::kFailed, MessageState::kExpired};
  const FailureReason reasons[] = {FailureReason::kBlocked, FailureReason::kUnreachable, FailureReason::kTemporary};
  std::vector<Receipt> storm;
  const std::size_t count = 1 + random() % 8;
  for (std::size_t i = 0; i < count; ++i) {
    const MessageState state = states[random() % 4];
    const bool failed = state == MessageState::kFailed || state == MessageState::kExpired;
    storm.push_back(receipt(state, failed ? reasons[random() % 3] : FailureReason::kNone, std::chrono::seconds(random() % 4),
                            random() % 2 ? "code" : ""));
    if (random() % 3 == 0) storm.push_back(storm.back());  // told twice
  }
  const bool anybody_delivered =
      std::any_of(storm.begin(), storm.end(), [](const Receipt& r) { return r.state == MessageState::kDelivered; });
  std::optional<MessageStanding> first;
  for (int order = 0; order < 60; ++order) {
    Message message;
    for (const Receipt& r : storm) message.hear(r);
    ASSERT_EQ(message.told.size(), storm.size()) << "every receipt is kept";
    // It does not lie: delivered exactly when a handset said so.
    EXPECT_EQ(message.standing.state == MessageState::kDelivered, anybody_delivered);
    if (!first) first = message.standing;
    EXPECT_EQ(message.standing.state, first->state);
    EXPECT_EQ(message.standing.reason, first->reason);
    EXPECT_EQ(message.standing.provider_code, first->provider_code);
    EXPECT_EQ(message.standing.decided_at, first->decided_at);
    std::shuffle(storm.begin(), storm.end(), random);
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, ReceiptStorm, testing::Range(0u, 300u));

TEST(Outcomes, FailoverNeverOnConsentAuthenticationOrABadNumber) {
  EXPECT_FALSE(may_fail_over(outcome_class(FailureReason::kOptedOut, true)));
  EXPECT_FALSE(may_fail_over(outcome_class(FailureReason::kBadDestination, true)));
  EXPECT_FALSE(may_fail_over(outcome_class(Error(ErrorCode::kUnauthenticated, ""))));
  EXPECT_FALSE(may_fail_over(outcome_class(Error(ErrorCode::kPermissionDenied, ""))));
  EXPECT_FALSE(may_fail_over(outcome_class(Error(ErrorCode::kDeadlineExceeded, "")))) << "it may have been sent";
  EXPECT_TRUE(may_fail_over(outcome_class(FailureReason::kTemporary, false)));
  EXPECT_TRUE(may_fail_over(outcome_class(FailureReason::kOverQuota, true)));
  EXPECT_TRUE(may_fail_over(outcome_class(FailureReason::kBadSender, false))) << "another carrier may take the sender";
  EXPECT_TRUE(may_fail_over(outcome_class(Error(ErrorCode::kUnavailable, ""))));
  EXPECT_TRUE(may_fail_over(outcome_class(Error(ErrorCode::kInternal, ""))));
  EXPECT_TRUE(may_retry(outcome_class(Error(ErrorCode::kUnavailable, ""))));
  EXPECT_FALSE(may_retry(outcome_class(Error(ErrorCode::kInvalidArgument, ""))));
}

TEST(Outcomes, EveryReasonHasAFault) {
  for (int i = 0; i <= static_cast<int>(FailureReason::kUnspecified); ++i) {
    const auto reason = static_cast<FailureReason>(i);
    EXPECT_EQ(fault_of(reason) == sms::Fault::kNone, reason == FailureReason::kNone);
    EXPECT_FALSE(word(reason).empty());
  }
  EXPECT_EQ(fault_of(FailureReason::kOptedOut), sms::Fault::kRecipient);
  EXPECT_FALSE(is_retryable(FailureReason::kOptedOut));
  EXPECT_TRUE(is_retryable(FailureReason::kTemporary));
}

}  // namespace
}  // namespace trunkline

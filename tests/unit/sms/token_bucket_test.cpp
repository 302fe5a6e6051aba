#include "runtime/sms/token_bucket.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

using namespace std::chrono_literals;
constexpr Time kNow{1'000'000'000s};

TEST(TokenBucket, GivesTurnsAtTheRate) {
  TokenBucket bucket(2, 1s, 1);
  EXPECT_EQ(bucket.take(kNow), kNow);
  EXPECT_EQ(bucket.take(kNow), kNow + 500ms);
  EXPECT_EQ(bucket.next(kNow), kNow + 1s) << "looking takes nothing";
  EXPECT_EQ(bucket.take(kNow), kNow + 1s);
  EXPECT_EQ(bucket.take(kNow + 10s), kNow + 10s) << "a silence is not saved up without a burst";
  EXPECT_EQ(bucket.take(kNow + 10s), kNow + 10s + 500ms);
}

TEST(TokenBucket, ABurstAfterASilence) {
  TokenBucket bucket(10, 1s, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(kNow), kNow) << i;
  EXPECT_EQ(bucket.take(kNow), kNow + 100ms);
  EXPECT_EQ(bucket.take(kNow), kNow + 200ms);
}

TEST(TokenBucket, NeverMoreThanTheRateInAnyWindow) {
  TokenBucket bucket(5, 1s, 5);
  std::vector<Time> turns;
  Time now = kNow;
  for (int i = 0; i < 200; ++i) {
    turns.push_back(bucket.take(now));
    now += std::chrono::milliseconds((i * 37) % 190);
  }
  for (std::size_t i = 10; i < turns.size(); ++i)  // burst and rate: at most 10 within a second
    EXPECT_GE(turns[i] - turns[i - 10], 1s) << i;
}

TEST(TokenBuckets, EachNameHasItsOwnAndNoRateIsNoLimit) {
  TokenBuckets buckets;
  const TokenBuckets::Rate slow{1, 1s, 1};
  EXPECT_EQ(buckets.take("a", slow, kNow), kNow);
  EXPECT_EQ(buckets.take("b", slow, kNow), kNow);
  EXPECT_EQ(buckets.take("a", slow, kNow), kNow + 1s);
  EXPECT_EQ(buckets.next("b", slow, kNow), kNow + 1s);
  EXPECT_EQ(buckets.take("a", {}, kNow), kNow);
}

}  // namespace
}  // namespace trunkline

#include "runtime/connectors/function_calls.h"

#include <gmock/gmock.h>

#include "trunkline/task.hpp"

namespace trunkline::connectors {
namespace {

using flows::ActionAnswer;
using testing::IsEmpty;
using testing::SizeIs;

class FunctionCallsTest : public testing::Test {
 protected:
  ~FunctionCallsTest() override {
    calls->stop();
    executor.work().wait_idle();
    executor.stop();
  }

  void call(std::string function, net::CancelToken cancel = {}) {
    FunctionCall one;
    one.function = std::move(function);
    calls->call(std::move(one), std::move(cancel), [this](ActionAnswer answer) {
      const std::lock_guard lock(mutex);
      answers.push_back(std::move(answer));
    });
  }
  std::size_t answered() {
    executor.work().wait_idle();
    const std::lock_guard lock(mutex);
    return answers.size();
  }
  std::vector<FunctionCall> take(std::uint64_t consumer, std::uint32_t max = 10) { return sync_wait(calls->take(consumer, max)); }

  Executor executor{2};
  std::shared_ptr<FunctionCalls> calls = std::make_shared<FunctionCalls>(executor);
  std::mutex mutex;
  std::vector<ActionAnswer> answers;
};

TEST_F(FunctionCallsTest, WithoutAConsumerACallFailsAndMayBeTriedAgain) {
  call("crm");
  ASSERT_EQ(answered(), 1u);
  EXPECT_EQ(answers[0].code, "ServiceUnavailable");
  EXPECT_TRUE(answers[0].retryable);
  EXPECT_EQ(answers[0].error["code"], "FunctionNotAvailable");
}

TEST_F(FunctionCallsTest, AConsumerAnswersOnce) {
  const std::uint64_t consumer = calls->attach("CRM", 4);
  call("crm");
  call("crm");
  const std::vector<FunctionCall> taken = take(consumer);
  ASSERT_THAT(taken, SizeIs(2));
  ActionAnswer answer;
  answer.outputs = expression::Value{{"body", 7}};
  EXPECT_TRUE(calls->complete(taken[1].id, answer));
  EXPECT_FALSE(calls->complete(taken[1].id, answer));
  ASSERT_EQ(answered(), 1u);
  EXPECT_EQ(answers[0].outputs["body"], 7);
}

TEST_F(FunctionCallsTest, AConsumerHoldsNoMoreThanItsCredits) {
  const std::uint64_t consumer = calls->attach("f", 1);
  call("f");
  call("f");
  const std::vector<FunctionCall> first = take(consumer);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_TRUE(calls->complete(first[0].id, {}));
  const std::vector<FunctionCall> second = take(consumer);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_NE(first[0].id, second[0].id);
}

TEST_F(FunctionCallsTest, WhatADetachedConsumerHeldGoesToAnotherOne) {
  const std::uint64_t first = calls->attach("f", 1);
  call("f");
  ASSERT_THAT(take(first), SizeIs(1));
  const std::uint64_t second = calls->attach("f", 1);
  calls->detach(first);
  EXPECT_THAT(take(first), IsEmpty());
  ASSERT_THAT(take(second), SizeIs(1));
  EXPECT_EQ(answered(), 0u);
  calls->detach(second);
  ASSERT_EQ(answered(), 1u);
  EXPECT_TRUE(answers[0].retryable);
}

TEST_F(FunctionCallsTest, ACancelledCallIsAnswered) {
  const std::uint64_t consumer = calls->attach("f", 1);
  net::CancelToken cancel = net::CancelToken::make();
  call("f", cancel);
  const std::vector<FunctionCall> taken = take(consumer);
  cancel.cancel();
  ASSERT_EQ(answered(), 1u);
  EXPECT_EQ(answers[0].status, workflow::Status::kCancelled);
  EXPECT_FALSE(calls->complete(taken.at(0).id, {}));
}

TEST_F(FunctionCallsTest, StopEndsTakesAndCalls) {
  const std::uint64_t consumer = calls->attach("f", 1);
  call("f");
  calls->stop();
  EXPECT_EQ(answered(), 1u);
  EXPECT_THAT(take(consumer), IsEmpty());
  EXPECT_THAT(take(calls->attach("f", 1)), IsEmpty());
}

}  // namespace
}  // namespace trunkline::connectors

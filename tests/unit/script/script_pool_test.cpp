#include "runtime/script/script_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>

namespace trunkline::script {
namespace {

using ::testing::HasSubstr;

ScriptPool::Options options() {
  ScriptPool::Options out;
  out.host.worker = TRUNKLINE_SCRIPT_WORKER;
  return out;
}

std::future<Outcome> start(ScriptPool& pool, std::string code, std::string context = "{}") {
  auto promise = std::make_shared<std::promise<Outcome>>();
  std::future<Outcome> out = promise->get_future();
  pool.run(std::move(code), std::move(context), [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
  return out;
}

TEST(ScriptPool, RunsManyOnFewThreads) {
  ScriptPool pool(options());
  std::vector<std::future<Outcome>> all;
  for (int i = 0; i < 20; ++i) all.push_back(start(pool, "return workflowContext + 1", std::to_string(i)));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)].get().result, std::to_string(i + 1));
}

TEST(ScriptPool, SaysWhatFailed) {
  ScriptPool pool(options());
  const Outcome outcome = start(pool, "const a = 1;\nreturn nope").get();
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->reason, Failure::Reason::kThrew);
  EXPECT_EQ(outcome.failure->line, 2);
}

TEST(ScriptPool, CutsOffWhatRunsWhenItStops) {
  ScriptPool::Options slow = options();
  slow.limits.time = std::chrono::hours{1};
  slow.threads = 1;
  ScriptPool pool(std::move(slow));
  EXPECT_EQ(start(pool, "return 1").get().result, "1");
  std::future<Outcome> running = start(pool, "for (;;) ;");
  std::future<Outcome> waiting = start(pool, "return 2");
  pool.stop();
  EXPECT_EQ(running.get().failure->reason, Failure::Reason::kWorker);
  EXPECT_THAT(waiting.get().failure->what(), HasSubstr("stopping"));
  EXPECT_THAT(start(pool, "return 3").get().failure->what(), HasSubstr("stopping"));
}

TEST(ScriptPool, RefusesWhatIsTooMuch) {
  ScriptPool::Options small = options();
  small.max_waiting = 0;
  ScriptPool pool(std::move(small));
  EXPECT_THAT(start(pool, "return 1").get().failure->what(), HasSubstr("Too many"));
}

}  // namespace
}  // namespace trunkline::script

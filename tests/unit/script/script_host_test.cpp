#include "runtime/script/script_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace trunkline::script {
namespace {

using ::testing::HasSubstr;

class Scripts : public ::testing::Test {
 protected:
  std::string run(std::string_view code, std::string_view context = "{}", const Limits& limits = {}) {
    return host.run(code, context, limits);
  }
  Failure failure_of(std::string_view code, const Limits& limits = {}) {
    try {
      return Failure(Failure::Reason::kWorker, "gave " + run(code, "{}", limits));
    } catch (const Failure& failure) {
      return failure;
    }
  }
  ScriptHost host{{TRUNKLINE_SCRIPT_WORKER}};
};

TEST_F(Scripts, GiveWhatTheirFunctionReturns) {
  EXPECT_EQ(run("return 1 + 1;"), "2");
  EXPECT_EQ(run("return { a: [1, 'ü', null, true], b: undefined };"), R"({"a":[1,"ü",null,true]})");
  EXPECT_EQ(run("const x = 1;"), "null");
  EXPECT_EQ(run("return () => 1;"), "null");
  EXPECT_EQ(run("return workflowContext.actions.Get.outputs.body.n * 2", R"({"actions":{"Get":{"outputs":{"body":{"n":21}}}}})"),
            "42");
}

TEST_F(Scripts, SpeakModernJavaScript) {
  EXPECT_EQ(run("const f = ({a, ...rest}, [b = 2] = []) => `${a}${b}${Object.keys(rest)}`; return f({a: 1, c: 3});"), R"("12c")");
  EXPECT_EQ(
      run("class P { #x = 1; get x() { return this.#x ?? 0; } static s = new Map([[1, 2]]); } return [new P().x, P.s.get(1)];"),
      "[1,2]");
  EXPECT_EQ(run("return [[3, 1, 2].toSorted().at(-1), String(2n ** 65n)]"), R"([3,"36893488147419103232"])");
  EXPECT_EQ(run("return 'a-b'.replaceAll('-', '+').match(/(?<left>.)\\+/u).groups.left"), R"("a")");
}

TEST_F(Scripts, WaitForTheirPromises) {
  EXPECT_EQ(run("return (async () => { const v = await Promise.all([1, Promise.resolve(2)]); return v; })()"), "[1,2]");
  const Failure broken = failure_of("return Promise.reject(new Error('no luck'))");
  EXPECT_EQ(broken.reason, Failure::Reason::kThrew);
  EXPECT_THAT(broken.what(), HasSubstr("no luck"));
  EXPECT_THAT(failure_of("return new Promise(() => {})").what(), HasSubstr("nothing will ever keep"));
}

TEST_F(Scripts, SayWhatWentWrongAndWhere) {
  const Failure thrown = failure_of("const a = 1;\nnope();");
  EXPECT_EQ(thrown.reason, Failure::Reason::kThrew);
  EXPECT_THAT(thrown.what(), HasSubstr("nope"));
  EXPECT_THAT(failure_of("return {").what(), HasSubstr("SyntaxError"));
  EXPECT_THAT(failure_of("throw 'plain'").what(), HasSubstr("plain"));
  EXPECT_THAT(failure_of("const o = {}; o.o = o; return o;").what(), HasSubstr("cyclic"));
  // The code is the body of a function and cannot end it.
  EXPECT_THAT(failure_of("} globalThis.x = 1; {").what(), HasSubstr("SyntaxError"));
}

TEST_F(Scripts, HaveNoWayOut) {
  EXPECT_EQ(
      run("return [typeof fetch, typeof require, typeof process, typeof XMLHttpRequest, typeof setTimeout, typeof WebSocket]"),
      R"(["undefined","undefined","undefined","undefined","undefined","undefined"])");
}

TEST_F(Scripts, SeeNothingOfEachOther) {
  EXPECT_EQ(run("globalThis.secret = 5; Array.prototype.x = 1; return 1"), "1");
  EXPECT_EQ(run("return [typeof secret, [].x === undefined]"), R"(["undefined",true])");
}

TEST_F(Scripts, AreStoppedWhenTheirTimeIsUp) {
  Limits limits;
  limits.time = std::chrono::milliseconds(100);
  EXPECT_EQ(failure_of("while (true) {}", limits).reason, Failure::Reason::kTimedOut);
  EXPECT_EQ(failure_of("return (async () => { for (;;) await null; })()", limits).reason, Failure::Reason::kTimedOut);
  // The worker goes on with the next one.
  EXPECT_EQ(run("return 1"), "1");
}

TEST_F(Scripts, AreStoppedWhenTheyTakeTooMuchMemory) {
  Limits limits;
  limits.memory_bytes = 64u << 20;
  EXPECT_EQ(failure_of("const all = []; for (;;) all.push(new Array(100000).fill(all.length));", limits).reason,
            Failure::Reason::kOutOfMemory);
  EXPECT_EQ(run("return 1"), "1");
}

TEST_F(Scripts, HaveLimitsOfLength) {
  Limits limits;
  limits.max_code_length = 10;
  EXPECT_EQ(failure_of("return 12345;", limits).reason, Failure::Reason::kTooLong);
  limits = {};
  limits.max_result_bytes = 1000;
  EXPECT_EQ(failure_of("return 'x'.repeat(2000)", limits).reason, Failure::Reason::kTooLong);
}

TEST_F(Scripts, RunBesideEachOther) {
  std::vector<std::thread> threads;
  std::vector<std::string> results(4);
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] { results[static_cast<std::size_t>(i)] = run("return workflowContext * 2", std::to_string(i)); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results, (std::vector<std::string>{"0", "2", "4", "6"}));
}

TEST(ScriptHostAlone, SaysThatItsWorkerIsMissing) {
  ScriptHost host({"/nowhere/trunkline-script"});
  try {
    host.run("return 1", "{}");
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.reason, Failure::Reason::kWorker);
    EXPECT_THAT(failure.what(), HasSubstr("cannot start '/nowhere/trunkline-script'"));
  }
}

}  // namespace
}  // namespace trunkline::script

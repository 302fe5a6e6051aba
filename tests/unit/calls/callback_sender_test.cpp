// Applications that do not take their callbacks, or take their time.
#include "runtime/calls/callback_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Keeps what was sent until it is told what comes of it.
class Application final : public net::HttpSender {
 public:
  void start_send(net::ClientRequest request, UniqueFunction<void(Result<net::ClientResponse>)> done) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(request), std::move(done)});
  }
  /// The events that wait, as they were sent.
  std::vector<std::string> waiting() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const Sent& one : waiting_) out.push_back(nlohmann::json::parse(one.request.body)[0]);
    return out;
  }
  std::string authorization() {
    const std::lock_guard lock(mutex_);
    return std::string(waiting_.front().request.headers.get("Authorization"));
  }
  void answer(const std::string& event, Result<net::ClientResponse> answer) {
    Sent sent;
    {
      const std::lock_guard lock(mutex_);
      const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                      [&](const Sent& one) { return nlohmann::json::parse(one.request.body)[0] == event; });
      ASSERT_NE(found, waiting_.end()) << event;
      sent = std::move(*found);
      waiting_.erase(found);
    }
    sent.done(std::move(answer));
  }
  void answer(const std::string& event, int status) { answer(event, net::ClientResponse{status, {}, ""}); }

 private:
  struct Sent {
    net::ClientRequest request;
    UniqueFunction<void(Result<net::ClientResponse>)> done;
  };
  std::mutex mutex_;
  std::vector<Sent> waiting_;
};

class CallbackSenderTest : public ::testing::Test {
 protected:
  void send(const std::string& queue, const std::string& event) {
    sender.send({queue, "http://127.0.0.1:9/" + queue, "resource", "Test", nlohmann::json(event).dump()});
    executor.work().wait_idle();
  }
  std::vector<std::string> waiting() {
    executor.work().wait_idle();
    return application.waiting();
  }

  Executor executor{2};
  Clock clock{executor, Clock::Mode::kVirtual};
  Log log{{.level = LogLevel::kOff}};
  IdSource ids{1};
  Application application;
  CallbackSigner signer;
  CallbackSender sender{executor, clock, log, ids, application, signer};
};

TEST_F(CallbackSenderTest, WhatIsTakenMakesRoomForTheNext) {
  send("one", "a");
  send("one", "b");
  EXPECT_THAT(waiting(), ElementsAre("a")) << "in order: one after another";
  EXPECT_THAT(application.authorization(), ::testing::StartsWith("Bearer ey"));
  application.answer("a", 200);
  EXPECT_THAT(waiting(), ElementsAre("b"));
  application.answer("b", 204);
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_EQ(clock.pending(), 0u);
}

TEST_F(CallbackSenderTest, WhatIsNotTakenIsSentAgainAndDroppedInTheEnd) {
  send("one", "a");
  send("one", "b");
  // Down, broken, or it answers that it does not want it.
  const std::vector<Result<net::ClientResponse>> answers{
      Error(ErrorCode::kUnavailable, "connection refused"), net::ClientResponse{500, {}, ""}, net::ClientResponse{404, {}, ""},
      Error(ErrorCode::kDeadlineExceeded, "too slow"), net::ClientResponse{302, {}, ""}};
  Duration wait = milliseconds{500};
  for (const auto& answer : answers) {
    application.answer("a", answer);
    clock.advance(wait - milliseconds{1});
    EXPECT_THAT(waiting(), IsEmpty()) << "not before " << wait.count();
    clock.advance(milliseconds{1});
    EXPECT_THAT(waiting(), ElementsAre("a"));
    wait *= 2;
  }
  application.answer("a", 503);
  EXPECT_THAT(waiting(), ElementsAre("b")) << "six times, then it is given up";
  application.answer("b", 500);
  clock.advance(milliseconds{500});
  EXPECT_THAT(waiting(), ElementsAre("b")) << "which has attempts of its own";
  application.answer("b", 200);
  EXPECT_THAT(waiting(), IsEmpty());
}

TEST_F(CallbackSenderTest, ASlowApplicationHoldsUpNobodyElse) {
  send("slow", "a");
  send("slow", "b");
  send("other", "c");
  EXPECT_THAT(waiting(), ElementsAre("a", "c"));
  application.answer("c", 200);
  send("other", "d");
  EXPECT_THAT(waiting(), ElementsAre("a", "d"));
}

TEST_F(CallbackSenderTest, OfMoreThanItKeepsTheOldestGoes) {
  for (std::size_t i = 0; i < CallbackSender::kMaxQueued + 2; ++i) send("one", std::to_string(i));
  application.answer("0", 200);
  EXPECT_THAT(waiting(), ElementsAre("3")) << "what was under way stayed";
}

TEST_F(CallbackSenderTest, NothingIsSentOnceItIsStopped) {
  send("one", "a");
  send("one", "b");
  sender.stop();
  application.answer("a", 500);
  clock.advance(seconds{60});
  send("one", "c");
  EXPECT_THAT(waiting(), IsEmpty());
}

}  // namespace
}  // namespace trunkline::calls::testing

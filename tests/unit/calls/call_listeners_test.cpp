#include "runtime/calls/call_listeners.h"

#include <gmock/gmock.h>

#include <future>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

class CallListening : public testing::Test {
 protected:
  CallListening() : executor_(1), clock_(executor_, Clock::Mode::kVirtual) {}
  ~CallListening() override {
    listeners_.stop();
    clock_.stop();
    executor_.stop();
  }
  std::shared_ptr<CallListener> listen(std::int64_t resource, std::string connection = "") {
    return listeners_.listen(executor_, clock_, resource, std::move(connection));
  }
  void tell(std::int64_t resource, const std::string& type, json data) { listeners_.tell(resource, type, clock_.now(), data); }
  static std::vector<calling::CallEvent> next(const std::shared_ptr<CallListener>& listener, std::uint32_t most = 100) {
    return sync_wait(CallListener::next(listener, most));
  }

  Executor executor_;
  Clock clock_;
  CallListeners listeners_;
};

TEST_F(CallListening, EachHearsWhatItListensTo) {
  const auto all = listen(1), one = listen(1, "b"), other = listen(2);
  tell(1, "CallConnected", {{"callConnectionId", "a"}});
  tell(1, "CallConnected", {{"callConnectionId", "b"}});
  tell(2, "IncomingCall", {{"incomingCallContext", "x"}});
  ASSERT_EQ(next(all, 1).size(), 1U);
  EXPECT_EQ(next(all).at(0).connection_id, "b");
  ASSERT_EQ(next(one).size(), 1U);
  EXPECT_EQ(next(other).at(0).incoming_call_context, "x");
  all->close();
  EXPECT_TRUE(next(all).empty());
}

TEST_F(CallListening, AnEventSaysInMembersWhatApplicationsAskFor) {
  json data;
  data["callConnectionId"] = "c";
  data["serverCallId"] = "s";
  data["operationContext"] = "menu";
  data["resultInformation"] = {{"code", 200}, {"subCode", 8531}, {"message", "enough"}};
  data["dtmfResult"]["tones"] = {"one", "pound", "a"};
  data["choiceResult"]["label"] = "sales";
  data["speechResult"]["speech"] = "hello";
  data["participant"]["rawId"] = "4:+14255550123";
  const calling::CallEvent event = call_event("RecognizeCompleted", clock_.now(), data);
  EXPECT_EQ(event.tones, "1#A");
  EXPECT_EQ(event.choice, "sales");
  EXPECT_EQ(event.speech, "hello");
  EXPECT_EQ(event.participant, "+14255550123");
  EXPECT_EQ(event.code, 200);
  EXPECT_EQ(event.sub_code, 8531);
  EXPECT_EQ(event.message, "enough");
  EXPECT_EQ(event.operation_context, "menu");
  EXPECT_EQ(json::parse(event.data), data);
  const calling::CallEvent bare = call_event("CallConnected", clock_.now(), json::object());
  EXPECT_FALSE(bare.tones || bare.code || bare.connection_id || bare.from);
}

TEST_F(CallListening, WhoFallsFarBehindIsTold) {
  const auto listener = listen(1);
  for (std::size_t i = 0; i <= CallListener::kMaxQueued; ++i) tell(1, "CallConnected", json::object());
  std::size_t heard = 0;
  while (heard < CallListener::kMaxQueued) heard += next(listener, 1000).size();
  try {
    next(listener);
    FAIL() << "what was lost is not told";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  }
}

TEST_F(CallListening, TheEndEndsAWait) {
  const auto listener = listen(1);
  std::promise<bool> over;
  spawn(CallListener::next(listener, 1),
        [&](Result<std::vector<calling::CallEvent>> result) { over.set_value(result.ok() && result.value().empty()); });
  listeners_.stop();
  EXPECT_TRUE(over.get_future().get());
  EXPECT_TRUE(next(listen(1)).empty()) << "nobody is told anything any more";
}

}  // namespace
}  // namespace trunkline::calls

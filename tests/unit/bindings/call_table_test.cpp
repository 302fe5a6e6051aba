// What a caller is promised, whatever the other side does.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "trunkline/sms_client.hpp"

namespace trunkline {
namespace {

using sms::SmsProviderClient;
using Results = std::vector<sms::SmsSendResult>;
constexpr Time kNoon{std::chrono::hours{12}};

CallOptions due(Time deadline) {
  CallOptions options;
  options.deadline = deadline;
  return options;
}

/// A plugin in C: remembers what it was asked and completes when the test says so.
struct FakePlugin {
  const tl_call* call = nullptr;
  const tl_sms_send_request* request = nullptr;
  tl_sms_provider_send_done done = nullptr;
  void* user = nullptr;
  int calls = 0;

  static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                   void* user) {
    auto& plugin = *static_cast<FakePlugin*>(self);
    ++plugin.calls;
    plugin.call = call;
    plugin.request = request;
    plugin.done = done;
    plugin.user = user;
  }
  static void never(void* self, const tl_call*, tl_sms_provider_capabilities_done done, void* user) {
    auto& plugin = *static_cast<FakePlugin*>(self);
    plugin.late_capabilities = done;
    plugin.user = user;
  }
  tl_sms_provider_capabilities_done late_capabilities = nullptr;
  static constexpr tl_sms_provider kVtbl{sizeof(tl_sms_provider), 0, &send, &never};
  tl_iface iface() { return {this, &kVtbl}; }

  void succeed() {
    const tl_list none{};
    done(user, &none, nullptr);
  }
};

class CallTableTest : public ::testing::Test {
 protected:
  CallTableTest() {
    table_.on_incident([this](const CallIncident& incident) {
      incidents_.push_back(incident.kind);
      last_ = std::string(incident.provider) + "/" + std::string(incident.operation) + "/" + incident.detail;
    });
  }
  void start(CallOptions options = {}) {
    client_.start_send({.from = "+1", .recipients = {{"+2", "m1", false}}, .text = "hi"}, std::move(options),
                       [this](Result<Results> result) {
                         ++completions_;
                         result_ = std::move(result);
                       });
  }
  int completions_ = 0;
  std::optional<Result<Results>> result_;
  std::vector<CallIncident::Kind> incidents_;
  std::string last_;
  FakePlugin plugin_;
  CallTable table_{"carrier"};  // fails pending calls when it goes, so it goes first
  SmsProviderClient client_{plugin_.iface(), table_};
};

TEST_F(CallTableTest, CompletesLater) {
  start();
  EXPECT_EQ(completions_, 0);
  EXPECT_EQ(table_.pending(), 1u);
  EXPECT_EQ(sms::SmsSendRequestView(*plugin_.request).recipients()[0].message_id(), "m1");
  plugin_.succeed();
  EXPECT_EQ(completions_, 1);
  EXPECT_TRUE(result_->ok());
  EXPECT_EQ(table_.pending(), 0u);
  EXPECT_TRUE(incidents_.empty());
}

TEST_F(CallTableTest, UserIsNoPointer) {
  start();
  EXPECT_NE(plugin_.user, nullptr);
  EXPECT_NE(plugin_.user, &table_);
  plugin_.done(reinterpret_cast<void*>(0xdeadbeefdeadbeef), nullptr, nullptr);  // no such call: dropped
  plugin_.done(nullptr, nullptr, nullptr);
  EXPECT_EQ(completions_, 0);
  plugin_.succeed();
  EXPECT_EQ(completions_, 1);
}

TEST_F(CallTableTest, SecondDoneIsReportedAndIgnored) {
  start();
  plugin_.succeed();
  plugin_.succeed();
  EXPECT_EQ(completions_, 1);
  EXPECT_EQ(incidents_, std::vector{CallIncident::Kind::kSecondDone});
  EXPECT_EQ(last_, "carrier/send/");
  EXPECT_EQ(table_.counters().second_done, 1u);
}

TEST_F(CallTableTest, SecondDoneCannotCompleteTheNextCall) {
  start();
  const FakePlugin first = plugin_;
  plugin_.succeed();
  start();  // takes the same slot
  const tl_list none{};
  first.done(first.user, &none, nullptr);
  EXPECT_EQ(completions_, 1);
  EXPECT_EQ(table_.pending(), 1u);
  plugin_.succeed();
  EXPECT_EQ(completions_, 2);
  EXPECT_EQ(table_.counters().second_done, 1u);
}

TEST_F(CallTableTest, DoneOfAnotherOperationIsRefused) {
  start();
  void* const send_user = plugin_.user;
  EXPECT_THROW(client_.capabilities(), Error);  // gives the fake a `done` of another type
  const auto other_done = plugin_.late_capabilities;
  void* const capabilities_user = plugin_.user;
  tl_sms_capabilities result{};
  result.struct_size = sizeof result;
  other_done(send_user, &result, nullptr);
  EXPECT_EQ(completions_, 0);
  EXPECT_EQ(table_.counters().second_done, 1u);
  other_done(capabilities_user, &result, nullptr);
  plugin_.user = send_user;
  plugin_.succeed();
  EXPECT_EQ(completions_, 1);
}

TEST_F(CallTableTest, DeadlineCompletesAndArgumentsLiveOn) {
  std::vector<Time> armed;
  table_.on_deadline([&](Time due) { armed.push_back(due); });
  start(due(kNoon));
  EXPECT_EQ(armed, std::vector{kNoon});
  EXPECT_EQ(table_.earliest_deadline(), kNoon);
  EXPECT_EQ(Call(plugin_.call).deadline(), kNoon);

  EXPECT_EQ(table_.expire(kNoon - Duration{1}), kNoon);
  EXPECT_EQ(completions_, 0);
  EXPECT_EQ(table_.expire(kNoon), std::nullopt);
  EXPECT_EQ(completions_, 1);
  EXPECT_EQ(result_->error().code, ErrorCode::kDeadlineExceeded);

  EXPECT_EQ(table_.pending(), 1u);  // still lent out
  EXPECT_EQ(sms::SmsSendRequestView(*plugin_.request).text(), "hi");
  plugin_.succeed();
  EXPECT_EQ(completions_, 1);
  EXPECT_EQ(table_.pending(), 0u);
  EXPECT_EQ(incidents_, std::vector{CallIncident::Kind::kLateDone});
}

TEST_F(CallTableTest, OnlyTheEarliestDeadlineArms) {
  std::vector<Time> armed;
  table_.on_deadline([&](Time due) { armed.push_back(due); });
  start(due(kNoon));
  const FakePlugin noon = plugin_;
  start(due(kNoon + Duration{5}));
  start(due(kNoon - Duration{5}));
  EXPECT_EQ(armed, (std::vector{kNoon, kNoon - Duration{5}}));
  plugin_.succeed();  // the earliest completes in time
  EXPECT_EQ(table_.expire(kNoon - Duration{1}), kNoon);
  const tl_list none{};
  noon.done(noon.user, &none, nullptr);
  EXPECT_EQ(table_.expire(kNoon), kNoon + Duration{5});
  EXPECT_EQ(completions_, 2);
}

TEST_F(CallTableTest, FinishedDeadlinesDoNotPileUp) {
  table_.on_deadline([](Time) {});
  for (int i = 0; i < 10000; ++i) {
    start(due(kNoon + std::chrono::seconds{i}));
    plugin_.succeed();
  }
  EXPECT_LT(table_.core().deadlines.size(), 200u);
}

TEST_F(CallTableTest, LateErrorsAreFreed) {
  table_.on_deadline([](Time) {});
  start(due(kNoon));
  table_.expire(kNoon);
  plugin_.done(plugin_.user, nullptr, ErrorHost::make(Error(ErrorCode::kNotFound, "late")));  // leaks unless taken
  EXPECT_EQ(table_.counters().late_done, 1u);
}

TEST_F(CallTableTest, ErrorsArriveWhole) {
  start();
  plugin_.done(plugin_.user, nullptr,
               ErrorHost::make(
                   Error(ErrorCode::kUnavailable, "busy", "to").with_retry(std::chrono::seconds{3}).with_provider_code("21610")));
  const Error& error = result_->error();
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(error.target, "to");
  EXPECT_EQ(error.provider_code, "21610");
  EXPECT_TRUE(error.retryable);
  EXPECT_EQ(error.retry_after, std::chrono::seconds{3});
}

TEST_F(CallTableTest, BrokenResultsBecomeErrors) {
  start();
  plugin_.done(plugin_.user, nullptr, nullptr);
  EXPECT_EQ(result_->error().code, ErrorCode::kInternal);
  EXPECT_EQ(result_->error().message, "carrier completed send with neither a result nor an error");

  start();
  const tl_list broken{"x", 3, 1};
  plugin_.done(plugin_.user, &broken, nullptr);
  EXPECT_EQ(result_->error().code, ErrorCode::kInternal);
  EXPECT_NE(result_->error().message.find("stride of 1"), std::string::npos);
  EXPECT_EQ(table_.counters().bad_result, 2u);
}

TEST_F(CallTableTest, WritingPastTheArgumentsIsReported) {
  start();
  auto* past = const_cast<tl_sms_send_request*>(plugin_.request) + 1;
  std::memset(static_cast<void*>(past), 0x41, 8);
  plugin_.succeed();
  EXPECT_EQ(incidents_, std::vector{CallIncident::Kind::kOverrun});
  EXPECT_EQ(completions_, 1);

  start();  // the slot is whole again
  plugin_.succeed();
  EXPECT_EQ(table_.counters().overrun, 1u);
}

TEST_F(CallTableTest, WritingPastTheCallIsReported) {
  start();
  auto* past = const_cast<tl_call*>(plugin_.call) - 1;
  std::memset(reinterpret_cast<char*>(past + 1) - 8, 0x41, 8);
  plugin_.succeed();
  EXPECT_EQ(incidents_, std::vector{CallIncident::Kind::kOverrun});
}

// The request to stop lies behind the call: what runs over the end of the one must not pass for the other.
TEST_F(CallTableTest, WritingPastTheEndOfTheCallIsReported) {
  const std::stop_source stop;
  CallOptions options;
  options.stop = stop.get_token();
  start(std::move(options));
  std::memset(static_cast<void*>(const_cast<tl_call*>(plugin_.call) + 1), 0x41, 8);
  plugin_.succeed();
  EXPECT_EQ(incidents_, std::vector{CallIncident::Kind::kOverrun});
  EXPECT_EQ(completions_, 1);

  start();  // the slot is whole again
  plugin_.succeed();
  EXPECT_EQ(table_.counters().overrun, 1u);
}

TEST_F(CallTableTest, WritingPastTheRequestToStopIsReported) {
  const std::stop_source stop;
  CallOptions options;
  options.stop = stop.get_token();
  start(std::move(options));
  std::memset(static_cast<void*>(const_cast<tl_cancel*>(plugin_.call->cancel) + 1), 0x41, 8);
  plugin_.succeed();
  EXPECT_EQ(incidents_, std::vector{CallIncident::Kind::kOverrun});
}

TEST_F(CallTableTest, RawArgumentsAreGuardedByTheirArena) {
  abi::Arena arena;
  const sms::SmsSendRequest request{.text = "hi"};
  const tl_sms_send_request* c = abi::lower_parameter(request, arena);
  int done = 0;
  CallOptions options;
  options.arguments = &arena;
  client_.start_send_raw(*c, std::move(options), [&](ListView<sms::SmsSendResult> results, const Error* error) {
    ++done;
    EXPECT_EQ(error, nullptr);
    EXPECT_TRUE(results.empty());
  });
  std::memset(const_cast<tl_sms_send_request*>(plugin_.request) + 1, 0x41, 8);
  plugin_.succeed();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(table_.counters().overrun, 1u);
}

TEST_F(CallTableTest, CancellationReachesThePeer) {
  std::stop_source stop;
  CallOptions options;
  options.stop = stop.get_token();
  start(std::move(options));
  const Call call(plugin_.call);
  int notified = 0;
  CancelSubscription first = call.on_cancel([&] { ++notified; });
  CancelSubscription second = call.on_cancel([&] { notified += 100; });
  second.reset();
  EXPECT_FALSE(call.cancelled());
  stop.request_stop();
  EXPECT_TRUE(call.cancelled());
  EXPECT_EQ(notified, 1);
  CancelSubscription late = call.on_cancel([&] { notified += 10; });
  EXPECT_EQ(notified, 11);
  first.reset();
  EXPECT_EQ(completions_, 0);  // a request, not an end
  plugin_.done(plugin_.user, nullptr, ErrorHost::make(Error(ErrorCode::kCancelled, "")));
  EXPECT_EQ(result_->error().code, ErrorCode::kCancelled);
}

TEST_F(CallTableTest, ContextCrosses) {
  CallOptions options;
  options.idempotency_key = "k1";
  options.traceparent = "00-x";
  options.resource = "dev";
  start(std::move(options));
  const Call call(plugin_.call);
  EXPECT_EQ(call.idempotency_key(), "k1");
  EXPECT_EQ(call.traceparent(), "00-x");
  EXPECT_EQ(call.resource(), "dev");
  EXPECT_EQ(call.forward().resource, "dev");
  plugin_.succeed();
  EXPECT_EQ(Call(nullptr).resource(), "");
  EXPECT_FALSE(Call(nullptr).cancelled());
}

TEST_F(CallTableTest, ClosingFailsWhatIsPending) {
  FakePlugin plugin;
  {
    CallTable table("gone");
    SmsProviderClient client(plugin.iface(), table);
    client.start_send({}, {}, [this](Result<Results> result) {
      ++completions_;
      result_ = std::move(result);
    });
  }
  EXPECT_EQ(result_->error().code, ErrorCode::kCancelled);
  plugin.succeed();  // after its table has gone
  plugin.succeed();
  EXPECT_EQ(completions_, 1);
}

TEST_F(CallTableTest, MissingSlotsAreUnimplemented) {
  const tl_sms_provider old{offsetof(tl_sms_provider, capabilities), 0, &FakePlugin::send, nullptr};
  SmsProviderClient client({&plugin_, &old}, table_);
  try {
    client.capabilities();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kUnimplemented);
  }
  SmsProviderClient nothing;
  EXPECT_FALSE(nothing);
  EXPECT_THROW(nothing.send_sync({}), Error);
}

TEST_F(CallTableTest, TasksBeginWhenTheyAreAwaited) {
  Task<Results> task = client_.send({.from = "+1", .recipients = {{"+2", "m1", false}}, .text = "hi"});
  EXPECT_EQ(plugin_.calls, 0);
  EXPECT_EQ(table_.pending(), 0u);
  spawn(std::move(task), [this](Result<Results> result) {
    ++completions_;
    result_ = std::move(result);
  });
  EXPECT_EQ(plugin_.calls, 1);
  EXPECT_EQ(table_.pending(), 1u);
  EXPECT_EQ(sms::SmsSendRequestView(*plugin_.request).recipients()[0].message_id(), "m1");
  plugin_.succeed();
  EXPECT_EQ(completions_, 1);
  EXPECT_TRUE(result_->ok());
  EXPECT_EQ(table_.pending(), 0u);
}

TEST_F(CallTableTest, TasksThatNobodyAwaitsGiveBackWhatTheyHold) {
  const auto guard = std::make_shared<int>();
  const SmsProviderClient client(plugin_.iface(), table_, guard);
  for (int i = 0; i < 300'000; ++i) {  // more than the calls that can be in flight
    const Task<Results> dropped = client.send({.from = "+1", .recipients = {{"+2", "m1", false}}, .text = "hi"});
    ASSERT_EQ(guard.use_count(), 3);
  }
  EXPECT_EQ(guard.use_count(), 2);
  EXPECT_EQ(plugin_.calls, 0);
  start();
  EXPECT_EQ(plugin_.calls, 1);
  plugin_.succeed();
  EXPECT_TRUE(result_->ok());
}

TEST_F(CallTableTest, ATaskForAStoppedPeerIsRefused) {
  Task<Results> task = client_.send({.from = "+1", .recipients = {{"+2", "m1", false}}, .text = "hi"});
  table_.core().close_entrance();
  try {
    sync_wait(std::move(task));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_EQ(error.message, "carrier was stopped");
  }
  EXPECT_EQ(plugin_.calls, 0);
}

TEST_F(CallTableTest, SynchronousOperationsMustNotWait) {
  try {
    client_.capabilities();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInternal);
  }
  EXPECT_EQ(incidents_, std::vector{CallIncident::Kind::kNotSynchronous});
  tl_sms_capabilities result{};
  result.struct_size = sizeof result;
  plugin_.late_capabilities(plugin_.user, &result, nullptr);
  EXPECT_EQ(table_.counters().late_done, 1u);
}

TEST_F(CallTableTest, DoneRacesWithTheDeadline) {
  table_.on_deadline([](Time) {});
  for (int i = 0; i < 2000; ++i) {
    const int before = completions_;
    start(due(kNoon));
    std::thread peer([this] { plugin_.succeed(); });
    table_.expire(kNoon);
    peer.join();
    ASSERT_EQ(completions_, before + 1);
    ASSERT_EQ(table_.pending(), 0u);
  }
}

// The caller asks to stop while the peer subscribes, looks, unsubscribes and completes: the request lives in the slot and must
// last until the peer has completed, and no longer.
TEST_F(CallTableTest, CancellationRacesWithTheCompletion) {
  for (int i = 0; i < 2000; ++i) {
    const int before = completions_;
    std::stop_source stop;
    CallOptions options;
    options.stop = stop.get_token();
    start(std::move(options));
    std::atomic<int> notified{0};
    std::thread peer([&] {
      {
        const Call call(plugin_.call);
        const CancelSubscription subscription = call.on_cancel([&] { ++notified; });
        if (call.cancelled() && i % 2 == 0) ++notified;
      }
      plugin_.succeed();
    });
    stop.request_stop();
    peer.join();
    ASSERT_EQ(completions_, before + 1);
    ASSERT_LE(notified, 2);
    ASSERT_EQ(table_.pending(), 0u);
  }
  EXPECT_TRUE(incidents_.empty());
}

// A second completion that comes from another thread while the slot serves other calls.
TEST_F(CallTableTest, SecondDoneRacesWithTheNextCalls) {
  table_.on_incident({});
  start();
  const FakePlugin first = plugin_;
  plugin_.succeed();
  std::atomic<bool> over{false};
  std::thread peer([&] {
    const tl_list none{};
    while (!over) first.done(first.user, &none, nullptr);
  });
  for (int i = 0; i < 2000; ++i) {
    start();
    plugin_.succeed();
    ASSERT_EQ(completions_, i + 2);
  }
  over = true;
  peer.join();
  EXPECT_EQ(table_.pending(), 0u);
  EXPECT_EQ(table_.counters().overrun, 0u);
}

TEST_F(CallTableTest, ManyThreadsManyCalls) {
  struct Inline {
    static void send(void*, const tl_call*, const tl_sms_send_request*, tl_sms_provider_send_done done, void* user) {
      const tl_list none{};
      done(user, &none, nullptr);
    }
  };
  static constexpr tl_sms_provider kVtbl{sizeof(tl_sms_provider), 0, &Inline::send, nullptr};
  SmsProviderClient client({nullptr, &kVtbl}, table_);
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) client.start_send({}, {}, [&](Result<Results>) { ++done; });
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 20000);
  EXPECT_EQ(table_.pending(), 0u);
}

}  // namespace
}  // namespace trunkline

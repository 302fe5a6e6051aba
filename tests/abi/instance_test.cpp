// Instances: what is wrong when one is made, and what misbehaving ones do to the host.
#include <gmock/gmock.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "tests/abi/test_host.h"
#include "trunkline/plugin.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline::plugin {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Instance : public ::testing::Test {
 protected:
  Error create_error(const std::string& plugin, InstanceSettings settings = {}) {
    try {
      host.create(plugin, std::move(settings));
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << plugin << " was created";
    return {};
  }
  // What a send ended in: "ok", or the error's message. Checks that it ended exactly once.
  struct Sent {
    int times = 0;
    Result<std::vector<sms::SmsSendResult>> result;
  };
  static std::shared_ptr<Sent> send(const PluginInstance& instance, std::string text = "hello", CallOptions options = {}) {
    auto sent = std::make_shared<Sent>();
    sms_of(instance).start_send(sms_to({"+14255550111"}, std::move(text)), std::move(options),
                                [sent](Result<std::vector<sms::SmsSendResult>> result) {
                                  ++sent->times;
                                  sent->result = std::move(result);
                                });
    return sent;
  }
  static InstanceSettings echo(const std::string& name) {
    InstanceSettings settings;
    settings.provider = "echo-" + name;
    settings.config_json = R"({"name": ")" + name + R"("})";
    settings.secrets.emplace("token", Secret("s3cret"));
    return settings;
  }

  TestHost host;
};

// ---- making one ----

TEST_F(Instance, GoodOneWorks) {
  auto instance = host.create("test-noop");
  const auto results = sms_of(*instance).send_sync(sms_to({"+14255550111", "+14255550112"}));
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].message_id, "id-of-+14255550112");
  EXPECT_TRUE(results[1].accepted);
  EXPECT_EQ(sms_of(*instance).capabilities().max_recipients, 100);
  EXPECT_EQ(instance->interface("trunkline.identity/1").vtbl, nullptr);
  instance->begin_stop();
  EXPECT_TRUE(instance->finish_stop(0ms));
}

TEST_F(Instance, BadConfigAndSecretsAreReportedTogether) {
  InstanceSettings settings;
  settings.config_json = R"({"name": 7, "colour": "red"})";
  settings.secrets.emplace("password", Secret("x"));
  settings.interfaces = {"trunkline.pstn/draft-1"};
  const Error error = create_error("test-echo", std::move(settings));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("provider carrier (plugin test-echo): "), HasSubstr("config.name: found integer 7, wanted string"),
                    HasSubstr("config.colour: unknown key; wanted one of name"),
                    HasSubstr("secrets.token: missing, wanted because the manifest of plugin test-echo names it"),
                    HasSubstr("secrets.password: unknown secret; wanted one of token"),
                    HasSubstr("interfaces: found trunkline.pstn/draft-1, wanted one of trunkline.sms/1")));
  InstanceSettings malformed = echo("a");
  malformed.config_json = "{";
  EXPECT_THAT(create_error("test-echo", std::move(malformed)).message, HasSubstr("config: JSON: "));
}

TEST_F(Instance, InterfaceMissing) {
  EXPECT_EQ(create_error("bad-interface-missing").message,
            "provider carrier (plugin bad-interface-missing): found no interface trunkline.sms/1, wanted it because the manifest "
            "lists it");
}

TEST_F(Instance, RequiredSlotMissing) {
  EXPECT_THAT(create_error("bad-slot-null").message,
              EndsWith("interface trunkline.sms/1: found a table of struct_size 24 without send, wanted every slot of the "
                       "interface's first version (struct_size 24)"));
  EXPECT_THAT(create_error("bad-slot-short").message,
              EndsWith("interface trunkline.sms/1: found a table of struct_size 16 without capabilities, wanted every slot of "
                       "the interface's first version (struct_size 24)"));
}

TEST_F(Instance, CreateFails) {
  const Error error = create_error("bad-create-fails");
  EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(error.message, "provider carrier (plugin bad-create-fails): create failed: the carrier refused the account");
  EXPECT_EQ(error.provider_code, "AUTH-7");
  EXPECT_EQ(error.target, "carrier");
}

TEST_F(Instance, CreateFailsSilently) {
  EXPECT_THAT(create_error("bad-create-fails-silently").message, EndsWith(": create failed with code 9 and no error"));
}

TEST_F(Instance, CreateThrows) {
  EXPECT_THAT(create_error("bad-create-throws").message,
              EndsWith("found an exception out of create (no route to carrier), wanted an error code"));
  EXPECT_EQ(host.misbehaviour("exception"), 1);
}

TEST_F(Instance, CreateWithoutInstance) {
  EXPECT_THAT(create_error("bad-create-no-instance").message,
              EndsWith("found success without an instance out of create, wanted an instance"));
}

// ---- two at once ----

// Takes what the echo plugin sends back.
class Sink final : public sms::SmsEvents {
 public:
  Task<void> received(Call, sms::InboundSms message) override {
    if (message.text == "refuse") throw Error(ErrorCode::kUnavailable, "the host is full");
    got.push_back(message.provider_message_id + " from " + message.from);
    co_return;
  }
  std::vector<std::string> got;
};

TEST_F(Instance, TwoWithDifferentConfigsAreApart) {
  Sink sink_a, sink_b;
  InstanceSettings settings_a = echo("a"), settings_b = echo("b");
  settings_a.event_sink = [&](std::string_view id) { return sink_a.find(id); };
  settings_b.event_sink = [&](std::string_view id) { return sink_b.find(id); };
  auto a = host.create("test-echo", std::move(settings_a)), b = host.create("test-echo", std::move(settings_b));
  EXPECT_EQ(send(*a)->result.value()[0].provider_message_id, "a:hello");
  EXPECT_EQ(send(*b)->result.value()[0].provider_message_id, "b:hello");
  EXPECT_THAT(sink_a.got, ::testing::ElementsAre("a:hello from +14255550111"));
  EXPECT_THAT(sink_b.got, ::testing::ElementsAre("b:hello from +14255550111"));
  a->begin_stop();
  EXPECT_TRUE(a->finish_stop(0ms));
  EXPECT_EQ(send(*b, "still here")->result.value()[0].provider_message_id, "b:still here");
  b.reset();
  const std::string log = host.logged();
  EXPECT_THAT(log, AllOf(HasSubstr("echo is up"), HasSubstr("\"plugin\":\"test-echo\""), HasSubstr("\"provider\":\"echo-b\""),
                         Not(HasSubstr("s3cret"))));
}

TEST_F(Instance, ErrorsTravelThroughThePluginUnchanged) {
  Sink sink;
  InstanceSettings settings = echo("a");
  settings.event_sink = [&](std::string_view id) { return sink.find(id); };
  auto instance = host.create("test-echo", std::move(settings));
  EXPECT_EQ(send(*instance, "refuse")->result.error().message, "the host is full");
  EXPECT_EQ(send(*instance, "refuse")->result.error().code, ErrorCode::kUnavailable);
  try {
    sms_of(*instance).send_sync(sms_to({"+1", "+2"}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.target, "recipients");
  }
}

// ---- misbehaviour ----

TEST_F(Instance, NeverAnswersEndsAtTheDeadline) {
  auto instance = host.create("bad-never-answers");
  CallOptions soon, later;
  soon.deadline = host.clock.now() + 5s;
  later.deadline = host.clock.now() + 8s;
  const auto second = send(*instance, "x", later), first = send(*instance, "x", soon);
  host.clock.advance(4s);
  EXPECT_EQ(first->times, 0);
  host.clock.advance(1s);
  EXPECT_EQ(first->times, 1);
  EXPECT_EQ(first->result.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(first->result.error().message, "provider carrier did not answer in time");
  EXPECT_EQ(second->times, 0);
  host.clock.advance(3s);
  EXPECT_EQ(second->times, 1);
  EXPECT_EQ(host.clock.pending(), 0u);
  const auto third = send(*instance);
  instance->begin_stop();
  EXPECT_TRUE(instance->finish_stop(0ms));
  EXPECT_EQ(third->times, 1);
  EXPECT_EQ(third->result.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(host.misbehaviour("open_calls"), 1);
}

TEST_F(Instance, AnswersTwice) {
  auto instance = host.create("bad-answers-twice");
  for (int i = 0; i < 3; ++i) {
    const auto sent = send(*instance);
    EXPECT_EQ(sent->times, 1);
    EXPECT_EQ(sent->result.value().size(), 1u);
  }
  EXPECT_EQ(host.misbehaviour("second_done"), 3);
  EXPECT_EQ(instance->calls().pending(), 0u);
  EXPECT_THAT(host.logged(), AllOf(HasSubstr("a plugin broke the rules of the ABI"), HasSubstr("\"kind\":\"second_done\""),
                                   HasSubstr("\"operation\":\"send\"")));
}

TEST_F(Instance, AnswersTwiceAtOnceFromTwoThreads) {
  auto instance = host.create("bad-answers-twice-threads");
  for (int i = 0; i < 50; ++i) {
    const auto sent = send(*instance);
    EXPECT_EQ(sent->times, 1);
    EXPECT_TRUE(sent->result.ok());
  }
  EXPECT_EQ(host.misbehaviour("second_done"), 50);
  EXPECT_EQ(instance->calls().pending(), 0u);
}

TEST_F(Instance, AnswersLate) {
  auto instance = host.create("bad-answers-late");
  CallOptions soon;
  soon.deadline = host.clock.now() + 1s;
  const auto first = send(*instance, "first", soon);
  host.clock.advance(1s);
  EXPECT_EQ(first->result.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(instance->calls().pending(), 1u) << "the plugin still holds the arguments";
  const auto second = send(*instance, "second");
  EXPECT_EQ(second->result.value().size(), 1u);
  EXPECT_EQ(first->times, 1);
  EXPECT_EQ(host.misbehaviour("late_done"), 1);
  EXPECT_EQ(instance->calls().pending(), 0u);
}

TEST_F(Instance, AnswersAfterStop) {
  auto instance = host.create("bad-answers-after-stop");
  const auto sent = send(*instance);
  instance->begin_stop();
  EXPECT_TRUE(instance->finish_stop(0ms));
  EXPECT_EQ(sent->times, 1);
  EXPECT_EQ(sent->result.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(host.misbehaviour("open_calls"), 1);
  EXPECT_EQ(host.misbehaviour("late_done"), 1);
}

TEST_F(Instance, ThrowsInAnOperation) {
  auto instance = host.create("bad-throws-in-op");
  const auto sent = send(*instance);
  EXPECT_EQ(sent->times, 1);
  EXPECT_EQ(sent->result.error().code, ErrorCode::kInternal);
  EXPECT_THAT(sent->result.error().message, HasSubstr("carrier link broke"));
  EXPECT_EQ(host.misbehaviour("exception"), 1);
}

TEST_F(Instance, ThrowsAfterItsAnswer) {
  auto instance = host.create("bad-throws-after-done");
  const auto sent = send(*instance);
  EXPECT_EQ(sent->times, 1);
  EXPECT_TRUE(sent->result.ok());
  EXPECT_EQ(host.misbehaviour("exception"), 1);
  EXPECT_EQ(instance->calls().pending(), 0u);
}

TEST_F(Instance, WritesPastItsArguments) {
  auto instance = host.create("bad-writes-past");
  const auto sent = send(*instance);
  EXPECT_EQ(sent->times, 1);
  EXPECT_TRUE(sent->result.ok());
  EXPECT_EQ(host.misbehaviour("overrun"), 1);
  EXPECT_EQ(send(*instance)->times, 1) << "the memory is whole again";
}

TEST_F(Instance, MalformedResults) {
  auto instance = host.create("bad-malformed-result");
  int bad = 0;
  for (const char* how : {"no result", "null list", "zero stride", "odd stride", "huge count", "zero struct_size",
                          "huge struct_size", "null text"}) {
    const auto sent = send(*instance, how);
    EXPECT_EQ(sent->times, 1) << how;
    ASSERT_FALSE(sent->result.ok()) << how;
    EXPECT_EQ(sent->result.error().code, ErrorCode::kInternal) << how;
    EXPECT_THAT(sent->result.error().message, HasSubstr("provider carrier completed send with ")) << how;
    EXPECT_EQ(host.misbehaviour("bad_result"), ++bad) << how;
  }
  EXPECT_EQ(send(*instance, "result and error")->result.error().message, "both");
  EXPECT_EQ(send(*instance, "good")->result.value().size(), 1u);
}

TEST_F(Instance, UnknownValuesPassThrough) {
  auto instance = host.create("bad-malformed-result");
  EXPECT_EQ(static_cast<int>(send(*instance, "unknown enum")->result.value()[0].reason), 77);
  EXPECT_EQ(send(*instance, "unknown error code")->result.error().code, ErrorCode::kUnknown);
  EXPECT_EQ(host.misbehaviour("bad_result"), 0);
}

// ---- stopping ----

TEST_F(Instance, StopThatNeverCompletesAbandonsThePlugin) {
  auto instance = host.create("bad-stop-never");
  instance->begin_stop();
  EXPECT_FALSE(instance->finish_stop(0ms));
  EXPECT_EQ(host.misbehaviour("stop_timeout"), 1);
  instance.reset();  // its destroy would abort
  EXPECT_THAT(host.logged(), AllOf(HasSubstr("stop_timeout"), HasSubstr("is abandoned")));
}

TEST_F(Instance, StopThatCompletesTwice) {
  auto instance = host.create("bad-stop-twice");
  instance->begin_stop();
  EXPECT_TRUE(instance->finish_stop(0ms));
  EXPECT_EQ(host.misbehaviour("second_stop"), 1);
}

TEST_F(Instance, LifecycleOutOfOrder) {
  auto instance = host.create("test-noop");
  EXPECT_THROW(instance->finish_stop(0ms), Error);
  instance->begin_stop();
  EXPECT_THROW(instance->begin_stop(), Error);
  EXPECT_TRUE(instance->finish_stop(0ms));
  EXPECT_TRUE(instance->finish_stop(0ms));
}

TEST_F(Instance, WhoLookedItUpBeforeItStoppedIsRefused) {
  auto instance = host.create("test-noop");
  const sms::SmsProviderClient client = sms_of(*instance);
  instance->begin_stop();
  EXPECT_TRUE(instance->finish_stop(0ms));
  std::optional<Error> error;
  client.start_send(sms_to({"+14255550111"}), {},
                    [&](Result<std::vector<sms::SmsSendResult>> result) { error = result.error(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kUnavailable);
  EXPECT_EQ(error->message, "provider carrier was stopped");
  EXPECT_EQ(instance->calls().pending(), 0u);
}

/// Completes a send and then lingers in its own function, as a plugin may that logs or counts there.
class Lingering : public sms::SmsProvider {
 public:
  static inline std::binary_semaphore completed{0}, leave{0};
  static inline std::atomic<bool> destroyed{false};

  explicit Lingering(Host) { destroyed = false; }
  ~Lingering() override { destroyed = true; }
  void start_send(const Call&, sms::SmsSendRequestView, Completion<std::vector<sms::SmsSendResult>> done) override {
    done.resolve(std::vector<sms::SmsSendResult>(1));
    completed.release();
    leave.acquire();
    used_after_completion = !destroyed;
  }
  sms::SmsCapabilities capabilities(const Call&) override { return {}; }

  static inline std::atomic<bool> used_after_completion{false};
};

TEST_F(Instance, IsNotDestroyedUnderAThreadThatIsInside) {
  static constexpr tl_plugin_entry kEntry = abi::plugin_entry<Lingering>();
  LoadedPlugin plugin = host.loader->load("test-noop");
  plugin.entry = &kEntry;
  InstanceSettings settings;
  settings.provider = "carrier";
  auto instance = PluginInstance::create(plugin, std::move(settings), *host.context);
  std::thread caller([&] { sms_of(*instance).send_sync(sms_to({"+14255550111"})); });
  Lingering::completed.acquire();
  instance->begin_stop();
  std::thread stopper([&] { EXPECT_TRUE(instance->finish_stop(10s)); });
  while (instance->calls().core().entrance_closed() == false) std::this_thread::yield();
  EXPECT_FALSE(Lingering::destroyed);
  Lingering::leave.release();
  caller.join();
  stopper.join();
  EXPECT_TRUE(Lingering::used_after_completion);
  EXPECT_TRUE(Lingering::destroyed);
}

TEST_F(Instance, AThreadThatStaysInsideLeavesItAbandoned) {
  static constexpr tl_plugin_entry kEntry = abi::plugin_entry<Lingering>();
  LoadedPlugin plugin = host.loader->load("test-noop");
  plugin.entry = &kEntry;
  InstanceSettings settings;
  settings.provider = "carrier";
  auto instance = PluginInstance::create(plugin, std::move(settings), *host.context);
  std::thread caller([&] { sms_of(*instance).send_sync(sms_to({"+14255550111"})); });
  Lingering::completed.acquire();
  instance->begin_stop();
  EXPECT_FALSE(instance->finish_stop(0ms));
  EXPECT_EQ(host.misbehaviour("stop_timeout"), 1);
  EXPECT_FALSE(Lingering::destroyed);
  Lingering::leave.release();
  caller.join();
}

TEST_F(Instance, AnInstanceThatIsJustDestroyedIsStoppedFirst) {
  { auto instance = host.create("test-noop"); }
  EXPECT_EQ(host.misbehaviour("stop_timeout"), 0);
}

}  // namespace
}  // namespace trunkline::plugin

// The phones: what they got, how they answer, rules about them, and who watches.
#include "tests/plugins/sms-sandbox/sms_sandbox.h"

#include <atomic>
#include <stop_token>

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using sandbox::PhoneMessage;
using sandbox::PhoneRule;
using sms::FailureReason;
using sms::InboundSms;
using sms::MessageState;
using sms::SmsSendRequest;
using testing::code_of;
using ::testing::IsEmpty;
using testing::kOurs;
using testing::kPhone;
using testing::on_behalf_of;
using ::testing::SizeIs;
using testing::SmsSandbox;

TEST_F(SmsSandbox, PhonesRememberWhatTheyGot) {
  open();
  send(request({kPhone}, "one"));
  send(request({kPhone, "+14255550124"}, "two"));
  host_.clock.advance(1s);
  const auto phones = sandbox_.phones_sync(on_behalf_of("acme"));
  ASSERT_THAT(phones, SizeIs(2));
  EXPECT_EQ(phones[0].number, kPhone);
  EXPECT_EQ(phones[0].message_count, 2);
  const std::vector<PhoneMessage> messages = sandbox_.messages_sync(kPhone, on_behalf_of("acme"));
  ASSERT_THAT(messages, SizeIs(2));
  EXPECT_EQ(messages[0].text, "one");
  EXPECT_EQ(messages[1].text, "two");
  EXPECT_EQ(messages[1].from, kOurs);
  EXPECT_FALSE(messages[1].outbound);
}

TEST_F(SmsSandbox, ResourcesShareNothing) {
  open();
  PhoneRule refuse = rule("*");
  refuse.refuse = FailureReason::kBlocked;
  add_rule(refuse, "acme");
  EXPECT_FALSE(send(request({kPhone}))[0].accepted);
  EXPECT_TRUE(send(request({kPhone}), on_behalf_of("other"))[0].accepted);
  host_.clock.advance(1s);
  EXPECT_THAT(sandbox_.phones_sync(on_behalf_of("acme")), IsEmpty());
  EXPECT_THAT(sandbox_.phones_sync(on_behalf_of("other")), SizeIs(1));
}

TEST_F(SmsSandbox, ForgetsTheOldestMessagesOfAPhone) {
  open(R"({"messages_per_phone": 2, "phones_per_resource": 2})");
  for (const char* text : {"one", "two", "three"}) send(request({kPhone}, text));
  host_.clock.advance(1s);
  const auto messages = sandbox_.messages_sync(kPhone, on_behalf_of("acme"));
  ASSERT_THAT(messages, SizeIs(2));
  EXPECT_EQ(messages[0].text, "two");
  send(request({"+14255550124", "+14255550125"}));
  host_.clock.advance(1s);
  EXPECT_THAT(sandbox_.phones_sync(on_behalf_of("acme")), SizeIs(2));
  EXPECT_THAT(sandbox_.messages_sync(kPhone, on_behalf_of("acme")), IsEmpty());
}

TEST_F(SmsSandbox, TheFirstRuleThatMatchesDecides) {
  open(R"({"rules": [{"match": "+1425", "refuse": "blocked"}, {"match": "*", "failure": "unreachable"}]})");
  EXPECT_EQ(send(request({kPhone}))[0].reason, FailureReason::kBlocked);
  EXPECT_TRUE(send(request({"+4915112345678"}))[0].accepted);
  host_.clock.advance(1s);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].state, MessageState::kFailed);
  EXPECT_EQ(sink_.reports()[0].reason, FailureReason::kUnreachable);
  EXPECT_EQ(sink_.reports()[0].provider_code, "unreachable");
  EXPECT_EQ(sink_.reports()[0].segments_delivered, 0);
  EXPECT_THAT(sandbox_.phones_sync(on_behalf_of("acme")), IsEmpty());
  add_rule(rule(kPhone));  // before all others
  EXPECT_TRUE(send(request({kPhone}))[0].accepted);
}

TEST_F(SmsSandbox, RulesRetireAfterTheirTimes) {
  open();
  PhoneRule twice = rule("*");
  twice.refuse = FailureReason::kTemporary;
  twice.times = 2;
  add_rule(twice);
  const auto first = send(request({kPhone}));
  EXPECT_FALSE(first[0].accepted);
  EXPECT_TRUE(first[0].retryable);
  EXPECT_EQ(sandbox_.rules_sync(on_behalf_of("acme"))[0].times, 1);
  EXPECT_FALSE(send(request({kPhone}))[0].accepted);
  EXPECT_TRUE(send(request({kPhone}))[0].accepted);
  EXPECT_THAT(sandbox_.rules_sync(on_behalf_of("acme")), SizeIs(1));
}

TEST_F(SmsSandbox, SilentNumbersAndUnwantedReports) {
  open(R"({"rules": [{"match": "+1425", "silent": true}]})");
  send(request({kPhone}));
  SmsSendRequest unwanted = request({"+4915112345678"});
  unwanted.delivery_report = false;
  send(unwanted);
  host_.clock.advance(1h);
  EXPECT_THAT(sink_.reports(), IsEmpty());
  EXPECT_THAT(sandbox_.phones_sync(on_behalf_of("acme")), SizeIs(2));
}

TEST_F(SmsSandbox, PhonesReply) {
  open(R"({"rules": [{"match": "+1425", "reply": "who is this?"}]})");
  send(request({kPhone}));
  host_.clock.advance(1s);
  ASSERT_THAT(sink_.received(), SizeIs(1));
  const InboundSms reply = sink_.received()[0];
  EXPECT_EQ(reply.from, kPhone);
  EXPECT_EQ(reply.to, kOurs);
  EXPECT_EQ(reply.text, "who is this?");
  EXPECT_EQ(reply.resource, "acme");
  const auto messages = sandbox_.messages_sync(kPhone, on_behalf_of("acme"));
  ASSERT_THAT(messages, SizeIs(2));
  EXPECT_TRUE(messages[1].outbound);
  EXPECT_EQ(messages[1].message_id, reply.provider_message_id);
}

TEST_F(SmsSandbox, NobodyRepliesToAName) {
  open(R"({"rules": [{"match": "*", "reply": "who is this?"}]})");
  SmsSendRequest alphanumeric = request({kPhone});
  alphanumeric.from = "CONTOSO";
  EXPECT_TRUE(send(alphanumeric)[0].accepted);
  host_.clock.advance(1s);
  EXPECT_THAT(sink_.received(), IsEmpty());
}

TEST_F(SmsSandbox, OnNetMessagesComeBackInWithTheirReport) {
  open();
  SmsSendRequest loop = request({"+18005550101"}, std::string(161, 'a'));
  loop.recipients[0].on_net = true;
  const auto results = send(loop);
  EXPECT_EQ(results[0].segments, 2);
  host_.clock.advance(49ms);
  EXPECT_THAT(sink_.received(), IsEmpty());
  host_.clock.advance(1ms);
  ASSERT_THAT(sink_.received(), SizeIs(1));
  const InboundSms inbound = sink_.received()[0];
  EXPECT_EQ(inbound.from, kOurs);
  EXPECT_EQ(inbound.to, "+18005550101");
  EXPECT_EQ(inbound.segments, 2);
  EXPECT_EQ(inbound.text, loop.text);
  EXPECT_EQ(inbound.resource, std::nullopt);  // the number decides
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].at, inbound.received_at);
}

TEST_F(SmsSandbox, APhoneSendsAText) {
  open();
  const std::string id = sandbox_.send_from_phone_sync(kPhone, kOurs, "STOP", on_behalf_of("acme"));
  ASSERT_THAT(sink_.received(), SizeIs(1));
  EXPECT_EQ(sink_.received()[0].provider_message_id, id);
  EXPECT_EQ(sink_.received()[0].resource, "acme");
  EXPECT_EQ(sink_.received()[0].received_at, host_.clock.now());
  std::string target;
  EXPECT_EQ(code_of([&] { sandbox_.send_from_phone_sync("555", kOurs, "x", {}); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "from");
}

TEST_F(SmsSandbox, ResetStartsAgainFromTheSeed) {
  open(R"({"failure_rate": 0.5})");
  const auto round = [&] {
    const std::size_t before = sink_.reports().size();
    for (int i = 0; i < 20; ++i) {
      SmsSendRequest one = request({kPhone});
      one.recipients[0].message_id = std::to_string(i);
      send(one);
      host_.clock.advance(1s);
    }
    std::vector<MessageState> states;
    const auto reports = sink_.reports();
    for (std::size_t i = before; i < reports.size(); ++i) states.push_back(reports[i].state);
    return states;
  };
  const auto first = round();
  EXPECT_NE(round(), first);
  PhoneRule block = rule("*");
  block.refuse = FailureReason::kBlocked;
  add_rule(block);
  sandbox_.reset_sync(on_behalf_of("acme"));
  EXPECT_THAT(sandbox_.phones_sync(on_behalf_of("acme")), IsEmpty());
  EXPECT_THAT(sandbox_.rules_sync(on_behalf_of("acme")), SizeIs(1));
  EXPECT_EQ(round(), first);
}

TEST_F(SmsSandbox, MessagesSentBeforeAResetDoNotReachTheNewPhones) {
  open();
  send(request({kPhone}));
  sandbox_.reset_sync(on_behalf_of("acme"));
  host_.clock.advance(1s);
  EXPECT_THAT(sink_.reports(), SizeIs(1));  // the host keeps its message
  EXPECT_THAT(sandbox_.phones_sync(on_behalf_of("acme")), IsEmpty());
}

TEST_F(SmsSandbox, ChecksRules) {
  open();
  std::string target;
  const auto refused = [&](PhoneRule bad) { return code_of([&] { add_rule(bad); }, &target); };
  EXPECT_EQ(refused(rule("425")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "rule.match");
  PhoneRule bad = rule("*");
  bad.failure_rate = 1.5;
  EXPECT_EQ(refused(bad), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "rule.failureRate");
  bad = rule("*");
  bad.latency = -1ms;
  EXPECT_EQ(refused(bad), ErrorCode::kInvalidArgument);
  bad = rule("*");
  bad.times = -1;
  EXPECT_EQ(refused(bad), ErrorCode::kInvalidArgument);
  bad = rule("*");
  bad.reply = "";
  EXPECT_EQ(refused(bad), ErrorCode::kInvalidArgument);
}

TEST_F(SmsSandbox, TellsOfTheNextChangeOfAPhone) {
  open();
  const auto changes = [&](std::int64_t since) { return sandbox_.changes(since, on_behalf_of("acme")); };
  const std::int64_t start = sync_wait(changes(0));
  std::atomic<std::int64_t> told{0};
  const auto watch = [&](std::int64_t since) {
    told = 0;
    spawn(changes(since), [&](Result<std::int64_t> result) { told = result.value(); });
  };
  watch(start);
  send(request({kPhone}));
  sandbox_.send_from_phone_sync(kPhone, kOurs, "of another resource", on_behalf_of("other"));
  EXPECT_EQ(told, 0);
  host_.clock.advance(50ms);
  EXPECT_EQ(told, start + 1);
  watch(start + 1);
  sandbox_.send_from_phone_sync(kPhone, kOurs, "answer", on_behalf_of("acme"));
  EXPECT_EQ(told, start + 2);
  watch(start + 2);
  sandbox_.reset_sync(on_behalf_of("acme"));
  EXPECT_EQ(told, start + 3);
  EXPECT_EQ(sync_wait(changes(start)), start + 3) << "what has happened already is told at once";
}

TEST_F(SmsSandbox, AWatchEndsWhenItIsCancelledOrTheCarrierStops) {
  open();
  const std::int64_t start = sandbox_.changes_sync(0, on_behalf_of("acme"));
  const auto code_with = [&](std::stop_token stop, auto end) {
    CallOptions options = on_behalf_of("acme");
    options.stop = std::move(stop);
    std::atomic<ErrorCode> code{};
    spawn(sandbox_.changes(start, std::move(options)), [&](Result<std::int64_t> result) {
      code = result.error().code;
      code.notify_one();
    });
    end();
    code.wait(ErrorCode{});
    return code.load();
  };
  std::stop_source stop;
  EXPECT_EQ(code_with(stop.get_token(), [&] { stop.request_stop(); }), ErrorCode::kCancelled);
  EXPECT_EQ(code_with(stop.get_token(), [] {}), ErrorCode::kCancelled) << "cancelled before it began";
  EXPECT_EQ(code_with({}, [&] { instance_->begin_stop(); }), ErrorCode::kUnavailable);
  EXPECT_TRUE(instance_->finish_stop(10s));
}

}  // namespace
}  // namespace trunkline

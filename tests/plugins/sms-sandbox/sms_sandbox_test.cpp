#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <stop_token>

#include "tests/plugins/host.h"
#include "trunkline/sandbox_client.hpp"
#include "trunkline/sms_client.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using sandbox::PhoneMessage;
using sandbox::PhoneRule;
using sms::DeliveryReport;
using sms::FailureReason;
using sms::InboundSms;
using sms::MessageState;
using sms::SmsSendRequest;
using sms::SmsSendResult;
using testing::code_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::on_behalf_of;
using ::testing::SizeIs;

constexpr const char* kOurs = "+18005550100";
constexpr const char* kPhone = "+14255550123";

/// The host's side of the carrier: keeps what it is told, or refuses it.
class Sink final : public sms::SmsEvents {
 public:
  Task<void> delivery_report(Call call, DeliveryReport report) override {
    const std::lock_guard lock(mutex_);
    if (refusals_ > 0) {
      --refusals_;
      throw Error(ErrorCode::kUnavailable, "the disk is full");
    }
    resources_.emplace_back(call.resource());
    reports_.push_back(std::move(report));
    co_return;
  }
  Task<void> received(Call, InboundSms message) override {
    const std::lock_guard lock(mutex_);
    received_.push_back(std::move(message));
    co_return;
  }
  void refuse(int times) {
    const std::lock_guard lock(mutex_);
    refusals_ = times;
  }
  std::vector<DeliveryReport> reports() const {
    const std::lock_guard lock(mutex_);
    return reports_;
  }
  std::vector<std::string> resources() const {
    const std::lock_guard lock(mutex_);
    return resources_;
  }
  std::vector<InboundSms> received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

 private:
  mutable std::mutex mutex_;
  int refusals_ = 0;
  std::vector<DeliveryReport> reports_;
  std::vector<std::string> resources_;
  std::vector<InboundSms> received_;
};

class SmsSandbox : public ::testing::Test {
 protected:
  void open(const std::string& config = "{}") {
    instance_ = host_.open("sms-sandbox", config, sms::iface_of(&sink_));
    sms_ = {instance_->interface("trunkline.sms/1"), instance_->calls()};
    sandbox_ = {instance_->interface("trunkline.sandbox/1"), instance_->calls()};
  }
  static SmsSendRequest request(std::vector<std::string> to, std::string text = "hello") {
    SmsSendRequest request;
    request.from = kOurs;
    request.text = std::move(text);
    for (std::size_t i = 0; i < to.size(); ++i) {
      sms::Recipient recipient;
      recipient.to = to[i];
      recipient.message_id = "m" + std::to_string(i + 1);
      request.recipients.push_back(std::move(recipient));
    }
    return request;
  }
  std::vector<SmsSendResult> send(SmsSendRequest request, CallOptions options = on_behalf_of("acme")) {
    return sms_.send_sync(std::move(request), std::move(options));
  }
  void add_rule(PhoneRule rule, const std::string& resource = "acme") {
    sandbox_.add_rule_sync(std::move(rule), on_behalf_of(resource));
  }
  static PhoneRule rule(std::string match) {
    PhoneRule rule;
    rule.match = std::move(match);
    return rule;
  }

  testing::Host host_;
  Sink sink_;
  std::unique_ptr<plugin::PluginInstance> instance_;
  sms::SmsProviderClient sms_;
  sandbox::SandboxProviderClient sandbox_;
};

TEST_F(SmsSandbox, ReportsAfterItsLatencyAndNotBefore) {
  open();
  const std::vector<SmsSendResult> results = send(request({kPhone}));
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_TRUE(results[0].accepted);
  EXPECT_EQ(results[0].message_id, "m1");
  const Time sent = host_.clock.now();
  host_.clock.advance(49ms);
  EXPECT_THAT(sink_.reports(), IsEmpty());
  EXPECT_THAT(sandbox_.messages_sync(kPhone, on_behalf_of("acme")), IsEmpty());
  host_.clock.advance(1ms);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  const DeliveryReport report = sink_.reports()[0];
  EXPECT_EQ(report.message_id, "m1");
  EXPECT_EQ(report.provider_message_id, results[0].provider_message_id);
  EXPECT_EQ(report.state, MessageState::kDelivered);
  EXPECT_EQ(report.at, sent + 50ms);
  EXPECT_EQ(report.segments_delivered, 1);
  EXPECT_THAT(sink_.resources(), ElementsAre("acme"));
}

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

TEST_F(SmsSandbox, ReportsAreRepeatedUntilTheHostKeepsThem) {
  open(R"({"rules": [{"match": "*", "reply": "hi"}]})");
  sink_.refuse(2);
  send(request({kPhone}));
  host_.clock.advance(1s);
  EXPECT_THAT(sink_.reports(), IsEmpty());
  EXPECT_THAT(sink_.received(), IsEmpty());
  host_.clock.advance(10s);
  EXPECT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_THAT(sink_.received(), SizeIs(1));
  EXPECT_THAT(sandbox_.messages_sync(kPhone, on_behalf_of("acme")), SizeIs(2));  // not once for each attempt
}

TEST_F(SmsSandbox, GivesUpOnAHostThatNeverKeepsAReport) {
  open();
  sink_.refuse(1000);
  send(request({kPhone}));
  host_.clock.advance(24h);
  EXPECT_THAT(sink_.reports(), IsEmpty());
  EXPECT_EQ(host_.clock.pending(), 0u);
}

TEST_F(SmsSandbox, AMessageThatIsTooLateExpires) {
  open(R"({"latency_ms": 60000})");
  SmsSendRequest urgent = request({kPhone});
  urgent.valid_until = host_.clock.now() + 10s;
  send(urgent);
  host_.clock.advance(10s);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].state, MessageState::kExpired);
  EXPECT_EQ(sink_.reports()[0].at, *urgent.valid_until);
  host_.clock.advance(1h);
  EXPECT_THAT(sandbox_.phones_sync(on_behalf_of("acme")), IsEmpty());
}

TEST_F(SmsSandbox, TheSameIdempotencyKeySendsOnce) {
  open();
  CallOptions options = on_behalf_of("acme");
  options.idempotency_key = "intent-1";
  const auto first = send(request({kPhone}), options);
  const auto second = send(request({kPhone}), options);
  EXPECT_EQ(first, second);
  host_.clock.advance(1s);
  EXPECT_THAT(sink_.reports(), SizeIs(1));
}

TEST_F(SmsSandbox, RefusesWhatItCannotSend) {
  open(R"({"max_segments": 2})");
  std::string target;
  const auto refused = [&](SmsSendRequest bad) { return code_of([&] { send(bad); }, &target); };
  EXPECT_EQ(refused(request({})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "recipients");
  EXPECT_EQ(refused(request(std::vector<std::string>(101, kPhone))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "recipients");
  EXPECT_EQ(refused(request({kPhone}, std::string(307, 'a'))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "text");
  EXPECT_EQ(refused(request({kPhone}, "\xff")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "text");
  SmsSendRequest nobody = request({kPhone});
  nobody.from.clear();
  EXPECT_EQ(refused(nobody), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "from");
  const auto mixed = send(request({"12", kPhone}));
  EXPECT_EQ(mixed[0].reason, FailureReason::kBadDestination);
  EXPECT_TRUE(mixed[1].accepted);
}

TEST_F(SmsSandbox, CountsSegments) {
  open();
  const auto segments = [&](std::string text, sms::Encoding encoding = sms::Encoding::kAuto) {
    SmsSendRequest sent = request({kPhone}, std::move(text));
    sent.encoding = encoding;
    return send(sent)[0].segments;
  };
  const auto times = [](int n, std::string_view text) {
    std::string all;
    for (int i = 0; i < n; ++i) all += text;
    return all;
  };
  EXPECT_EQ(segments(""), 1);
  EXPECT_EQ(segments(times(160, "a")), 1);
  EXPECT_EQ(segments(times(161, "a")), 2);
  EXPECT_EQ(segments(times(306, "a")), 2);
  EXPECT_EQ(segments(times(307, "a")), 3);
  EXPECT_EQ(segments(times(160, "ü")), 1);
  EXPECT_EQ(segments(times(80, "€")), 1);  // two septets each
  EXPECT_EQ(segments(times(81, "€")), 2);
  EXPECT_EQ(segments(times(153, "€")), 3);  // a part of 153 septets holds 76 of them, not 76 and a half
  EXPECT_EQ(segments(times(70, "你")), 1);
  EXPECT_EQ(segments(times(71, "你")), 2);
  EXPECT_EQ(segments(times(134, "你")), 2);
  EXPECT_EQ(segments(times(135, "你")), 3);
  EXPECT_EQ(segments(times(35, "😀")), 1);  // a surrogate pair each
  EXPECT_EQ(segments(times(67, "😀")), 3);  // a part of 67 units holds 33 of them
  EXPECT_EQ(segments(times(71, "a"), sms::Encoding::kUcs2), 2);
  EXPECT_EQ(segments(times(160, "你"), sms::Encoding::kGsm7), 1);
  EXPECT_EQ(segments(times(71, "`")), 2);  // not in the GSM alphabet
}

TEST_F(SmsSandbox, PricesEachSegment) {
  open(R"({"price_micros": 7500})");
  EXPECT_EQ(send(request({kPhone}, std::string(161, 'a')))[0].price_micros, 15000);
}

/// States of 200 messages in the order of their ids, and when they were reported.
std::vector<std::pair<FailureReason, Time>> fates(const std::string& config) {
  testing::Host host;
  Sink sink;
  const auto instance = host.open("sms-sandbox", config, sms::iface_of(&sink));
  const sms::SmsProviderClient client(instance->interface("trunkline.sms/1"), instance->calls());
  for (int i = 0; i < 200; ++i) {
    SmsSendRequest request;
    request.from = kOurs;
    request.text = "x";
    sms::Recipient recipient;
    recipient.to = kPhone;
    recipient.message_id = std::to_string(1000 + i);
    request.recipients.push_back(recipient);
    client.send_sync(request, on_behalf_of("acme"));
  }
  host.clock.advance(1min);
  std::map<std::string, std::pair<FailureReason, Time>> by_id;
  for (const DeliveryReport& report : sink.reports()) by_id[report.message_id] = {report.reason, report.at};
  std::vector<std::pair<FailureReason, Time>> all;
  for (const auto& [id, fate] : by_id) all.push_back(fate);
  return all;
}

TEST(SmsSandboxSeed, DecidesEverything) {
  const auto first = fates(R"({"seed": 7, "failure_rate": 0.25, "jitter_ms": 1000})");
  ASSERT_THAT(first, SizeIs(200));
  EXPECT_EQ(fates(R"({"seed": 7, "failure_rate": 0.25, "jitter_ms": 1000})"), first);
  EXPECT_NE(fates(R"({"seed": 8, "failure_rate": 0.25, "jitter_ms": 1000})"), first);
  const auto failed =
      std::count_if(first.begin(), first.end(), [](const auto& fate) { return fate.first != FailureReason::kNone; });
  EXPECT_GT(failed, 25);
  EXPECT_LT(failed, 75);
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

TEST_F(SmsSandbox, BadConfigurationIsNamed) {
  EXPECT_EQ(code_of([&] { open(R"({"latency_ms": -1})"); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { open(R"({"colour": "red"})"); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { open(R"({"rules": [{"match": "abc"}]})"); }), ErrorCode::kInvalidArgument);
}

TEST_F(SmsSandbox, ManyMessagesNeedOneTimer) {
  open();
  for (int i = 0; i < 1000; ++i) send(request({kPhone}));
  EXPECT_EQ(host_.clock.pending(), 1u);
  host_.clock.advance(50ms);
  EXPECT_THAT(sink_.reports(), SizeIs(1000));
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

TEST_F(SmsSandbox, StopsWithMessagesUnderWay) {
  open(R"({"jitter_ms": 10000})");
  for (int i = 0; i < 100; ++i) send(request({kPhone}));
  instance_->begin_stop();
  EXPECT_TRUE(instance_->finish_stop(10s));
  EXPECT_THAT(sink_.reports(), IsEmpty());
}

}  // namespace
}  // namespace trunkline

// What becomes of messages: reports, segments, prices, chance.
#include "tests/plugins/sms-sandbox/sms_sandbox.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using sms::DeliveryReport;
using sms::FailureReason;
using sms::MessageState;
using sms::SmsSendRequest;
using sms::SmsSendResult;
using testing::code_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kOurs;
using testing::kPhone;
using testing::on_behalf_of;
using testing::Sink;
using ::testing::SizeIs;
using testing::SmsSandbox;

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

/// The host's side: its first report is on its way until the second one is told, whose telling therefore takes longer.
class SlowSink final : public sms::SmsEvents {
 public:
  Task<void> delivery_report(Call, DeliveryReport report) override {
    if (report.message_id == "m1") {
      told.push_back(report.message_id);
      co_return co_await from_callback<void>([this](auto done) { first_ = [done]() mutable { done(Result<void>()); }; });
    }
    if (report.message_id == "m2") std::exchange(first_, nullptr)();
    told.push_back(report.message_id);
  }
  Task<void> received(Call, sms::InboundSms) override { co_return; }

  std::vector<std::string> told;

 private:
  std::function<void()> first_;
};

TEST_F(SmsSandbox, WhatIsDueAtOnceIsReportedInOrder) {
  SlowSink sink;
  instance_ = host_.open("sms-sandbox", "{}", sms::iface_of(&sink));
  sms_ = {instance_->interface("trunkline.sms/1"), instance_->calls()};
  std::vector<std::string> expected;
  for (int i = 1; i <= 5; ++i) {
    SmsSendRequest one = request({kPhone});
    one.recipients[0].message_id = "m" + std::to_string(i);
    expected.push_back(one.recipients[0].message_id);
    send(std::move(one));
  }
  host_.clock.advance(1s);
  EXPECT_EQ(sink.told, expected);
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

TEST_F(SmsSandbox, StopsWithMessagesUnderWay) {
  open(R"({"jitter_ms": 10000})");
  for (int i = 0; i < 100; ++i) send(request({kPhone}));
  instance_->begin_stop();
  EXPECT_TRUE(instance_->finish_stop(10s));
  EXPECT_THAT(sink_.reports(), IsEmpty());
}

}  // namespace
}  // namespace trunkline

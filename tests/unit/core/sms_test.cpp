// Sending and receiving through a whole runtime, on the sandbox carrier and on carriers that misbehave.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/services/number_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kReport = "Microsoft.Communication.SMSDeliveryReportReceived";
constexpr const char* kReceived = "Microsoft.Communication.SMSReceived";

class SmsOnSandbox : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config(kSandbox)); }
};

TEST_F(SmsOnSandbox, IsAcceptedSentDeliveredAndReported) {
  const auto outcomes = send(submission({kPhone}));
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_TRUE(outcomes[0].successful);
  EXPECT_EQ(outcomes[0].http_status, 202);
  const std::string id = outcomes[0].message_id.value();
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kSent);
  EXPECT_TRUE(events().empty());
  advance(20ms);
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
  const auto reports = events(kReport);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].subject, "/phonenumber/14255550100");
  EXPECT_EQ(reports[0].topic, resource_->arm_id);
  const json data = json::parse(reports[0].data);
  EXPECT_EQ(data["messageId"], id);
  EXPECT_EQ(data["from"], kOwned);
  EXPECT_EQ(data["to"], kPhone);
  EXPECT_EQ(data["deliveryStatus"], "Delivered");
  EXPECT_EQ(data["deliveryAttempts"][0]["segmentsSucceeded"], 1);
  EXPECT_FALSE(data.contains("tag"));
}

TEST_F(SmsOnSandbox, ReportsOnlyWhenAskedFor) {
  send(submission({kPhone}, false));
  advance(1s);
  EXPECT_TRUE(events().empty());
}

TEST_F(SmsOnSandbox, TheTagComesBack) {
  auto s = submission({kPhone});
  s.tag = "campaign-7";
  send(std::move(s));
  advance(1s);
  EXPECT_EQ(json::parse(events(kReport).at(0).data)["tag"], "campaign-7");
}

TEST_F(SmsOnSandbox, AnInvalidRecipientFailsAlone) {
  const auto outcomes = send(submission({kPhone, "+1425555012345", "not a number"}));
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_TRUE(outcomes[0].successful);
  EXPECT_EQ(outcomes[1].http_status, 400);
  EXPECT_FALSE(outcomes[1].message_id);
  EXPECT_THAT(outcomes[1].error_message.value(), HasSubstr("10 digits after +1"));
  EXPECT_THAT(outcomes[2].error_message.value(), HasSubstr("does not begin with '+'"));
}

TEST_F(SmsOnSandbox, AHundredRecipientsGetAnIdEachAndAHundredAndOneAreRefused) {
  std::vector<std::string> numbers;
  for (int i = 0; i < 100; ++i) numbers.push_back("+1425555" + std::to_string(2000 + i));
  const auto outcomes = send(submission(numbers));
  std::set<std::string> ids;
  for (const auto& outcome : outcomes) ids.insert(outcome.message_id.value());
  EXPECT_EQ(ids.size(), 100u);
  advance(1s);
  EXPECT_EQ(events(kReport).size(), 100u);
  numbers.push_back("+14255552100");
  const Error error = error_of([&] { send(submission(numbers)); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.target, "smsRecipients");
  EXPECT_EQ(error_of([&] { send(submission({})); }).target, "smsRecipients");
}

TEST_F(SmsOnSandbox, ChecksTheSender) {
  const auto from = [&](const char* sender) {
    auto s = submission({kPhone});
    s.from = sender;
    return s;
  };
  EXPECT_TRUE(send(from("CONTOSO"))[0].successful);
  EXPECT_TRUE(send(from("25555"))[0].successful);
  EXPECT_EQ(error_of([&] { send(from("+14255550199")); }).code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(error_of([&] { send(from("FABRIKAM")); }).code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(error_of([&] { send(from("33333")); }).code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(error_of([&] { send(from("+14255550101")); }).code, ErrorCode::kInvalidArgument) << "inbound only";
  EXPECT_EQ(error_of([&] { send(from("")); }).target, "from");
}

TEST_F(SmsOnSandbox, LimitsTextTagAndTimeout) {
  auto s = submission({kPhone});
  s.text = std::string(2048, 'x');
  EXPECT_TRUE(send(s)[0].successful);
  s.text += "x";
  EXPECT_EQ(error_of([&] { send(s); }).target, "message");
  s.text = "\xff";
  EXPECT_EQ(error_of([&] { send(s); }).target, "message");
  s.text.clear();
  EXPECT_EQ(error_of([&] { send(s); }).message, "message is empty");
  s = submission({kPhone});
  s.report_timeout = 59s;
  EXPECT_EQ(error_of([&] { send(s); }).code, ErrorCode::kInvalidArgument);
}

TEST_F(SmsOnSandbox, TheSameKeyIsSentOnceAndAnsweredAlike) {
  auto s = submission({kPhone});
  s.to[0].idempotency_key = "intent-1";
  const auto first = send(s);
  const auto second = send(s);
  EXPECT_EQ(first[0].message_id, second[0].message_id);
  EXPECT_FALSE(first[0].repeated);
  EXPECT_TRUE(second[0].repeated);
  advance(1s);
  EXPECT_EQ(events(kReport).size(), 1u);
  EXPECT_EQ(sync_wait(runtime_->sandbox().messages(resource_, kPhone)).size(), 1u);
  s.text = "another text";
  const auto conflict = send(s);
  EXPECT_FALSE(conflict[0].successful);
  EXPECT_EQ(conflict[0].http_status, 409);
}

TEST_F(SmsOnSandbox, ConcurrentRequestsWithOneKeySendOnce) {
  constexpr int kRequests = 16;
  std::vector<std::string> ids(kRequests);
  std::atomic<int> left{kRequests};
  for (int i = 0; i < kRequests; ++i) {
    auto s = submission({kPhone});
    s.to[0].idempotency_key = "same";
    spawn(runtime_->sms().send(resource_, std::move(s)), [&, i](Result<std::vector<service::SmsSendOutcome>> r) {
      ids[static_cast<std::size_t>(i)] = r.value()[0].message_id.value();
      if (--left == 0) left.notify_one();
    });
  }
  for (int now = left; now != 0; now = left) left.wait(now);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
}

TEST_F(SmsOnSandbox, ExplainsItself) {
  const std::string id = *send(submission({kPhone}))[0].message_id;
  advance(1s);
  const auto names = rules(id);
  EXPECT_THAT(names, Contains("sender.allowed:pass"));
  EXPECT_THAT(names, Contains("text.encoding:pick"));
  EXPECT_THAT(names, Contains("recipient.valid:pass"));
  EXPECT_THAT(names, Contains("provider.send:pass"));
  EXPECT_THAT(names, Contains("receipt:applied"));
  EXPECT_EQ(error_of([&] { runtime_->sms().explain(*resource_, "Outgoing_none_1"); }).code, ErrorCode::kNotFound);
}

TEST_F(SmsOnSandbox, APhoneWritesToUs) {
  sync_wait(runtime_->sandbox().send_from_phone(resource_, kPhone, kOwned, "hi there"));
  settle();
  const auto received = events(kReceived);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0].subject, "/phonenumber/14255550100");
  const json data = json::parse(received[0].data);
  EXPECT_EQ(data["from"], kPhone);
  EXPECT_EQ(data["message"], "hi there");
  EXPECT_EQ(data["segmentCount"], 1);
  const auto page = runtime_->sms().list(*resource_, 10, std::nullopt);
  ASSERT_EQ(page.items.size(), 1u);
  EXPECT_TRUE(page.items[0].inbound);
  EXPECT_EQ(error_of([&] { sync_wait(runtime_->sandbox().send_from_phone(resource_, kPhone, "+14255559999", "x")); }).code,
            ErrorCode::kNotFound);
}

TEST_F(SmsOnSandbox, AMessageToANumberOfOursLoopsBack) {
  send(submission({"+14255550101"}));
  advance(1s);
  const auto received = events(kReceived);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(json::parse(received[0].data)["to"], "+14255550101");
}

TEST_F(SmsOnSandbox, FailuresAreReportedWithTheirReason) {
  sandbox::PhoneRule rule;
  rule.match = kPhone;
  rule.failure = sms::FailureReason::kUnreachable;
  sync_wait(runtime_->sandbox().add_rule(resource_, rule));
  const std::string id = *send(submission({kPhone}))[0].message_id;
  advance(1s);
  EXPECT_EQ(record(id).state, sms::MessageState::kFailed);
  EXPECT_EQ(record(id).reason, sms::FailureReason::kUnreachable);
  const json data = json::parse(events(kReport).at(0).data);
  EXPECT_EQ(data["deliveryStatus"], "Failed");
  EXPECT_THAT(data["deliveryStatusDetails"].get<std::string>(), HasSubstr("4006"));
}

TEST_F(SmsOnSandbox, ARefusalOfTheCarrierIsAFailure) {
  sandbox::PhoneRule rule;
  rule.match = "*";
  rule.refuse = sms::FailureReason::kBadDestination;
  sync_wait(runtime_->sandbox().add_rule(resource_, rule));
  const std::string id = *send(submission({kPhone}))[0].message_id;
  advance(1min);
  EXPECT_EQ(record(id).state, sms::MessageState::kFailed);
  EXPECT_EQ(events(kReport).size(), 1u);
}

TEST_F(SmsOnSandbox, AReportThatNeverComesTimesOut) {
  sandbox::PhoneRule rule;
  rule.match = "*";
  rule.silent = true;
  sync_wait(runtime_->sandbox().add_rule(resource_, rule));
  auto s = submission({kPhone});
  s.report_timeout = 60s;
  const std::string id = *send(std::move(s))[0].message_id;
  advance(59s);
  EXPECT_EQ(record(id).state, sms::MessageState::kSent);
  advance(1s);
  EXPECT_EQ(record(id).state, sms::MessageState::kExpired);
  const json data = json::parse(events(kReport).at(0).data);
  EXPECT_THAT(data["deliveryStatusDetails"].get<std::string>(), HasSubstr("5002"));
}

TEST_F(SmsOnSandbox, PagesAreNewestFirstAndComplete) {
  std::vector<std::string> sent;
  for (int i = 0; i < 25; ++i) {
    sent.push_back(*send(submission({kPhone}))[0].message_id);
    advance(1ms);
  }
  std::vector<std::string> seen;
  std::optional<std::string> continuation;
  do {
    const auto page = runtime_->sms().list(*resource_, 10, continuation);
    for (const auto& item : page.items) seen.push_back(item.message_id);
    continuation = page.continuation;
  } while (continuation);
  std::reverse(seen.begin(), seen.end());
  EXPECT_EQ(seen, sent);
}

TEST_F(SmsOnSandbox, TheSameSeedGivesTheSameHistory) {
  const auto history = [&] {
    std::string all;
    for (int i = 0; i < 5; ++i) send(submission({kPhone}));
    advance(1s);
    for (const Event& event : events()) all += event.id + event.data + "\n";
    return all;
  };
  const std::string first = history();
  runtime_->close();
  runtime_.reset();
  open(test_config(kSandbox));
  EXPECT_EQ(history(), first);
}

// ---- carriers that misbehave ----

class SmsOnBadCarrier : public RuntimeTest {};

TEST_F(SmsOnBadCarrier, OneThatNeverAnswersLeavesTheMessageUncertain) {
  open(test_config("[{name: mute, plugin: bad-never-answers, timeout: 5s}]"));
  const std::string id = *send(submission({kPhone}))[0].message_id;
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kQueued);
  advance(5s);
  EXPECT_EQ(record(id).state, sms::MessageState::kUncertain);
  EXPECT_THAT(rules(id), Contains("provider.send:fail"));
}

TEST_F(SmsOnBadCarrier, OneThatAnswersTwiceDoesNoHarm) {
  open(test_config("[{name: twice, plugin: bad-answers-twice}]"));
  const std::string id = *send(submission({kPhone}))[0].message_id;
  settle();
  EXPECT_EQ(record(id).state, sms::MessageState::kSent);
  EXPECT_THAT(runtime_->metrics().expose(), HasSubstr("trunkline_plugin_misbehaviour_total"));
  EXPECT_TRUE(send(submission({kPhone}))[0].successful);
}

TEST_F(SmsOnBadCarrier, FailoverGoesToTheNextInTheRoute) {
  open(test_config("[{name: broken, plugin: bad-throws-in-op}, {name: sim, plugin: sms-sandbox, config: {latency_ms: 20}}]",
                   "[{interface: sms, providers: [broken, sim]}]"));
  const std::string id = *send(submission({kPhone}))[0].message_id;
  advance(1min);
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
  EXPECT_EQ(record(id).provider, "sim");
  EXPECT_THAT(rules(id), Contains("provider.send:fail"));
  EXPECT_THAT(rules(id), Contains("provider.send:pass"));
}

TEST_F(SmsOnBadCarrier, EachRecipientIsRoutedByItsOwnNumber) {
  // The carrier that answers each call twice counts the calls.
  open(test_config("[{name: twice, plugin: bad-answers-twice}, {name: sim, plugin: sms-sandbox, config: {latency_ms: 20}}]",
                   "[{interface: sms, match: {country: GB}, providers: [sim]},"
                   " {interface: sms, match: {to_prefix: '+1'}, providers: [twice]}]"));
  const auto outcomes =
      send(submission({kPhone, "+447700900123", "+14255550124", "+4915112345678", "+14255550125", "+447700900124"}));
  settle();
  std::vector<std::string> providers;
  for (const auto& outcome : outcomes) providers.push_back(record(*outcome.message_id).provider.value_or("none"));
  EXPECT_THAT(providers, ElementsAre("twice", "sim", "twice", "none", "twice", "sim"));
  EXPECT_THAT(rules(*outcomes[1].message_id), Contains("route.match:pick"));
  EXPECT_THAT(rules(*outcomes[1].message_id), testing::Not(Contains("route.match:skip")));
  EXPECT_THAT(rules(*outcomes[2].message_id), Contains("route.match:skip"));
  EXPECT_THAT(runtime_->metrics().expose(), HasSubstr(R"(provider="twice"} 1)")) << "one call for all of one route";
  advance(1min);
  EXPECT_EQ(record(*outcomes[1].message_id).state, sms::MessageState::kDelivered);
  EXPECT_EQ(record(*outcomes[3].message_id).state, sms::MessageState::kFailed);
}

TEST_F(SmsOnBadCarrier, AFailingRouteDoesNotHoldTheOthersUp) {
  open(test_config("[{name: broken, plugin: bad-throws-in-op}, {name: sim, plugin: sms-sandbox, config: {latency_ms: 20}}]",
                   "[{interface: sms, match: {country: GB}, providers: [broken]}, {interface: sms, providers: [sim]}]"));
  const auto outcomes = send(submission({"+447700900123", kPhone}));
  advance(20ms);
  EXPECT_EQ(record(*outcomes[1].message_id).state, sms::MessageState::kDelivered);
  advance(1min);
  EXPECT_EQ(record(*outcomes[0].message_id).state, sms::MessageState::kFailed);
}

TEST_F(SmsOnBadCarrier, WithoutAProviderTheMessageFailsAndSaysWhy) {
  open(test_config("[{name: id, plugin: identity-local}]"));
  const std::string id = *send(submission({kPhone}))[0].message_id;
  advance(1min);
  EXPECT_EQ(record(id).state, sms::MessageState::kFailed);
}

}  // namespace
}  // namespace trunkline

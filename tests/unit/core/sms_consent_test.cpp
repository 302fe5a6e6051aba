// STOP, START, HELP and the opt-out list, through a whole runtime.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using service::ConsentAction;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kConsentReport = "Microsoft.Communication.SMSDeliveryReportReceived";

class SmsConsentOnSandbox : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config(kSandbox)); }

  SmsConsent& consent() { return runtime_->sms().consent(); }
  void write(const std::string& text, const std::string& from = kPhone) {
    sync_wait(runtime_->sandbox().send_from_phone(resource_, from, kOwned, text));
    settle();
    advance(20ms);
  }
  bool opted_out(const std::string& recipient = kPhone) { return consent().check(*resource_, kOwned, {recipient})[0].opted_out; }
  std::vector<std::string> texts(const std::string& phone = kPhone) {
    std::vector<std::string> out;
    for (const auto& message : sync_wait(runtime_->sandbox().messages(resource_, phone)))
      if (!message.outbound) out.push_back(message.text);
    return out;
  }
  service::ConsentPage history() { return consent().history(*resource_, std::nullopt, 100, std::nullopt); }
};

TEST_F(SmsConsentOnSandbox, StopIsConfirmedAndThenHolds) {
  write("STOP");
  EXPECT_TRUE(opted_out());
  // The confirmation went out in spite of the block.
  EXPECT_THAT(texts(), testing::ElementsAre(HasSubstr("You are unsubscribed from +14255550100")));
  const auto outcomes = send(submission({kPhone}));
  ASSERT_TRUE(outcomes[0].successful) << "as Azure answers";
  EXPECT_EQ(outcomes[0].http_status, 202);
  const service::SmsRecord failed = record(*outcomes[0].message_id);
  EXPECT_EQ(failed.state, sms::MessageState::kFailed);
  EXPECT_EQ(failed.reason, sms::FailureReason::kOptedOut);
  EXPECT_EQ(failed.fault, sms::Fault::kRecipient);
  EXPECT_FALSE(failed.retryable);
  EXPECT_THAT(rules(failed.message_id), Contains("consent:reject"));
  advance(1min);
  EXPECT_EQ(texts().size(), 1u) << "nothing but the confirmation";
  const auto reports = events(kConsentReport);
  ASSERT_EQ(reports.size(), 1u);
  const json data = json::parse(reports[0].data);
  EXPECT_EQ(data["messageId"], failed.message_id);
  EXPECT_EQ(data["deliveryStatus"], "Failed");
  EXPECT_THAT(data["deliveryStatusDetails"].get<std::string>(), HasSubstr("opted out"));
}

TEST_F(SmsConsentOnSandbox, StartLiftsItAndIsConfirmed) {
  write("STOP");
  write("start");
  EXPECT_FALSE(opted_out());
  EXPECT_EQ(texts().size(), 2u);
  send(submission({kPhone}));
  advance(1s);
  EXPECT_THAT(texts(), Contains("hello"));
}

TEST_F(SmsConsentOnSandbox, HelpIsAnsweredAlsoAfterAStop) {
  write("HELP");
  EXPECT_FALSE(opted_out());
  EXPECT_THAT(texts(), testing::ElementsAre(HasSubstr("Reply STOP to end")));
  write("STOP");
  write("HELP");
  EXPECT_EQ(texts().size(), 3u);
}

TEST_F(SmsConsentOnSandbox, ASecondStopIsNotedAndNotAnswered) {
  write("STOP");
  write("STOP");
  EXPECT_EQ(texts().size(), 1u);
  ASSERT_EQ(history().items.size(), 2u);
  EXPECT_TRUE(history().items[0].confirmation_id);
  EXPECT_FALSE(history().items[1].confirmation_id);
}

TEST_F(SmsConsentOnSandbox, TheAnswerHasTheLanguageOfThePerson) {
  write("ARRÊT", "+33612345678");
  EXPECT_TRUE(opted_out("+33612345678"));
  EXPECT_THAT(texts("+33612345678"), testing::ElementsAre(HasSubstr("désabonné de +14255550100")));
  EXPECT_EQ(history().items[0].language, "fr");
}

TEST_F(SmsConsentOnSandbox, AnOptOutBelongsToOneSender) {
  sync_wait(consent().add(resource_, kOwned, {kPhone}));
  auto s = submission({kPhone});
  s.from = "CONTOSO";
  const std::string id = *send(std::move(s))[0].message_id;
  advance(1s);
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
}

TEST_F(SmsConsentOnSandbox, WhatWasQueuedBeforeAStopIsNotSentAfterIt) {
  auto s = submission({kPhone});
  s.send_at = runtime_->clock().now() + 1h;
  const std::string id = *send(std::move(s))[0].message_id;
  write("STOP");
  advance(2h);
  EXPECT_EQ(record(id).state, sms::MessageState::kFailed);
  EXPECT_EQ(record(id).reason, sms::FailureReason::kOptedOut);
  EXPECT_THAT(texts(), Not(Contains("hello")));
  EXPECT_THAT(json::parse(events(kConsentReport).at(0).data)["deliveryStatusDetails"].get<std::string>(), HasSubstr("opted out"));
}

TEST_F(SmsConsentOnSandbox, AddRemoveAndCheckOneByOne) {
  const auto added = sync_wait(consent().add(resource_, kOwned, {kPhone, "not-a-number"}));
  EXPECT_EQ(added[0].http_status, 200);
  EXPECT_TRUE(added[0].opted_out);
  EXPECT_EQ(added[1].http_status, 400);
  EXPECT_THAT(*added[1].error_message, HasSubstr("not-a-number"));
  EXPECT_TRUE(opted_out());
  EXPECT_FALSE(sync_wait(consent().remove(resource_, kOwned, {kPhone}))[0].opted_out);
  EXPECT_FALSE(opted_out());
  const auto code_of = [&](auto call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code;
    }
    return ErrorCode::kUnknown;
  };
  EXPECT_EQ(code_of([&] { consent().check(*resource_, "+14255550199", {kPhone}); }), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of([&] { consent().check(*resource_, kOwned, {}); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { consent().check(*resource_, kOwned, std::vector<std::string>(101, kPhone)); }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { consent().list(*resource_, std::nullopt, 0, std::nullopt); }), ErrorCode::kInvalidArgument);
}

TEST_F(SmsConsentOnSandbox, TheListGoesPageByPage) {
  std::vector<std::string> numbers;
  for (int i = 0; i < 7; ++i) numbers.push_back("+1425555300" + std::to_string(i));
  sync_wait(consent().add(resource_, kOwned, numbers));
  std::vector<std::string> seen;
  std::optional<std::string> continuation;
  do {
    const auto page = consent().list(*resource_, std::nullopt, 3, continuation);
    for (const auto& one : page.items) seen.push_back(one.recipient);
    continuation = page.continuation;
  } while (continuation);
  EXPECT_EQ(seen, numbers);
  EXPECT_TRUE(consent().list(*resource_, "25555", 10, std::nullopt).items.empty());
}

TEST_F(SmsConsentOnSandbox, TheLedgerProvesItself) {
  write("STOP");
  write("START");
  sync_wait(consent().add(resource_, kOwned, {"+14255550124"}));
  const auto page = history();
  ASSERT_EQ(page.items.size(), 3u);
  EXPECT_EQ(page.items[0].action, ConsentAction::kOptOut);
  EXPECT_EQ(page.items[0].keyword, "STOP");
  EXPECT_TRUE(page.items[0].message_id);
  EXPECT_EQ(page.items[1].action, ConsentAction::kOptIn);
  EXPECT_EQ(page.items[2].source, service::ConsentSource::kApi);
  EXPECT_EQ(consent().history(*resource_, "+14255550124", 10, std::nullopt).items.size(), 1u);
  const auto proof = consent().verify(*resource_);
  EXPECT_TRUE(proof.intact);
  EXPECT_EQ(proof.entries, 3);
  EXPECT_EQ(proof.digest, page.items[2].digest);
  // Somebody makes it look as if the person had never written.
  static const store::Statement kForge{"UPDATE sms_consent_ledger SET source = 2 WHERE sequence = 1"};
  sync_wait(resource_->database->write([](store::Session& session) { session.execute(kForge); }));
  const auto broken = consent().verify(*resource_);
  EXPECT_FALSE(broken.intact);
  EXPECT_EQ(broken.first_broken, 1);
}

TEST_F(SmsConsentOnSandbox, AForkKeepsWhoOptedOut) {
  write("STOP");
  resource_ = sync_wait(runtime_->resources().fork("world", "copy"));
  EXPECT_TRUE(opted_out());
  EXPECT_TRUE(consent().verify(*resource_).intact);
}

TEST_F(SmsConsentOnSandbox, ATextThatIsToldTwiceIsOneStop) {
  sms::InboundSms inbound;
  inbound.provider_message_id = "carrier-1";
  inbound.from = kPhone;
  inbound.to = kOwned;
  inbound.text = "STOP";
  inbound.received_at = runtime_->clock().now();
  sync_wait(runtime_->sms().on_received("sim", inbound));
  sync_wait(runtime_->sms().on_received("sim", inbound));
  EXPECT_EQ(history().items.size(), 1u);
}

class SmsConsentConfigured : public SmsConsentOnSandbox {
 protected:
  void SetUp() override {}
};

TEST_F(SmsConsentConfigured, KeywordsCanBeLeftToTheCarrier) {
  open(test_config(kSandbox, "[]", "    sms: {consent: {keywords: false}}\n"));
  write("STOP");
  EXPECT_FALSE(opted_out());
  EXPECT_TRUE(texts().empty());
}

TEST_F(SmsConsentConfigured, AnswersOfOnesOwnOrNone) {
  open(test_config(kSandbox, "[]", "    sms: {consent: {texts: {stop: 'Bye.'}}}\n"));
  write("STOP");
  EXPECT_THAT(texts(), testing::ElementsAre("Bye."));
  runtime_->close();
  open(test_config(kSandbox, "[]", "    sms: {consent: {replies: false}}\n"));
  write("STOP");
  EXPECT_TRUE(opted_out());
  EXPECT_TRUE(texts().empty());
}

}  // namespace
}  // namespace trunkline

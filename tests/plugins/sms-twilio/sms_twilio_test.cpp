// The contract with Twilio, from its public API documents.
#include "tests/plugins/http-carrier/http_carrier.h"

namespace trunkline {
namespace {

using sms::FailureReason;
using sms::MessageState;
using sms::SmsCustody;
using testing::code_of;
using ::testing::HasSubstr;
using testing::kOurs;
using testing::kPhone;
using ::testing::SizeIs;

const std::string kAccount = "AC0123456789abcdef0123456789abcdef";
const Properties kForm{{"content-type", "application/x-www-form-urlencoded"}};

class SmsTwilio : public testing::HttpCarrier {
 protected:
  void open(const std::string& more = {}) {
    HttpCarrier::open("sms-twilio", R"({"account_sid": ")" + kAccount + "\"" + (more.empty() ? "" : ", " + more) + "}",
                      {{"auth_token", Secret("12345")}});
  }
};

TEST_F(SmsTwilio, SendsAForm) {
  open(R"("callback_url": "https://sms.example/_webhooks/main")");
  http_.answer(201, R"({"sid": "SM1", "status": "queued", "num_segments": "1", "price": null, "error_code": null})");
  auto wanted = request({"m1"}, "hi & bye");
  wanted.valid_until = host_.clock.now() + std::chrono::seconds(90);
  const auto results = send(wanted);
  EXPECT_TRUE(results[0].accepted);
  EXPECT_EQ(results[0].provider_message_id, "SM1");
  const auto sent = http_.requests().at(0);
  EXPECT_EQ(sent.url, "https://api.twilio.com/2010-04-01/Accounts/" + kAccount + "/Messages.json");
  EXPECT_THAT(sent.headers.at("authorization"), HasSubstr("Basic QUMw"));
  EXPECT_EQ(
      http_.body(0),
      "Body=hi%20%26%20bye&From=%2B18005550100&StatusCallback=https%3A%2F%2Fsms.example%2F_webhooks%2Fmain%2Fstatus%3Fref%3Dm1&"
      "To=%2B14255550123&ValidityPeriod=90");
}

TEST_F(SmsTwilio, AServiceAndAKeyTakeThePlaceOfSenderAndToken) {
  HttpCarrier::open("sms-twilio",
                    R"({"account_sid": ")" + kAccount + R"(", "api_key_sid": "SK1", "messaging_service_sid": "MG1"})",
                    {{"auth_token", Secret("12345")}, {"api_key_secret", Secret("k")}});
  http_.answer(201, R"({"sid": "SM1"})");
  send(request({"m1"}));
  EXPECT_EQ(http_.body(0), "Body=hello&MessagingServiceSid=MG1&To=%2B14255550123");
  EXPECT_EQ(http_.requests().at(0).headers.at("authorization"), "Basic U0sxOms=");
}

TEST_F(SmsTwilio, RefusalsHaveReasons) {
  open();
  const std::vector<std::tuple<int, int, FailureReason, bool>> cases = {
      {400, 21211, FailureReason::kBadDestination, false}, {400, 21610, FailureReason::kOptedOut, false},
      {400, 21606, FailureReason::kBadSender, false},      {429, 20429, FailureReason::kOverQuota, true},
      {401, 20003, FailureReason::kTemporary, true},       {400, 29999, FailureReason::kUnspecified, false},
  };
  for (const auto& [status, code, reason, retryable] : cases) {
    http_.answer(status, R"({"code": )" + std::to_string(code) + R"(, "message": "because", "status": 400})");
    const auto result = send(request({"m"}))[0];
    EXPECT_FALSE(result.accepted);
    EXPECT_EQ(result.reason, reason) << code;
    EXPECT_EQ(result.retryable, retryable) << code;
    EXPECT_EQ(result.provider_code, std::to_string(code) + " because");
  }
}

TEST_F(SmsTwilio, CallbacksAreSigned) {
  open(R"("callback_url": "https://mycompany.com/_webhooks/main")");
  const std::string body = "ErrorCode=30003&MessageSid=SM1&MessageStatus=undelivered";
  EXPECT_EQ(refused(callback("/status", body, kForm)), ErrorCode::kUnauthenticated);
  Properties headers = kForm;
  headers["x-twilio-signature"] = "9GKFYE5/vOxY0UswvhrA7cR7ysQ=";
  EXPECT_EQ(refused(callback("/status", body + "&More=1", headers)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(receive(callback("/status", body, headers)).status, 204);
  const auto reports = sink_.reports();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].provider_message_id, "SM1");
  EXPECT_EQ(reports[0].state, MessageState::kFailed);
  EXPECT_EQ(reports[0].reason, FailureReason::kUnreachable);
  EXPECT_EQ(reports[0].provider_code, "undelivered 30003");
}

TEST_F(SmsTwilio, AReceiptFindsAMessageWhoseAnswerWasLost) {
  open(R"("callback_url": "https://mycompany.com/_webhooks/main")");
  Properties headers = kForm;
  headers["x-twilio-signature"] = "BZvsN65U8WbHobze7B/xJkSPQQM=";
  EXPECT_EQ(refused(callback("/status?ref=m2", "MessageSid=SM7&MessageStatus=delivered", headers)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(receive(callback("/status?ref=m1", "MessageSid=SM7&MessageStatus=delivered", headers)).status, 204);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].message_id, "m1");
  EXPECT_EQ(sink_.reports()[0].provider_message_id, "SM7");
}

TEST_F(SmsTwilio, TextsAreAnsweredWithTwiml) {
  open();
  const std::string body = "Body=STOP+it&From=%2B14255550123&MessageSid=SM9&NumSegments=1&To=%2B18005550100";
  Properties headers = kForm;
  headers["x-twilio-signature"] = "j7NDs7Et+6UYWHRXhAysn3lf8v8=";
  const auto answer = receive(callback("/inbound", body, headers));
  EXPECT_EQ(answer.headers.at("content-type"), "text/xml");
  ASSERT_THAT(sink_.received(), SizeIs(1));
  EXPECT_EQ(sink_.received()[0].from, kPhone);
  EXPECT_EQ(sink_.received()[0].to, kOurs);
  EXPECT_EQ(sink_.received()[0].text, "STOP it");
}

TEST_F(SmsTwilio, ALostAnswerIsNotRepeatedAndAKnownMessageCanBeAskedAbout) {
  open();
  http_.fail(Error(ErrorCode::kUnavailable, "reset"));
  EXPECT_EQ(code_of([&] { send(request({"m1"})); }), ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(http_.requests(), SizeIs(1));
  http_.answer(200, R"({"sid": "SM1", "status": "delivered", "error_code": null})");
  const auto answer = query("m2", "SM1");
  EXPECT_EQ(answer.custody, SmsCustody::kTaken);
  EXPECT_EQ(answer.report->state, MessageState::kDelivered);
}

TEST_F(SmsTwilio, BadConfiguration) {
  std::string target;
  EXPECT_EQ(code_of(
                [&] {
                  HttpCarrier::open("sms-twilio", R"({"account_sid": "AC1"})", {{"auth_token", Secret("x")}});
                },
                &target),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "account_sid");
}

}  // namespace
}  // namespace trunkline

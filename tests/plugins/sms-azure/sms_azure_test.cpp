// The contract with Azure Communication Services; tests/integration runs it against a whole server.
#include "tests/plugins/http-carrier/http_carrier.h"

namespace trunkline {
namespace {

using nlohmann::json;
using sms::FailureReason;
using sms::MessageState;
using testing::code_of;
using ::testing::HasSubstr;
using testing::kOurs;
using testing::kPhone;
using ::testing::SizeIs;

const std::string kId = "Outgoing_01890a5d-ac96-774b-bcce-b302099a8057_7";

class SmsAzure : public testing::HttpCarrier {
 protected:
  void open() {
    HttpCarrier::open("sms-azure", "{}",
                      {{"connection_string", Secret("Endpoint=https://contoso.example/;AccessKey=c2VjcmV0")},
                       {"callback_code", Secret("c0de")}});
  }
};

TEST_F(SmsAzure, SignsAndCanBeRepeated) {
  open();
  http_.fail(Error(ErrorCode::kUnavailable, "reset"));
  http_.answer(202,
               R"({"value": [{"to": "+14255550123", "messageId": "Outgoing_x", "httpStatusCode": 202, "successful": true}]})");
  const auto result = send(request({kId}))[0];
  EXPECT_TRUE(result.accepted);
  EXPECT_EQ(result.provider_message_id, "Outgoing_x");
  const auto sent = http_.requests();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].url, "https://contoso.example/sms?api-version=2021-03-07");
  EXPECT_THAT(sent[0].headers.at("authorization"),
              HasSubstr("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="));
  const json body = json::parse(http_.body(1));
  EXPECT_EQ(body["smsRecipients"][0]["repeatabilityRequestId"], "01890a5d-ac96-774b-bcce-b302099a8057");
  EXPECT_EQ(body["smsSendOptions"]["tag"], kId);
  EXPECT_EQ(body["from"], kOurs);
}

TEST_F(SmsAzure, ReadsRefusals) {
  open();
  http_.answer(202, R"({"value": [{"to": "x", "httpStatusCode": 400, "successful": false, "errorMessage": "Invalid To"}]})");
  EXPECT_EQ(send(request({kId}))[0].reason, FailureReason::kBadDestination);
  http_.answer(401, R"({"error": {"code": "Denied", "message": "no"}})");
  const auto denied = send(request({kId}))[0];
  EXPECT_TRUE(denied.retryable);
  EXPECT_EQ(denied.provider_code, "Denied no");
}

TEST_F(SmsAzure, EventsComeWithACode) {
  open();
  const json event = {{"eventType", "Microsoft.Communication.SMSDeliveryReportReceived"},
                      {"data",
                       {{"messageId", "Outgoing_x"},
                        {"deliveryStatus", "Failed"},
                        {"deliveryStatusDetails", "4006: not reachable"},
                        {"tag", kId}}}};
  const json text = {{"eventType", "Microsoft.Communication.SMSReceived"},
                     {"data", {{"messageId", "Incoming_x"}, {"from", kPhone}, {"to", kOurs}, {"message", "hi"}}}};
  const json other = {{"eventType", "Microsoft.Communication.ChatMessageReceived"}, {"data", json::object()}};
  const std::string body = json::array({event, text, other}).dump();
  EXPECT_EQ(refused(callback("/events", body)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(refused(callback("/events?code=wrong", body)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(receive(callback("/events?code=c0de", body)).status, 200);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].message_id, kId);
  EXPECT_EQ(sink_.reports()[0].reason, FailureReason::kUnreachable);
  ASSERT_THAT(sink_.received(), SizeIs(1));
  EXPECT_EQ(sink_.received()[0].text, "hi");
}

TEST_F(SmsAzure, SaysTheValidationCodeBack) {
  open();
  const json event = {{{"eventType", "Microsoft.EventGrid.SubscriptionValidationEvent"}, {"data", {{"validationCode", "abc"}}}}};
  const auto answer = receive(callback("/events?code=c0de", event.dump()));
  EXPECT_EQ(json::parse(*answer.body), json({{"validationResponse", "abc"}}));
}

TEST_F(SmsAzure, BadConnectionStrings) {
  for (const char* bad : {"", "endpoint=https://x.example", "endpoint=ftp://x;accesskey=c2VjcmV0", "accesskey=c2VjcmV0"}) {
    std::string target;
    EXPECT_EQ(code_of(
                  [&] {
                    HttpCarrier::open("sms-azure", "{}", {{"connection_string", Secret(bad)}});
                  },
                  &target),
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(target, "connection_string");
  }
}

}  // namespace
}  // namespace trunkline

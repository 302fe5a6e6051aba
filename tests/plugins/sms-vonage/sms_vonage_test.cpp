// The contract with Vonage, from its public API documents.
#include "tests/plugins/http-carrier/http_carrier.h"

namespace trunkline {
namespace {

using nlohmann::json;
using sms::FailureReason;
using sms::MessageState;
using testing::code_of;
using testing::kOurs;
using testing::kPhone;
using ::testing::SizeIs;

class SmsVonage : public testing::HttpCarrier {
 protected:
  void open(const std::string& more = {}) {
    HttpCarrier::open("sms-vonage", R"({"api_key": "k1")" + (more.empty() ? "" : ", " + more) + "}",
                      {{"api_secret", Secret("s1")}, {"signature_secret", Secret("abcde")}});
    // The signatures below are of this moment.
    host_.clock.advance(Time{std::chrono::seconds{1'800'000'000}} - host_.clock.now());
  }
};

TEST_F(SmsVonage, SendsJson) {
  open(R"("callback_url": "https://sms.example/_webhooks/main")");
  http_.answer(
      200,
      R"({"message-count": "2", "messages": [{"to": "14255550123", "message-id": "0A1", "status": "0", "message-price": "0.033"},
                       {"message-id": "0A2", "status": "0"}]})");
  auto wanted = request({"m1"}, "\xd1\x8f");
  wanted.valid_until = host_.clock.now() + std::chrono::seconds(60);
  const auto result = send(wanted)[0];
  EXPECT_TRUE(result.accepted);
  EXPECT_EQ(result.provider_message_id, "0A1");
  EXPECT_EQ(result.segments, 2);
  EXPECT_EQ(result.price_micros, 33000);
  EXPECT_EQ(http_.requests().at(0).url, "https://rest.nexmo.com/sms/json");
  EXPECT_EQ(json::parse(http_.body(0)), json({{"api_key", "k1"},
                                              {"api_secret", "s1"},
                                              {"from", "18005550100"},
                                              {"to", "14255550123"},
                                              {"text", "\xd1\x8f"},
                                              {"type", "unicode"},
                                              {"ttl", 60000},
                                              {"client-ref", "m1"},
                                              {"callback", "https://sms.example/_webhooks/main/status"}}));
}

TEST_F(SmsVonage, AnAnswerOf200MayBeARefusal) {
  open();
  const std::vector<std::tuple<const char*, FailureReason, bool>> cases = {{"1", FailureReason::kOverQuota, true},
                                                                           {"7", FailureReason::kBadDestination, false},
                                                                           {"15", FailureReason::kBadSender, false},
                                                                           {"5", FailureReason::kTemporary, true}};
  for (const auto& [status, reason, retryable] : cases) {
    http_.answer(200,
                 std::string(R"({"message-count": "1", "messages": [{"status": ")") + status + R"(", "error-text": "no"}]})");
    const auto result = send(request({"m"}))[0];
    EXPECT_FALSE(result.accepted);
    EXPECT_EQ(result.reason, reason) << status;
    EXPECT_EQ(result.retryable, retryable) << status;
  }
  EXPECT_FALSE(json::parse(http_.body(0)).contains("type"));
  EXPECT_FALSE(json::parse(http_.body(0)).contains("ttl"));
}

TEST_F(SmsVonage, CallbacksAreSignedAndOfNow) {
  open();
  const Properties type{{"content-type", "application/json"}};
  const std::string good =
      R"({"msisdn": "14255550123", "to": "18005550100", "messageId": "0A1", "status": "failed", "err-code": "12", "client-ref": "m1", "timestamp": "1800000000", "nonce": "n1", "sig": "0E75BAC4EBC95410F75608E0D7CBD01A0AA33A6E761D66DECEB7F35B8D53EB7D"})";
  EXPECT_EQ(refused(callback("/status", R"({"messageId": "0A1", "status": "delivered"})", type)), ErrorCode::kUnauthenticated);
  json other = json::parse(good);
  other["status"] = "delivered";
  EXPECT_EQ(refused(callback("/status", other.dump(), type)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(receive(callback("/status", good, type)).status, 200);
  ASSERT_THAT(sink_.reports(), SizeIs(1));
  EXPECT_EQ(sink_.reports()[0].message_id, "m1");
  EXPECT_EQ(sink_.reports()[0].state, MessageState::kFailed);
  EXPECT_EQ(sink_.reports()[0].reason, FailureReason::kUnreachable);
  EXPECT_EQ(sink_.reports()[0].provider_code, "failed 12");
  host_.clock.advance(std::chrono::minutes(10));
  EXPECT_EQ(refused(callback("/status", good, type)), ErrorCode::kUnauthenticated);
}

TEST_F(SmsVonage, TextsComeByGetToo) {
  open(R"("signature_method": "md5hash")");
  EXPECT_EQ(receive(callback("/inbound?msisdn=14255550123&to=18005550100&messageId=0B1&text=a%3Db%26c&timestamp=1800000000&sig="
                             "1e2a74330d053c2c11456981e3626cb1",
                             "", {}, "GET"))
                .status,
            200);
  ASSERT_THAT(sink_.received(), SizeIs(1));
  EXPECT_EQ(sink_.received()[0].from, kPhone);
  EXPECT_EQ(sink_.received()[0].to, kOurs);
  EXPECT_EQ(sink_.received()[0].text, "a=b&c");
}

TEST_F(SmsVonage, UnsignedOnlyWhereItIsSaid) {
  open(R"("unsigned_callbacks": true)");
  EXPECT_EQ(receive(callback("/status?messageId=0A1&status=delivered&err-code=0", "", {}, "GET")).status, 200);
  EXPECT_EQ(sink_.reports().at(0).state, MessageState::kDelivered);
}

}  // namespace
}  // namespace trunkline

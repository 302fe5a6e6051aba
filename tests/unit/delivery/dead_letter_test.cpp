#include "runtime/delivery/dead_letter.h"

#include <fstream>
#include <future>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "tests/unit/delivery/delivery_fixture.h"
#include "tests/unit/net/scripted_server.h"

namespace trunkline::delivery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using trunkline::testing::ScriptedConnection;
using trunkline::testing::ScriptedServer;

TEST_F(DeliveryTest, DeadLettersInTheDocumentedFormat) {
  DeliveryOptions options = no_jitter();
  options.dead_letter_path = directory_.path() / "dead";
  open(false, options);
  const SubscriptionRow row = subscribe("mourned", R"({"retryPolicy":{"maxDeliveryAttempts":2},
                     "deadLetterDestination":{"endpointType":"Directory","properties":{"path":"letters"}}})");
  target().script = [](const DeliveryRequest&) { return status(503); };
  const std::int64_t sequence = publish("0190f5fe-0d6b-7000-8000-0123456789ab");
  advance(minutes{1});
  EXPECT_EQ(explain(row, sequence).retry->state, RetryRow::State::kDeadLettered);
  std::ifstream file(directory_.path() / "dead/letters/Demo/MOURNED/2026/1/1/0" /
                     (dead_letter_guid("0190f5fe-0d6b-7000-8000-0123456789ab", *explain(row, sequence).retry) + ".json"));
  ASSERT_TRUE(file);
  const nlohmann::json document = nlohmann::json::parse(file);
  ASSERT_EQ(document.size(), 1u);
  EXPECT_EQ(document[0]["id"], "0190f5fe-0d6b-7000-8000-0123456789ab");
  EXPECT_EQ(document[0]["deadLetterReason"], "MaxDeliveryAttemptsExceeded");
  EXPECT_EQ(document[0]["deliveryAttempts"], 2);
  EXPECT_EQ(document[0]["lastDeliveryOutcome"], "Busy");
  EXPECT_EQ(document[0]["publishTime"], "2026-01-01T00:00:00.0000000Z");
  EXPECT_EQ(document[0]["lastDeliveryAttemptTime"], "2026-01-01T00:00:30.0000000Z");
}

TEST(DeadLetter, EveryOneHasANameOfItsOwn) {
  RetryRow row;
  row.sequence = 7;
  const std::string name = dead_letter_guid("one", row);
  EXPECT_TRUE(Uuid::parse(name));
  EXPECT_EQ(dead_letter_guid("one", row), name);  // of a second try too
  EXPECT_NE(dead_letter_guid("two", row), name);
  row.part = 1;
  EXPECT_NE(dead_letter_guid("one", row), name);
  SubscriptionSpec spec;
  spec.name = "mourned";
  spec.topic = "/subscriptions/s/providers/Microsoft.EventGrid/topics/orders";
  Event event;
  event.topic = "https://publisher.example/its/own/source";
  EXPECT_EQ(dead_letter_name(spec, event, Time{}, name), "orders/MOURNED/1970/1/1/0/" + name + ".json");
}

TEST_F(DeliveryTest, DeadLettersThatCannotBeWrittenAreDroppedAfterFourHours) {
  DeliveryOptions options = no_jitter();
  options.dead_letter_path = "/proc/nowhere";
  open(false, options);
  const SubscriptionRow row =
      subscribe("mourned", R"({"deadLetterDestination":{"endpointType":"Directory","properties":{"path":"x"}}})");
  target().script = [](const DeliveryRequest&) { return status(400); };
  const std::int64_t sequence = publish("a");
  EXPECT_EQ(explain(row, sequence).retry->state, RetryRow::State::kDeadLettering);
  advance(hours{5});
  EXPECT_EQ(explain(row, sequence).retry->state, RetryRow::State::kDropped);
}

TEST(DeadLetter, CloudEventsTellWhyInLowerCase) {
  SubscriptionSpec spec;
  spec.schema = events::EventSchema::kCloudEvents;
  Event event;
  event.id = "one";
  event.type = "Shop.OrderPlaced";
  event.topic = "/topics/orders";
  event.data = R"({"deadLetterReason":"of the publisher's"})";
  RetryRow row;
  row.reason = "TimeToLiveExceeded";
  row.attempts = 4;
  const nlohmann::json document = nlohmann::json::parse(render_dead_letter(spec, event, row));
  ASSERT_EQ(document.size(), 1u);
  EXPECT_EQ(document[0]["specversion"], "1.0");
  EXPECT_EQ(document[0]["deadletterreason"], "TimeToLiveExceeded");
  EXPECT_EQ(document[0]["deliveryattempts"], 4);
  EXPECT_TRUE(document[0].contains("lastdeliveryoutcome"));
  EXPECT_TRUE(document[0].contains("publishtime"));
  EXPECT_FALSE(document[0].contains("lastdeliveryattempttime"));  // there was none
  for (const auto& [name, value] : document[0].items())
    if (name != "data") {
      EXPECT_EQ(name, to_lower(name));
    }
  EXPECT_EQ(document[0]["data"]["deadLetterReason"], "of the publisher's");
}

/// A store that takes documents by PUT, as blob containers and many others do.
class DeadLetterByHttpTest : public ::testing::Test {
 protected:
  /// What the store got, and whether the writer calls it kept.
  std::pair<std::string, bool> write(const std::string& answer, const std::string& base, const S3Credentials* s3 = nullptr) {
    std::promise<std::string> request;
    ScriptedServer server([&](ScriptedConnection& connection, int) {
      request.set_value(connection.read_request());
      connection.send(answer);
    });
    SubscriptionSpec spec;
    spec.name = "mourned";
    spec.topic = "/topics/orders";
    spec.dead_letter.kind = DeadLetterSpec::Kind::kHttp;
    spec.dead_letter.where = server.url(base);
    if (s3 != nullptr) spec.dead_letter.kind = DeadLetterSpec::Kind::kS3, spec.dead_letter.s3 = *s3;
    Event event;
    event.id = "one";
    event.data = "{}";
    std::promise<bool> kept;
    DeadLetterWriter(http, seconds{10}).write(spec, event, RetryRow{}, [&](const std::string& problem) {
      kept.set_value(problem.empty());
    });
    const bool good = kept.get_future().get();
    return {request.get_future().get(), good};
  }
  Executor executor{2};
  net::HttpClient http{executor};
};

TEST_F(DeadLetterByHttpTest, IsPutUnderItsNameAndTheQueryStaysBehindIt) {
  const auto [request, kept] = write("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "/letters?sig=abc");
  EXPECT_TRUE(kept);
  EXPECT_THAT(request, StartsWith("PUT /letters/orders/MOURNED/1970/1/1/0/" + dead_letter_guid("one", RetryRow{}) +
                                  ".json?sig=abc HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4))[0]["id"], "one");
}

TEST_F(DeadLetterByHttpTest, WhatTheStoreRefusesIsNotKept) {
  EXPECT_FALSE(write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "/letters").second);
  EXPECT_FALSE(write("", "/letters").second);
}

TEST_F(DeadLetterByHttpTest, IsSignedForABucket) {
  const S3Credentials credentials{"eu-west-1", "AKID", Secret("secret"), Secret("temporary")};
  const auto [request, kept] = write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "/bucket/dead$letters", &credentials);
  EXPECT_TRUE(kept);
  EXPECT_THAT(request, StartsWith("PUT /bucket/dead%24letters/orders/MOURNED/"));
  EXPECT_THAT(request, HasSubstr("x-amz-security-token: temporary\r\n"));
  EXPECT_THAT(request, HasSubstr("Authorization: AWS4-HMAC-SHA256 Credential=AKID/20"));
  EXPECT_THAT(request, HasSubstr("/eu-west-1/s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;"
                                 "x-amz-security-token, Signature="));
}

TEST_F(DeliveryTest, DeadLettersThatNoStoreWouldTakeAreRefused) {
  open(false, no_jitter());
  const auto fault = [](const std::string& type, const std::string& members) {
    const std::string text = R"({"destination":{"endpointType":"Handler"},"deadLetterDestination":{"endpointType":")" + type +
                             R"(","properties":{)" + members + "}}}";
    try {
      const nlohmann::json properties = nlohmann::json::parse(text);
      parse_spec("mourned", JsonRef(properties), DeliveryOptions{});
    } catch (const Error& error) {
      return error.target + " " + error.message;
    }
    return std::string();
  };
  const std::string bucket = R"("endpointUrl":"https://letters.s3.eu-west-1.amazonaws.com/dead")";
  const std::string rest = R"(,"region":"eu-west-1","accessKeyId":"AKID","secretAccessKey":"s")";
  EXPECT_EQ(fault("S3", bucket + rest), "");
  EXPECT_THAT(fault("WebHook", bucket), HasSubstr("signed requests only"));
  EXPECT_THAT(fault("WebHook", R"("endpointUrl":"https://store.example/b/k?X-Amz-Signature=1")"), HasSubstr("for one document"));
  EXPECT_EQ(fault("WebHook", R"("endpointUrl":"https://account.blob.core.windows.net/dead?sig=1")"), "");
  EXPECT_THAT(fault("S3", bucket), HasSubstr("region"));
  EXPECT_THAT(fault("S3", bucket + R"(,"region":"eu-west-1","accessKeyId":"AKID")"), HasSubstr("secretAccessKey"));
  EXPECT_THAT(fault("S3", bucket + R"(,"region":"eu/west","accessKeyId":"AKID","secretAccessKey":"s")"), HasSubstr("region"));
  EXPECT_THAT(fault("S3", R"("endpointUrl":"https://s3.example/bucket?x=1")" + rest), HasSubstr("query"));
  EXPECT_THAT(fault("S3", R"("endpointUrl":"https://s3.example/bucket/../other")" + rest), HasSubstr("'..'"));
  EXPECT_THAT(fault("S3", R"("endpointUrl":"http://s3.example/bucket")" + rest), HasSubstr("plain http"));
}

TEST(DeadLetter, TheKeyOfABucketIsNotShown) {
  const nlohmann::json properties = nlohmann::json::parse(
      R"({"destination":{"endpointType":"Handler"},"deadLetterDestination":{"endpointType":"S3","properties":{
          "endpointUrl":"https://s3.example/b","region":"r","accessKeyId":"AKID","secretAccessKey":"hush","sessionToken":"hush"}}})");
  const SubscriptionSpec spec = parse_spec("mourned", JsonRef(properties), DeliveryOptions{});
  EXPECT_THAT(to_json(spec, false).dump(), ::testing::Not(HasSubstr("hush")));
  EXPECT_THAT(to_json(spec, false).dump(), HasSubstr("AKID"));
  const nlohmann::json stored = to_json(spec, true);
  EXPECT_EQ(parse_spec("mourned", JsonRef(stored), DeliveryOptions{}).dead_letter.s3.secret_access_key.reveal(), "hush");
}

}  // namespace
}  // namespace trunkline::delivery

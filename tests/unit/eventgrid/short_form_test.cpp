#include "runtime/eventgrid/short_form.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/delivery/subscription_spec.h"

namespace trunkline::eventgrid {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json of(const json& request) { return properties_of(JsonRef(request)); }
json changed(const json& properties, const json& request) { return changed_properties(properties, JsonRef(request)); }
Error error_of(const json& request) {
  try {
    of(request);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown for " << request.dump();
  return {};
}

TEST(ShortForm, SaysAllThatArmDoes) {
  const json properties =
      of({{"endpoint", "http://127.0.0.1:9/hook?key=1"},
          {"types", {"SMSReceived", "Contoso.Order"}},
          {"subject_begins_with", "/a"},
          {"subject_ends_with", "z"},
          {"case_sensitive", true},
          {"arrays", true},
          {"filters", {{{"operatorType", "StringContains"}, {"key", "data.x"}, {"values", {"y"}}}}},
          {"schema", "cloudevents"},
          {"headers", {{"x-plain", "1"}, {"x-secret", {{"value", "2"}, {"secret", true}}}, {"x-field", {{"field", "data.to"}}}}},
          {"batch", 10},
          {"batch_kb", 128},
          {"max_attempts", 4},
          {"ttl_minutes", 9},
          {"dead_letter", "http://127.0.0.1:9/dead"},
          {"labels", {"one"}},
          {"expires_at", "2027-01-01T00:00:00Z"},
          {"ordering_key", "subject"},
          {"bearer", "token"},
          {"hmac_secret", "secret"},
          {"concurrency", 2}});
  // What it gives is what the engine reads.
  const delivery::SubscriptionSpec spec = delivery::parse_spec("orders", JsonRef(properties), {});
  EXPECT_EQ(spec.endpoint, "http://127.0.0.1:9/hook?key=1");
  EXPECT_EQ(*spec.filter.types, (std::vector<std::string>{"Microsoft.Communication.SMSReceived", "Contoso.Order"}));
  EXPECT_EQ(spec.filter.subject_begins_with, "/a");
  EXPECT_EQ(spec.filter.subject_ends_with, "z");
  EXPECT_TRUE(spec.filter.case_sensitive);
  EXPECT_TRUE(spec.filter.arrays);
  ASSERT_EQ(spec.filter.advanced.size(), 1U);
  EXPECT_EQ(spec.schema, events::EventSchema::kCloudEvents);
  ASSERT_EQ(spec.attributes.size(), 3U);
  for (const delivery::DeliveryAttribute& attribute : spec.attributes) {
    EXPECT_EQ(attribute.dynamic, attribute.name == "x-field");
    EXPECT_EQ(attribute.secret, attribute.name == "x-secret");
  }
  EXPECT_EQ(spec.max_events_per_batch, 10);
  EXPECT_EQ(spec.preferred_batch_kb, 128);
  EXPECT_EQ(spec.max_attempts, 4);
  EXPECT_EQ(spec.ttl_minutes, 9);
  EXPECT_EQ(spec.dead_letter.where, "http://127.0.0.1:9/dead");
  EXPECT_EQ(spec.labels, std::vector<std::string>{"one"});
  EXPECT_TRUE(spec.expires.has_value());
  EXPECT_EQ(spec.ordering_key, "subject");
  EXPECT_EQ(spec.bearer.reveal(), "token");
  EXPECT_EQ(spec.hmac_secret.reveal(), "secret");
  EXPECT_EQ(spec.concurrency, 2);
}

TEST(ShortForm, KindsOfDestinations) {
  EXPECT_EQ(of({{"handler", true}})["destination"]["endpointType"], "Handler");
  const json workflow = of({{"workflow", "on-order"}});
  EXPECT_EQ(workflow["destination"]["endpointType"], "Workflow");
  EXPECT_EQ(workflow["destination"]["properties"]["trigger"], "on-order");
  const json binary = of({{"endpoint", "http://127.0.0.1/"}, {"schema", "CloudEvents-Binary"}});
  EXPECT_TRUE(delivery::parse_spec("orders", JsonRef(binary), {}).binary);
  EXPECT_EQ(of({{"handler", true}, {"dead_letter", "late/orders"}})["deadLetterDestination"]["endpointType"], "Directory");
  EXPECT_EQ(of({{"handler", true}, {"types", "SMSReceived"}})["filter"]["includedEventTypes"].size(), 1U) << "one as text";
}

TEST(ShortForm, DeadLettersInABucket) {
  const json bucket = {{"s3", "https://letters.s3.eu-west-1.amazonaws.com/dead"},
                       {"region", "eu-west-1"},
                       {"access_key_id", "AKID"},
                       {"secret_access_key", "hush"}};
  const json properties = of({{"handler", true}, {"dead_letter", bucket}});
  const delivery::DeadLetterSpec letters = delivery::parse_spec("orders", JsonRef(properties), {}).dead_letter;
  EXPECT_EQ(letters.kind, delivery::DeadLetterSpec::Kind::kS3);
  EXPECT_EQ(letters.where, "https://letters.s3.eu-west-1.amazonaws.com/dead");
  EXPECT_EQ(letters.s3.access_key_id, "AKID");
  EXPECT_EQ(letters.s3.secret_access_key.reveal(), "hush");
  EXPECT_EQ(error_of({{"handler", true}, {"dead_letter", {{"region", "eu-west-1"}}}}).target, "dead_letter.s3");
}

TEST(ShortForm, ChangesLeaveTheRest) {
  const json before =
      of({{"endpoint", "http://127.0.0.1/a"}, {"headers", {{"x-a", "1"}}}, {"batch", 5}, {"subject_begins_with", "/a"}});
  const json moved = changed(before, {{"endpoint", "http://127.0.0.1/b"}, {"types", {"T"}}});
  EXPECT_EQ(moved["destination"]["properties"]["endpointUrl"], "http://127.0.0.1/b");
  EXPECT_EQ(moved["destination"]["properties"]["maxEventsPerBatch"], 5);
  EXPECT_EQ(moved["destination"]["properties"]["deliveryAttributeMappings"].size(), 1U);
  EXPECT_EQ(moved["filter"]["subjectBeginsWith"], "/a");
  const json other = changed(before, {{"handler", true}});
  EXPECT_EQ(other["destination"]["properties"], json::object()) << "another kind begins anew";
  const json bare = changed(before, {{"headers", nullptr}, {"subject_begins_with", nullptr}, {"bearer", nullptr}});
  EXPECT_FALSE(bare["destination"]["properties"].contains("deliveryAttributeMappings"));
  EXPECT_FALSE(bare["filter"].contains("subjectBeginsWith"));
  EXPECT_FALSE(bare.contains("trunkline")) << "nothing is made in order to be taken away";
  const json arm = changed(before, {{"properties", {{"labels", {"x"}}}}});
  EXPECT_EQ(arm["labels"], json::array({"x"}));
  EXPECT_EQ(arm["destination"], before["destination"]);
}

TEST(ShortForm, Refusals) {
  EXPECT_EQ(error_of({{"handler", true}, {"colour", "red"}}).target, "colour");
  EXPECT_EQ(error_of({{"handler", false}}).target, "handler");
  EXPECT_EQ(error_of({{"handler", true}, {"types", 5}}).target, "types");
  EXPECT_EQ(error_of({{"handler", true}, {"types", {"a", 5}}}).target, "types[1]");
  EXPECT_EQ(error_of({{"handler", true}, {"schema", "xml"}}).target, "schema");
  EXPECT_EQ(error_of({{"handler", true}, {"batch", "many"}}).target, "batch");
  EXPECT_EQ(error_of({{"handler", true}, {"headers", {{"x", 1}}}}).target, "headers.x");
  EXPECT_EQ(error_of({{"endpoint", nullptr}}).code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error_of({{"handler", true}, {"workflow", "w"}}).message, HasSubstr("more than one"));
  EXPECT_THAT(error_of({{"properties", json::object()}, {"types", {"a"}}}).message, HasSubstr("one form or the other"));
  EXPECT_THAT(error_of({{"batch", 1}}).message, HasSubstr("no endpoint"));
  EXPECT_EQ(error_of(json::array()).code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace trunkline::eventgrid

#include "runtime/core/event_properties.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace trunkline {
namespace {

using nlohmann::json;
using service::EventOperator;
using service::EventSubscriptionSpec;

EventSubscriptionSpec named(const std::string& name = "name") {
  EventSubscriptionSpec spec;
  spec.name = name;
  return spec;
}

service::EventCondition condition(EventOperator op, std::optional<std::string> value) {
  service::EventCondition out;
  out.key = "data.k";
  out.operator_type = op;
  out.value = std::move(value);
  return out;
}

std::string target_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    return error.target;
  }
  return "nothing was thrown";
}

delivery::SubscriptionSpec parsed(const EventSubscriptionSpec& spec) {
  const json properties = properties_of(spec);
  return delivery::parse_spec(spec.name, JsonRef(properties), {});
}

TEST(EventPropertiesTest, ANameAloneIsForConsumersInThisProcess) {
  EXPECT_EQ(properties_of(named()), json::parse(R"({"destination":{"endpointType":"Handler","properties":{}}})"));
}

TEST(EventPropertiesTest, EveryFieldReachesTheSubscription) {
  EventSubscriptionSpec spec = named();
  spec.webhook = "https://example.com/hook?key=k";
  spec.types = {{"A.B", "C.D"}};
  spec.subject_begins_with = "/phone";
  spec.subject_ends_with = "/x";
  spec.case_sensitive = true;
  spec.arrays = true;
  spec.conditions = {{condition(EventOperator::kStringContains, R"("x")"), condition(EventOperator::kNumberInRange, "[1,5]"),
                      condition(EventOperator::kBoolEquals, "true"), condition(EventOperator::kIsNotNull, std::nullopt)}};
  spec.schema = service::EventSchema::kCloudEvents;
  spec.max_attempts = 3;
  spec.time_to_live = std::chrono::minutes{90};
  spec.dead_letter = "https://example.com/dead";
  spec.headers = Properties{{"X-A", "a"}};
  spec.secret_headers = Properties{{"X-B", "b"}};
  spec.event_headers = Properties{{"X-C", "data.from"}};
  spec.max_events_per_batch = 20;
  spec.preferred_batch_kilobytes = 128;
  spec.ordering_key = "subject";
  spec.concurrency = 4;
  spec.requests_per_minute = 600;
  spec.bearer = "token";
  spec.hmac_secret = "secret";
  spec.labels = {{"l"}};
  spec.expires_at = Time{std::chrono::seconds{1800000000}};

  const delivery::SubscriptionSpec out = parsed(spec);
  EXPECT_EQ(out.kind, delivery::SubscriptionSpec::Kind::kWebhook);
  EXPECT_EQ(out.endpoint, *spec.webhook);
  EXPECT_THAT(*out.filter.types, testing::ElementsAre("A.B", "C.D"));
  EXPECT_EQ(out.filter.subject_begins_with, "/phone");
  EXPECT_EQ(out.filter.subject_ends_with, "/x");
  EXPECT_TRUE(out.filter.case_sensitive);
  EXPECT_TRUE(out.filter.arrays);
  ASSERT_EQ(out.filter.advanced.size(), 4u);
  EXPECT_THAT(out.filter.advanced[0].texts, testing::ElementsAre("x"));
  EXPECT_THAT(out.filter.advanced[1].numbers, testing::ElementsAre(std::pair(1.0, 5.0)));
  EXPECT_TRUE(out.filter.advanced[2].flag);
  EXPECT_EQ(out.schema, events::EventSchema::kCloudEvents);
  EXPECT_EQ(out.max_attempts, 3);
  EXPECT_EQ(out.ttl_minutes, 90);
  EXPECT_EQ(out.dead_letter.where, "https://example.com/dead");
  ASSERT_EQ(out.attributes.size(), 3u);
  EXPECT_FALSE(out.attributes[0].secret);
  EXPECT_TRUE(out.attributes[1].secret);
  EXPECT_TRUE(out.attributes[2].dynamic);
  EXPECT_EQ(out.max_events_per_batch, 20);
  EXPECT_EQ(out.preferred_batch_kb, 128);
  EXPECT_EQ(out.ordering_key, "subject");
  EXPECT_EQ(out.concurrency, 4);
  EXPECT_EQ(out.requests_per_minute, 600);
  EXPECT_EQ(out.bearer.reveal(), "token");
  EXPECT_EQ(out.hmac_secret.reveal(), "secret");
  EXPECT_THAT(out.labels, testing::ElementsAre("l"));
  EXPECT_EQ(out.expires, spec.expires_at);
}

service::EventBucket bucket() {
  service::EventBucket out;
  out.url = "https://letters.example/dead";
  out.region = "eu-west-1";
  out.access_key_id = "AKID";
  out.secret_access_key = "key";
  out.session_token = "token";
  return out;
}

TEST(EventPropertiesTest, ABucketIsADestinationOfDeadLetters) {
  EventSubscriptionSpec spec = named();
  spec.dead_letter_bucket = bucket();
  const delivery::SubscriptionSpec old = parsed(spec);
  EXPECT_EQ(old.dead_letter.kind, delivery::DeadLetterSpec::Kind::kS3);
  EXPECT_EQ(old.dead_letter.where, "https://letters.example/dead");
  EXPECT_EQ(old.dead_letter.s3.region, "eu-west-1");
  EXPECT_EQ(old.dead_letter.s3.access_key_id, "AKID");
  EXPECT_EQ(old.dead_letter.s3.secret_access_key.reveal(), "key");
  EXPECT_EQ(old.dead_letter.s3.session_token.reveal(), "token");

  const auto changed = [&](const EventSubscriptionSpec& change) {
    const json merged = delivery::merge_spec(old, changed_properties_of(old, change));
    return delivery::parse_spec("name", JsonRef(merged), {}).dead_letter;
  };
  EventSubscriptionSpec other = named();
  other.max_attempts = 3;
  EXPECT_EQ(changed(other).s3.secret_access_key.reveal(), "key") << "what is not named stays";
  EventSubscriptionSpec permanent = named();
  permanent.dead_letter_bucket = bucket();
  permanent.dead_letter_bucket->session_token.reset();
  EXPECT_EQ(changed(permanent).s3.session_token.reveal(), "") << "a bucket replaces the whole of the one before";
  EventSubscriptionSpec none = named();
  none.dead_letter = "";
  EXPECT_EQ(changed(none).kind, delivery::DeadLetterSpec::Kind::kNone);

  EventSubscriptionSpec both = named();
  both.dead_letter = "https://example.com/dead";
  both.dead_letter_bucket = bucket();
  EXPECT_EQ(target_of([&] { properties_of(both); }), "deadLetterBucket");
  EXPECT_EQ(target_of([&] { changed_properties_of(old, both); }), "deadLetterBucket");
  const auto renamed = [&](const std::string& target) {
    return in_terms_of_fields(Error(ErrorCode::kInvalidArgument, target + " is wrong", target), properties_of(spec));
  };
  EXPECT_EQ(renamed("deadLetterDestination.properties.endpointUrl").target, "deadLetterBucket.url");
  EXPECT_EQ(renamed("deadLetterDestination.properties.region").message, "deadLetterBucket.region is wrong");
  EXPECT_EQ(renamed("deadLetterDestination").target, "deadLetterBucket");
}

TEST(EventPropertiesTest, AChangeLeavesTheRestAsItWas) {
  EventSubscriptionSpec spec = named();
  spec.webhook = "https://example.com/hook?key=k";
  spec.types = {{"A"}};
  spec.subject_begins_with = "/a";
  spec.headers = Properties{{"X-A", "a"}};
  spec.secret_headers = Properties{{"X-B", "b"}};
  spec.bearer = "token";
  const delivery::SubscriptionSpec old = parsed(spec);

  EventSubscriptionSpec change = named();
  change.types = std::vector<std::string>();
  change.headers = Properties{{"X-New", "n"}};
  change.concurrency = 2;
  const json merged = delivery::merge_spec(old, changed_properties_of(old, change));
  const delivery::SubscriptionSpec now = delivery::parse_spec("name", JsonRef(merged), {});
  EXPECT_FALSE(now.filter.types) << "none means all";
  EXPECT_EQ(now.filter.subject_begins_with, "/a");
  EXPECT_EQ(now.endpoint, old.endpoint);
  ASSERT_EQ(now.attributes.size(), 2u);
  EXPECT_EQ(now.attributes[0].name, "X-New");
  EXPECT_EQ(now.attributes[1].value, "b");
  EXPECT_EQ(now.bearer.reveal(), "token");
  EXPECT_EQ(now.concurrency, 2);
}

TEST(EventPropertiesTest, WhatMakesNoSenseNamesItsField) {
  EventSubscriptionSpec both = named();
  both.webhook = "https://example.com";
  both.workflow = "w";
  EXPECT_EQ(target_of([&] { properties_of(both); }), "workflow");
  EventSubscriptionSpec headers = named();
  headers.headers = Properties{{"a", "b"}};
  EXPECT_EQ(target_of([&] { properties_of(headers); }), "headers");
  EventSubscriptionSpec minutes = named();
  minutes.time_to_live = std::chrono::seconds{90};
  EXPECT_EQ(target_of([&] { properties_of(minutes); }), "timeToLive");
  EventSubscriptionSpec unknown = named();
  unknown.conditions = {{condition(EventOperator::kUnknown, "1")}};
  EXPECT_EQ(target_of([&] { properties_of(unknown); }), "conditions[0].operatorType");
}

TEST(EventPropertiesTest, ErrorsOfTheServiceAreAboutFields) {
  EventSubscriptionSpec spec = named();
  spec.webhook = "https://example.com/hook";
  spec.headers = Properties{{"X-A", "a"}, {"X-B", "b"}};
  spec.secret_headers = Properties{{"X-C", "c"}};
  spec.event_headers = Properties{{"X-D", "data.d"}, {"X-E", "data.e"}};
  const json properties = properties_of(spec);
  const auto renamed = [&](const std::string& target) {
    return in_terms_of_fields(Error(ErrorCode::kInvalidArgument, target + " is wrong", target), properties);
  };
  const std::string list = "destination.properties.deliveryAttributeMappings";
  EXPECT_EQ(renamed(list).target, "headers");
  EXPECT_EQ(renamed(list + "[1].name").target, "headers[1].name");
  EXPECT_EQ(renamed(list + "[2].properties.value").target, "secretHeaders[0].properties.value");
  EXPECT_EQ(renamed(list + "[4].name").target, "eventHeaders[1].name");
  EXPECT_EQ(renamed(list + "[4].name").message, "eventHeaders[1].name is wrong");
  EXPECT_EQ(renamed("destination.properties.endpointUrl").target, "webhook");
  EXPECT_EQ(renamed("destination.properties.endpointUrl").message, "webhook is wrong");
  EXPECT_EQ(renamed("filter.advancedFilters[2].values").target, "conditions[2].values");
  EXPECT_EQ(renamed("trunkline.orderingKey").target, "orderingKey");
  EXPECT_EQ(renamed("deadLetterDestination.properties.path").target, "deadLetter");
  EXPECT_EQ(renamed("name").target, "name");
}

}  // namespace
}  // namespace trunkline

// Custom topics and system topics: kept, published to, delivered from, removed.
#include <filesystem>

#include "runtime/base/encoding.h"
#include "tests/unit/core/event_fixture.h"

namespace trunkline {
namespace {

using eventgrid::EventTopic;
using eventgrid::EventTopicPtr;
using eventgrid::SystemTopic;
using eventgrid::TopicSpec;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Topics : public EventTest {
 protected:
  eventgrid::EventTopicService& topics() { return runtime_->event_topics(); }
  eventgrid::SystemTopics& system_topics() { return topics().system_topics(); }
  EventTopicPtr create(const std::string& name) {
    TopicSpec spec;
    spec.name = name;
    return sync_wait(topics().create(std::move(spec)));
  }
  void send(const EventTopicPtr& topic, std::vector<std::string> ids) {
    std::vector<NewEvent> events;
    for (std::string& id : ids) {
      NewEvent event;
      event.id = std::move(id);
      event.type = "Shop.Order";
      event.subject = "orders";
      event.topic = topic->source.topic;
      event.time = runtime_->clock().now();
      events.push_back(std::move(event));
    }
    sync_wait(topics().publish(topic, std::move(events)));
    settle();
  }
  std::vector<std::string> logged(const EventTopicPtr& topic) {
    std::vector<std::string> ids;
    for (const Event& event : runtime_->events().read(*topic->source.database, topic->source.key, {}, 0, 100))
      ids.push_back(event.id);
    return ids;
  }
  void subscribe_to(const EventTopicPtr& topic, const std::string& name) {
    sync_wait(subscriptions().put(topic->source, name, webhook(receiver_.url())));
    settle();
  }
};

TEST_F(Topics, WhatIsPublishedIsLoggedAndDelivered) {
  const EventTopicPtr topic = create("Orders");
  EXPECT_THAT(topic->source.topic, testing::EndsWith("/providers/Microsoft.EventGrid/topics/Orders"));
  subscribe_to(topic, "all");
  send(topic, {"1", "2"});
  EXPECT_THAT(receiver_.ids(), ElementsAre("1", "2"));
  EXPECT_EQ(receiver_.events()[0]["topic"], topic->source.topic);
  EXPECT_THAT(logged(topic), ElementsAre("1", "2"));
  EXPECT_THAT(events("Shop.Order"), IsEmpty()) << "nothing of it is seen through the resource";
  publish();
  EXPECT_THAT(receiver_.ids(), SizeIs(2)) << "nor the other way";
}

TEST_F(Topics, NamesAndKeysAreChecked) {
  create("orders");
  for (const char* name : {"ORDERS", "orders"}) EXPECT_EQ(error_of([&] { create(name); }).code, ErrorCode::kAlreadyExists);
  for (const std::string& name :
       {std::string("ab"), std::string("a b c"), std::string("a_b"), std::string(51, 'x'), std::string()})
    EXPECT_EQ(error_of([&] { create(name); }).code, ErrorCode::kInvalidArgument) << name;
  TopicSpec spec;
  spec.name = "keyed";
  spec.key1 = Secret("not base64!");
  EXPECT_EQ(error_of([&] { sync_wait(topics().create(std::move(spec))); }).target, "key1");
  EXPECT_EQ(topics().find("Orders"), topics().find("orders"));
  EXPECT_EQ(topics().find("missing"), nullptr);
  EXPECT_EQ(error_of([&] { topics().get("missing"); }).code, ErrorCode::kNotFound);
  TopicSpec again;
  again.name = "orders";
  EXPECT_EQ(sync_wait(topics().ensure(std::move(again))), topics().get("orders"));
}

TEST_F(Topics, CloudEventsAreDeliveredAsSuch) {
  TopicSpec spec;
  spec.name = "clouds";
  spec.schema = events::EventSchema::kCloudEvents;
  const EventTopicPtr topic = sync_wait(topics().create(std::move(spec)));
  const auto made = sync_wait(subscriptions().put(topic->source, "hook", webhook(receiver_.url()))).subscription;
  EXPECT_EQ(made->spec->schema, events::EventSchema::kCloudEvents);  // unless it says something else
  const Error error = error_of([&] {
    sync_wait(
        subscriptions().put(topic->source, "grid", webhook(receiver_.url(), R"({"eventDeliverySchema":"EventGridSchema"})")));
  });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.target, "eventDeliverySchema");
}

TEST_F(Topics, KeysAreMadeAnew) {
  const EventTopicPtr before = create("orders");
  EXPECT_NE(before->key1.reveal(), before->key2.reveal());
  const EventTopicPtr after = sync_wait(topics().regenerate_key("ORDERS", 2));
  EXPECT_EQ(after->key1.reveal(), before->key1.reveal());
  EXPECT_NE(after->key2.reveal(), before->key2.reveal());
  EXPECT_EQ(error_of([&] { check_topic_key(*topics().get("orders"), before->key2.reveal()); }).code, ErrorCode::kUnauthenticated);
  EXPECT_NO_THROW(check_topic_key(*topics().get("orders"), after->key2.reveal()));
  EXPECT_EQ(error_of([&] { sync_wait(topics().regenerate_key("orders", 3)); }).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { sync_wait(topics().regenerate_key("missing", 1)); }).code, ErrorCode::kNotFound);
}

TEST_F(Topics, ARemovedTopicLeavesNothing) {
  const EventTopicPtr topic = create("orders");
  subscribe_to(topic, "all");
  send(topic, {"1"});
  // The first topic and the first resource have the same number in their tables; what one loses the other keeps.
  const auto reader = runtime_->events().subscribe(*resource_->database, resource_->key, {});
  EXPECT_TRUE(sync_wait(topics().remove("Orders")));
  settle();
  EXPECT_FALSE(reader->closed());
  EXPECT_FALSE(sync_wait(topics().remove("orders")));
  EXPECT_THAT(logged(topic), IsEmpty());
  EXPECT_THAT(subscriptions().list(topic->source), IsEmpty());
  EXPECT_EQ(error_of([&] { send(topic, {"2"}); }).code, ErrorCode::kNotFound);
  const EventTopicPtr again = create("orders");
  EXPECT_NE(again->source.key, topic->source.key);
  send(again, {"3"});
  EXPECT_THAT(receiver_.ids(), ElementsAre("1"));
}

TEST_F(Topics, TheyOutliveTheProcess) {
  store::TempDirectory directory;
  runtime_->close();
  runtime_.reset();
  const std::string config = test_config(kSandbox, "[]", "store: {mode: file, path: '" + directory.path().string() + "'}\n");
  open(config);
  TopicSpec spec;
  spec.name = "orders";
  spec.location = "westus2";
  spec.schema = events::EventSchema::kCloudEvents;
  spec.tags = {{"a", "1"}};
  const EventTopicPtr made = sync_wait(topics().create(std::move(spec)));
  UniqueFunction<void(EventTopic&)> change = [](EventTopic& topic) {
    topic.local_auth = false;
    topic.kept = R"({"properties":{"publicNetworkAccess":"Disabled"}})";
  };
  sync_wait(topics().update("orders", std::move(change)));
  subscribe_to(made, "all");
  send(made, {"1"});
  SystemTopic system;
  system.subscription = "s";
  system.resource_group = "g";
  system.name = "sys";
  system.source = resource_->arm_id;
  system.topic_type = "Microsoft.Communication.CommunicationServices";
  sync_wait(system_topics().put(std::move(system)));
  runtime_->close();
  runtime_.reset();

  open(config);
  const EventTopicPtr topic = topics().get("orders");
  EXPECT_EQ(topic->source.key, made->source.key);
  EXPECT_EQ(topic->source.topic, made->source.topic);
  EXPECT_EQ(topic->location, "westus2");
  EXPECT_EQ(topic->schema, events::EventSchema::kCloudEvents);
  EXPECT_EQ(topic->tags.at("a"), "1");
  EXPECT_EQ(topic->key1.reveal(), made->key1.reveal());
  EXPECT_FALSE(topic->local_auth);
  EXPECT_THAT(topic->kept, HasSubstr("Disabled"));
  EXPECT_EQ(topic->created_at, std::chrono::floor<std::chrono::microseconds>(made->created_at));
  receiver_.forget();
  send(topic, {"2"});
  EXPECT_THAT(receiver_.ids(), ElementsAre("2"));
  EXPECT_THAT(logged(topic), ElementsAre("1", "2"));
  EXPECT_EQ(system_topics().find("S", "G", "SYS")->source, resource_->arm_id);
}

TEST_F(Topics, ASourceHasOneSystemTopic) {
  const auto wanted = [&](const std::string& name, const std::string& source) {
    SystemTopic topic;
    topic.subscription = "s";
    topic.resource_group = "g";
    topic.name = name;
    topic.source = source;
    topic.topic_type = "Microsoft.Communication.CommunicationServices";
    topic.tags = {{"made", name}};
    return topic;
  };
  EXPECT_TRUE(sync_wait(system_topics().put(wanted("one", "/a"))).created);
  EXPECT_FALSE(sync_wait(system_topics().put(wanted("ONE", "/A"))).created);
  EXPECT_EQ(system_topics().find("s", "g", "one")->tags.at("made"), "ONE");
  EXPECT_EQ(error_of([&] { sync_wait(system_topics().put(wanted("two", "/A"))); }).code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(error_of([&] { sync_wait(system_topics().put(wanted("one", "/b"))); }).service_code, "PropertyChangeNotAllowed");
  EXPECT_EQ(error_of([&] { sync_wait(system_topics().put(wanted("a b", "/b"))); }).code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(system_topics().list("S", "g"), SizeIs(1));
  EXPECT_THAT(system_topics().list("s", "other"), IsEmpty());
  EXPECT_TRUE(sync_wait(system_topics().remove("s", "g", "One")));
  EXPECT_FALSE(sync_wait(system_topics().remove("s", "g", "one")));
  EXPECT_TRUE(sync_wait(system_topics().put(wanted("two", "/a"))).created);
}

}  // namespace
}  // namespace trunkline

#include "tests/unit/core/event_fixture.h"

namespace trunkline {
namespace {

using eventgrid::EventSubscriptionPtr;
using nlohmann::json;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(EventTest, AnEndpointProvesItselfAndGetsEventsFromThenOn) {
  publish("before");
  const EventSubscriptionPtr made = subscribe("all-of-it");
  EXPECT_EQ(made->provisioning_state(runtime_->clock().now()), "Succeeded");
  ASSERT_THAT(receiver_.handshakes(), SizeIs(1));
  const json handshake = json::parse(receiver_.handshakes()[0].body);
  ASSERT_THAT(handshake, SizeIs(1));
  EXPECT_EQ(handshake[0]["eventType"], "Microsoft.EventGrid.SubscriptionValidationEvent");
  EXPECT_EQ(handshake[0]["topic"], resource_->arm_id);
  EXPECT_GE(handshake[0]["data"]["validationCode"].get<std::string>().size(), 32u);
  const std::string id = publish("after");
  EXPECT_THAT(receiver_.ids(), ElementsAre(id));
  EXPECT_EQ(receiver_.requests()[0].headers.get("aeg-subscription-name"), "ALL-OF-IT");
}

TEST_F(EventTest, NothingComesBetweenReadingASubscriptionAndWritingIt) {
  subscribe("kept", R"({"labels":["old"]})");
  const auto changed = sync_wait(subscriptions().change(source(), "KEPT", [this](const delivery::SubscriptionSpec& old) {
    EXPECT_THAT(old.labels, ElementsAre("old"));
    EXPECT_EQ(error_of([&] { sync_wait(subscriptions().remove(source(), "kept")); }).code, ErrorCode::kAborted);
    EXPECT_EQ(error_of([&] { sync_wait(subscriptions().patch(source(), "kept", json::object())); }).code, ErrorCode::kAborted);
    json properties = delivery::to_json(old, true);
    properties["labels"] = {"new"};
    return properties;
  }));
  EXPECT_EQ(changed->row.name, "kept");
  EXPECT_THAT(subscriptions().get(source(), "kept")->spec->labels, ElementsAre("new"));
  const auto nothing = [](const delivery::SubscriptionSpec& old) { return delivery::to_json(old, true); };
  EXPECT_TRUE(sync_wait(subscriptions().remove(source(), "kept")));
  EXPECT_EQ(error_of([&] { sync_wait(subscriptions().change(source(), "kept", nothing)); }).code, ErrorCode::kNotFound);
  EXPECT_THAT(subscriptions().list(source()), IsEmpty()) << "it is not made again";
}

TEST_F(EventTest, AnEndpointThatAnswersWronglyIsRefusedAndNothingIsKept) {
  receiver_.prove = [](const net::Request&) {
    net::Response response;
    response.body = R"({"validationResponse":"wrong"})";
    return response;
  };
  const Error error = error_of([&] { subscribe("refused"); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.service_code, "Url validation");
  EXPECT_THAT(error.message, HasSubstr("validationCode"));
  EXPECT_THAT(subscriptions().list(source()), IsEmpty());
  receiver_.prove = [](const net::Request&) {
    net::Response response;
    response.status = 404;
    return response;
  };
  EXPECT_THAT(error_of([&] { subscribe("refused"); }).message, HasSubstr("404"));
}

TEST_F(EventTest, CloudEventsEndpointsAllowTheOrigin) {
  const std::string cloud = R"({"eventDeliverySchema":"CloudEventSchemaV1_0"})";
  subscribe("cloud", cloud);
  ASSERT_THAT(receiver_.handshakes(), SizeIs(1));
  EXPECT_EQ(receiver_.handshakes()[0].method, "OPTIONS");
  const std::string id = publish();
  ASSERT_THAT(receiver_.events(), SizeIs(1));
  EXPECT_EQ(receiver_.events()[0]["specversion"], "1.0");
  receiver_.prove = [](const net::Request&) {
    net::Response response;
    response.headers.add("WebHook-Allowed-Origin", "somebody.else");
    return response;
  };
  EXPECT_THAT(error_of([&] { subscribe("cloud-two", cloud); }).message, HasSubstr("somebody.else"));
}

TEST_F(EventTest, CloudEventsEndpointsMayAllowLater) {
  const std::string cloud = R"({"eventDeliverySchema":"CloudEventSchemaV1_0"})";
  receiver_.prove = [](const net::Request&) { return net::Response{}; };
  EXPECT_THAT(error_of([&] { subscribe("later", cloud); }).message, HasSubstr("has no WebHook-Allowed-Origin"));
  EXPECT_EQ(receiver_.handshakes().back().headers.get("WebHook-Request-Callback"), "") << "nobody could reach it";
  subscriptions().set_endpoint("http://127.0.0.1:4600");
  const EventSubscriptionPtr waiting = subscribe("later", cloud);
  EXPECT_EQ(waiting->provisioning_state(runtime_->clock().now()), "AwaitingManualAction");
  publish("too early");
  const std::string url(receiver_.handshakes().back().headers.get("WebHook-Request-Callback"));
  EXPECT_EQ(url.rfind("http://127.0.0.1:4600/eventGrid/validate?code=", 0), 0u);
  EXPECT_EQ(sync_wait(subscriptions().confirm(url.substr(url.find('=') + 1)))->provisioning_state(Time{}), "Succeeded");
  const std::string id = publish("in time");
  EXPECT_THAT(receiver_.ids(), ElementsAre(id));
  // Whoever says that it does not know the question does not get a second chance.
  receiver_.prove = [](const net::Request&) {
    net::Response response;
    response.status = 405;
    return response;
  };
  EXPECT_THAT(error_of([&] { subscribe("not-at-all", cloud); }).message, HasSubstr("405"));
}

/// A webhook of CloudEvents that allows so many requests a minute.
std::function<net::Response(const net::Request&)> allowing(std::string rate) {
  return [rate = std::move(rate)](const net::Request& request) {
    net::Response response;
    response.headers.add("WebHook-Allowed-Origin", std::string(request.headers.get("WebHook-Request-Origin")));
    if (!rate.empty()) response.headers.add("WebHook-Allowed-Rate", rate);
    return response;
  };
}

TEST_F(EventTest, CloudEventsEndpointsAllowARate) {
  const std::string cloud = R"({"eventDeliverySchema":"CloudEventSchemaV1_0","trunkline":{"requestsPerMinute":120}})";
  receiver_.prove = allowing("30");
  const EventSubscriptionPtr made = subscribe("rated", cloud);
  EXPECT_EQ(receiver_.handshakes().back().headers.get("WebHook-Request-Rate"), "120");
  EXPECT_EQ(made->spec->pace(), 30);
  EXPECT_EQ(arm_properties_of(*made, Time{})["trunkline"]["allowedRequestsPerMinute"], 30);
  for (int i = 0; i < 3; ++i) publish();
  EXPECT_THAT(receiver_.events(), SizeIs(1)) << "30 a minute: the next one in two seconds";
  advance(std::chrono::seconds{2});
  EXPECT_THAT(receiver_.events(), SizeIs(2));
  advance(std::chrono::seconds{2});
  EXPECT_THAT(receiver_.events(), SizeIs(3));

  // What it allowed holds over changes that do not ask it again, and after a restart.
  const std::size_t asked = receiver_.handshakes().size();
  EXPECT_EQ(subscribe("rated", cloud)->spec->pace(), 30);
  EXPECT_EQ(receiver_.handshakes().size(), asked);
  // Another wish is another question.
  receiver_.prove = allowing("*");
  const std::string fewer = R"({"eventDeliverySchema":"CloudEventSchemaV1_0","trunkline":{"requestsPerMinute":60}})";
  EXPECT_EQ(subscribe("rated", fewer)->spec->pace(), 60);
  EXPECT_EQ(receiver_.handshakes().back().headers.get("WebHook-Request-Rate"), "60");
  // Whoever did not ask is limited as well, if it is told.
  receiver_.prove = allowing("12");
  const std::string silent = R"({"eventDeliverySchema":"CloudEventSchemaV1_0","trunkline":{"allowedRequestsPerMinute":900000}})";
  EXPECT_EQ(subscribe("not-asked", silent)->spec->pace(), 12) << "it is for the endpoint to say";
  EXPECT_EQ(receiver_.handshakes().back().headers.get("WebHook-Request-Rate"), "");
  for (const char* wrong : {"0", "-1", "often", "1.5"}) {
    receiver_.prove = allowing(wrong);
    EXPECT_THAT(error_of([&] { subscribe("wrong", cloud); }).message, HasSubstr("WebHook-Allowed-Rate"));
  }
}

TEST_F(EventTest, TheCallbackMayAllowARate) {
  const std::string cloud = R"({"eventDeliverySchema":"CloudEventSchemaV1_0"})";
  subscriptions().set_endpoint("http://127.0.0.1:4600");
  receiver_.prove = [](const net::Request&) { return net::Response{}; };
  subscribe("later", cloud);
  const std::string url(receiver_.handshakes().back().headers.get("WebHook-Request-Callback"));
  EXPECT_EQ(sync_wait(subscriptions().confirm(url.substr(url.find('=') + 1), 60))->spec->pace(), 60);
  receiver_.prove = [this](const net::Request& request) {
    const std::string early(request.headers.get("WebHook-Request-Callback"));
    EXPECT_EQ(sync_wait(subscriptions().confirm(early.substr(early.find('=') + 1), 90)), nullptr);
    return net::Response{};
  };
  subscribe("eager", cloud);
  settle();
  EXPECT_EQ(subscriptions().get(source(), "eager")->spec->pace(), 90);
}

TEST_F(EventTest, AnEndpointMayConfirmBeforeItHasAnswered) {
  subscriptions().set_endpoint("http://127.0.0.1:4600");
  receiver_.prove = [this](const net::Request& request) {
    const std::string url = json::parse(request.body)[0]["data"]["validationUrl"];
    EXPECT_EQ(sync_wait(subscriptions().confirm(url.substr(url.find('=') + 1))), nullptr);
    return net::Response{};
  };
  subscribe("eager");
  EXPECT_EQ(subscriptions().get(source(), "eager")->provisioning_state(runtime_->clock().now()), "Succeeded");
  const std::string id = publish();
  EXPECT_THAT(receiver_.ids(), ElementsAre(id));
}

TEST_F(EventTest, AnEndpointThatIsJustStartingIsAskedTwice) {
  const auto fail = [](int times) {
    return [times](const net::Request& request) mutable {
      net::Response response;
      json body;
      body["validationResponse"] = json::parse(request.body)[0]["data"]["validationCode"];
      response.body = body.dump();
      if (times-- > 0) response.status = 503;
      return response;
    };
  };
  receiver_.prove = fail(1);
  subscribe("starting");
  ASSERT_THAT(receiver_.handshakes(), SizeIs(2));
  EXPECT_EQ(receiver_.handshakes()[0].body, receiver_.handshakes()[1].body) << "the same code";
  receiver_.prove = fail(2);
  EXPECT_THAT(error_of([&] { subscribe("broken"); }).message, HasSubstr("503"));
  EXPECT_THAT(receiver_.handshakes(), SizeIs(4));
  receiver_.prove = [](const net::Request&) {
    net::Response response;
    response.status = 403;
    return response;
  };
  EXPECT_THAT(error_of([&] { subscribe("unwilling"); }).message, HasSubstr("403"));
  EXPECT_THAT(receiver_.handshakes(), SizeIs(5)) << "an answer is an answer";
}

TEST_F(EventTest, AValidationUrlDoesWhenTheAnswerHasNoCode) {
  receiver_.prove = [](const net::Request&) { return net::Response{}; };
  EXPECT_THAT(error_of([&] { subscribe("by-hand"); }).message, HasSubstr("without a validationResponse"));
  subscriptions().set_endpoint("http://127.0.0.1:4600/");
  const EventSubscriptionPtr waiting = subscribe("by-hand");
  EXPECT_EQ(waiting->provisioning_state(runtime_->clock().now()), "AwaitingManualAction");
  publish("too early");
  const std::string url = json::parse(receiver_.handshakes().back().body)[0]["data"]["validationUrl"];
  EXPECT_EQ(url.rfind("http://127.0.0.1:4600/eventGrid/validate?code=", 0), 0u);
  EXPECT_EQ(error_of([&] { sync_wait(subscriptions().confirm("guessed")); }).code, ErrorCode::kNotFound);
  const std::string code = url.substr(url.find('=') + 1);
  const EventSubscriptionPtr confirmed = sync_wait(subscriptions().confirm(code));
  EXPECT_EQ(confirmed->provisioning_state(runtime_->clock().now()), "Succeeded");
  EXPECT_EQ(error_of([&] { sync_wait(subscriptions().confirm(code)); }).code, ErrorCode::kNotFound);
  const std::string id = publish("in time");
  EXPECT_THAT(receiver_.ids(), ElementsAre(id));
}

TEST_F(EventTest, AValidationUrlIsGoodForFiveMinutes) {
  receiver_.prove = [](const net::Request&) { return net::Response{}; };
  subscriptions().set_endpoint("http://127.0.0.1:4600");
  const EventSubscriptionPtr waiting = subscribe("by-hand");
  advance(minutes{5});
  EXPECT_EQ(waiting->provisioning_state(runtime_->clock().now()), "Failed");
  const std::string url = json::parse(receiver_.handshakes().back().body)[0]["data"]["validationUrl"];
  EXPECT_EQ(error_of([&] { sync_wait(subscriptions().confirm(url.substr(url.find('=') + 1))); }).code, ErrorCode::kNotFound);
}

TEST_F(EventTest, AChangeCountsForEventsAfterIt) {
  subscribe("changing", R"({"filter":{"subjectBeginsWith":"a"}})");
  const std::string a = publish("a1");
  json patch;
  patch["filter"]["subjectBeginsWith"] = "b";
  const EventSubscriptionPtr changed = sync_wait(subscriptions().patch(source(), "CHANGING", patch));
  EXPECT_EQ(changed->spec->filter.subject_begins_with, "b");
  EXPECT_EQ(changed->spec->endpoint, receiver_.url());
  publish("a2");
  const std::string b = publish("b1");
  EXPECT_THAT(receiver_.ids(), ElementsAre(a, b));
  EXPECT_THAT(receiver_.handshakes(), SizeIs(1));  // the endpoint is the same
  patch = json::object();
  patch["destination"] = webhook(receiver_.url("/other"))["destination"];
  sync_wait(subscriptions().patch(source(), "changing", patch));
  EXPECT_THAT(receiver_.handshakes(), SizeIs(2));
  publish("b2");
  EXPECT_EQ(receiver_.requests().back().target, "/other");
}

TEST_F(EventTest, ARemovedOneGetsNothingMoreAndItsNameIsFree) {
  subscribe("short-lived");
  EXPECT_TRUE(sync_wait(subscriptions().remove(source(), "Short-Lived")));
  EXPECT_FALSE(sync_wait(subscriptions().remove(source(), "short-lived")));
  publish();
  EXPECT_THAT(receiver_.requests(), IsEmpty());
  subscribe("short-lived");
  publish();
  EXPECT_THAT(receiver_.requests(), SizeIs(1));
}

TEST_F(EventTest, AnExpiredOneGoes) {
  const std::string end = format_rfc3339(runtime_->clock().now() + hours{2});
  subscribe("for-a-while", R"({"expirationTimeUtc":")" + end + "\"}");
  advance(hours{1});
  EXPECT_THAT(subscriptions().list(source()), SizeIs(1));
  advance(hours{1});
  settle();
  EXPECT_THAT(subscriptions().list(source()), IsEmpty());
}

TEST_F(EventTest, PrivateAddressesAreNotConnectedToWhenThatIsForbidden) {
  runtime_->close();
  open("events: {forbid_private: true}\n" + test_config(kSandbox));
  // By its address it is refused before anybody is asked, by a name once the name is resolved.
  const std::string port = receiver_.url().substr(receiver_.url().rfind(':'));
  for (const std::string host : {"http://127.0.0.1", "http://[::ffff:127.0.0.1]", "http://localhost"}) {
    const Error error = error_of([&] { subscribe_to("inside", webhook(host + port)); });
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << host << ": " << error.message;
  }
  EXPECT_THAT(receiver_.handshakes(), IsEmpty());
  EXPECT_THAT(receiver_.requests(), IsEmpty());
}

TEST_F(EventTest, BadPropertiesNameTheMember) {
  EXPECT_EQ(error_of([&] { subscribe("ab"); }).target, "name");
  EXPECT_EQ(error_of([&] { subscribe_to("no-where", json::object()); }).target, "destination");
  EXPECT_THAT(error_of([&] { subscribe_to("far-away", webhook("http://example.com/")); }).message,
              HasSubstr("events.allow_http"));
  EXPECT_EQ(
      error_of([&] { subscribe("bad-filter", R"({"filter":{"advancedFilters":[{"operatorType":"Nope","key":"a"}]}})"); }).code,
      ErrorCode::kInvalidArgument);
}

TEST_F(EventTest, ForksHaveTheSubscriptionsAndDeliverTheirOwnEvents) {
  subscribe("hook");
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "copy"));
  const eventgrid::EventSource theirs = eventgrid::source_of(*fork);
  ASSERT_THAT(subscriptions().list(theirs), SizeIs(1));
  NewEvent event;
  event.id = "of-the-fork";
  event.type = "T";
  event.topic = fork->arm_id;
  event.time = runtime_->clock().now();
  sync_wait(runtime_->events().publish(*fork->database, fork->key, event));
  settle();
  EXPECT_THAT(receiver_.ids(), ElementsAre("of-the-fork"));
  sync_wait(runtime_->resources().drop("copy"));
  EXPECT_THAT(subscriptions().list(theirs), IsEmpty());
  EXPECT_EQ(error_of([&] { sync_wait(subscriptions().put(theirs, "new-one", webhook(receiver_.url()))); }).code,
            ErrorCode::kNotFound);
}

TEST_F(EventTest, ARestoredResourceHasTheSubscriptionsOfItsSnapshot) {
  subscribe("kept");
  sync_wait(runtime_->resources().snapshot("world", "before"));
  sync_wait(subscriptions().remove(source(), "kept"));
  subscribe("later");
  sync_wait(runtime_->resources().restore("world", "before"));
  settle();
  const auto all = subscriptions().list(source());
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0]->row.name, "kept");
  const std::string id = publish();
  EXPECT_THAT(receiver_.ids(), ElementsAre(id));
}

TEST_F(EventTest, ConsumersTakeAndAcknowledge) {
  json properties;
  properties["destination"]["endpointType"] = "Handler";
  subscribe_to("mine", properties);
  const std::string first = publish("1"), second = publish("2");
  auto taken = sync_wait(subscriptions().take(source(), "mine", 1, seconds{30}, std::nullopt));
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].event->id, first);
  EXPECT_TRUE(subscriptions().acknowledge(source(), "mine", taken[0].id));
  EXPECT_FALSE(subscriptions().acknowledge(source(), "mine", taken[0].id));
  taken = sync_wait(subscriptions().take(source(), "mine", 10, seconds{30}, std::nullopt));
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_TRUE(subscriptions().reject(source(), "mine", taken[0].id, "not today"));
  settle();
  EXPECT_EQ(explain("mine", second).state, delivery::Explanation::State::kRetrying);
  advance(minutes{1});
  taken = sync_wait(subscriptions().take(source(), "mine", 10, seconds{30}, std::nullopt));
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].attempt, 2);
  subscribe("hook");
  EXPECT_EQ(error_of([&] { sync_wait(subscriptions().take(source(), "hook", 1, seconds{1}, std::nullopt)); }).code,
            ErrorCode::kFailedPrecondition);
}

TEST_F(EventTest, StoredOnesRunAgainAfterARestartAndNothingIsLost) {
  runtime_->close();
  store::TempDirectory directory;
  const std::string file = "store: {mode: file, path: '" + directory.path().string() + "'}\n";
  open(test_config(kSandbox, "[]", file));
  subscribe("durable");
  receiver_.status = [](const net::Request&) { return 503; };
  const std::string id = publish();
  EXPECT_EQ(explain("durable", id).state, delivery::Explanation::State::kRetrying);
  runtime_.reset();
  receiver_.status = nullptr;
  receiver_.forget();
  open(test_config(kSandbox, "[]", file));
  settle();
  advance(minutes{2});
  EXPECT_THAT(receiver_.ids(), ElementsAre(id));
  EXPECT_THAT(receiver_.handshakes(), SizeIs(1));
}

TEST_F(EventTest, TheFileMakesAndChangesSubscriptions) {
  runtime_->close();
  const std::string endpoint = receiver_.url("/from-file");
  open(test_config(kSandbox, "[]",
                   "    event_subscriptions:\n"
                   "      - name: from-file\n"
                   "        endpoint: " +
                       endpoint +
                       "\n"
                       "        types: [Microsoft.Communication.SMSReceived]\n"
                       "        bearer: {value: let-me-in}\n"));
  EXPECT_THAT(receiver_.handshakes(), IsEmpty());
  publish();
  ASSERT_THAT(receiver_.requests(), SizeIs(1));
  EXPECT_EQ(receiver_.requests()[0].headers.get("Authorization"), "Bearer let-me-in");
  EXPECT_FALSE(eventgrid::arm_properties_of(*subscriptions().get(source(), "from-file"), runtime_->clock().now())
                   .dump()
                   .find("let-me-in") != std::string::npos);
}

TEST_F(EventTest, AfterCountsWhenASubscriptionIsCreated) {
  const std::string first = publish();
  json properties = webhook(receiver_.url());
  sync_wait(subscriptions().put(source(), "from-start", properties, 0));
  settle();
  EXPECT_THAT(receiver_.ids(), ElementsAre(first));
  const std::int64_t start = subscriptions().get(source(), "from-start")->row.start;
  publish();
  sync_wait(subscriptions().put(source(), "from-start", properties, 1));
  settle();
  EXPECT_EQ(subscriptions().get(source(), "from-start")->row.start, start);
  EXPECT_THAT(receiver_.requests(), SizeIs(2));
}

TEST_F(EventTest, OneThatIsConfirmedByHandGoesOnWhereItWas) {
  subscriptions().set_endpoint("http://127.0.0.1:4600");
  subscribe("moving");
  const std::string before = publish("before");
  receiver_.prove = [](const net::Request&) { return net::Response{}; };
  json patch;
  patch["destination"] = webhook(receiver_.url("/new"))["destination"];
  sync_wait(subscriptions().patch(source(), "moving", patch));
  const std::string meanwhile = publish("meanwhile");
  EXPECT_THAT(receiver_.ids(), ElementsAre(before));
  const std::string url = json::parse(receiver_.handshakes().back().body)[0]["data"]["validationUrl"];
  sync_wait(subscriptions().confirm(url.substr(url.find('=') + 1)));
  settle();
  EXPECT_THAT(receiver_.ids(), ElementsAre(before, meanwhile));
}

TEST_F(EventTest, AReplayThatIsConfirmedByHandSendsItsRange) {
  subscriptions().set_endpoint("http://127.0.0.1:4600");
  const std::string first = publish();
  receiver_.prove = [](const net::Request&) { return net::Response{}; };
  sync_wait(history().replay(source(), "again", webhook(receiver_.url()), std::nullopt, std::nullopt));
  settle();
  EXPECT_THAT(receiver_.requests(), IsEmpty());
  const std::string url = json::parse(receiver_.handshakes().back().body)[0]["data"]["validationUrl"];
  sync_wait(subscriptions().confirm(url.substr(url.find('=') + 1)));
  settle();
  EXPECT_THAT(receiver_.ids(), ElementsAre(first));
}

TEST_F(EventTest, AnotherKindOfDestinationGoesOnFromTheCursor) {
  subscribe("changing");
  const std::string first = publish();
  json handler;
  handler["destination"]["endpointType"] = "Handler";
  sync_wait(subscriptions().put(source(), "changing", handler));
  const std::string second = publish();
  auto taken = sync_wait(subscriptions().take(source(), "changing", 10, seconds{30}, seconds{1}));
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].event->id, second);
}

TEST_F(EventTest, NobodyIsShownTheKeyOfADeadLetterDestination) {
  const EventSubscriptionPtr made = subscribe("mourned", R"({"deadLetterDestination":{"endpointType":"WebHook",
                              "properties":{"endpointUrl":"http://127.0.0.1:9/dead?sig=planted-secret"}}})");
  const std::string shown = eventgrid::arm_properties_of(*made, runtime_->clock().now()).dump();
  EXPECT_THAT(shown, ::testing::Not(HasSubstr("planted-secret")));
  EXPECT_THAT(shown, HasSubstr("http://127.0.0.1:9/dead"));
  EXPECT_THAT(delivery::to_json(*made->spec, true).dump(), HasSubstr("planted-secret"));
}

TEST_F(EventTest, OneThatTheConfigurationForbidsByNowCanBeRemovedAndReplaced) {
  runtime_.reset();
  store::TempDirectory directory;
  const std::string file = "store: {mode: file, path: '" + directory.path().string() + "'}\n";
  open("events: {allow_http: true}\n" +
       test_config(kSandbox, "[]",
                   "    event_subscriptions:\n      - {name: far-away, endpoint: 'http://example.invalid/'}\n"
                   "      - {name: also-far, endpoint: 'http://example.invalid/'}\n" +
                       file));
  runtime_.reset();
  open(test_config(kSandbox, "[]", file));
  EXPECT_THAT(subscriptions().list(source()), IsEmpty());
  EXPECT_TRUE(sync_wait(subscriptions().remove(source(), "Far-Away")));
  EXPECT_FALSE(sync_wait(subscriptions().remove(source(), "far-away")));
  EXPECT_TRUE(sync_wait(subscriptions().put(source(), "also-far", webhook(receiver_.url()))).created);
  const std::string id = publish();
  EXPECT_THAT(receiver_.ids(), ElementsAre(id));
}

TEST_F(EventTest, EventsOfAForkAreItsOwn) {
  const std::string id = publish();
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "copy"));
  EXPECT_EQ(history().get(eventgrid::source_of(*fork), id).topic, fork->arm_id);
  EXPECT_EQ(history().get(source(), id).topic, resource_->arm_id);
}

}  // namespace
}  // namespace trunkline

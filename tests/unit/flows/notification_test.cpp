#include "runtime/flows/notification.h"

#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using workflow::Status;

using Answer = std::optional<Result<net::ClientResponse>>;

/// The trigger "When a new email arrives (V3)" as it is exported, on a connector that is mapped to an address.
class NotificationTest : public FlowsTest {
 protected:
  NotificationTest() {
    options_.http.addresses["office365"] = "http://mail.example/api";
    script_ = [this](const net::ClientRequest& request) -> Answer {
      if (request.url.find("$subscriptions") != std::string::npos) {
        net::ClientResponse made = json_answer(201, R"j({"id":"s-1"})j");
        made.headers.set("Location", "http://mail.example/subscriptions/s-1");
        return Result<net::ClientResponse>(made);
      }
      if (request.method == "DELETE") return Result<net::ClientResponse>(json_answer(204, ""));
      if (answers.empty()) return Result<net::ClientResponse>(json_answer(202, ""));
      net::ClientResponse next = answers.front();
      answers.erase(answers.begin());
      return Result<net::ClientResponse>(next);
    };
  }
  static std::string mail() {
    return definition("{}",
                      R"j({"When_a_new_email_arrives_(V3)":{"type":"ApiConnectionNotification","inputs":{
  "host":{"connection":{"name":"@parameters('$connections')['office365']['connectionId']"}},
  "fetch":{"method":"get","pathTemplate":{"template":"/v3/Mail/{folder}/OnNewEmail","parameters":{"folder":"@{encodeURIComponent('In/box')}"}},
           "queries":{"importance":"Any","includeAttachments":false}},
  "subscribe":{"method":"post","pathTemplate":{"template":"/GraphMailSubscriptionPoke/$subscriptions"},
               "body":{"NotificationUrl":"@{listCallbackUrl()}"},"queries":{"importance":"Any"}}},
  "splitOn":"@triggerBody()?['value']"}})j",
                      R"j(,"parameters":{"$connections":{"type":"Object","defaultValue":{"office365":{
  "connectionId":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/connections/office365","connectionName":"office365",
  "id":"/subscriptions/s/providers/Microsoft.Web/locations/westeurope/managedApis/office365"}}}})j");
  }
  static net::ClientResponse mails(const std::string& subjects) { return json_answer(200, R"j({"value":[)j" + subjects + "]}"); }
  int notify() {
    const int status = call(service().get("flow")).status;
    settle();
    return status;
  }
  std::vector<std::string> urls() {
    std::vector<std::string> out;
    for (const net::ClientRequest& request : life_->http.requests()) out.push_back(request.method + " " + request.url);
    return out;
  }

  std::vector<net::ClientResponse> answers;
};

TEST_F(NotificationTest, SubscribesAndFetchesWhatItIsToldOf) {
  open(true);
  deploy(mail());
  settle();
  ASSERT_THAT(life_->http.requests(), SizeIs(1));
  EXPECT_EQ(urls()[0], "POST http://mail.example/api/GraphMailSubscriptionPoke/$subscriptions?importance=Any");
  EXPECT_THAT(life_->http.requests()[0].body, HasSubstr("/paths/invoke?"));
  answers = {mails(R"j({"subject":"one"},{"subject":"two"})j")};
  EXPECT_EQ(notify(), 202);
  const WorkflowPtr workflow = service().get("flow");
  ASSERT_THAT(runs(workflow), SizeIs(2)) << "one for each mail";
  EXPECT_EQ(last_view(workflow).trigger()["outputs"]["body"]["subject"], "two");
  EXPECT_EQ(urls()[1], "GET http://mail.example/api/v3/Mail/In%2Fbox/OnNewEmail?importance=Any&includeAttachments=False");
  EXPECT_EQ(notify(), 202) << "nothing new this time";
  EXPECT_THAT(runs(workflow), SizeIs(2));
  const auto histories = service().histories(workflow, workflow->version->plan->triggers[0].name, "", 10);
  ASSERT_THAT(histories, SizeIs(3));
  EXPECT_EQ(histories[0].status, Status::kSkipped);
}

TEST_F(NotificationTest, EndsItsSubscriptionWhereTheConnectorSaidItIs) {
  open(true);
  deploy(mail());
  settle();
  restart();
  EXPECT_THAT(urls(), IsEmpty()) << "the subscription stands";
  sync_wait(service().set_enabled("flow", false));
  settle();
  EXPECT_THAT(urls(), ElementsAre("DELETE http://mail.example/subscriptions/s-1"));
}

TEST_F(NotificationTest, FollowsAnAnswerThatSaysThatThereIsMore) {
  open();
  deploy(mail());
  settle();
  net::ClientResponse first = mails(R"j({"subject":"one"})j");
  first.headers.set("Retry-After", "5");
  first.headers.set("Location", "http://mail.example/api/next");
  answers = {first, mails(R"j({"subject":"two"})j")};
  notify();
  EXPECT_THAT(runs(service().get("flow")), SizeIs(1));
  advance(std::chrono::seconds{6});
  EXPECT_THAT(runs(service().get("flow")), SizeIs(2));
  EXPECT_EQ(urls()[2], "GET http://mail.example/api/next");
  advance(std::chrono::hours{1});
  EXPECT_THAT(urls(), SizeIs(3)) << "and rests until it is told";
}

TEST_F(NotificationTest, FetchesAfterARestartWhatItWasToldOfBefore) {
  script_ = [](const net::ClientRequest& request) -> Answer {
    if (request.method == "GET") return std::nullopt;  // the fetch never comes back in this life
    return Result<net::ClientResponse>(json_answer(201, "{}"));
  };
  open(true);
  deploy(mail());
  settle();
  EXPECT_EQ(notify(), 202);
  script_ = [](const net::ClientRequest&) -> Answer { return Result<net::ClientResponse>(mails(R"j({"subject":"one"})j")); };
  restart();
  EXPECT_THAT(runs(service().get("flow")), SizeIs(1));
  restart();
  EXPECT_THAT(runs(service().get("flow")), SizeIs(1)) << "once";
}

TEST_F(NotificationTest, FailsAFiringWhoseFetchFails) {
  open();
  deploy(mail());
  settle();
  answers = {json_answer(403, R"j({"error":{"code":"Forbidden"}})j")};
  notify();
  const WorkflowPtr workflow = service().get("flow");
  const auto histories = service().histories(workflow, workflow->version->plan->triggers[0].name, "", 10);
  ASSERT_THAT(histories, SizeIs(1));
  EXPECT_EQ(histories[0].status, Status::kFailed);
  EXPECT_EQ(histories[0].code, "Forbidden");
}

TEST_F(NotificationTest, KeepsItsSubscriptionAndItsNextFetchOverARestart) {
  open(true);
  deploy(mail());
  settle();
  net::ClientResponse first = mails(R"j({"subject":"one"})j");
  first.headers.set("Retry-After", "5");
  first.headers.set("Location", "http://mail.example/api/next");
  answers = {first, mails(R"j({"subject":"two"})j")};
  notify();
  restart();
  EXPECT_THAT(urls(), IsEmpty());
  advance(std::chrono::seconds{6});
  EXPECT_THAT(urls(), ElementsAre("GET http://mail.example/api/next"));
  EXPECT_THAT(runs(service().get("flow")), SizeIs(2));
}

TEST_F(NotificationTest, FetchesAgainAfterAFetchThatFailed) {
  open(true);
  deploy(mail());
  settle();
  for (int i = 0; i < 7; ++i) answers.push_back(json_answer(503, "{}"));
  answers.push_back(mails(R"j({"subject":"one"})j"));
  notify();
  const auto begins = urls().size();
  advance(std::chrono::minutes{5});
  EXPECT_GT(urls().size(), begins + 4) << "more often than the retry policy of one fetch says";
  EXPECT_THAT(runs(service().get("flow")), SizeIs(1));
  EXPECT_THAT(answers, IsEmpty());
  const auto asked = urls().size();
  advance(std::chrono::hours{2});
  EXPECT_THAT(urls(), SizeIs(asked)) << "and rests until it is told";
}

TEST_F(NotificationTest, FetchesForTheVersionThatIsDeployedDuringAFetch) {
  open();
  deploy(mail());
  settle();
  bool hold = true;
  {
    const auto usual = life_->http.script;
    life_->http.script = [&hold, usual](const net::ClientRequest& request) -> Answer { return hold ? Answer() : usual(request); };
  }
  answers = {mails(R"j({"subject":"one"})j")};
  EXPECT_EQ(notify(), 202);
  hold = false;
  std::string changed = mail();
  changed.replace(changed.find(R"j("actions":{})j"), 12, R"j("actions":{"New":{"type":"Compose","inputs":1}})j");
  deploy(changed);
  settle();
  ASSERT_THAT(runs(service().get("flow")), SizeIs(1));
  EXPECT_TRUE(last_view(service().get("flow")).action("New"));
}

TEST_F(NotificationTest, RenewsItsSubscriptionOnceAndFetchesMeanwhile) {
  open();
  int subscriptions = 0;
  const auto usual = life_->http.script;
  life_->http.script = [&](const net::ClientRequest& request) -> Answer {
    if (request.url.find("$subscriptions") != std::string::npos && ++subscriptions == 2) return std::nullopt;
    return usual(request);
  };
  std::string text = mail();
  const std::string type = R"j("type":"ApiConnectionNotification",)j";
  deploy(text.insert(text.find(type) + type.size(), R"j("limit":{"timeout":"PT1H"},)j"));
  settle();
  advance(std::chrono::minutes{61});
  EXPECT_EQ(subscriptions, 2);
  net::ClientResponse more = mails(R"j({"subject":"one"})j");
  more.headers.set("Retry-After", "5");
  answers = {more, mails(R"j({"subject":"two"})j")};
  notify();
  advance(std::chrono::seconds{6});
  EXPECT_THAT(runs(service().get("flow")), SizeIs(2));
  EXPECT_EQ(subscriptions, 2) << "the slow one is under way";
}

// A connector may have one subscription for each address that it calls, and so the same one for both versions.
TEST_F(NotificationTest, KeepsTheSubscriptionThatTwoVersionsShare) {
  for (const bool other : {false, true}) {
    SCOPED_TRACE(other);
    open();
    int subscriptions = 0;
    const auto usual = life_->http.script;
    life_->http.script = [&](const net::ClientRequest& request) -> Answer {
      if (request.url.find("$subscriptions") == std::string::npos) return usual(request);
      ++subscriptions;
      // The renewals of both versions are slow, or that of the first alone.
      return subscriptions == 2 || (subscriptions == 3 && !other) ? std::nullopt : usual(request);
    };
    std::string text = mail();
    const std::string type = R"j("type":"ApiConnectionNotification",)j";
    deploy(text.insert(text.find(type) + type.size(), R"j("limit":{"timeout":"PT1H"},)j"));
    settle();
    advance(std::chrono::minutes{61});
    EXPECT_EQ(subscriptions, 2);
    text.replace(text.find(R"j("actions":{})j"), 12, R"j("actions":{"New":{"type":"Compose","inputs":1}})j");
    deploy(text);
    settle();
    advance(std::chrono::seconds{1});
    EXPECT_EQ(subscriptions, 3);
    net::ClientResponse made = json_answer(201, "{}");
    const std::string location = other ? "http://mail.example/subscriptions/s-2" : "http://mail.example/subscriptions/s-1";
    made.headers.set("Location", location);
    life_->http.answer_held(made);
    settle();
    std::vector<std::string> ended;
    for (const std::string& url : urls())
      if (url.rfind("DELETE ", 0) == 0) ended.push_back(url);
    if (other)
      EXPECT_THAT(ended, ElementsAre("DELETE " + location)) << "nobody's";
    else
      EXPECT_THAT(ended, IsEmpty()) << "it is the new version's";
    life_.reset();
  }
}

TEST_F(NotificationTest, KeepsAFetchThatIsDueAfterItsSubscriptionEnds) {
  open();
  std::string text = mail();
  const std::string type = R"j("type":"ApiConnectionNotification",)j";
  deploy(text.insert(text.find(type) + type.size(), R"j("limit":{"timeout":"PT1H"},)j"));
  settle();
  advance(std::chrono::minutes{59});
  net::ClientResponse more = mails(R"j({"subject":"one"})j");
  more.headers.set("Retry-After", "300");
  answers = {more, mails(R"j({"subject":"two"})j")};
  notify();
  advance(std::chrono::minutes{3});
  EXPECT_THAT(urls(), SizeIs(3)) << "renewed, and nothing fetched yet";
  advance(std::chrono::minutes{3});
  EXPECT_THAT(runs(service().get("flow")), SizeIs(2));
}

TEST_F(NotificationTest, FillsItsPathTemplate) {
  const Value inputs = expression::parse_value(
      R"j({"host":{"h":1},"retryPolicy":{"type":"none"},"fetch":{"method":"get","pathTemplate":{"template":"/a/{x}/{y}","parameters":{"x":"1%2F","y":2}}}})j");
  const Value part = notification_part(inputs, "fetch");
  EXPECT_EQ(part["path"], "/a/1%2F/2");
  EXPECT_EQ(part["host"]["h"], 1);
  EXPECT_EQ(part["retryPolicy"]["type"], "none");
  EXPECT_FALSE(part.contains("pathTemplate"));
  EXPECT_THROW(notification_part(expression::parse_value(R"j({"fetch":{"pathTemplate":{"template":"/{gone}"}}})j"), "fetch"),
               Error);
}

}  // namespace
}  // namespace trunkline::flows

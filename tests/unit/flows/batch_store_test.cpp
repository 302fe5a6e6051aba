#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class BatchStoreTest : public FlowsTest {
 protected:
  /// A receiver with one batch and a sender into it.
  void deploy_both(const std::string& criteria, WorkflowKind kind = WorkflowKind::kStateful) {
    deploy(receiver(criteria), "receiver", kind);
    deploy(definition(R"j({"Send":{"type":"SendToBatch","inputs":{"batchName":"main","content":"@triggerBody()",
      "host":{"triggerName":"batch","workflow":{"id":"receiver"}}}}})j"),
           "sender");
  }
  static std::string receiver(const std::string& criteria) {
    return definition(R"j({"Count":{"type":"Compose","inputs":"@length(triggerBody()['items'])"}})j",
                      R"j({"batch":{"type":"Batch","inputs":{"mode":"Inline","configurations":{"main":{"releaseCriteria":)j" +
                          criteria + R"j(}}}}})j");
  }
  void send(int count = 1) {
    for (int i = 0; i < count; ++i) start(service().get("sender"), "{}");
    settle();
  }
  std::vector<int> released() {
    std::vector<int> out;
    const WorkflowPtr workflow = service().get("receiver");
    for (const RunRow& row : runs(workflow))
      out.push_back(service().view(workflow, row.name()).action("Count")->outputs->get<int>());
    return out;
  }
};

constexpr const char* kTenMinutes = R"j({"recurrence":{"frequency":"Minute","interval":10}})j";

TEST_F(BatchStoreTest, ReleasesInTimeAfterARestartWithoutAnotherMessage) {
  open(true);
  deploy_both(kTenMinutes);
  send(2);
  advance(std::chrono::minutes{4});
  restart();
  advance(std::chrono::minutes{5});
  EXPECT_THAT(released(), IsEmpty()) << "its time is counted from the first message on";
  advance(std::chrono::minutes{2});
  EXPECT_THAT(released(), ::testing::ElementsAre(2));
}

TEST_F(BatchStoreTest, ReleasesAtOnceWhatCameDueWhileNothingRan) {
  open(true);
  deploy_both(kTenMinutes);
  send();
  life_.reset();
  now_ += std::chrono::hours{1};
  open(true);
  EXPECT_THAT(released(), ::testing::ElementsAre(1));
  restart();
  advance(std::chrono::hours{1});
  EXPECT_THAT(released(), SizeIs(1)) << "once";
}

TEST_F(BatchStoreTest, KeepsWhatComesWhileTheReceiverIsDisabled) {
  open(true);
  deploy_both(R"j({"messageCount":2,"recurrence":{"frequency":"Minute","interval":10}})j");
  sync_wait(service().set_enabled("receiver", false));
  send(2);
  advance(std::chrono::minutes{20});
  EXPECT_THAT(released(), IsEmpty());
  sync_wait(service().set_enabled("receiver", true));
  settle();
  EXPECT_THAT(released(), ::testing::ElementsAre(2));
}

TEST_F(BatchStoreTest, FollowsTheVersionThatIsThereWhenTheTimeComes) {
  open();
  deploy_both(kTenMinutes);
  send(3);
  deploy(receiver(R"j({"messageCount":3})j"), "receiver");
  settle();
  EXPECT_THAT(released(), ::testing::ElementsAre(3)) << "the new criterion is fulfilled already";
  advance(std::chrono::minutes{20});
  EXPECT_THAT(released(), SizeIs(1));
}

TEST_F(BatchStoreTest, TriesAgainWhenTheReceiverHasTooManyRuns) {
  open();
  deploy_both(R"j({"messageCount":1})j");
  deploy(
      definition(
          R"j({"Count":{"type":"Compose","inputs":"@length(triggerBody()['items'])"},
    "Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}}}})j",
          R"j({"batch":{"type":"Batch","inputs":{"mode":"Inline","configurations":{"main":{"releaseCriteria":{"messageCount":1}}}},
      "runtimeConfiguration":{"concurrency":{"runs":1,"maximumWaitingRuns":1}}}})j"),
      "receiver");
  send(3);
  EXPECT_THAT(runs(service().get("receiver")), SizeIs(2)) << "one runs, one waits, and there is no room for the third";
  advance(std::chrono::minutes{4});
  EXPECT_THAT(released(), ::testing::ElementsAre(1, 1, 1));
}

TEST_F(BatchStoreTest, AStatelessReceiverLosesNothingForWantOfRoom) {
  open();
  std::vector<std::size_t> seen;
  life_->http.script = [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    seen.push_back(expression::parse_value(request.body).size());
    return Result<net::ClientResponse>(json_answer(200, "{}"));
  };
  const auto telling = [](const std::string& criteria) {
    return definition(
        R"j({"Tell":{"type":"Http","inputs":{"method":"POST","uri":"http://x.example/","body":"@triggerBody()['items']"}},
    "Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}}}})j",
        R"j({"batch":{"type":"Batch","inputs":{"mode":"Inline","configurations":{"main":{"releaseCriteria":)j" + criteria +
            R"j(}}},"runtimeConfiguration":{"concurrency":{"runs":1,"maximumWaitingRuns":1}}}})j");
  };
  deploy_both(R"j({"messageCount":1000})j");
  deploy(telling(R"j({"messageCount":1000})j"), "receiver", WorkflowKind::kStateless);
  send(7);
  // All of them come due at once: one batch runs, one waits, and two find no room yet.
  deploy(telling(R"j({"messageCount":2})j"), "receiver", WorkflowKind::kStateless);
  send();
  advance(std::chrono::minutes{10});
  EXPECT_THAT(seen, ::testing::ElementsAre(2u, 2u, 2u, 2u));
}

TEST_F(BatchStoreTest, LooksAgainSoonerThanItsTime) {
  open();
  deploy_both(R"j({"messageCount":100,"recurrence":{"frequency":"Hour","interval":1}})j");
  send(10);
  deploy(receiver(R"j({"messageCount":2,"recurrence":{"frequency":"Hour","interval":1}})j"), "receiver");
  settle();
  advance(std::chrono::minutes{2});
  EXPECT_THAT(released(), ::testing::ElementsAre(2, 2, 2, 2, 2)) << "although its hour was being waited for already";
}

TEST_F(BatchStoreTest, MessagesForWhichNothingFiresGo) {
  open();
  deploy_both(kTenMinutes);
  std::string text = receiver(R"j({"messageCount":2})j");
  const std::string type = R"j("type":"Batch",)j";
  text.insert(text.find(type) + type.size(), R"j("conditions":[{"expression":"@equals(1,2)"}],)j");
  deploy(text, "receiver");
  send(2);
  advance(std::chrono::minutes{10});
  EXPECT_THAT(released(), IsEmpty());
  EXPECT_THAT(service().histories(service().get("receiver"), "batch", "", 10), SizeIs(1)) << "looked at once";
}

TEST_F(BatchStoreTest, AStatelessReceiverGetsEachMessageOnce) {
  open(true);
  int seen = 0;
  script_ = [&](const net::ClientRequest&) -> std::optional<Result<net::ClientResponse>> {
    ++seen;
    return Result<net::ClientResponse>(json_answer(200, "{}"));
  };
  life_->http.script = script_;
  deploy_both(kTenMinutes);
  deploy(
      definition(
          R"j({"Tell":{"type":"Http","inputs":{"method":"POST","uri":"http://x.example/","body":"@triggerBody()"}}})j",
          R"j({"batch":{"type":"Batch","inputs":{"mode":"Inline","configurations":{"main":{"releaseCriteria":{"messageCount":2}}}}}})j"),
      "receiver", WorkflowKind::kStateless);
  send(3);
  restart();
  advance(std::chrono::minutes{20});
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace trunkline::flows

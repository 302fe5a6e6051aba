// Expression actions in whole runs: every kind, and what is said of wrong inputs.
#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using workflow::Status;

class ExpressionActionsTest : public FlowsTest {
 protected:
  /// One action and who reads its body; the run at its end. The clock shows 2026-03-02T08:00:00Z.
  RunView run(const std::string& kind, const std::string& inputs, const std::string& body = "{}") {
    if (!life_) open();
    const std::string given = inputs.empty() ? "" : R"j(,"inputs":)j" + inputs;
    const WorkflowPtr workflow = deploy(definition(
        R"j({"X":{"type":"Expression","kind":")j" + kind + R"j(")j" + given +
        R"j(},"Read":{"type":"Compose","inputs":["@body('X')","@outputs('X')?['body']"],"runAfter":{"X":["Succeeded"]}}})j"));
    start(workflow, body);
    settle();
    return last_view(workflow);
  }
  Value value(const std::string& kind, const std::string& inputs, const std::string& body = "{}") {
    const RunView view = run(kind, inputs, body);
    EXPECT_EQ(status_of(view, "X"), Status::kSucceeded) << kind << expression::to_json_text(view.action("X")->error);
    if (status_of(view, "X") != Status::kSucceeded) return nullptr;
    const Value read = *view.action("Read")->outputs;
    EXPECT_EQ(*view.action("X")->outputs, Value({{"body", read[0]}}));
    EXPECT_EQ(read[0], read[1]);
    return read[0];
  }
  /// The message of an action that fails.
  std::string failure(const std::string& kind, const std::string& inputs) {
    const RunView view = run(kind, inputs);
    EXPECT_EQ(status_of(view, "X"), Status::kFailed) << kind;
    if (status_of(view, "X") != Status::kFailed) return "";
    EXPECT_EQ(view.action("X")->code, "BadRequest");
    EXPECT_EQ(view.action("X")->error["code"], "InvalidTemplate");
    EXPECT_TRUE(view.action("X")->inputs) << "what it was given is shown";
    EXPECT_EQ(status_of(view, "Read"), Status::kSkipped);
    return view.action("X")->error["message"].get<std::string>();
  }
};

TEST_F(ExpressionActionsTest, TellTheTime) {
  EXPECT_EQ(value("CurrentTime", "{}"), "2026-03-02T08:00:00.0000000Z");
  EXPECT_EQ(value("CurrentTime", ""), "2026-03-02T08:00:00.0000000Z");
  EXPECT_EQ(value("currenttime", R"j({"formatString":"yyyy-MM-dd"})j"), "2026-03-02");
  EXPECT_EQ(value("GetFutureTime", R"j({"interval":3,"timeUnit":"Hour"})j"), "2026-03-02T11:00:00.0000000Z");
  EXPECT_EQ(value("GetPastTime", R"j({"interval":1,"timeUnit":"Month","formatString":"d"})j"), "2/2/2026");
}

TEST_F(ExpressionActionsTest, ReckonWithTimes) {
  EXPECT_EQ(value("AddToTime", R"j({"baseTime":"2026-02-27T23:00:00Z","interval":2,"timeUnit":"Day"})j"),
            "2026-03-01T23:00:00.0000000Z");
  EXPECT_EQ(value("AddToTime", R"j({"baseTime":"@triggerBody()['at']","interval":"@{triggerBody()['n']}","timeUnit":"Week"})j",
                  R"j({"at":"2026-01-01T00:00:00Z","n":2})j"),
            "2026-01-15T00:00:00.0000000Z");
  EXPECT_EQ(value("SubtractFromTime", R"j({"baseTime":"2026-03-01T00:00:00Z","interval":90,"timeUnit":"Minute"})j"),
            "2026-02-28T22:30:00.0000000Z");
}

TEST_F(ExpressionActionsTest, ConvertTimeZones) {
  EXPECT_EQ(value("ConvertTimeZone", R"j({"baseTime":"@{utcNow()}","formatString":"g","sourceTimeZone":"UTC",)j"
                                     R"j("destinationTimeZone":"Taipei Standard Time"})j"),
            "3/2/2026 4:00 PM");
  EXPECT_EQ(value("ConvertTimezone", R"j({"baseTime":"2026-07-01T12:00:00","sourceTimeZone":"Europe/Berlin",)j"
                                     R"j("destinationTimeZone":"Pacific Standard Time","formatString":null})j"),
            "2026-07-01T03:00:00.0000000");
}

TEST_F(ExpressionActionsTest, TakeTextsApart) {
  EXPECT_EQ(value("Substring", R"j({"text":"telephone","startPosition":4,"length":3})j"), "pho");
  EXPECT_EQ(value("Substring", R"j({"text":"telephone","startPosition":"4"})j"), "phone");
  EXPECT_EQ(value("IndexOf", R"j({"text":"telephone","searchText":"Phone"})j"), 4);
  EXPECT_EQ(value("IndexOf", R"j({"text":"telephone","searchText":"x"})j"), -1);
}

TEST_F(ExpressionActionsTest, NameTheInputThatIsWrong) {
  EXPECT_THAT(
      failure("ConvertTimeZone", R"j({"baseTime":"2026-03-01","sourceTimeZone":"UTC","destinationTimeZone":"Mars"})j"),
      AllOf(HasSubstr("'X' of kind 'ConvertTimeZone'"), HasSubstr("'destinationTimeZone' is wrong"), HasSubstr("'Mars'")));
  EXPECT_THAT(failure("ConvertTimeZone", R"j({"baseTime":"2026-03-01","destinationTimeZone":"UTC"})j"),
              HasSubstr("'sourceTimeZone' is missing"));
  EXPECT_THAT(failure("ConvertTimeZone", ""), HasSubstr("'baseTime' is missing"));
  EXPECT_THAT(failure("AddToTime", R"j({"baseTime":"@triggerBody()?['at']","interval":1,"timeUnit":"Day"})j"),
              HasSubstr("'baseTime' is null"));
  EXPECT_THAT(failure("AddToTime", R"j({"baseTime":"soon","interval":1,"timeUnit":"Day"})j"), HasSubstr("'baseTime' is wrong"));
  EXPECT_THAT(failure("SubtractFromTime", R"j({"baseTime":"2026-03-01","interval":"one","timeUnit":"Day"})j"),
              HasSubstr("'interval' is wrong"));
  EXPECT_THAT(failure("GetFutureTime", R"j({"interval":1,"timeUnit":"Age"})j"), HasSubstr("'timeUnit' is wrong"));
  EXPECT_THAT(failure("GetPastTime", R"j({"interval":1.5,"timeUnit":"Day"})j"), HasSubstr("'interval' is wrong"));
  EXPECT_THAT(failure("CurrentTime", R"j({"formatString":7})j"), HasSubstr("'formatString' is wrong"));
  EXPECT_THAT(failure("Substring", R"j({"text":"abc","startPosition":4})j"), HasSubstr("'startPosition' is wrong"));
  EXPECT_THAT(failure("Substring", R"j({"text":"abc","startPosition":0,"size":1})j"), HasSubstr("'size' is not known"));
  EXPECT_THAT(failure("IndexOf", R"j({"text":"abc"})j"), HasSubstr("'searchText' is missing"));
}

}  // namespace
}  // namespace trunkline::flows

#include "runtime/connectors/trigger_functions.h"

#include <gmock/gmock.h>

namespace trunkline::connectors {
namespace {

using expression::parse_value;
using expression::to_json_text;
using expression::Value;
using flows::ActionAnswer;
using flows::ActionCall;
using testing::HasSubstr;

class TriggerFunctionsTest : public testing::Test {
 protected:
  ActionAnswer answer(std::string_view operation, const char* returned, Value cursor = Value()) {
    ActionCall call;
    call.trigger_operation = operation;
    call.cursor = std::move(cursor);
    ActionAnswer given;
    given.outputs = Value{{"statusCode", 200}, {"headers", Value::object()}};
    if (*returned != '\0') given.outputs["body"] = parse_value(returned);
    ActionAnswer out;
    answers_of_trigger(call, [&](ActionAnswer one) { out = std::move(one); })(std::move(given));
    return out;
  }
};

TEST_F(TriggerFunctionsTest, TellWhatIsAskedAndWhereToGoOn) {
  ActionCall call;
  call.trigger_operation = "poll";
  EXPECT_EQ(to_json_text(trigger_member(call)), R"({"operation":"poll"})");
  call.cursor = 7;
  EXPECT_EQ(to_json_text(trigger_member(call)), R"({"operation":"poll","cursor":7})");
  call.trigger_operation = "unsubscribe";
  EXPECT_EQ(to_json_text(trigger_member(call)), R"({"operation":"unsubscribe","subscription":7})");
}

TEST_F(TriggerFunctionsTest, FireWithABodyOnly) {
  const ActionAnswer nothing = answer("poll", "", 3);
  EXPECT_EQ(nothing.outputs["statusCode"], 202);
  EXPECT_EQ(nothing.cursor, 3) << "the one before stays";
  const ActionAnswer later = answer("poll", R"({"cursor":4,"retryAfter":1.5})", 3);
  EXPECT_EQ(later.outputs["statusCode"], 202);
  EXPECT_EQ(later.cursor, 4);
  EXPECT_EQ(later.retry_after, Duration{1'500'000'000});
  const ActionAnswer fires = answer("fetch", R"({"body":[1]})");
  EXPECT_EQ(fires.outputs["statusCode"], 200);
  EXPECT_EQ(to_json_text(fires.outputs["body"]), "[1]");
  EXPECT_TRUE(fires.cursor.is_null());
}

TEST_F(TriggerFunctionsTest, SayWhatTheyDoNotUnderstand) {
  for (const auto& [returned, why] : {std::pair{"[1,2]", "of type 'Array'"}, std::pair{R"({"items":[1]})", "there is no 'items'"},
                                      std::pair{R"({"retryAfter":"soon"})", "'retryAfter' is no number"}}) {
    const ActionAnswer bad = answer("poll", returned);
    EXPECT_EQ(bad.status, workflow::Status::kFailed);
    EXPECT_EQ(bad.error["code"], "FunctionAnswerInvalid");
    EXPECT_THAT(bad.error["message"].get<std::string>(), HasSubstr(why));
  }
}

TEST_F(TriggerFunctionsTest, KeepWhatASubscriptionGave) {
  EXPECT_EQ(to_json_text(answer("subscribe", R"({"id":1})").cursor), R"({"id":1})");
  EXPECT_TRUE(answer("subscribe", "").cursor.is_null());
}

}  // namespace
}  // namespace trunkline::connectors

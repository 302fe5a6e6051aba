#include "runtime/events/event_filter.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/events/filter_index.h"

namespace trunkline::events {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Event sms_event() {
  Event event;
  event.sequence = 7;
  event.id = "Incoming_1";
  event.type = "Microsoft.Communication.SMSReceived";
  event.subject = "/phonenumber/14255550100";
  event.topic = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/communicationServices/r";
  event.data = R"({"from":"+14255550123","message":"Hello There","segmentCount":2,"nothing":null,"flag":true,
                   "deep":{"a":{"b":"x"}},"dotted.key":"y","list":["red","Green",3],"numbers":[1,5,"x"],"empty":[],
                   "objects":[{"a":1}],"mixed":[true,"x"]})";
  event.extra = R"({"tenant":"Contoso","priority":5})";
  return event;
}

CompiledFilter compile(const std::string& text) {
  const json document = json::parse(text);
  return CompiledFilter(parse_filter(JsonRef(document)));
}

bool matches(const std::string& filter, const Event& event = sms_event()) {
  const EventView view(event);
  const CompiledFilter compiled = compile(filter);
  const bool matched = compiled.matches(view);
  EXPECT_EQ(matched, compiled.explain(view).matched) << filter;
  return matched;
}

std::string advanced(const std::string& op, const std::string& key, const std::string& operand, bool arrays = false) {
  return std::string(R"({"enableAdvancedFilteringOnArrays":)") + (arrays ? "true" : "false") +
         R"(,"advancedFilters":[{"operatorType":")" + op + R"(","key":")" + key + "\"" + (operand.empty() ? "" : "," + operand) +
         "}]}";
}
bool holds(const std::string& op, const std::string& key, const std::string& operand, bool arrays = false) {
  return matches(advanced(op, key, operand, arrays));
}

TEST(EventFilter, NothingMatchesEverything) {
  EXPECT_TRUE(matches("{}"));
  EXPECT_TRUE(matches(R"({"includedEventTypes":[]})"));
  EXPECT_TRUE(matches(R"({"includedEventTypes":null,"subjectBeginsWith":""})"));
  EXPECT_TRUE(matches(R"({"includedEventTypes":["All"]})"));
}

TEST(EventFilter, TypesAndSubjects) {
  EXPECT_TRUE(matches(R"({"includedEventTypes":["x","microsoft.communication.smsreceived"]})"));
  EXPECT_FALSE(matches(R"({"includedEventTypes":["Microsoft.Communication.SMSDeliveryReportReceived"]})"));
  EXPECT_TRUE(matches(R"({"subjectBeginsWith":"/PhoneNumber/","subjectEndsWith":"0100"})"));
  EXPECT_FALSE(matches(R"({"subjectBeginsWith":"/PhoneNumber/","isSubjectCaseSensitive":true})"));
  EXPECT_TRUE(matches(R"({"subjectBeginsWith":"/phonenumber/","isSubjectCaseSensitive":true})"));
  EXPECT_FALSE(matches(R"({"subjectEndsWith":"0101"})"));
  EXPECT_FALSE(matches(R"({"subjectBeginsWith":"/phonenumber/1425555010000000000000000000"})"));
}

TEST(EventFilter, NumberOperators) {
  EXPECT_TRUE(holds("NumberIn", "data.segmentCount", R"("values":[1,2])"));
  EXPECT_FALSE(holds("NumberIn", "data.segmentCount", R"("values":[1,3])"));
  EXPECT_FALSE(holds("NumberNotIn", "data.segmentCount", R"("values":[1,2])"));
  EXPECT_TRUE(holds("NumberNotIn", "data.segmentCount", R"("values":[1,3])"));
  EXPECT_TRUE(holds("NumberLessThan", "data.segmentCount", R"("value":3)"));
  EXPECT_FALSE(holds("NumberLessThan", "data.segmentCount", R"("value":2)"));
  EXPECT_TRUE(holds("NumberLessThanOrEquals", "data.segmentCount", R"("value":2)"));
  EXPECT_TRUE(holds("NumberGreaterThan", "data.segmentCount", R"("value":1.5)"));
  EXPECT_FALSE(holds("NumberGreaterThan", "data.segmentCount", R"("value":2)"));
  EXPECT_TRUE(holds("NumberGreaterThanOrEquals", "data.segmentCount", R"("value":2)"));
  EXPECT_TRUE(holds("NumberInRange", "data.segmentCount", R"("values":[[5,6],[2,2]])"));
  EXPECT_FALSE(holds("NumberInRange", "data.segmentCount", R"("values":[[3,6]])"));
  EXPECT_TRUE(holds("NumberNotInRange", "data.segmentCount", R"("values":[[3,6]])"));
  EXPECT_FALSE(holds("NumberNotInRange", "data.segmentCount", R"("values":[[1,6]])"));
}

TEST(EventFilter, StringAndBoolOperators) {
  EXPECT_TRUE(holds("BoolEquals", "data.flag", R"("value":true)"));
  EXPECT_FALSE(holds("BoolEquals", "data.flag", R"("value":false)"));
  EXPECT_TRUE(holds("StringIn", "data.message", R"("values":["x","HELLO THERE"])"));
  EXPECT_FALSE(holds("StringIn", "data.message", R"("values":["hello"])"));
  EXPECT_FALSE(holds("StringNotIn", "data.message", R"("values":["hello there"])"));
  EXPECT_TRUE(holds("StringNotIn", "data.message", R"("values":["hello"])"));
  EXPECT_TRUE(holds("StringContains", "data.message", R"("values":["x","LO T"])"));
  EXPECT_FALSE(holds("StringContains", "data.message", R"("values":["x"])"));
  EXPECT_FALSE(holds("StringNotContains", "data.message", R"("values":["x","there"])"));
  EXPECT_TRUE(holds("StringNotContains", "data.message", R"("values":["x"])"));
  EXPECT_TRUE(holds("StringBeginsWith", "data.message", R"("values":["hell"])"));
  EXPECT_FALSE(holds("StringNotBeginsWith", "data.message", R"("values":["hell","x"])"));
  EXPECT_TRUE(holds("StringEndsWith", "data.message", R"("values":["THERE"])"));
  EXPECT_TRUE(holds("StringNotEndsWith", "data.message", R"("values":["hello"])"));
}

TEST(EventFilter, MissingAndNull) {
  for (const std::string key : {"data.missing", "data.nothing", "data.deep.missing.far", "nosuchattribute"}) {
    EXPECT_TRUE(holds("NumberNotIn", key, R"("values":[1])")) << key;
    EXPECT_TRUE(holds("StringNotIn", key, R"("values":["a"])")) << key;
    EXPECT_TRUE(holds("IsNullOrUndefined", key, "")) << key;
    EXPECT_FALSE(holds("IsNotNull", key, "")) << key;
    for (const std::string op : {"NumberIn", "NumberNotInRange", "NumberInRange"})
      EXPECT_FALSE(holds(op, key, op == "NumberIn" ? R"("values":[1])" : R"("values":[[1,2]])")) << op << key;
    for (const std::string op : {"NumberLessThan", "NumberGreaterThan", "NumberLessThanOrEquals", "NumberGreaterThanOrEquals"})
      EXPECT_FALSE(holds(op, key, R"("value":1)")) << op << key;
    EXPECT_FALSE(holds("BoolEquals", key, R"("value":false)"));
    for (const std::string op : {"StringIn", "StringContains", "StringNotContains", "StringBeginsWith", "StringNotBeginsWith",
                                 "StringEndsWith", "StringNotEndsWith"})
      EXPECT_FALSE(holds(op, key, R"("values":["a"])")) << op << key;
  }
}

TEST(EventFilter, AnotherTypeIsAsGoodAsMissing) {
  EXPECT_FALSE(holds("NumberIn", "data.message", R"("values":[1])"));
  EXPECT_TRUE(holds("NumberNotIn", "data.message", R"("values":[1])"));
  EXPECT_FALSE(holds("StringContains", "data.segmentCount", R"("values":["2"])"));
  EXPECT_FALSE(holds("StringNotContains", "data.segmentCount", R"("values":["x"])"));
  EXPECT_FALSE(holds("BoolEquals", "data.message", R"("value":true)"));
  EXPECT_FALSE(holds("IsNullOrUndefined", "data.deep", ""));
  EXPECT_TRUE(holds("IsNotNull", "data.deep", ""));
}

TEST(EventFilter, Arrays) {
  EXPECT_FALSE(holds("StringIn", "data.list", R"("values":["green"])"));
  EXPECT_TRUE(holds("StringIn", "data.list", R"("values":["green"])", true));
  EXPECT_FALSE(holds("StringIn", "data.list", R"("values":["blue"])", true));
  EXPECT_FALSE(holds("StringNotIn", "data.list", R"("values":["blue","red"])", true));
  EXPECT_TRUE(holds("StringNotIn", "data.list", R"("values":["blue"])", true));
  EXPECT_TRUE(holds("StringNotContains", "data.list", R"("values":["blue"])", true));
  EXPECT_TRUE(holds("NumberGreaterThan", "data.numbers", R"("value":4)", true));
  EXPECT_TRUE(holds("NumberIn", "data.list", R"("values":[3])", true));
  EXPECT_FALSE(holds("NumberNotInRange", "data.numbers", R"("values":[[4,6]])", true));
  EXPECT_TRUE(holds("BoolEquals", "data.mixed", R"("value":true)", true));
  EXPECT_FALSE(holds("StringIn", "data.empty", R"("values":["a"])", true));
  EXPECT_TRUE(holds("StringNotIn", "data.empty", R"("values":["a"])", true));
  EXPECT_FALSE(holds("StringContains", "data.objects", R"("values":["a"])", true));
  EXPECT_FALSE(holds("StringIn", "data.objects.a", R"("values":["1"])", true));
}

TEST(EventFilter, ArraysUnderEveryOtherOperator) {
  // numbers: [1, 5, "x"]; list: ["red", "Green", 3]
  const struct {
    const char* op;
    const char* key;
    const char* hit;
    const char* miss;
  } cases[] = {
      {"NumberNotIn", "data.numbers", R"("values":[2,3])", R"("values":[5])"},
      {"NumberLessThan", "data.numbers", R"("value":2)", R"("value":1)"},
      {"NumberLessThanOrEquals", "data.numbers", R"("value":1)", R"("value":0)"},
      {"NumberGreaterThanOrEquals", "data.numbers", R"("value":5)", R"("value":6)"},
      {"NumberInRange", "data.numbers", R"("values":[[4,6]])", R"("values":[[2,4]])"},
      {"StringContains", "data.list", R"("values":["ree"])", R"("values":["blue"])"},
      {"StringBeginsWith", "data.list", R"("values":["gre"])", R"("values":["een"])"},
      {"StringNotBeginsWith", "data.list", R"("values":["een"])", R"("values":["gre"])"},
      {"StringEndsWith", "data.list", R"("values":["een"])", R"("values":["gre"])"},
      {"StringNotEndsWith", "data.list", R"("values":["gre"])", R"("values":["een"])"},
  };
  for (const auto& [op, key, hit, miss] : cases) {
    EXPECT_TRUE(holds(op, key, hit, true)) << op;
    EXPECT_FALSE(holds(op, key, miss, true)) << op;
    // Nothing of the right type in it is as good as missing.
    EXPECT_EQ(holds(op, "data.empty", hit, true), holds(op, "data.missing", hit, true)) << op;
    EXPECT_EQ(holds(op, "data.objects", hit, true), holds(op, "data.missing", hit, true)) << op;
  }
  EXPECT_TRUE(holds("IsNotNull", "data.empty", "", true));
  EXPECT_FALSE(holds("IsNullOrUndefined", "data.empty", "", true));
  EXPECT_FALSE(holds("IsNotNull", "data.flag.deeper.still", ""));  // a path through something that is no object
  EXPECT_TRUE(holds("StringIn", "data.deep.a.b", R"("values":["x"])"));
}

TEST(EventFilter, AllTypesAreThePublishedOnes) {
  Event event = sms_event();
  event.type = "Trunkline.Communication.ChatReadReceiptReceivedInThread";
  EXPECT_FALSE(matches("{}", event));
  EXPECT_TRUE(matches(R"({"includedEventTypes":["Trunkline.Communication.ChatReadReceiptReceivedInThread"]})", event));
}

TEST(EventFilter, Keys) {
  EXPECT_TRUE(holds("StringIn", "data.deep.a.b", R"("values":["X"])"));
  EXPECT_TRUE(holds("StringIn", "Data.Deep.A.B", R"("values":["X"])"));
  EXPECT_FALSE(holds("StringIn", "data.dotted.key", R"("values":["y"])"));
  for (const std::string key : {"id", "ID"}) EXPECT_TRUE(holds("StringIn", key, R"("values":["incoming_1"])"));
  for (const std::string key : {"EventType", "type"}) EXPECT_TRUE(holds("StringEndsWith", key, R"("values":["smsreceived"])"));
  for (const std::string key : {"Topic", "source"}) EXPECT_TRUE(holds("StringEndsWith", key, R"("values":["/r"])"));
  EXPECT_TRUE(holds("StringIn", "DataVersion", R"("values":["1.0"])"));
  EXPECT_TRUE(holds("StringIn", "specversion", R"("values":["1.0"])"));
  EXPECT_TRUE(holds("StringIn", "tenant", R"("values":["contoso"])"));
  EXPECT_TRUE(holds("NumberIn", "priority", R"("values":[5])"));
}

TEST(EventFilter, SeveralFiltersMustAllHold) {
  const std::string first = R"({"operatorType":"NumberIn","key":"data.segmentCount","values":[2]})";
  const std::string second = R"({"operatorType":"StringContains","key":"data.message","values":["bye"]})";
  EXPECT_TRUE(matches(R"({"advancedFilters":[)" + first + "]}"));
  EXPECT_FALSE(matches(R"({"advancedFilters":[)" + first + "," + second + "]}"));
}

TEST(EventFilter, SaysWhichPartDecided) {
  const Event event = sms_event();
  const EventView view(event);
  FilterVerdict verdict = compile(R"({"includedEventTypes":["A","B"]})").explain(view);
  EXPECT_EQ(verdict.rule, "includedEventTypes");
  EXPECT_EQ(verdict.wanted, "A, B");
  EXPECT_EQ(verdict.found, event.type);
  verdict = compile(advanced("NumberGreaterThan", "data.segmentCount", R"("value":3)")).explain(view);
  EXPECT_EQ(verdict.rule, "advancedFilters[0] NumberGreaterThan data.segmentCount");
  EXPECT_EQ(verdict.wanted, "3.0");
  EXPECT_EQ(verdict.found, "2");
  verdict = compile(advanced("StringIn", "data.gone", R"("values":["Abc"])")).explain(view);
  EXPECT_EQ(verdict.wanted, R"(["Abc"])");
  EXPECT_EQ(verdict.found, "(none)");
}

std::string problem(const std::string& filter) {
  try {
    compile(filter);
  } catch (const Error& error) {
    return error.target + ": " + error.message;
  }
  return "";
}

TEST(EventFilter, RefusesWhatIsWrong) {
  EXPECT_THAT(problem(advanced("StringLike", "data.a", R"("values":["x"])")), HasSubstr("StringLike"));
  EXPECT_THAT(problem(advanced("StringIn", "data.a", R"("values":[])")), HasSubstr("at least one value"));
  EXPECT_THAT(problem(advanced("NumberInRange", "data.a", R"("values":[[1]])")), HasSubstr("[low, high]"));
  EXPECT_THAT(problem(advanced("StringIn", "data.a", R"("values":[1])")), HasSubstr("values[0]"));
  EXPECT_THAT(problem(advanced("StringIn", "", R"("values":["x"])")), HasSubstr("empty"));
  EXPECT_THAT(problem(R"({"subjectBeginsWith":")" + std::string(513, 'x') + "\"}"), HasSubstr("512"));
  std::string values;
  for (int i = 0; i < 26; ++i) values += (i ? "," : "") + std::to_string(i);
  EXPECT_THAT(problem(advanced("NumberIn", "data.a", "\"values\":[" + values + "]")), HasSubstr("25"));
}

TEST(EventFilter, ComesBackAsItWasGiven) {
  const json given = json::parse(
      R"({"includedEventTypes":["A"],"subjectBeginsWith":"B","subjectEndsWith":"","isSubjectCaseSensitive":true,
          "enableAdvancedFilteringOnArrays":true,"advancedFilters":[
          {"operatorType":"NumberInRange","key":"data.n","values":[[1.0,2.0]]},{"operatorType":"BoolEquals","key":"data.b","value":false},
          {"operatorType":"StringIn","key":"data.s","values":["Z","a"]},{"operatorType":"IsNotNull","key":"data.x"},
          {"operatorType":"NumberLessThan","key":"data.n","value":4.0},{"operatorType":"NumberIn","key":"data.n","values":[4.0]}]})");
  EXPECT_EQ(to_json(parse_filter(JsonRef(given))), given);
}

// ---- FilterIndex

std::vector<FilterIndex::Id> found(const FilterIndex& index, const Event& event) {
  const EventView view(event);
  std::vector<FilterIndex::Id> out;
  index.match(view, out);
  return out;
}
std::shared_ptr<const CompiledFilter> shared(const std::string& text) {
  return std::make_shared<const CompiledFilter>(compile(text));
}

TEST(FilterIndex, FindsWhatMatches) {
  FilterIndex index;
  index.add(1, shared("{}"));
  index.add(2, shared(R"({"includedEventTypes":["Microsoft.Communication.SMSReceived","Other"]})"));
  index.add(3, shared(R"({"includedEventTypes":["Other"]})"));
  index.add(4, shared(R"({"subjectBeginsWith":"/PHONE"})"));
  index.add(5, shared(R"({"subjectBeginsWith":"/PHONE","isSubjectCaseSensitive":true})"));
  index.add(6, shared(R"({"subjectBeginsWith":"/phone","isSubjectCaseSensitive":true,"subjectEndsWith":"0100"})"));
  index.add(7, shared(advanced("StringIn", "data.from", R"("values":["+14255550123","x"])")));
  index.add(8, shared(advanced("StringIn", "data.from", R"("values":["+1"])")));
  index.add(9, shared(advanced("StringIn", "data.list", R"("values":["red","green"])", true)));
  EXPECT_THAT(found(index, sms_event()), ElementsAre(1, 2, 4, 6, 7, 9));
  index.remove(1);
  index.remove(7);
  index.remove(6);
  EXPECT_THAT(found(index, sms_event()), ElementsAre(2, 4, 9));
  EXPECT_TRUE(index.wants_type("anything"));
  Event other = sms_event();
  other.type = "OTHER";
  other.subject = "";
  other.data = "5";
  EXPECT_THAT(found(index, other), ElementsAre(2, 3));
}

TEST(FilterIndex, EvaluatesTheFewThatCanMatch) {
  FilterIndex index;
  for (int i = 0; i < 10000; ++i) {
    const std::string n = std::to_string(i);
    switch (i % 4) {
      case 0:
        index.add(i, shared(R"({"includedEventTypes":["Type)" + n + "\"]}"));
        break;
      case 1:
        index.add(i, shared(R"({"subjectBeginsWith":"/phonenumber/1)" + n + "x\"}"));
        break;
      case 2:
        index.add(i, shared(advanced("StringIn", "data.from", "\"values\":[\"" + n + "\"]")));
        break;
      default:
        index.add(i,
                  shared(R"({"includedEventTypes":["Microsoft.Communication.SMSReceived"],"subjectBeginsWith":"/phonenumber/)" +
                         std::string(i == 3 ? "1425" : "9" + n) + "\"}"));
    }
  }
  EXPECT_THAT(found(index, sms_event()), ElementsAre(3));
  EXPECT_EQ(index.evaluations(), 1);
}

}  // namespace
}  // namespace trunkline::events

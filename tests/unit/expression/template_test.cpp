// Templates of whole JSON values: results, references, borrowed results, several failures at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "runtime/expression/function.h"
#include "tests/unit/expression/test_context.h"

namespace trunkline::expression {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

JsonContext context_of(std::string_view json) { return JsonContext(parse_value(json), test_sources()); }

TEST(Template, EvaluatesValuesAndNames) {
  auto context = context_of(R"({"parameters":{"n":"who","v":[1,2]}})");
  const auto compiled = Template::compile(parse_value(
      R"({"z":1,"@{parameters('n')}":"@parameters('v')","list":["@first(parameters('v'))","x@{2}",true],"@@odata.type":"#t"
})"));
  EXPECT_EQ(to_json_text(compiled.evaluate(context)), R"({"z":1,"who":[1,2],"list":[1,"x2",true],"@odata.type":"#t"})");
}

TEST(Template, LeavesNamesAloneWhenToldTo) {
  CompileOptions options;
  options.member_names = false;
  EXPECT_EQ(to_json_text(*Template::compile(parse_value(R"({"@type":"@add(1,1)"
})"), options).constant()), R"({"@type":2})");
}

TEST(Template, BorrowsWhatTheContextHolds) {
  auto context = context_of(R"({"variables":{"list":[1,2,3]}})");
  const auto list = Expression::compile("@variables('list')");
  const Evaluated result = list.resolve(context);
  EXPECT_TRUE(result.borrowed());
  EXPECT_EQ(&result.get(), context.variable({"list"}));
  EXPECT_TRUE(Expression::compile("@variables('list')[1]").resolve(context).borrowed());
  EXPECT_TRUE(Expression::compile("@first(variables('list'))").resolve(context).borrowed());
  EXPECT_FALSE(Expression::compile("@reverse(variables('list'))").resolve(context).borrowed());
  // Functions change copies only.
  EXPECT_EQ(to_json_text(*context.variable({"list"})), "[1,2,3]");
}

std::vector<std::string> described(const std::vector<Reference>& references) {
  static const std::map<Reference::Kind, std::string> kNames = {
      {Reference::Kind::kTrigger, "trigger"},     {Reference::Kind::kAction, "action"},
      {Reference::Kind::kCurrentAction, "self"},  {Reference::Kind::kScopeResult, "scope"},
      {Reference::Kind::kLoopItem, "items"},      {Reference::Kind::kItem, "item"},
      {Reference::Kind::kIteration, "index"},     {Reference::Kind::kVariable, "variable"},
      {Reference::Kind::kParameter, "parameter"}, {Reference::Kind::kWorkflow, "workflow"},
      {Reference::Kind::kCallbackUrl, "url"},     {Reference::Kind::kSetting, "setting"}};
  std::vector<std::string> out;
  for (const Reference& reference : references) {
    if (reference.kind == Reference::Kind::kFunction) continue;
    out.push_back(kNames.at(reference.kind) + ":" + (reference.dynamic ? "?" : reference.name) + "@" + reference.pointer + "+" +
                  std::to_string(reference.offset));
  }
  return out;
}

TEST(Template, TellsWhatItRefersTo) {
  const auto compiled = Template::compile(parse_value(R"({
    "a": "@body('Get it')?['x']", "b/c": ["@if(true, variables('v'), parameters('p'))", "t @{items('Loop')} @{actions(concat('a', item()))}"],
    "d": "@createArray(triggerBody(), result('S'), iterationIndexes('U'), workflow(), listCallbackUrl(), action(), appsetting('k'))"})"));
  EXPECT_THAT(described(compiled.references()),
              ElementsAre("action:Get it@/a+1", "variable:v@/b~1c/0+10", "parameter:p@/b~1c/0+26", "items:Loop@/b~1c/1+4",
                          "action:?@/b~1c/1+21", "item:@/b~1c/1+41", "trigger:@/d+13", "scope:S@/d+28", "index:U@/d+41",
                          "workflow:@/d+64", "url:@/d+76", "self:@/d+95", "setting:k@/d+105"));
}

TEST(Template, ReportsAllFailuresAtOnce) {
  std::vector<Failure> failures;
  Template::compile(parse_value(R"({"a":"@nope()","b":{"c":"ok","d":"@add(1"},"@bad":1
})"), {}, failures);
  ASSERT_EQ(failures.size(), 3u);
EXPECT_EQ(failures[0].pointer, "/a");
EXPECT_EQ(failures[1].pointer, "/b/d");
EXPECT_EQ(failures[2].pointer, "/@bad");
  EXPECT_THROW(Template::compile(parse_value(R"(["@nope()"])")), Failure);
  }

  TEST(Template, NamesTheStringThatFailedWhileRunning) {
    auto context = context_of("{}");
    const auto compiled = Template::compile(parse_value(R"({"a":[1,{"b":"x @{variables('no')}"}]})"));
    try {
      compiled.evaluate(context);
      FAIL();
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.pointer, "/a/1/b");
      EXPECT_EQ(failure.offset, 4u);
      EXPECT_EQ(failure.function, "variables");
      EXPECT_EQ(failure.message, "The variable 'no' is not initialized.");
      EXPECT_EQ(unable_to_process("action 'Send' inputs", 1, 5, failure.message),
                "Unable to process template language expressions in action 'Send' inputs at line '1' and column '5': 'The "
                "variable 'no' is "
                "not initialized.'.");
    }
  }

  TEST(Resolver, GivesSlotsToNamesThatAreConstant) {
    class Numbers final : public Resolver {
     public:
      std::uint32_t resolve(Symbol symbol, std::string_view name) override {
        return symbol == Symbol::kVariable && name == "v" ? 7 : Name::kUnresolved;
      }
    } resolver;
    class Slots final : public JsonContext {
     public:
      Slots() : JsonContext(Value::object(), test_sources()) {}
      const Value* variable(const Name& name) override {
        seen.emplace_back(name.text, name.slot);
        return &value;
      }
      std::vector<std::pair<std::string, std::uint32_t>> seen;
      Value value = 1;
    } context;
    CompileOptions options;
    options.resolver = &resolver;
    Expression::compile("@createArray(variables('v'), variables('w'), variables(toLower('V')))", options).evaluate(context);
    Expression::compile("@variables(string(variables('v')))", options).evaluate(context);
    EXPECT_THAT(context.seen, ElementsAre(std::pair("v", 7u), std::pair("w", Name::kUnresolved), std::pair("v", 7u),
                                          std::pair("v", 7u), std::pair("1", Name::kUnresolved)));
  }

  TEST(Conditions, AreBooleansOrFail) {
    auto context = context_of(R"({"variables":{"n":1}})");
    EXPECT_TRUE(Expression::compile("@equals(variables('n'), 1)").evaluate_bool(context));
    for (const char* text : {"@variables('n')", "true", "@variables('missing')"}) {
      try {
        Expression::compile(text).evaluate_bool(context);
        ADD_FAILURE() << text;
      } catch (const Failure& failure) {
        EXPECT_EQ(failure.code, kEvaluationFailed) << text;
      }
    }
  }

  TEST(Functions, AreAllThere) {
    EXPECT_EQ(all_functions().size(), 140u);
    EXPECT_EQ(find_function("TRIGGERBODY")->name, "triggerBody");
    EXPECT_EQ(find_function("nope"), nullptr);
  }

  }  // namespace
  }  // namespace trunkline::expression

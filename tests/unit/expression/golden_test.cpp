// The public golden table of the Workflow Definition Language: every case, each difference told by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "runtime/expression/function.h"
#include "runtime/expression/json_context.h"
#include "runtime/expression/template.h"
#include "tests/unit/expression/test_context.h"

namespace trunkline::expression {
namespace {

/// `golden`, the public ones; `own`, what they lack.
Value read_cases(const char* which) {
  std::ifstream file(std::string(TEST_WORKFLOW_DIR) + "/" + which + "-expressions.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return parse_value(text);
}

/// Names in front of a bracket, outside of texts, in small letters.
std::set<std::string> functions_in(const std::string& expression) {
  std::set<std::string> out;
  std::string word;
  bool text = false;
  for (const char c : expression) {
    if (c == '\'') text = !text;  // a doubled one ends a text and begins the next
    const bool part = !text && std::isalnum(static_cast<unsigned char>(c));
    if (c == '(' && !text && !word.empty()) out.insert(word);
    if (part)
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else
      word.clear();
  }
  return out;
}

/// Each function has a case that gives a result: a new one without a case fails.
TEST(Golden, EveryFunctionHasACase) {
  std::set<std::string> used;
  for (const char* which : {"golden", "own"}) {
    const Value table = read_cases(which);
    for (const Value& test : table["cases"])
      if (!test.contains("error")) used.merge(functions_in(test["expression"].get<std::string>()));
  }
  for (const FunctionInfo* function : all_functions()) {
    std::string name(function->name);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    EXPECT_TRUE(used.count(name) == 1) << function->name << " has no case in tests/workflow/*-expressions.json";
  }
  EXPECT_GE(all_functions().size(), 140u);
}

class GoldenCases : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenCases, EveryCaseGivesItsResult) {
  const Value golden = read_cases(GetParam());
  std::set<std::string> ids;
  for (const Value& test : golden["cases"]) {
    const std::string id = test["id"].get<std::string>();
    const std::string expression = test["expression"].get<std::string>();
    ids.insert(id);
    SCOPED_TRACE(id + ": " + expression);
    const Value document = test.contains("context") ? golden["contexts"][test["context"].get<std::string>()] : Value::object();
    JsonContext context(document, test_sources());
    try {
      const Value result = Expression::compile(expression).evaluate(context);
      if (test.contains("error")) {
        ADD_FAILURE() << "gave " << to_json_text(result) << " instead of an error";
      } else {
        EXPECT_TRUE(equal_values(result, test["result"]))
            << "gave   " << to_json_text(result) << "\nwanted " << to_json_text(test["result"]);
      }
    } catch (const Failure& failure) {
      if (test.contains("error")) {
        EXPECT_EQ(failure.code, test["error"]["code"].get<std::string>());
        EXPECT_FALSE(failure.message.empty());
        EXPECT_LE(failure.offset, expression.size());
      } else {
        ADD_FAILURE() << "failed: " << failure.message << "\nwanted " << to_json_text(test["result"]);
      }
    }
  }
  EXPECT_EQ(ids.size(), golden["cases"].size());
  EXPECT_GE(ids.size(), std::string_view(GetParam()) == "golden" ? 825u : 35u);
}

INSTANTIATE_TEST_SUITE_P(Tables, GoldenCases, ::testing::Values("golden", "own"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace trunkline::expression

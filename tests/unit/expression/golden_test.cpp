// The public golden table of the Workflow Definition Language: every case, each difference told by itself.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "runtime/expression/json_context.h"
#include "runtime/expression/template.h"
#include "tests/unit/expression/test_context.h"

namespace trunkline::expression {
namespace {

Value read_golden() {
  std::ifstream file(TRUNKLINE_GOLDEN_EXPRESSIONS);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return parse_value(text);
}

TEST(Golden, EveryCaseGivesItsResult) {
  const Value golden = read_golden();
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
  EXPECT_GE(ids.size(), 825u);
}

}  // namespace
}  // namespace trunkline::expression

// Syntax, access, templates, and the places that errors name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/expression/test_context.h"

namespace trunkline::expression {
namespace {

using ::testing::HasSubstr;

TEST(Syntax, StringsOfATemplateAreTextUnlessTheySayOtherwise) {
  EXPECT_EQ(json("plain"), R"("plain")");
  EXPECT_EQ(json("@"), R"("@")");
  EXPECT_EQ(json("@@"), R"("@")");
  EXPECT_EQ(json("@@add(1,2)"), R"("@add(1,2)")
  ");
      EXPECT_EQ(json("@@{1}@{2}"), R"("@{1}@{2}")");
  EXPECT_EQ(json("a@b.c"), R"("a@b.c")");
  EXPECT_EQ(json("a @@{1} b @{2}"), R"("a @{1} b 2")");
  EXPECT_EQ(json("@{1}@{2}"), R"("12")");
  EXPECT_EQ(json("@{1}"), R"("1")");
  EXPECT_EQ(json("@1"), "1");
  EXPECT_EQ(json("a@@b@{'c'}"), R"("a@@bc")");
}

TEST(Syntax, NumbersKeepTheirType) {
  EXPECT_EQ(json("@9007199254740993"), "9007199254740993");
  EXPECT_EQ(json("@-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(json("@5.0"), "5.0");
  EXPECT_EQ(json("@+7"), "7");
  EXPECT_EQ(json("@.5"), "0.5");
  EXPECT_EQ(json("@1E2"), "100.0");
  EXPECT_EQ(json("@1e-7"), "1E-07");
  EXPECT_EQ(failure_of("@9223372036854775808").code, kInvalidTemplate);
  EXPECT_EQ(failure_of("@1e400").code, kInvalidTemplate);
}

TEST(Syntax, WordsAndNamesInAnyLetterCase) {
  EXPECT_EQ(json("@TRUE"), "true");
  EXPECT_EQ(json("@Null"), "null");
  EXPECT_EQ(json("@cOnCaT('a')"), R"("a")");
  EXPECT_EQ(json("@concat ( 'a' , 'b' ) "), R"("ab")");
}

struct BadSyntax {
  const char* text;
  std::size_t offset;
};
class SyntaxErrors : public ::testing::TestWithParam<BadSyntax> {};

TEST_P(SyntaxErrors, NameThePlace) {
  const Failure failure = failure_of(GetParam().text);
  EXPECT_EQ(failure.code, kInvalidTemplate) << failure.message;
  EXPECT_EQ(failure.offset, GetParam().offset) << failure.message;
  EXPECT_FALSE(failure.at_run_time);
}

INSTANTIATE_TEST_SUITE_P(All, SyntaxErrors,
                         ::testing::Values(BadSyntax{"@add(1,2", 8}, BadSyntax{"@add(1,2))", 9}, BadSyntax{"@add(1 2)", 7},
                                           BadSyntax{"@'a", 1}, BadSyntax{"@'a'.b", 4}, BadSyntax{"@null?.b", 5},
                                           BadSyntax{"@foo", 1}, BadSyntax{"@nope(1)", 1}, BadSyntax{"@add(nope(),1)", 5},
                                           BadSyntax{"@add(1)", 1}, BadSyntax{"text @{add(1)}", 7}, BadSyntax{"@{1", 3},
                                           BadSyntax{"@{}", 2}, BadSyntax{"@{1 2}", 4}, BadSyntax{"@trigger()..a", 11},
                                           BadSyntax{"@trigger()[]", 11}, BadSyntax{"@trigger()?a", 11}, BadSyntax{"@1.", 3},
                                           BadSyntax{"@1e", 3}, BadSyntax{"@- 1", 1}, BadSyntax{"@\"a\"", 1},
                                           BadSyntax{"@(1)", 1}, BadSyntax{"ü @{nope()}", 5}));

TEST(Access, GuardsOnlyTheStepBehindTheQuestionMark) {
  const char* context = R"({"variables":{"v":{"a":null,"B":[1,2],"t":"x"}}})";
  EXPECT_EQ(json("@variables('v').a", context), "null");
  EXPECT_EQ(json("@variables('v').b[1]", context), "2");
  EXPECT_EQ(json("@variables('v')?['zz']", context), "null");
  EXPECT_EQ(json("@variables('v').a?.b", context), "null");
  EXPECT_EQ(json("@variables('v').b?[9]", context), "null");
  EXPECT_EQ(json("@variables('v').b?[-1]", context), "null");
  EXPECT_THAT(failure_of("@variables('v').a.b", context).message, HasSubstr("property 'b' cannot be selected"));
  EXPECT_THAT(failure_of("@variables('v')?.zz.y", context).message, HasSubstr("property 'y' cannot be selected"));
  EXPECT_THAT(failure_of("@variables('v').zz", context).message, HasSubstr("available properties are 'a, B, t'"));
  EXPECT_THAT(failure_of("@variables('v').b[2]", context).message,
              HasSubstr("array index '2' is outside bounds (0, 1) of array"));
  EXPECT_THAT(failure_of("@variables('v').b.x", context).message, HasSubstr("only be selected using an integer index"));
  EXPECT_THAT(failure_of("@variables('v')?['t']?['x']", context).message, HasSubstr("values of type 'String'"));
  EXPECT_EQ(failure_of("@variables('v').t.x", context).offset, 16u);
}

TEST(Access, TakesTheExactNameBeforeASimilarOne) {
  EXPECT_EQ(json(R"(@json('{"a":1,"A":2}').A)"), "2");
  EXPECT_EQ(json(R"(@json('{"a":1}').A)"), "1");
}

TEST(Messages, NameFunctionArgumentAndKind) {
  const Failure failure = failure_of("@concat('x', substring(1, 2))");
  EXPECT_EQ(failure.function, "substring");
  EXPECT_EQ(failure.argument, 0);
  EXPECT_EQ(failure.offset, 13u);
  EXPECT_TRUE(failure.at_run_time);
  EXPECT_EQ(
      failure.message,
      "The template language function 'substring' expects its first parameter to be a string. The provided value is of type "
      "'Integer'.");
  EXPECT_THAT(failure_of("@div(1, sub(1, 1))").message, HasSubstr("by zero in function 'div'"));
  EXPECT_THAT(failure_of("@nope()").message, HasSubstr("The template function 'nope' is not defined or not valid."));
  EXPECT_THAT(failure_of("@toLower()").message, HasSubstr("must be invoked with 1 parameter, not with 0"));
  EXPECT_THAT(failure_of("@substring('a')").message, HasSubstr("must be invoked with 2 to 3 parameters"));
}

TEST(Laziness, LeavesOutWhatDoesNotMatter) {
  const char* context = R"({"variables":{"yes":true,"no":false}})";
  EXPECT_EQ(json("@and(variables('no'), equals(div(1, 0), 1))", context), "false");
  EXPECT_EQ(json("@or(variables('yes'), variables('missing'))", context), "true");
  EXPECT_EQ(json("@if(variables('yes'), 1, div(1, 0))", context), "1");
  EXPECT_EQ(failure_of("@if(variables('no'), 1, div(1, 0))", context).function, "div");
  // What is never evaluated is checked all the same.
  EXPECT_EQ(failure_of("@if(true, 1, nope())").code, kInvalidTemplate);
}

TEST(Folding, DoesNotFreezeWhatChanges) {
  for (const char* text : {"@guid()", "@rand(0, 1000000)"}) {
    JsonContext context(Value::object(), test_sources());
    const Expression expression = Expression::compile(text);
    EXPECT_EQ(expression.constant(), nullptr);
    EXPECT_FALSE(equal_values(expression.evaluate(context), expression.evaluate(context))) << text;
  }
  // A time of day is one of today.
  EXPECT_EQ(Expression::compile("@formatDateTime('10:00')").constant(), nullptr);
  EXPECT_EQ(json("@formatDateTime('10:00')", R"({"utcNow":"2020-02-03T00:00:00Z"})"), R"("2020-02-03T10:00:00.0000000")");
}

TEST(Folding, ComputesConstantsOnce) {
  const Expression expression = Expression::compile("@concat('a', string(add(1, 2)), toUpper('b'))");
  ASSERT_NE(expression.constant(), nullptr);
  EXPECT_EQ(*expression.constant(), Value("a3B"));
  // A large result would make the definition grow.
  EXPECT_EQ(Expression::compile("@range(0, 100000)").constant(), nullptr);
  // What fails does so only when the run comes to it.
  EXPECT_EQ(Expression::compile("@div(1, 0)").constant(), nullptr);
}

TEST(Decimals, StayExactInsideAndLeaveAsDoubles) {
  EXPECT_EQ(json("@string(add(decimal('0.1'), decimal('0.2')))"), R"("0.3")");
  EXPECT_EQ(json("@decimal('1.50')"), "1.5");
  EXPECT_EQ(json("@createArray(decimal('1.50'), 'x')"), R"([1.5,"x"])");
  EXPECT_EQ(json("@string(createArray(decimal('1.50')))"), R"("[1.50]")");
  EXPECT_EQ(json("@variables('a')", R"({"variables":{"a":1.5}})"), "1.5");
  EXPECT_EQ(json("@string(div(decimal('1'), decimal('3')))"), R"("0.3333333333333333333333333333")");
  EXPECT_EQ(json("@string(decimal('79228162514264337593543950335'))"), R"("79228162514264337593543950335")");
  EXPECT_EQ(failure_of("@decimal('79228162514264337593543950336')").code, kInvalidTemplate);
  EXPECT_EQ(failure_of("@add(decimal('79228162514264337593543950335'), 1)").code, kInvalidTemplate);
  EXPECT_EQ(failure_of("@decimal('1e3')").code, kInvalidTemplate);
  EXPECT_EQ(json("@equals(decimal('1.0'), 1)"), "true");
  EXPECT_EQ(json("@greater(decimal('1.1'), 1)"), "true");
  EXPECT_EQ(json("@mod(decimal('-5.5'), 2)"), "-1.5");
  EXPECT_EQ(json("@int(decimal('4.00'))"), "4");
}

}  // namespace
}  // namespace trunkline::expression

#include "runtime/sms/sender_rules.h"

#include <gmock/gmock.h>

#include "trunkline/error.hpp"

namespace trunkline {
namespace {

using Verdict = SenderRules::Verdict;

TEST(SenderRules, OfTheBuiltInFile) {
  const SenderRules rules = SenderRules::built_in();
  EXPECT_EQ(rules.date().size(), 10u);
  EXPECT_EQ(rules.ask("CONTOSO", "US").verdict, Verdict::kRefused);
  EXPECT_FALSE(rules.ask("CONTOSO", "US").note.empty());
  EXPECT_EQ(rules.ask("CONTOSO", "GB").verdict, Verdict::kTaken);
  EXPECT_EQ(rules.ask("CONTOSO", "IN").verdict, Verdict::kRegistered);
  EXPECT_EQ(rules.ask("+14255550100", "US").verdict, Verdict::kTaken);
  EXPECT_EQ(rules.ask("25555", "US").verdict, Verdict::kTaken);
  EXPECT_EQ(rules.ask("CONTOSO", "").verdict, Verdict::kTaken);
}

TEST(SenderRules, AFileOfOnesOwnAndWhatIsWrongWithIt) {
  const SenderRules own = SenderRules::parse(R"({"dated":"2026-01-01","countries":{"GB":{"alphanumeric":"no"}}})", "own.json");
  EXPECT_EQ(own.ask("CONTOSO", "GB").verdict, Verdict::kRefused);
  EXPECT_EQ(own.ask("CONTOSO", "US").verdict, Verdict::kTaken) << "it replaces the built-in one";
  const auto fault = [](const char* text) {
    try {
      SenderRules::parse(text, "own.json");
    } catch (const Error& error) {
      EXPECT_EQ(error.target, "sms.sender_rules_file");
      return error.message;
    }
    return std::string("nothing");
  };
  EXPECT_THAT(fault("{"), testing::HasSubstr("own.json"));
  EXPECT_THAT(fault(R"({"countries":{}})"), testing::HasSubstr("dated"));
  EXPECT_THAT(fault(R"({"dated":"x","countries":{"GB":{"alphanumeric":"maybe"}}})"),
              testing::HasSubstr("countries.GB.alphanumeric"));
  EXPECT_THAT(fault(R"({"dated":"x","countries":{"GBR":{}}})"), testing::HasSubstr("GBR"));
  EXPECT_THROW(SenderRules::load("/nowhere/rules.json"), Error);
}

}  // namespace
}  // namespace trunkline

#include "runtime/sms/keywords.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/sms/data.h"

namespace trunkline {
namespace {

using service::ConsentAction;

ConsentAction action_of(std::string_view text, std::string_view country = "US") {
  const auto found = find_consent_keyword(text, country);
  return found ? found->action : ConsentAction::kUnknown;
}
std::string language_of(std::string_view text, std::string_view country) {
  const auto found = find_consent_keyword(text, country);
  return found ? found->language : "";
}

TEST(ConsentKeywords, WithoutRegardToCaseMarksAndAccents) {
  for (const char* text : {"STOP", "stop", " Stop ", "STOP.", "\"Stop!\"", "sToP\n", "¡STOP!"})
    EXPECT_EQ(action_of(text), ConsentAction::kOptOut) << text;
  EXPECT_EQ(action_of("ＳＴＯＰ"), ConsentAction::kOptOut) << "full width";
  EXPECT_EQ(action_of("stop   all"), ConsentAction::kOptOut);
  EXPECT_EQ(action_of("arrêt", "FR"), ConsentAction::kOptOut);
  EXPECT_EQ(action_of("arre\xCC\x82t", "FR"), ConsentAction::kOptOut) << "a combining accent";
  EXPECT_EQ(action_of("hjälp", "SE"), ConsentAction::kHelp);
  EXPECT_EQ(action_of("стоп", "RU"), ConsentAction::kOptOut);
  EXPECT_EQ(action_of("στοπ", "GR"), ConsentAction::kOptOut);
  EXPECT_EQ(action_of("退订", "CN"), ConsentAction::kOptOut);
}

TEST(ConsentKeywords, EveryWordOfEveryLanguageInEachOfItsCountries) {
  const auto data = nlohmann::json::parse(sms_data::keywords());
  const std::map<std::string, ConsentAction> actions = {
      {"stop", ConsentAction::kOptOut}, {"start", ConsentAction::kOptIn}, {"help", ConsentAction::kHelp}};
  ASSERT_EQ(data["languages"].size(), 14u);
  for (const auto& language : data["languages"]) {
    const auto name = language["language"].get<std::string>();
    ASSERT_FALSE(language["countries"].empty()) << name;
    for (const auto& [kind, action] : actions) {
      ASSERT_FALSE(language[kind].empty()) << name << " has no word for " << kind;
      for (const auto& country : language["countries"])
        for (const auto& word : language[kind]) {
          const auto found = find_consent_keyword(word.get<std::string>(), country.get<std::string>());
          ASSERT_TRUE(found) << word << " in " << country;
          EXPECT_EQ(found->action, action) << word << " in " << country;
          EXPECT_EQ(found->language, name) << word << " in " << country;
          std::string wanted = language[kind + "_reply"].get<std::string>();
          wanted.replace(wanted.find("{sender}"), 8, "25555");
          EXPECT_EQ(consent_reply(*found, "25555"), wanted);
        }
    }
  }
}

TEST(ConsentKeywords, AWordWithinASentenceIsNone) {
  for (const char* text : {"", " ", "please stop writing", "stop it", "do not stop", "starting", "helpful", "non-stop",
                           "stopp it", "STOP STOP STOP STOP STOP STOP STOP STOP STOP STOP STOP STOP"})
    EXPECT_EQ(action_of(text), ConsentAction::kUnknown) << text;
}

TEST(ConsentKeywords, StartAndHelp) {
  EXPECT_EQ(action_of("START"), ConsentAction::kOptIn);
  EXPECT_EQ(action_of("unstop"), ConsentAction::kOptIn);
  EXPECT_EQ(action_of("Help?"), ConsentAction::kHelp);
  EXPECT_EQ(action_of("INFO"), ConsentAction::kHelp);
}

TEST(ConsentKeywords, TheCountryDecidesTheLanguageOfAWordThatSeveralHave) {
  EXPECT_EQ(language_of("STOP", "US"), "en");
  EXPECT_EQ(language_of("STOP", "DE"), "de");
  EXPECT_EQ(language_of("STOP", "FR"), "fr");
  EXPECT_EQ(language_of("STOP", ""), "en");
  EXPECT_EQ(language_of("ABMELDEN", "US"), "de") << "the word is German wherever it comes from";
}

TEST(ConsentKeywords, TheAnswerNamesTheSenderInTheLanguageOfTheWord) {
  const auto stop = find_consent_keyword("stop", "US");
  EXPECT_EQ(consent_reply(*stop, "+14255550100"),
            "You are unsubscribed from +14255550100 and will get no more messages. Reply START to get them again.");
  const auto german = find_consent_keyword("start", "DE");
  EXPECT_NE(consent_reply(*german, "25555").find("wieder Nachrichten von 25555"), std::string::npos);
  EXPECT_EQ(consent_keywords_date().size(), 10u);
}

TEST(ConsentKeywords, NoAnswerIsAKeywordItself) {
  // Else two machines could go on for ever.
  for (const char* word : {"STOP", "START", "HELP"})
    for (const char* country : {"US", "FR", "ES", "DE", "IT", "PT", "NL", "SE", "PL", "RU", "GR", "TR", "JP", "CN"}) {
      const auto keyword = find_consent_keyword(word, country);
      ASSERT_TRUE(keyword) << word << country;
      EXPECT_FALSE(find_consent_keyword(consent_reply(*keyword, "25555"), country)) << word << country;
    }
}

}  // namespace
}  // namespace trunkline

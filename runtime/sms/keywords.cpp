#include "runtime/sms/keywords.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/base/strings.h"
#include "runtime/base/utf8.h"
#include "runtime/sms/data.h"

namespace trunkline {
namespace {

using service::ConsentAction;

/// Letters with accents in the Latin, Greek and Cyrillic parts of the data, as capitals without them; 0: drop it.
char32_t folded(char32_t c) {
  if (c >= 'a' && c <= 'z') return c - 32;
  if (c >= 0x300 && c <= 0x36F) return 0;  // combining accents
  if (c >= 0xC0 && c <= 0xFF) {
    constexpr char32_t kLatin1[] = U"AAAAAAÆCEEEEIIIIÐNOOOOO×OUUUUYÞßAAAAAAÆCEEEEIIIIÐNOOOOO÷OUUUUYÞY";
    return kLatin1[c - 0xC0];
  }
  switch (c) {
    case U'Ą':
    case U'ą':
      return 'A';
    case U'Ć':
    case U'ć':
    case U'Č':
    case U'č':
      return 'C';
    case U'Ę':
    case U'ę':
    case U'Ě':
    case U'ě':
      return 'E';
    case U'Ğ':
    case U'ğ':
      return 'G';
    case U'İ':
    case U'ı':
      return 'I';
    case U'Ł':
    case U'ł':
      return 'L';
    case U'Ń':
    case U'ń':
    case U'Ň':
    case U'ň':
      return 'N';
    case U'Ś':
    case U'ś':
    case U'Š':
    case U'š':
    case U'Ş':
    case U'ş':
      return 'S';
    case U'Ź':
    case U'ź':
    case U'Ż':
    case U'ż':
    case U'Ž':
    case U'ž':
      return 'Z';
    case U'Ά':
    case U'ά':
      return U'Α';
    case U'Έ':
    case U'έ':
      return U'Ε';
    case U'Ή':
    case U'ή':
      return U'Η';
    case U'Ί':
    case U'ί':
      return U'Ι';
    case U'Ό':
    case U'ό':
      return U'Ο';
    case U'Ύ':
    case U'ύ':
      return U'Υ';
    case U'Ώ':
    case U'ώ':
      return U'Ω';
    case U'ς':
      return U'Σ';
    case U'Ё':
    case U'ё':
      return U'Е';
    default:
      break;
  }
  if (c >= U'α' && c <= U'ω') return c - 32;
  if (c >= U'а' && c <= U'я') return c - 32;
  if (c >= 0xFF21 && c <= 0xFF3A) return c - 0xFF21 + 'A';  // full width
  if (c >= 0xFF41 && c <= 0xFF5A) return c - 0xFF41 + 'A';
  return c;
}

bool is_mark(char32_t c) {
  return c <= ' ' ||
         (c < 0x80 && std::string_view(".,;:!?'\"()[]<>*_~#-/\\").find(static_cast<char>(c)) != std::string_view::npos) ||
         c == 0xA0 || c == U'¡' || c == U'¿' || c == U'«' || c == U'»' || (c >= 0x2010 && c <= 0x2027) || c == 0x3000 ||
         c == U'。' || c == U'、' || c == U'！' || c == U'．' || (c >= 0x200B && c <= 0x200F) || c == 0xFE0F || c == 0xFEFF;
}

/// Capitals without accents, marks at the ends dropped, white space inside as one blank.
std::string fold(std::string_view text) {
  std::u32string letters;
  while (const auto c = take_code_point(text)) {
    const char32_t f = *c <= ' ' || *c == 0xA0 || *c == 0x3000 ? U' ' : folded(*c);
    if (f == 0 || (f == U' ' && (letters.empty() || letters.back() == U' '))) continue;
    letters.push_back(f);
  }
  std::size_t begin = 0, end = letters.size();
  while (begin < end && is_mark(letters[begin])) ++begin;
  while (end > begin && is_mark(letters[end - 1])) --end;
  std::string out;
  for (std::size_t i = begin; i < end; ++i) append_utf8(out, letters[i]);
  return out;
}

struct Language {
  std::string code;
  std::vector<std::string> countries;
  std::string stop_reply, start_reply, help_reply;
};

/// The data file, read once.
struct Table {
  struct Meaning {
    ConsentAction action;
    std::string keyword;
    std::size_t language;
  };
  std::string date;
  std::vector<Language> languages;
  std::multimap<std::string, Meaning, std::less<>> words;  // in the order of the languages
  std::size_t longest = 0;                                 // bytes

  Table() {
    const auto data = nlohmann::json::parse(sms_data::keywords());
    date = data.at("dated");
    for (const auto& item : data.at("languages")) {
      Language& language = languages.emplace_back();
      language.code = item.at("language");
      language.countries = item.at("countries").get<std::vector<std::string>>();
      language.stop_reply = item.at("stop_reply");
      language.start_reply = item.at("start_reply");
      language.help_reply = item.at("help_reply");
      for (const auto& [name, action] : {std::pair<const char*, ConsentAction>{"stop", ConsentAction::kOptOut},
                                         {"start", ConsentAction::kOptIn},
                                         {"help", ConsentAction::kHelp}})
        for (const std::string word : item.at(name)) {
          std::string key = fold(word);
          longest = std::max(longest, key.size());
          words.emplace(std::move(key), Meaning{action, word, languages.size() - 1});
        }
    }
  }
};

const Table& table() {
  static const Table one;
  return one;
}

}  // namespace

std::optional<ConsentKeyword> find_consent_keyword(std::string_view text, std::string_view country) {
  const Table& t = table();
  if (text.size() > 4 * t.longest) return std::nullopt;  // marks and wide letters aside, a keyword is short
  const std::string word = fold(text);
  const auto [first, last] = t.words.equal_range(word);
  if (first == last) return std::nullopt;
  auto best = first;
  for (auto at = first; at != last; ++at) {
    const Language& language = t.languages[at->second.language];
    if (std::find(language.countries.begin(), language.countries.end(), country) == language.countries.end()) continue;
    best = at;
    break;
  }
  return ConsentKeyword{best->second.action, best->second.keyword, t.languages[best->second.language].code};
}

std::string consent_reply(const ConsentKeyword& keyword, std::string_view sender) {
  const Table& t = table();
  const auto at =
      std::find_if(t.languages.begin(), t.languages.end(), [&](const Language& l) { return l.code == keyword.language; });
  const Language& language = at == t.languages.end() ? t.languages.front() : *at;
  std::string text = keyword.action == ConsentAction::kOptOut  ? language.stop_reply
                     : keyword.action == ConsentAction::kOptIn ? language.start_reply
                                                               : language.help_reply;
  constexpr std::string_view kSender = "{sender}";
  for (auto found = text.find(kSender); found != std::string::npos; found = text.find(kSender, found + sender.size()))
    text.replace(found, kSender.size(), sender);
  return text;
}

std::string_view consent_keywords_date() { return table().date; }

}  // namespace trunkline

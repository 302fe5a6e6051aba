#include "runtime/expression/culture.h"

#include <unicode/curramt.h>
#include <unicode/dcfmtsym.h>
#include <unicode/decimfmt.h>
#include <unicode/dtfmtsym.h>
#include <unicode/dtptngen.h>
#include <unicode/locid.h>
#include <unicode/smpdtfmt.h>
#include <unicode/ucurr.h>
#include <unicode/uloc.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "runtime/expression/text_units.h"

namespace trunkline::expression {
namespace {

// A name longer than this is none.
constexpr std::size_t kMaxName = 40;

std::string utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

/// .NET writes plain blanks where CLDR has narrow or no-break ones between the parts of a time.
std::string plain_blanks(std::string text) {
  for (const std::string_view blank : {"\u202F", "\u00A0"})
    for (std::size_t at = text.find(blank); at != std::string::npos; at = text.find(blank)) text.replace(at, blank.size(), " ");
  return text;
}

/// A CLDR pattern in .NET's letters.
std::string dotnet_pattern(const icu::UnicodeString& pattern) {
  std::string out;
  const std::string text = utf8(pattern);
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\'') {
      const std::size_t end = text.find('\'', i + 1);
      if (end == std::string::npos) break;
      out.append(text, i, end - i + 1);
      i = end + 1;
      continue;
    }
    std::size_t run = 1;
    while (i + run < text.size() && text[i + run] == c) ++run;
    const auto repeat = [&](char letter, std::size_t count) { out.append(count, letter); };
    switch (c) {
      case 'E':
      case 'e':
      case 'c':
        repeat('d', run >= 4 ? 4 : 3);
        break;
      case 'L':
      case 'M':
        repeat('M', run > 4 ? 3 : run);
        break;
      case 'y':
        repeat('y', run == 1 ? 4 : run);
        break;
      case 'k':
        repeat('H', run);
        break;
      case 'K':
        repeat('h', run);
        break;
      case 'a':
      case 'b':
      case 'B':
        out += "tt";
        break;
      case 'z':
      case 'Z':
      case 'v':
        break;
      case 'G':
        repeat('g', 1);
        break;
      default:
        repeat(c, run);
    }
    i += run;
  }
  return out;
}

/// Short dates of CLDR often have two digits of the year; .NET makes them four.
std::string four_digit_year(std::string pattern) {
  const std::size_t at = pattern.find('y');
  std::size_t run = 0;
  while (at != std::string::npos && at + run < pattern.size() && pattern[at + run] == 'y') ++run;
  if (run == 2) pattern.insert(at, "yy");
  return pattern;
}

std::vector<std::string> names(const icu::UnicodeString* texts, int32_t count, int32_t first, int32_t wanted) {
  std::vector<std::string> out;
  for (int32_t i = first; i < count && static_cast<int32_t>(out.size()) < wanted; ++i) out.push_back(utf8(texts[i]));
  return out;
}

std::string canonical(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c == '-') c = '_';
  return out;
}

bool known(const icu::Locale& locale) {
  static const std::set<std::string> kAvailable = [] {
    std::set<std::string> out;
    int32_t count = 0;
    const icu::Locale* locales = icu::Locale::getAvailableLocales(count);
    for (int32_t i = 0; i < count; ++i) out.insert(locales[i].getName());
    return out;
  }();
  if (kAvailable.contains(locale.getName())) return true;
  // zh_CN is zh_Hans_CN.
  std::array<char, 64> full{};
  UErrorCode status = U_ZERO_ERROR;
  uloc_addLikelySubtags(locale.getName(), full.data(), full.size() - 1, &status);
  return U_SUCCESS(status) && kAvailable.contains(full.data());
}

void load_numbers(Culture& culture, const icu::Locale& locale) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::DecimalFormatSymbols symbols(locale, status);
  using S = icu::DecimalFormatSymbols;
  culture.decimal_separator = utf8(symbols.getConstSymbol(S::kDecimalSeparatorSymbol));
  culture.group_separator = utf8(symbols.getConstSymbol(S::kGroupingSeparatorSymbol));
  culture.minus = utf8(symbols.getConstSymbol(S::kMinusSignSymbol));
  culture.plus = utf8(symbols.getConstSymbol(S::kPlusSignSymbol));
  culture.percent = utf8(symbols.getConstSymbol(S::kPercentSymbol));
  const auto load = [&](icu::NumberFormat* made, std::string& prefix, std::string& suffix) {
    const std::unique_ptr<icu::NumberFormat> format(made);
    const auto* decimal = dynamic_cast<const icu::DecimalFormat*>(format.get());
    if (!decimal || U_FAILURE(status)) return;
    icu::UnicodeString text;
    prefix = utf8(decimal->getPositivePrefix(text));
    suffix = utf8(decimal->getPositiveSuffix(text));
    culture.primary_group = decimal->getGroupingSize();
    culture.secondary_group =
        decimal->getSecondaryGroupingSize() > 0 ? decimal->getSecondaryGroupingSize() : culture.primary_group;
  };
  load(icu::NumberFormat::createPercentInstance(locale, status), culture.percent_prefix, culture.percent_suffix);
  status = U_ZERO_ERROR;
  std::unique_ptr<icu::NumberFormat> currency(icu::NumberFormat::createCurrencyInstance(locale, status));
  if (currency) culture.currency_digits = currency->getMaximumFractionDigits();
  load(currency.release(), culture.currency_prefix, culture.currency_suffix);
}

void load_dates(Culture& culture, const icu::Locale& locale) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::DateFormatSymbols symbols(locale, status);
  using S = icu::DateFormatSymbols;
  int32_t count = 0;
  const auto months = [&](S::DtContextType context, S::DtWidthType width) {
    const icu::UnicodeString* texts = symbols.getMonths(count, context, width);
    return names(texts, count, 0, 12);
  };
  culture.months = months(S::STANDALONE, S::WIDE);
  culture.months_short = months(S::STANDALONE, S::ABBREVIATED);
  culture.months_in_date = months(S::FORMAT, S::WIDE);
  culture.months_short_in_date = months(S::FORMAT, S::ABBREVIATED);
  const icu::UnicodeString* days = symbols.getWeekdays(count, S::STANDALONE, S::WIDE);
  culture.days = names(days, count, 1, 7);
  days = symbols.getWeekdays(count, S::STANDALONE, S::ABBREVIATED);
  culture.days_short = names(days, count, 1, 7);
  const icu::UnicodeString* halves = symbols.getAmPmStrings(count);
  if (count >= 2) {
    culture.am = utf8(halves[0]);
    culture.pm = utf8(halves[1]);
  }
  const auto pattern_of = [](icu::DateFormat* made) {
    const std::unique_ptr<icu::DateFormat> format(made);
    const auto* simple = dynamic_cast<const icu::SimpleDateFormat*>(format.get());
    icu::UnicodeString pattern;
    if (simple) simple->toPattern(pattern);
    return pattern;
  };
  using F = icu::DateFormat;
  culture.short_date = four_digit_year(dotnet_pattern(pattern_of(F::createDateInstance(F::kShort, locale))));
  culture.long_date = dotnet_pattern(pattern_of(F::createDateInstance(F::kFull, locale)));
  culture.short_time = plain_blanks(dotnet_pattern(pattern_of(F::createTimeInstance(F::kShort, locale))));
  culture.long_time = plain_blanks(dotnet_pattern(pattern_of(F::createTimeInstance(F::kMedium, locale))));
  const std::unique_ptr<icu::DateTimePatternGenerator> generator(icu::DateTimePatternGenerator::createInstance(locale, status));
  if (generator) {
    culture.month_day = dotnet_pattern(generator->getBestPattern(icu::UnicodeString("MMMMd"), status));
    culture.year_month = dotnet_pattern(generator->getBestPattern(icu::UnicodeString("yMMMM"), status));
  }
}

std::unique_ptr<const Culture> load(std::string_view name) {
  const icu::Locale locale(canonical(name).c_str());
  if (locale.isBogus() || !known(locale)) return nullptr;
  auto out = std::make_unique<Culture>();
  out->name = std::string(name);
  load_numbers(*out, locale);
  load_dates(*out, locale);
  return out;
}

}  // namespace

const Culture* Culture::find(std::string_view name) {
  if (name.empty()) return &invariant();
  if (name.size() > kMaxName || !is_ascii(name)) return nullptr;
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const Culture>, std::less<>> cultures;
  const std::string key = to_lower(name);
  const std::lock_guard lock(mutex);
  if (const auto found = cultures.find(key); found != cultures.end()) return found->second.get();
  std::unique_ptr<const Culture> loaded = load(key);
  // Only what exists is kept, so that made-up names cannot fill the memory.
  if (!loaded) return nullptr;
  return cultures.emplace(key, std::move(loaded)).first->second.get();
}

const Culture& Culture::english() {
  static const Culture& kEnglish = *find("en-us");
  return kEnglish;
}

const Culture& Culture::invariant() {
  static const Culture kInvariant = [] {
    Culture out = english();
    out.name.clear();
    out.currency_prefix = "\u00A4";
    out.percent_suffix = " %";
    out.short_date = "MM/dd/yyyy";
    out.long_date = "dddd, dd MMMM yyyy";
    out.short_time = "HH:mm";
    out.long_time = "HH:mm:ss";
    out.month_day = "MMMM dd";
    out.year_month = "yyyy MMMM";
    return out;
  }();
  return kInvariant;
}

}  // namespace trunkline::expression

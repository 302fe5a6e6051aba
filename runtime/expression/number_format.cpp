#include "runtime/expression/number_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "runtime/expression/decimal.h"
#include "runtime/expression/number_text.h"

namespace trunkline::expression {
namespace {

constexpr int kMaxPrecision = 999;
constexpr int kDoubleDigits = 15;  // that custom patterns see
// Behind the last digit that is asked for: enough to round right.
constexpr int kGuardDigits = 30;

/// 0.d1d2d3… * 10^point. No zeros in front; digits empty means zero.
struct Digits {
  bool negative = false;
  std::string digits;
  int point = 0;

  void trim() {
    const std::size_t leading = std::min(digits.find_first_not_of('0'), digits.size());
    digits.erase(0, leading);
    point -= static_cast<int>(leading);
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    if (digits.empty()) point = 0;
  }
  /// Keeps `count` digits, halves away from zero.
  void round_to(int count) {
    if (count < 0) {
      digits.clear();
    } else if (static_cast<std::size_t>(count) < digits.size()) {
      const bool up = digits[static_cast<std::size_t>(count)] >= '5';
      digits.resize(static_cast<std::size_t>(count));
      int i = count - 1;
      if (up) {
        while (i >= 0 && digits[static_cast<std::size_t>(i)] == '9') digits[static_cast<std::size_t>(i--)] = '0';
        if (i >= 0) {
          digits[static_cast<std::size_t>(i)]++;
        } else {
          digits.insert(digits.begin(), '1');
          point++;
        }
      }
    }
    trim();
  }
  void round_fraction(int decimals) { round_to(point + decimals); }
  char at(int position) const {  // 0: just before the point is point - 1
    return position >= 0 && static_cast<std::size_t>(position) < digits.size() ? digits[static_cast<std::size_t>(position)] : '0';
  }
};

Digits from_plain(std::string_view text) {
  Digits out;
  if (!text.empty() && text.front() == '-') {
    out.negative = true;
    text.remove_prefix(1);
  }
  const std::size_t point = std::min(text.find('.'), text.size());
  out.digits = std::string(text.substr(0, point));
  out.point = static_cast<int>(point);
  if (point < text.size()) out.digits += text.substr(point + 1);
  out.trim();
  return out;
}

Digits from_scientific(double value, int significant) {
  std::vector<char> buffer(static_cast<std::size_t>(significant) + 32);
  std::snprintf(buffer.data(), buffer.size(), "%.*e", significant - 1, value);
  const std::string_view text(buffer.data());
  const std::size_t e = text.find('e');
  Digits out = from_plain(text.substr(0, e));
  if (!out.digits.empty()) out.point += std::atoi(buffer.data() + e + 1);  // NOLINT(cert-err34-c): snprintf wrote it
  return out;
}

/// With `decimals` places behind the point that can be relied on.
Digits digits_of(const Value& number, int decimals) {
  if (is_decimal(number)) return from_plain(decimal_of(number).to_text());
  if (number.is_number_float()) {
    const double value = number.get<double>();
    std::vector<char> buffer(400 + static_cast<std::size_t>(decimals + kGuardDigits));
    std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals + kGuardDigits, value);
    return from_plain(buffer.data());
  }
  return from_plain(to_text(number));
}

Digits custom_digits_of(const Value& number) {
  return number.is_number_float() ? from_scientific(number.get<double>(), kDoubleDigits) : digits_of(number, 0);
}

void append_grouped(std::string& out, const std::string& whole, const Culture& culture) {
  // From the right: one primary group, then secondary ones.
  std::vector<std::size_t> cuts;
  std::size_t left = whole.size();
  for (int size = culture.primary_group; size > 0 && left > static_cast<std::size_t>(size); size = culture.secondary_group) {
    left -= static_cast<std::size_t>(size);
    cuts.push_back(left);
  }
  std::size_t next = 0;
  for (auto cut = cuts.rbegin(); cut != cuts.rend(); ++cut) {
    out.append(whole, next, *cut - next);
    out += culture.group_separator;
    next = *cut;
  }
  out.append(whole, next);
}

/// The magnitude with a fixed number of places.
std::string fixed(Digits number, int decimals, bool grouped, const Culture& culture) {
  number.round_fraction(decimals);
  std::string whole;
  for (int i = 0; i < number.point; ++i) whole += number.at(i);
  if (whole.empty()) whole = "0";
  std::string out;
  if (grouped)
    append_grouped(out, whole, culture);
  else
    out = whole;
  if (decimals > 0) {
    out += culture.decimal_separator;
    for (int i = 0; i < decimals; ++i) out += number.at(number.point + i);
  }
  return out;
}

bool rounds_to_zero(Digits number, int decimals) {
  number.round_fraction(decimals);
  return number.digits.empty();
}

std::string exponent_text(int exponent, std::size_t digits, bool plus, char letter, const Culture& culture) {
  std::string text = std::to_string(std::abs(exponent));
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return letter + (exponent < 0 ? culture.minus : plus ? culture.plus : std::string()) + text;
}

std::string scientific(Digits number, int decimals, char letter, std::size_t exponent_digits, const Culture& culture) {
  number.round_to(decimals + 1);
  std::string out(1, number.at(0));
  if (decimals > 0) {
    out += culture.decimal_separator;
    for (int i = 1; i <= decimals; ++i) out += number.at(i);
  }
  return out + exponent_text(number.digits.empty() ? 0 : number.point - 1, exponent_digits, true, letter, culture);
}

std::string with_separator(std::string text, const Culture& culture) {
  if (const std::size_t at = text.find('.'); at != std::string::npos) text.replace(at, 1, culture.decimal_separator);
  if (!text.empty() && text.front() == '-') text.replace(0, 1, culture.minus);
  return text;
}

std::string general(const Value& number, int precision, char letter, const Culture& culture) {
  if (precision <= 0) return with_separator(to_text(number), culture);
  Digits digits =
      number.is_number_float() ? from_scientific(number.get<double>(), std::min(precision, 40)) : digits_of(number, 0);
  digits.round_to(precision);
  const int exponent = digits.digits.empty() ? 0 : digits.point - 1;
  std::string out;
  if (exponent >= precision || exponent < -5) {
    const int decimals = static_cast<int>(digits.digits.size()) - 1;
    out = scientific(digits, std::max(decimals, 0), letter == 'g' ? 'e' : 'E', 2, culture);
  } else {
    out = fixed(digits, std::max(0, static_cast<int>(digits.digits.size()) - digits.point), false, culture);
  }
  return digits.negative && !digits.digits.empty() ? culture.minus + out : out;
}

std::optional<std::string> standard(const Value& number, char letter, int precision, const Culture& culture) {
  const bool whole = number.is_number_integer();
  const auto signed_text = [&](const Digits& digits, int decimals, const std::string& body) {
    return digits.negative && !rounds_to_zero(digits, decimals) ? culture.minus + body : body;
  };
  switch (letter) {
    case 'C':
    case 'c': {
      const int decimals = precision >= 0 ? precision : culture.currency_digits;
      const Digits digits = digits_of(number, decimals);
      return signed_text(digits, decimals,
                         culture.currency_prefix + fixed(digits, decimals, true, culture) + culture.currency_suffix);
    }
    case 'D':
    case 'd': {
      if (!whole) return std::nullopt;
      std::string text = to_text(number);
      const bool negative = text.front() == '-';
      if (negative) text.erase(0, 1);
      if (static_cast<int>(text.size()) < precision) text.insert(0, static_cast<std::size_t>(precision) - text.size(), '0');
      return negative ? culture.minus + text : text;
    }
    case 'E':
    case 'e': {
      const int decimals = precision >= 0 ? precision : 6;
      const Digits digits =
          number.is_number_float() ? from_scientific(number.get<double>(), decimals + 1 + kGuardDigits) : digits_of(number, 0);
      const std::string body = scientific(digits, decimals, letter, 3, culture);
      return digits.negative && !digits.digits.empty() ? culture.minus + body : body;
    }
    case 'F':
    case 'f':
    case 'N':
    case 'n': {
      const int decimals = precision >= 0 ? precision : 2;
      const Digits digits = digits_of(number, decimals);
      return signed_text(digits, decimals, fixed(digits, decimals, letter == 'N' || letter == 'n', culture));
    }
    case 'G':
    case 'g':
      return general(number, precision, letter, culture);
    case 'P':
    case 'p': {
      const int decimals = precision >= 0 ? precision : 2;
      Digits digits = digits_of(number, decimals + 2);
      if (!digits.digits.empty()) digits.point += 2;
      return signed_text(digits, decimals,
                         culture.percent_prefix + fixed(digits, decimals, true, culture) + culture.percent_suffix);
    }
    case 'R':
    case 'r':
      return with_separator(to_text(number), culture);
    case 'X':
    case 'x': {
      if (!whole) return std::nullopt;
      std::array<char, 20> buffer;
      std::snprintf(buffer.data(), buffer.size(), letter == 'X' ? "%llX" : "%llx",
                    static_cast<unsigned long long>(number.get<std::int64_t>()));
      std::string text(buffer.data());
      if (static_cast<int>(text.size()) < precision) text.insert(0, static_cast<std::size_t>(precision) - text.size(), '0');
      return text;
    }
    default:
      return std::nullopt;
  }
}

/// One section of a custom pattern, looked over once.
struct Section {
  std::string_view pattern;
  int whole_places = 0;       // placeholders before the point
  int first_zero = -1;        // the first 0 among them
  int decimals = 0;           // placeholders behind it
  int last_zero_decimal = 0;  // how many of them are always shown
  int scale = 0;              // powers of ten: percent, scaling commas
  bool grouped = false;
  bool scientific = false;
  bool any_place = false;
};

/// Calls `visit(c, kind)` for each item: 'l' literal character, 'p' pattern character.
template <typename Visit>
void scan_pattern(std::string_view pattern, Visit visit) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\'' || c == '"') {
      for (++i; i < pattern.size() && pattern[i] != c; ++i) visit(i, 'l');
    } else if (c == '\\') {
      if (++i < pattern.size()) visit(i, 'l');
    } else {
      visit(i, 'p');
    }
  }
}

std::vector<std::string_view> sections_of(std::string_view pattern) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  scan_pattern(pattern, [&](std::size_t i, char kind) {
    if (kind == 'p' && pattern[i] == ';' && out.size() < 2) {
      out.push_back(pattern.substr(begin, i - begin));
      begin = i + 1;
    }
  });
  out.push_back(pattern.substr(begin));
  return out;
}

/// `E0`, `E+00`, `e-0` at `at`: how many characters; 0: none.
std::size_t exponent_length(std::string_view pattern, std::size_t at) {
  if (pattern[at] != 'E' && pattern[at] != 'e') return 0;
  std::size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '+' || pattern[i] == '-')) ++i;
  const std::size_t zeros = i;
  while (i < pattern.size() && pattern[i] == '0') ++i;
  return i > zeros ? i - at : 0;
}

Section look_over(std::string_view pattern) {
  Section out;
  out.pattern = pattern;
  bool behind = false;
  int commas = 0;
  std::size_t skip_to = 0;
  scan_pattern(pattern, [&](std::size_t i, char kind) {
    if (kind == 'l' || i < skip_to) return;
    const char c = pattern[i];
    if (c == '0' || c == '#') {
      out.any_place = true;
      if (behind) {
        out.decimals++;
        if (c == '0') out.last_zero_decimal = out.decimals;
      } else {
        if (c == '0' && out.first_zero < 0) out.first_zero = out.whole_places;
        out.whole_places++;
        if (commas > 0) out.grouped = true;
        commas = 0;
      }
    } else if (c == ',' && !behind && out.whole_places > 0) {
      commas++;
    } else if (c == '.' && !behind) {
      behind = true;
      out.scale -= 3 * commas;
      commas = 0;
    } else if (c == '%') {
      out.scale += 2;
    } else if (const std::size_t length = exponent_length(pattern, i)) {
      out.scientific = true;
      skip_to = i + length;
    }
  });
  if (!behind) out.scale -= 3 * commas;
  if (pattern.find("\u2030") != std::string_view::npos) out.scale += 3;
  return out;
}

/// Writes the digits into the places of a section.
std::string fill(const Section& section, Digits number, const Culture& culture) {
  int exponent = 0;
  if (section.scientific) {
    if (!number.digits.empty()) {
      exponent = number.point - section.whole_places;
      number.point = section.whole_places;
      const int before = number.point;
      number.round_fraction(section.decimals);
      exponent += number.point - before;  // rounding carried over
      number.point = number.digits.empty() ? 0 : section.whole_places;
    }
  } else {
    number.round_fraction(section.decimals);
  }
  const int whole_digits = std::max(number.point, 0);
  // Places that are written: those with a digit, and those from the first 0 on.
  const int zeros_from = section.first_zero < 0 ? section.whole_places : section.first_zero;
  const int shown_whole = std::max(whole_digits, section.whole_places - zeros_from);
  const int shown_decimals =
      std::max(section.last_zero_decimal, std::min(section.decimals, static_cast<int>(number.digits.size()) - number.point));
  std::string out;
  int place = 0;    // placeholders before the point passed
  int written = 0;  // digits of the whole part written
  int decimal = 0;
  bool behind = false;
  std::size_t skip_to = 0;
  const auto write_whole = [&](int until) {
    for (; written < until; ++written) {
      const int from_right = shown_whole - written;
      out += number.at(number.point - from_right);
      const int rest = from_right - 1;
      if (section.grouped && rest > 0 && culture.primary_group > 0) {
        const int behind_primary = rest - culture.primary_group;
        if (rest == culture.primary_group ||
            (behind_primary > 0 && culture.secondary_group > 0 && behind_primary % culture.secondary_group == 0))
          out += culture.group_separator;
      }
    }
  };
  const auto per_mille = std::string_view("\u2030");
  scan_pattern(section.pattern, [&](std::size_t i, char kind) {
    const char c = section.pattern[i];
    if (kind == 'l') {
      out += c;
      return;
    }
    if (i < skip_to) return;
    if (c == '0' || c == '#') {
      if (behind) {
        if (decimal < shown_decimals) out += number.at(number.point + decimal);
        decimal++;
      } else {
        place++;
        // The first place takes all digits that have none of their own.
        write_whole(std::max(0, shown_whole - (section.whole_places - place)));
      }
    } else if (c == ',') {
      return;
    } else if (c == '.') {
      if (!behind && shown_decimals > 0) out += culture.decimal_separator;
      behind = true;
    } else if (c == '%') {
      out += culture.percent;
    } else if (section.pattern.substr(i, per_mille.size()) == per_mille) {
      out += per_mille;
      skip_to = i + per_mille.size();
    } else if (const std::size_t length = exponent_length(section.pattern, i)) {
      const char sign = section.pattern[i + 1];
      const std::size_t digits = length - 1 - (sign == '+' || sign == '-' ? 1 : 0);
      out += exponent_text(exponent, digits, sign == '+', c, culture);
      skip_to = i + length;
    } else {
      out += c;
    }
  });
  return out;
}

std::string custom(const Value& number, std::string_view format, const Culture& culture) {
  const std::vector<std::string_view> sections = sections_of(format);
  const Digits digits = custom_digits_of(number);
  const auto scaled = [&](const Section& section) {
    Digits out = digits;
    if (!out.digits.empty()) out.point += section.scale;
    return out;
  };
  const auto zero_in = [&](const Section& section) {
    return !section.scientific && rounds_to_zero(scaled(section), section.decimals);
  };
  std::size_t chosen = 0;
  bool sign = digits.negative;
  if (digits.digits.empty()) {
    if (sections.size() > 2) chosen = 2;
    sign = false;
  } else if (digits.negative && sections.size() > 1 && !sections[1].empty()) {
    chosen = 1;
    sign = false;
  }
  Section section = look_over(sections[chosen]);
  if (!digits.digits.empty() && zero_in(section)) {
    // What rounds to zero is zero.
    sign = false;
    if (sections.size() > 2 && !sections[2].empty()) section = look_over(sections[2]);
  }
  std::string out = fill(section, scaled(section), culture);
  return sign ? culture.minus + out : out;
}

}  // namespace

std::optional<std::string> format_number(const Value& number, std::string_view format, const Culture& culture) {
  if (number.is_number_float() && !std::isfinite(number.get<double>())) return to_text(number);
  if (format.empty()) format = "G";
  const char letter = format.front();
  const bool standard_form = ((letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z')) && format.size() <= 4 &&
                             std::all_of(format.begin() + 1, format.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!standard_form) return custom(number, format, culture);
  int precision = -1;
  if (format.size() > 1) std::from_chars(format.data() + 1, format.data() + format.size(), precision);
  if (precision > kMaxPrecision) return std::nullopt;
  return standard(number, letter, precision, culture);
}

}  // namespace trunkline::expression

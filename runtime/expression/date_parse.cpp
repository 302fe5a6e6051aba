// Text to dates: ISO 8601, and what cultures write.
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "runtime/base/utf8.h"
#include "runtime/expression/date_time.h"
#include "runtime/expression/text_units.h"

namespace trunkline::expression {
namespace {

// .NET: two digits mean 1950 to 2049.
constexpr int kTwoDigitPivot = 49;
// Longer text is no date.
constexpr std::size_t kMaxText = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int full_year(int value, std::size_t digits) {
  if (digits > 2) return value;
  return value + (value <= kTwoDigitPivot ? 2000 : 1900);
}

/// What has been found out about a date so far.
struct Parts {
  std::optional<int> year, month, day, weekday;
  int hour = 0, minute = 0, second = 0;
  std::int64_t fraction = 0;
  bool has_time = false;
  std::optional<bool> afternoon;
  bool utc = false;
  std::optional<int> offset_minutes;

  std::optional<DateTime> finish(const std::function<Time()>& now) const {
    int y = year.value_or(0);
    int m = month.value_or(1);
    int d = day.value_or(1);
    if (!year) {
      const Calendar today = calendar_of(from_time(now()).ticks);
      y = today.year;
      if (!month && !day) {
        m = today.month;
        d = today.day;
      }
    }
    const auto date = ticks_of(y, m, d);
    int h = hour;
    if (afternoon) {
      if (h > 12) return std::nullopt;
      h = h % 12 + (*afternoon ? 12 : 0);
    }
    const bool midnight_after = h == 24 && minute == 0 && second == 0 && fraction == 0;
    if (!date || (h > 23 && !midnight_after) || minute > 59 || second > 59) return std::nullopt;
    DateTime out{*date + h * kTicksPerHour + minute * kTicksPerMinute + second * kTicksPerSecond + fraction,
                 DateTime::Kind::kUnspecified};
    if (weekday && calendar_of(*date).day_of_week != *weekday) return std::nullopt;
    if (offset_minutes) {
      out.ticks -= *offset_minutes * kTicksPerMinute;
      out.kind = DateTime::Kind::kOffset;
    }
    if (utc) out.kind = DateTime::Kind::kUtc;
    if (out.ticks < 0 || out.ticks > kMaxTicks) return std::nullopt;
    return out;
  }
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  std::size_t at() const { return at_; }
  void go(std::size_t at) { at_ = at; }
  std::string_view rest() const { return text_.substr(at_); }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    std::string_view left = rest();
    for (;;) {
      std::string_view after = left;
      const auto point = take_code_point(after);
      if (!point || !is_white_space(*point)) break;
      left = after;
    }
    at_ = text_.size() - left.size();
  }
  /// Up to `most` digits; their number in `digits`.
  std::optional<int> number(std::size_t most, std::size_t* digits = nullptr) {
    std::size_t length = 0;
    int value = 0;
    while (length < most && is_digit(peek())) {
      value = value * 10 + (peek() - '0');
      ++at_;
      ++length;
    }
    if (digits) *digits = length;
    return length > 0 ? std::optional<int>(value) : std::nullopt;
  }
  /// All digits of a fraction of a second, rounded to ticks; 1 s itself is possible.
  std::optional<std::int64_t> fraction() {
    std::int64_t value = 0;
    std::size_t length = 0;
    bool up = false;
    for (; is_digit(peek()); ++at_, ++length) {
      if (length < 7)
        value = value * 10 + (peek() - '0');
      else if (length == 7)
        up = peek() >= '5';
    }
    if (length == 0) return std::nullopt;
    for (std::size_t i = length; i < 7; ++i) value *= 10;
    return value + (up ? 1 : 0);
  }
  /// `+hh`, `+hh:mm`, `-hhmm`.
  std::optional<int> offset() {
    const bool negative = peek() == '-';
    if (!take('+') && !take('-')) return std::nullopt;
    const auto hours = number(2);
    if (!hours) return std::nullopt;
    int minutes = 0;
    if (take(':') || is_digit(peek())) {
      const auto value = number(2);
      if (!value) return std::nullopt;
      minutes = *value;
    }
    if (*hours > 14 || minutes > 59 || (*hours == 14 && minutes > 0)) return std::nullopt;
    return (negative ? -1 : 1) * (*hours * 60 + minutes);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// The index of the longest name that is the first word of `text`, and its length.
std::optional<std::pair<int, std::size_t>> match_name(std::string_view text, const std::vector<std::string>& names) {
  std::optional<std::pair<int, std::size_t>> best;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    if (name.empty() || name.size() > text.size() || (best && best->second >= name.size())) continue;
    if (!equal_folded(text.substr(0, name.size()), name)) continue;
    // `mar` is no month in `martes`.
    std::string_view behind = text.substr(name.size());
    const auto next = take_code_point(behind);
    if (!next || !is_letter(*next)) best = {static_cast<int>(i), name.size()};
  }
  return best;
}

std::optional<int> take_name(Scanner& scanner, std::initializer_list<const std::vector<std::string>*> lists) {
  std::optional<std::pair<int, std::size_t>> best;
  for (const auto* names : lists) {
    const auto found = match_name(scanner.rest(), *names);
    if (found && (!best || found->second > best->second)) best = found;
  }
  if (!best) return std::nullopt;
  scanner.go(scanner.at() + best->second);
  return best->first;
}

std::optional<int> take_month(Scanner& scanner, const Culture& culture) {
  return take_name(scanner, {&culture.months, &culture.months_in_date, &culture.months_short, &culture.months_short_in_date});
}

std::optional<int> take_weekday(Scanner& scanner, const Culture& culture) {
  return take_name(scanner, {&culture.days, &culture.days_short});
}

bool take_word(Scanner& scanner, std::string_view word) {
  if (word.empty() || scanner.rest().size() < word.size() || !equal_folded(scanner.rest().substr(0, word.size()), word)) return false;
  scanner.go(scanner.at() + word.size());
  return true;
}

/// The common form, without any search: yyyy-MM-dd[(T| )HH:mm[:ss[.f]][Z|offset]].
std::optional<DateTime> parse_iso(std::string_view text) {
  Scanner scanner(text);
  Parts parts;
  const auto field = [&](std::size_t digits) -> std::optional<int> {
    std::size_t read = 0;
    const auto value = scanner.number(digits, &read);
    return read == digits ? value : std::nullopt;
  };
  parts.year = field(4);
  if (!parts.year || !scanner.take('-')) return std::nullopt;
  parts.month = field(2);
  if (!parts.month || !scanner.take('-')) return std::nullopt;
  parts.day = field(2);
  if (!parts.day) return std::nullopt;
  if (!scanner.done()) {
    if (!scanner.take('T') && !scanner.take('t') && !scanner.take(' ')) return std::nullopt;
    const auto hour = field(2);
    if (!hour || !scanner.take(':')) return std::nullopt;
    const auto minute = field(2);
    if (!minute) return std::nullopt;
    parts.hour = *hour;
    parts.minute = *minute;
    if (scanner.take(':')) {
      const auto second = field(2);
      if (!second) return std::nullopt;
      parts.second = *second;
      if (scanner.take('.')) {
        const auto fraction = scanner.fraction();
        if (!fraction) return std::nullopt;
        parts.fraction = *fraction;
      }
    }
    if (scanner.take('Z') || scanner.take('z')) {
      parts.utc = true;
    } else if (!scanner.done()) {
      parts.offset_minutes = scanner.offset();
      if (!parts.offset_minutes) return std::nullopt;
    }
  }
  if (!scanner.done()) return std::nullopt;
  return parts.finish([] { return Time{}; });
}

/// Free text: numbers, names and separators in any reasonable order.
class FreeParser {
 public:
  FreeParser(std::string_view text, const Culture& culture) : scanner_(text), culture_(culture) {}

  std::optional<DateTime> parse(const std::function<Time()>& now) {
    for (scanner_.skip_blanks(); !scanner_.done(); scanner_.skip_blanks())
      if (!token()) return std::nullopt;
    if (!settle_date()) return std::nullopt;
    return parts_.finish(now);
  }

 private:
  struct Number {
    int value;
    std::size_t digits;
  };

  bool token() {
    const std::size_t begin = scanner_.at();
    const char c = scanner_.peek();
    if (is_digit(c)) return number();
    if (parts_.has_time && (c == '+' || c == '-') && !parts_.offset_minutes && !parts_.utc) {
      parts_.offset_minutes = scanner_.offset();
      return parts_.offset_minutes.has_value();
    }
    if (c == '/' || c == '-' || c == '.' || c == ',') {
      scanner_.take(c);
      return !numbers_.empty() || parts_.month || parts_.weekday;
    }
    if (parts_.has_time && !parts_.afternoon) {
      if (take_word(scanner_, culture_.am) || take_word(scanner_, "AM")) return set_half(false);
      if (take_word(scanner_, culture_.pm) || take_word(scanner_, "PM")) return set_half(true);
    }
    if (parts_.has_time && !parts_.utc && !parts_.offset_minutes &&
        (take_word(scanner_, "GMT") || take_word(scanner_, "UTC") || take_word(scanner_, "Z"))) {
      parts_.utc = true;
      return true;
    }
    if (!parts_.month) {
      if (const auto month = take_month(scanner_, culture_)) {
        parts_.month = *month + 1;
        return true;
      }
    }
    if (!parts_.weekday) {
      if (const auto weekday = take_weekday(scanner_, culture_)) {
        parts_.weekday = *weekday;
        return true;
      }
    }
    if ((c == 'T' || c == 't') && !numbers_.empty() && begin > 0) return scanner_.take(c);
    // Words between the parts of a date: `20 de octubre de 2020`.
    return !parts_.has_time && take_word(scanner_, "de ");
  }

  bool set_half(bool afternoon) {
    parts_.afternoon = afternoon;
    return true;
  }

  bool number() {
    std::size_t digits = 0;
    const auto value = scanner_.number(8, &digits);
    if (!value || is_digit(scanner_.peek())) return false;
    const std::size_t after = scanner_.at();
    scanner_.skip_blanks();
    if (!parts_.has_time && digits <= 2) {
      if (scanner_.peek() == ':') return time(*value);
      if (take_word(scanner_, "AM") || take_word(scanner_, culture_.am) || take_word(scanner_, "PM") ||
          take_word(scanner_, culture_.pm)) {
        scanner_.go(after);
        parts_.hour = *value;
        parts_.has_time = true;
        return true;
      }
    }
    scanner_.go(after);
    if (digits > 4 || numbers_.size() >= 3) return false;
    numbers_.push_back({*value, digits});
    return true;
  }

  bool time(int hour) {
    parts_.has_time = true;
    parts_.hour = hour;
    scanner_.take(':');
    const auto minute = scanner_.number(2);
    if (!minute) return false;
    parts_.minute = *minute;
    if (scanner_.take(':')) {
      const auto second = scanner_.number(2);
      if (!second) return false;
      parts_.second = *second;
      if (scanner_.take('.') || scanner_.take(',')) {
        const auto fraction = scanner_.fraction();
        if (!fraction) return false;
        parts_.fraction = *fraction;
      }
    }
    return true;
  }

  /// Which number is what.
  bool settle_date() {
    if (parts_.month) return settle_with_month_name();
    switch (numbers_.size()) {
      case 0: return parts_.has_time;
      case 2: {
        const auto [first, second] = std::pair(numbers_[0], numbers_[1]);
        if (first.digits > 2) return assign(first, second, std::nullopt);
        if (second.digits > 2) return assign(second, first, std::nullopt);
        return day_first() ? assign(std::nullopt, second, first) : assign(std::nullopt, first, second);
      }
      case 3:
        if (numbers_[0].digits > 2 || year_first()) return assign(numbers_[0], numbers_[1], numbers_[2]);
        return day_first() ? assign(numbers_[2], numbers_[1], numbers_[0]) : assign(numbers_[2], numbers_[0], numbers_[1]);
      default: return false;
    }
  }

  bool settle_with_month_name() {
    if (numbers_.empty()) return true;
    if (numbers_.size() == 1) {
      const Number number = numbers_[0];
      if (number.digits > 2 || number.value > 31)
        parts_.year = full_year(number.value, number.digits);
      else
        parts_.day = number.value;
      return true;
    }
    if (numbers_.size() != 2) return false;
    const bool year_leads = numbers_[0].digits > 2;
    const Number year = numbers_[year_leads ? 0 : 1];
    const Number day = numbers_[year_leads ? 1 : 0];
    parts_.year = full_year(year.value, year.digits);
    parts_.day = day.value;
    return true;
  }

  bool assign(std::optional<Number> year, std::optional<Number> month, std::optional<Number> day) {
    if (year) parts_.year = full_year(year->value, year->digits);
    if ((month && month->digits > 2) || (day && day->digits > 2)) return false;
    if (month) parts_.month = month->value;
    if (day) parts_.day = day->value;
    return true;
  }

  bool day_first() const { return culture_.short_date.find('d') < culture_.short_date.find('M'); }
  bool year_first() const { return culture_.short_date.find('y') < culture_.short_date.find('M'); }

  Scanner scanner_;
  const Culture& culture_;
  Parts parts_;
  std::vector<Number> numbers_;
};

/// Text by a pattern, letter by letter.
class ExactParser {
 public:
  ExactParser(std::string_view text, std::string_view format, const Culture& culture)
      : scanner_(text), format_(format), culture_(culture) {}

  std::optional<DateTime> parse(const std::function<Time()>& now) {
    for (std::size_t i = 0; i < format_.size();) {
      const char c = format_[i];
      std::size_t length = 1;
      while (i + length < format_.size() && format_[i + length] == c) ++length;
      switch (c) {
        case '\'':
        case '"': {
          const std::size_t end = format_.find(c, i + 1);
          if (end == std::string_view::npos) return std::nullopt;
          for (std::size_t k = i + 1; k < end; ++k)
            if (!scanner_.take(format_[k])) return std::nullopt;
          i = end + 1;
          continue;
        }
        case '\\':
          if (i + 1 >= format_.size() || !scanner_.take(format_[i + 1])) return std::nullopt;
          i += 2;
          continue;
        case '%': ++i; continue;
        default:
          if (!letter(c, length)) return std::nullopt;
      }
      i += length;
    }
    if (!scanner_.done()) return std::nullopt;
    return parts_.finish(now);
  }

 private:
  bool letter(char c, std::size_t& length) {
    switch (c) {
      case 'd':
        if (length > 2) return set(parts_.weekday, take_weekday(scanner_, culture_));
        return set(parts_.day, digits(length, 2));
      case 'M':
        if (length > 2) {
          const auto month = take_month(scanner_, culture_);
          return month && set(parts_.month, *month + 1);
        }
        return set(parts_.month, digits(length, 2));
      case 'y': {
        const auto year = digits(length, length <= 2 ? 2 : std::max<std::size_t>(length, 4));
        return year && set(parts_.year, full_year(*year, length <= 2 ? 2 : 4));
      }
      case 'H':
      case 'h': {
        const auto hour = digits(length, 2);
        if (!hour || (c == 'h' && *hour > 12)) return false;
        parts_.hour = *hour;
        return true;
      }
      case 'm': return set(parts_.minute, digits(length, 2));
      case 's': return set(parts_.second, digits(length, 2));
      case 'f':
      case 'F': return fraction(c == 'F', length);
      case 't': return half(length);
      case 'z':
      case 'K': return zone(c, length);
      default:
        length = 1;
        return scanner_.take(c);
    }
  }

  std::optional<int> digits(std::size_t length, std::size_t most) {
    std::size_t read = 0;
    const auto value = scanner_.number(most, &read);
    // One letter takes one or more digits, more letters exactly as many.
    return length > 1 && read < std::min(length, most) ? std::nullopt : value;
  }
  template <typename Target>
  static bool set(Target& target, std::optional<int> value) {
    if (value) target = *value;
    return value.has_value();
  }
  bool fraction(bool optional, std::size_t length) {
    const std::size_t begin = scanner_.at();
    std::int64_t value = 0;
    std::size_t read = 0;
    for (; read < length && is_digit(scanner_.peek()); ++read, scanner_.go(scanner_.at() + 1))
      value = value * 10 + (scanner_.peek() - '0');
    if (read < length && !optional) {
      scanner_.go(begin);
      return false;
    }
    for (std::size_t i = read; i < 7; ++i) value *= 10;
    parts_.fraction = value;
    return length <= 7;
  }
  bool half(std::size_t length) {
    for (const bool afternoon : {false, true}) {
      const std::string& word = afternoon ? culture_.pm : culture_.am;
      if (take_word(scanner_, length == 1 ? std::string_view(word).substr(0, 1) : std::string_view(word))) {
        parts_.afternoon = afternoon;
        return true;
      }
    }
    return false;
  }
  bool zone(char c, std::size_t& length) {
    if (c == 'K') length = 1;
    if (scanner_.take('Z')) {
      parts_.utc = true;
      return true;
    }
    if (c == 'K' && scanner_.peek() != '+' && scanner_.peek() != '-') return true;
    parts_.offset_minutes = scanner_.offset();
    return parts_.offset_minutes.has_value();
  }

  Scanner scanner_;
  std::string_view format_;
  const Culture& culture_;
  Parts parts_;
};

}  // namespace

std::optional<DateTime> parse_date(std::string_view text, const Culture& culture, const std::function<Time()>& now) {
  if (const auto iso = parse_iso(text)) return iso;
  if (text.size() > kMaxText) return std::nullopt;
  return FreeParser(text, culture).parse(now);
}

std::optional<DateTime> parse_date_exact(std::string_view text, std::string_view format, const Culture& culture,
                                         const std::function<Time()>& now) {
  if (text.size() > kMaxText || format.empty()) return std::nullopt;
  std::string pattern(format);
  if (format.size() == 1) {
    auto standard = standard_date_pattern(format.front(), std::string_view("rRsu").find(format.front()) == std::string_view::npos
                                                              ? culture
                                                              : Culture::invariant());
    if (!standard) return std::nullopt;
    pattern = std::move(*standard);
  }
  auto out = ExactParser(text, pattern, culture).parse(now);
  if (out && (format == "u" || format == "r" || format == "R")) out->kind = DateTime::Kind::kUtc;
  return out;
}

}  // namespace trunkline::expression

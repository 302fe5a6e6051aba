// Text to dates: ISO 8601, and what cultures write.
#include <optional>
#include <vector>

#include "runtime/expression/date_scanner.h"

namespace trunkline::expression {
namespace {

/// The common form, without any search: yyyy-MM-dd[(T| )HH:mm[:ss[.f]][Z|offset]].
std::optional<DateTime> parse_iso(std::string_view text) {
  DateScanner scanner(text);
  DateParts parts;
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
    if (scanner_.digit()) return number();
    if (parts_.has_time && (c == '+' || c == '-') && !parts_.offset_minutes && !parts_.utc) {
      parts_.offset_minutes = scanner_.offset();
      return parts_.offset_minutes.has_value();
    }
    if (c == '/' || c == '-' || c == '.' || c == ',') {
      scanner_.take(c);
      return !numbers_.empty() || parts_.month || parts_.weekday;
    }
    if (parts_.has_time && !parts_.afternoon) {
      if (scanner_.take_word(culture_.am) || scanner_.take_word("AM")) return set_half(false);
      if (scanner_.take_word(culture_.pm) || scanner_.take_word("PM")) return set_half(true);
    }
    if (parts_.has_time && !parts_.utc && !parts_.offset_minutes &&
        (scanner_.take_word("GMT") || scanner_.take_word("UTC") || scanner_.take_word("Z"))) {
      parts_.utc = true;
      return true;
    }
    if (!parts_.month) {
      if (const auto month = scanner_.month(culture_)) {
        parts_.month = *month + 1;
        return true;
      }
    }
    if (!parts_.weekday) {
      if (const auto weekday = scanner_.weekday(culture_)) {
        parts_.weekday = *weekday;
        return true;
      }
    }
    if ((c == 'T' || c == 't') && !numbers_.empty() && begin > 0) return scanner_.take(c);
    // Words between the parts of a date: `20 de octubre de 2020`.
    return !parts_.has_time && scanner_.take_word("de ");
  }

  bool set_half(bool afternoon) {
    parts_.afternoon = afternoon;
    return true;
  }

  bool number() {
    std::size_t digits = 0;
    const auto value = scanner_.number(8, &digits);
    if (!value || scanner_.digit()) return false;
    const std::size_t after = scanner_.at();
    scanner_.skip_blanks();
    if (!parts_.has_time && digits <= 2) {
      if (scanner_.peek() == ':') return time(*value);
      if (scanner_.take_word("AM") || scanner_.take_word(culture_.am) || scanner_.take_word("PM") ||
          scanner_.take_word(culture_.pm)) {
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
      case 0:
        return parts_.has_time;
      case 2: {
        const auto [first, second] = std::pair(numbers_[0], numbers_[1]);
        if (first.digits > 2) return assign(first, second, std::nullopt);
        if (second.digits > 2) return assign(second, first, std::nullopt);
        return day_first() ? assign(std::nullopt, second, first) : assign(std::nullopt, first, second);
      }
      case 3:
        if (numbers_[0].digits > 2 || year_first()) return assign(numbers_[0], numbers_[1], numbers_[2]);
        return day_first() ? assign(numbers_[2], numbers_[1], numbers_[0]) : assign(numbers_[2], numbers_[0], numbers_[1]);
      default:
        return false;
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

  DateScanner scanner_;
  const Culture& culture_;
  DateParts parts_;
  std::vector<Number> numbers_;
};

}  // namespace

std::optional<DateTime> parse_date(std::string_view text, const Culture& culture, const std::function<Time()>& now) {
  if (const auto iso = parse_iso(text)) return iso;
  if (text.size() > kMaxDateText) return std::nullopt;
  return FreeParser(text, culture).parse(now);
}

}  // namespace trunkline::expression

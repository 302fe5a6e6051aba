// Text to dates by a pattern.
#include <algorithm>
#include <optional>

#include "runtime/expression/date_scanner.h"

namespace trunkline::expression {
namespace {

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
        case '%':
          ++i;
          continue;
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
        if (length > 2) return set(parts_.weekday, scanner_.weekday(culture_));
        return set(parts_.day, digits(length, 2));
      case 'M':
        if (length > 2) {
          const auto month = scanner_.month(culture_);
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
      case 'm':
        return set(parts_.minute, digits(length, 2));
      case 's':
        return set(parts_.second, digits(length, 2));
      case 'f':
      case 'F':
        return fraction(c == 'F', length);
      case 't':
        return half(length);
      case 'z':
      case 'K':
        return zone(c, length);
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
    for (; read < length && scanner_.digit(); ++read, scanner_.go(scanner_.at() + 1))
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
      if (scanner_.take_word(length == 1 ? std::string_view(word).substr(0, 1) : std::string_view(word))) {
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

  DateScanner scanner_;
  std::string_view format_;
  const Culture& culture_;
  DateParts parts_;
};

}  // namespace

std::optional<DateTime> parse_date_exact(std::string_view text, std::string_view format, const Culture& culture,
                                         const std::function<Time()>& now) {
  if (text.size() > kMaxDateText || format.empty()) return std::nullopt;
  std::string pattern(format);
  if (format.size() == 1) {
    auto standard = standard_date_pattern(
        format.front(), std::string_view("rRsu").find(format.front()) == std::string_view::npos ? culture : Culture::invariant());
    if (!standard) return std::nullopt;
    pattern = std::move(*standard);
  }
  auto out = ExactParser(text, pattern, culture).parse(now);
  if (out && (format == "u" || format == "r" || format == "R")) out->kind = DateTime::Kind::kUtc;
  return out;
}

}  // namespace trunkline::expression

// Dates as text, by .NET's letters.
#include <algorithm>
#include <cstdlib>

#include "runtime/base/utf8.h"
#include "runtime/expression/date_time.h"

namespace trunkline::expression {
namespace {

constexpr std::string_view kRoundTrip = "yyyy-MM-dd'T'HH:mm:ss.fffffffK";

void append_padded(std::string& out, std::int64_t value, std::size_t width) {
  const std::string text = std::to_string(value);
  if (text.size() < width) out.append(width - text.size(), '0');
  out += text;
}

/// The first `count` digits of a fraction of a second; `trim`: without zeros at the end.
void append_fraction(std::string& out, std::int64_t fraction, std::size_t count, bool trim) {
  std::string digits;
  append_padded(digits, fraction, 7);
  digits.resize(count);
  if (trim)
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
  out += digits;
}

std::size_t run_length(std::string_view format, std::size_t at) {
  std::size_t end = at;
  while (end < format.size() && format[end] == format[at]) ++end;
  return end - at;
}

/// Whether a month name in `format` at `at` stands next to a day of the month: .NET looks at the nearest run of `d` on either
/// side.
bool month_in_date(std::string_view format, std::size_t at, std::size_t length) {
  const std::size_t before = format.substr(0, at).rfind('d');
  if (before != std::string_view::npos) {
    std::size_t run = 0;
    while (run <= before && format[before - run] == 'd') ++run;
    if (run <= 2) return true;
  }
  const std::size_t after = format.find('d', at + length);
  return after != std::string_view::npos && run_length(format, after) <= 2;
}

/// Quoted text from the quote at `at` on; gives the place behind it, npos when it has no end.
std::size_t append_literal(std::string& out, std::string_view format, std::size_t at) {
  const char quote = format[at];
  for (std::size_t i = at + 1; i < format.size(); ++i) {
    if (format[i] == quote) return i + 1;
    if (format[i] == '\\' && ++i == format.size()) return std::string_view::npos;
    out += format[i];
  }
  return std::string_view::npos;
}

class Formatter {
 public:
  Formatter(const DateTime& value, const Culture& culture)
      : value_(value), calendar_(calendar_of(value.ticks)), culture_(culture) {}

  std::optional<std::string> format(std::string_view format) {
    std::string out;
    for (std::size_t i = 0; i < format.size();) {
      const char c = format[i];
      std::size_t length = run_length(format, i);
      switch (c) {
        case '\'':
        case '"':
          i = append_literal(out, format, i);
          if (i == std::string_view::npos) return std::nullopt;
          continue;
        case '\\':
          if (i + 1 >= format.size()) return std::nullopt;
          out += format[i + 1];
          i += 2;
          continue;
        case '%':
          // One custom letter that would else be a standard format.
          if (i + 1 >= format.size() || format[i + 1] == '%') return std::nullopt;
          ++i;
          continue;
        case '/':
        case ':':
          out += c;
          ++i;
          continue;
        default:
          if (!letter(out, format, i, c, length)) return std::nullopt;
      }
      i += length;
    }
    return out;
  }

 private:
  /// `length` becomes 1 for what is no letter of a format.
  bool letter(std::string& out, std::string_view format, std::size_t at, char c, std::size_t& length) {
    switch (c) {
      case 'd': {
        const auto weekday = static_cast<std::size_t>(calendar_.day_of_week);
        if (length <= 2)
          append_padded(out, calendar_.day, length);
        else
          out += length == 3 ? culture_.days_short[weekday] : culture_.days[weekday];
        return true;
      }
      case 'M': {
        const auto month = static_cast<std::size_t>(calendar_.month - 1);
        if (length <= 2)
          append_padded(out, calendar_.month, length);
        else if (month_in_date(format, at, length))
          out += length == 3 ? culture_.months_short_in_date[month] : culture_.months_in_date[month];
        else
          out += length == 3 ? culture_.months_short[month] : culture_.months[month];
        return true;
      }
      case 'y':
        append_padded(out, length <= 2 ? calendar_.year % 100 : calendar_.year, length);
        return true;
      case 'g':
        out += "A.D.";
        return true;
      case 'h':
        append_padded(out, (calendar_.hour + 11) % 12 + 1, std::min<std::size_t>(length, 2));
        return true;
      case 'H':
        append_padded(out, calendar_.hour, std::min<std::size_t>(length, 2));
        return true;
      case 'm':
        append_padded(out, calendar_.minute, std::min<std::size_t>(length, 2));
        return true;
      case 's':
        append_padded(out, calendar_.second, std::min<std::size_t>(length, 2));
        return true;
      case 'f':
        if (length > 7) return false;
        append_fraction(out, calendar_.fraction, length, false);
        return true;
      case 'F': {
        if (length > 7) return false;
        const std::size_t before = out.size();
        append_fraction(out, calendar_.fraction, length, true);
        // Without digits, the point before them goes as well.
        if (out.size() == before && before > 0 && out.back() == '.') out.pop_back();
        return true;
      }
      case 't': {
        const std::string& half = calendar_.hour < 12 ? culture_.am : culture_.pm;
        if (length > 1) {
          out += half;
        } else {
          std::string_view rest = half;
          if (const auto point = take_code_point(rest)) append_utf8(out, *point);
        }
        return true;
      }
      case 'z':
        out += length == 1 ? "+0" : length == 2 ? "+00" : "+00:00";
        return true;
      case 'K':
        length = 1;
        if (value_.kind == DateTime::Kind::kUtc) out += 'Z';
        if (value_.kind == DateTime::Kind::kOffset) out += "+00:00";
        return true;
      default:
        length = 1;
        out += c;
        return true;
    }
  }

  const DateTime& value_;
  Calendar calendar_;
  const Culture& culture_;
};

}  // namespace

std::optional<std::string> standard_date_pattern(char letter, const Culture& culture) {
  switch (letter) {
    case 'd':
      return culture.short_date;
    case 'D':
      return culture.long_date;
    case 'f':
      return culture.long_date + " " + culture.short_time;
    case 'F':
    case 'U':
      return culture.long_date + " " + culture.long_time;
    case 'g':
      return culture.short_date + " " + culture.short_time;
    case 'G':
      return culture.short_date + " " + culture.long_time;
    case 'm':
    case 'M':
      return culture.month_day;
    case 'o':
    case 'O':
      return std::string(kRoundTrip);
    case 'r':
    case 'R':
      return "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'";
    case 's':
      return "yyyy'-'MM'-'dd'T'HH':'mm':'ss";
    case 't':
      return culture.short_time;
    case 'T':
      return culture.long_time;
    case 'u':
      return "yyyy'-'MM'-'dd HH':'mm':'ss'Z'";
    case 'y':
    case 'Y':
      return culture.year_month;
    default:
      return std::nullopt;
  }
}

std::optional<std::string> format_date(const DateTime& value, std::string_view format, const Culture& culture) {
  if (format.empty()) format = "G";
  if (format.size() > 1) return Formatter(value, culture).format(format);
  const auto pattern = standard_date_pattern(format.front(), culture);
  if (!pattern) return std::nullopt;
  if (format == "o" || format == "O") return format_round_trip(value);
  const bool english = std::string_view("rRsu").find(format.front()) != std::string_view::npos;
  return Formatter(value, english ? Culture::invariant() : culture).format(*pattern);
}

std::string format_round_trip(const DateTime& value) {
  const Calendar c = calendar_of(value.ticks);
  std::string out;
  out.reserve(33);
  append_padded(out, c.year, 4);
  out += '-';
  append_padded(out, c.month, 2);
  out += '-';
  append_padded(out, c.day, 2);
  out += 'T';
  append_padded(out, c.hour, 2);
  out += ':';
  append_padded(out, c.minute, 2);
  out += ':';
  append_padded(out, c.second, 2);
  out += '.';
  append_padded(out, c.fraction, 7);
  if (value.kind == DateTime::Kind::kUtc) out += 'Z';
  if (value.kind == DateTime::Kind::kOffset) out += "+00:00";
  return out;
}

std::string format_time_span(std::int64_t ticks) {
  std::string out;
  // The magnitude of the smallest span does not fit.
  std::uint64_t rest = ticks < 0 ? 0 - static_cast<std::uint64_t>(ticks) : static_cast<std::uint64_t>(ticks);
  if (ticks < 0) out += '-';
  const std::uint64_t days = rest / kTicksPerDay;
  rest %= kTicksPerDay;
  if (days > 0) out += std::to_string(days) + ".";
  append_padded(out, static_cast<std::int64_t>(rest / kTicksPerHour), 2);
  out += ':';
  append_padded(out, static_cast<std::int64_t>(rest / kTicksPerMinute % 60), 2);
  out += ':';
  append_padded(out, static_cast<std::int64_t>(rest / kTicksPerSecond % 60), 2);
  if (const std::uint64_t fraction = rest % kTicksPerSecond; fraction > 0) {
    out += '.';
    append_padded(out, static_cast<std::int64_t>(fraction), 7);
  }
  return out;
}

std::optional<std::string> format_time_span(std::int64_t ticks, std::string_view format, const Culture& culture) {
  const std::uint64_t magnitude = ticks < 0 ? 0 - static_cast<std::uint64_t>(ticks) : static_cast<std::uint64_t>(ticks);
  const auto days = static_cast<std::int64_t>(magnitude / kTicksPerDay);
  const auto hours = static_cast<std::int64_t>(magnitude / kTicksPerHour % 24);
  const auto minutes = static_cast<std::int64_t>(magnitude / kTicksPerMinute % 60);
  const auto seconds = static_cast<std::int64_t>(magnitude / kTicksPerSecond % 60);
  const auto fraction = static_cast<std::int64_t>(magnitude % kTicksPerSecond);
  std::string out;
  if (format.empty() || format == "c" || format == "t" || format == "T") return format_time_span(ticks);
  if (format == "g" || format == "G") {
    const bool full = format == "G";
    if (ticks < 0) out += '-';
    if (full || days > 0) out += std::to_string(days) + ":";
    append_padded(out, hours, full ? 2 : 1);
    out += ':';
    append_padded(out, minutes, 2);
    out += ':';
    append_padded(out, seconds, 2);
    if (full || fraction > 0) {
      out += culture.decimal_separator;
      append_fraction(out, fraction, 7, !full);
    }
    return out;
  }
  if (format.size() == 1) return std::nullopt;
  for (std::size_t i = 0; i < format.size();) {
    const char c = format[i];
    const std::size_t length = run_length(format, i);
    switch (c) {
      case 'd':
        if (length > 8) return std::nullopt;
        append_padded(out, days, length);
        break;
      case 'h':
      case 'm':
      case 's':
        if (length > 2) return std::nullopt;
        append_padded(out, c == 'h' ? hours : c == 'm' ? minutes : seconds, length);
        break;
      case 'f':
      case 'F':
        if (length > 7) return std::nullopt;
        append_fraction(out, fraction, length, c == 'F');
        break;
      case '\'':
      case '"':
        i = append_literal(out, format, i);
        if (i == std::string_view::npos) return std::nullopt;
        continue;
      case '\\':
        if (i + 1 >= format.size()) return std::nullopt;
        out += format[i + 1];
        i += 2;
        continue;
      case '%':
        if (i + 1 >= format.size() || format[i + 1] == '%') return std::nullopt;
        ++i;
        continue;
      default:
        return std::nullopt;  // everything else has to be quoted
    }
    i += length;
  }
  return out;
}

std::optional<std::int64_t> parse_time_span(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  const auto number = [&]() -> std::optional<std::int64_t> {
    std::size_t length = 0;
    while (length < text.size() && text[length] >= '0' && text[length] <= '9') ++length;
    if (length == 0 || length > 8) return std::nullopt;
    const std::int64_t value = std::strtoll(std::string(text.substr(0, length)).c_str(), nullptr, 10);
    text.remove_prefix(length);
    return value;
  };
  const auto take = [&](char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  };
  auto first = number();
  if (!first) return std::nullopt;
  std::int64_t days = 0, hours = 0, minutes = 0, seconds = 0, fraction = 0;
  if (text.empty()) {
    days = *first;
  } else {
    if (take('.')) {
      days = *first;
      first = number();
      if (!first) return std::nullopt;
    }
    hours = *first;
    if (!take(':')) return std::nullopt;
    const auto second = number();
    if (!second) return std::nullopt;
    minutes = *second;
    if (take(':')) {
      const auto third = number();
      if (!third) return std::nullopt;
      seconds = *third;
      if (take('.')) {
        std::string digits;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9' && digits.size() < 7) {
          digits += text.front();
          text.remove_prefix(1);
        }
        if (digits.empty()) return std::nullopt;
        digits.resize(7, '0');
        fraction = std::strtoll(digits.c_str(), nullptr, 10);
      }
    }
  }
  if (!text.empty() || hours > 23 || minutes > 59 || seconds > 59 || days > 10'675'199) return std::nullopt;
  std::int64_t ticks = 0;
  if (__builtin_mul_overflow(days, kTicksPerDay, &ticks) ||
      __builtin_add_overflow(ticks, hours * kTicksPerHour + minutes * kTicksPerMinute + seconds * kTicksPerSecond + fraction,
                             &ticks))
    return std::nullopt;
  return negative ? -ticks : ticks;
}

}  // namespace trunkline::expression

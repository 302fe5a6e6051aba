#include "runtime/base/time_text.h"

#include <array>
#include <span>

#include "runtime/base/strings.h"

namespace trunkline {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array<std::string_view, 7> kWeekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Fields {
  int year, month, day, hour, minute, second;
  std::int64_t nanosecond;
  std::chrono::sys_days date;
};

Fields fields_of(Time time) {
  const auto date = floor<days>(time);
  const std::chrono::year_month_day ymd(date);
  const std::chrono::hh_mm_ss clock(time - date);
  return {int(ymd.year()),
          int(unsigned(ymd.month())),
          int(unsigned(ymd.day())),
          int(clock.hours().count()),
          int(clock.minutes().count()),
          int(clock.seconds().count()),
          clock.subseconds().count(),
          date};
}

// Times are written with every message, often several times: snprintf took a microsecond for each.
void append_digits(std::string& out, std::int64_t value, int digits) {
  const std::size_t end = out.size() + static_cast<std::size_t>(digits);
  out.resize(end, '0');
  for (std::size_t at = end; value > 0; value /= 10) out[--at] = static_cast<char>('0' + value % 10);
}

void append_date(std::string& out, int year, int month, int day) {
  append_digits(out, year, 4);
  out.push_back('-');
  append_digits(out, month, 2);
  out.push_back('-');
  append_digits(out, day, 2);
}

void append_clock(std::string& out, const Fields& f) {
  append_digits(out, f.hour, 2);
  out.push_back(':');
  append_digits(out, f.minute, 2);
  out.push_back(':');
  append_digits(out, f.second, 2);
}

// Reads fixed-width pieces; once something does not fit, it stays failed.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool ok() const { return ok_; }
  bool at_end() const { return text_.empty(); }
  char peek() const { return text_.empty() ? '\0' : text_.front(); }
  char take() {
    if (text_.empty()) return ok_ = false, '\0';
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  void expect(std::string_view wanted) {
    if (text_.starts_with(wanted))
      text_.remove_prefix(wanted.size());
    else
      ok_ = false;
  }
  int digits(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      const char c = take();
      if (!is_digit(c)) return ok_ = false, 0;
      value = value * 10 + (c - '0');
    }
    return value;
  }
  /// Index of the name that comes next.
  template <std::size_t N>
  int one_of(const std::array<std::string_view, N>& names) {
    for (std::size_t i = 0; i < N; ++i)
      if (text_.starts_with(names[i])) return text_.remove_prefix(names[i].size()), static_cast<int>(i);
    return ok_ = false, 0;
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

// Nanoseconds since 1970 in 64 bits end in 1677 and 2262. A leap second becomes the next second.
std::optional<Time> time_of(int year, int month, int day, int hour, int minute, int second) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (!date.ok() || year < 1678 || year > 2261 || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return Time(std::chrono::sys_days(date)) + hours(hour) + minutes(minute) + seconds(second);
}

struct Unit {
  std::string_view name;
  Duration length;
};
constexpr Unit kShortUnits[] = {{"d", days(1)},
                                {"h", hours(1)},
                                {"m", minutes(1)},
                                {"s", seconds(1)},
                                {"ms", std::chrono::milliseconds(1)},
                                {"us", std::chrono::microseconds(1)},
                                {"ns", Duration(1)}};
constexpr Unit kIsoDateUnits[] = {{"W", days(7)}, {"D", days(1)}};
constexpr Unit kIsoTimeUnits[] = {{"H", hours(1)}, {"M", minutes(1)}, {"S", seconds(1)}};

// Adds `<number><unit>` pieces to `sum` while `text` begins with a digit. Units fall from piece to piece, so none comes twice.
// A fraction is fine where it is a whole number of nanoseconds. False: malformed or too long.
bool add_pieces(std::string_view& text, std::span<const Unit> units, Duration& sum) {
  while (!text.empty() && is_digit(text.front())) {
    std::int64_t whole = 0, fraction = 0, scale = 1;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1))
      if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, text.front() - '0', &whole)) return false;
    if (text.starts_with('.') || text.starts_with(',')) {
      text.remove_prefix(1);
      if (text.empty() || !is_digit(text.front())) return false;
      for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
        if (scale == 1'000'000'000) return false;
        fraction = fraction * 10 + (text.front() - '0'), scale *= 10;
      }
    }
    std::size_t letters = 0;
    while (letters < text.size() && !is_digit(text[letters]) && text[letters] != 'T') ++letters;
    std::size_t at = 0;
    while (at < units.size() && units[at].name != text.substr(0, letters)) ++at;
    if (at == units.size()) return false;
    const std::int64_t length = units[at].length.count();
    std::int64_t value = 0, total = 0;
    if (__builtin_mul_overflow(whole, length, &value)) return false;
    if (fraction != 0) {
      const __int128 part = static_cast<__int128>(fraction) * length;
      if (part % scale != 0 || __builtin_add_overflow(value, static_cast<std::int64_t>(part / scale), &value)) return false;
    }
    if (__builtin_add_overflow(sum.count(), value, &total)) return false;
    sum = Duration(total);
    text.remove_prefix(letters);
    units = units.subspan(at + 1);
  }
  return true;
}

}  // namespace

std::string format_rfc3339(Time time) {
  const Fields f = fields_of(time);
  std::string out;
  out.reserve(30);
  append_date(out, f.year, f.month, f.day);
  out.push_back('T');
  append_clock(out, f);
  if (f.nanosecond != 0) {
    const int digits = f.nanosecond % 1'000'000 == 0 ? 3 : f.nanosecond % 1'000 == 0 ? 6 : 9;
    const std::int64_t unit = digits == 3 ? 1'000'000 : digits == 6 ? 1'000 : 1;
    out.push_back('.');
    append_digits(out, f.nanosecond / unit, digits);
  }
  out.push_back('Z');
  return out;
}

std::optional<Time> parse_rfc3339(std::string_view text) {
  Reader in(text);
  const int year = in.digits(4);
  in.expect("-");
  const int month = in.digits(2);
  in.expect("-");
  const int day = in.digits(2);
  const char separator = in.take();
  if (separator != 'T' && separator != 't' && separator != ' ') return std::nullopt;
  const int hour = in.digits(2);
  in.expect(":");
  const int minute = in.digits(2);
  in.expect(":");
  const int second = in.digits(2);
  std::int64_t nanosecond = 0;
  if (in.peek() == '.') {
    in.take();
    std::int64_t unit = 100'000'000;
    if (!is_digit(in.peek())) return std::nullopt;
    for (; is_digit(in.peek()); unit /= 10) nanosecond += (in.take() - '0') * unit;  // what follows the ninth digit adds 0
  }
  Duration offset{0};
  const char zone = in.take();
  if (zone == '+' || zone == '-') {
    const int zone_hour = in.digits(2);
    in.expect(":");
    const int zone_minute = in.digits(2);
    if (zone_hour > 23 || zone_minute > 59) return std::nullopt;
    offset = (hours(zone_hour) + minutes(zone_minute)) * (zone == '-' ? -1 : 1);
  } else if (zone != 'Z' && zone != 'z') {
    return std::nullopt;
  }
  if (!in.ok() || !in.at_end()) return std::nullopt;
  const auto time = time_of(year, month, day, hour, minute, second);
  if (!time) return std::nullopt;
  return *time + Duration(nanosecond) - offset;
}

std::string format_http_date(Time time) {
  const Fields f = fields_of(time);
  std::string out;
  out.reserve(29);
  out += kWeekdays[std::chrono::weekday(f.date).c_encoding()];
  out += ", ";
  append_digits(out, f.day, 2);
  out.push_back(' ');
  out += kMonths[static_cast<std::size_t>(f.month - 1)];
  out.push_back(' ');
  append_digits(out, f.year, 4);
  out.push_back(' ');
  append_clock(out, f);
  out += " GMT";
  return out;
}

std::optional<Time> parse_http_date(std::string_view text) {
  Reader in(text);
  in.one_of(kWeekdays);  // names the same day as the date; nothing depends on it
  in.expect(", ");
  const int day = in.digits(2);
  in.expect(" ");
  const int month = in.one_of(kMonths) + 1;
  in.expect(" ");
  const int year = in.digits(4);
  in.expect(" ");
  const int hour = in.digits(2);
  in.expect(":");
  const int minute = in.digits(2);
  in.expect(":");
  const int second = in.digits(2);
  in.expect(" GMT");
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return time_of(year, month, day, hour, minute, second);
}

std::optional<Duration> parse_duration(std::string_view text) {
  Duration sum{0};
  if (text.empty()) return std::nullopt;
  if (text.front() != 'P') return add_pieces(text, kShortUnits, sum) && text.empty() ? std::optional(sum) : std::nullopt;
  text.remove_prefix(1);
  if (text.empty() || !add_pieces(text, kIsoDateUnits, sum)) return std::nullopt;
  if (text.empty()) return sum;
  if (text.front() != 'T' || text.size() == 1) return std::nullopt;
  text.remove_prefix(1);
  return add_pieces(text, kIsoTimeUnits, sum) && text.empty() ? std::optional(sum) : std::nullopt;
}

std::string format_duration(Duration duration) {
  std::string out;
  for (const Unit& unit : kShortUnits) {
    if (const auto count = duration / unit.length; count != 0) out += std::to_string(count) + std::string(unit.name);
    duration %= unit.length;
  }
  return out.empty() ? "0s" : out;
}

}  // namespace trunkline

#include "smpp_time.h"

#include <chrono>
#include <cstdio>

namespace smpp {
namespace {

using namespace std::chrono;
using trunkline::Time;

/// Two digits at a place; -1: none.
int two(std::string_view text, std::size_t at) {
  if (at + 2 > text.size()) return -1;
  const char a = text[at], b = text[at + 1];
  return a >= '0' && a <= '9' && b >= '0' && b <= '9' ? (a - '0') * 10 + (b - '0') : -1;
}

struct Fields {
  int year, month, day, hour, minute, second;
};

/// nullopt where a digit is missing.
std::optional<Fields> fields(std::string_view text, bool seconds) {
  const Fields f{two(text, 0), two(text, 2), two(text, 4), two(text, 6), two(text, 8), seconds ? two(text, 10) : 0};
  if (f.year < 0 || f.month < 0 || f.day < 0 || f.hour < 0 || f.minute < 0 || f.second < 0) return std::nullopt;
  return f;
}

std::optional<Time> absolute(const Fields& f) {
  const year_month_day date(year(2000 + f.year), month(static_cast<unsigned>(f.month)), day(static_cast<unsigned>(f.day)));
  if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 59) return std::nullopt;
  return Time(sys_days(date)) + hours(f.hour) + minutes(f.minute) + seconds(f.second);
}

std::string format(Time time, bool whole) {
  const auto date = floor<days>(time);
  const year_month_day ymd(date);
  const hh_mm_ss clock(floor<milliseconds>(time - date));
  char text[32];
  const int year = (static_cast<int>(ymd.year()) % 100 + 100) % 100;
  const auto month = static_cast<unsigned>(ymd.month()) % 100, day = static_cast<unsigned>(ymd.day()) % 100;
  const int h = static_cast<int>(clock.hours().count() % 100), m = static_cast<int>(clock.minutes().count() % 100);
  if (whole)
    std::snprintf(text, sizeof text, "%02d%02u%02u%02d%02d%02d%d00+", year, month, day, h, m,
                  static_cast<int>(clock.seconds().count() % 100), static_cast<int>(clock.subseconds().count() / 100 % 10));
  else
    std::snprintf(text, sizeof text, "%02d%02u%02u%02d%02d", year, month, day, h, m);
  return text;
}

}  // namespace

std::string format_time(Time time) { return format(time, true); }
std::string format_receipt_date(Time time) { return format(time, false); }

std::optional<Time> parse_time(std::string_view text, Time now) {
  if (text.size() != 16) return std::nullopt;
  const auto f = fields(text, true);
  const int offset = two(text, 13);
  const char tenth = text[12], sign = text[15];
  if (!f || offset < 0 || tenth < '0' || tenth > '9') return std::nullopt;
  if (sign == 'R')  // years of 365 days and months of 30, as peers do it
    return now + days(f->year * 365 + f->month * 30 + f->day) + hours(f->hour) + minutes(f->minute) + seconds(f->second);
  if ((sign != '+' && sign != '-') || offset > 48) return std::nullopt;
  const auto local = absolute(*f);
  if (!local) return std::nullopt;
  const auto quarters = minutes(15 * offset);
  return *local + milliseconds(100 * (tenth - '0')) + (sign == '+' ? -quarters : quarters);
}

std::optional<Time> parse_receipt_date(std::string_view text) {
  if (text.size() != 10 && text.size() != 12) return std::nullopt;
  const auto f = fields(text, text.size() == 12);
  return f ? absolute(*f) : std::nullopt;
}

}  // namespace smpp

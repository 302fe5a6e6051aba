#include "runtime/expression/date_time.h"

#include <algorithm>
#include <chrono>

namespace trunkline::expression {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::int64_t kUnixEpochDays = kUnixEpochTicks / kTicksPerDay;

}  // namespace

Calendar calendar_of(std::int64_t ticks) {
  const std::int64_t days = ticks / kTicksPerDay;
  const sys_days date{std::chrono::days(days - kUnixEpochDays)};
  const year_month_day ymd(date);
  Calendar out;
  out.year = static_cast<int>(ymd.year());
  out.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
  out.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  const std::int64_t time = ticks % kTicksPerDay;
  out.hour = static_cast<int>(time / kTicksPerHour);
  out.minute = static_cast<int>(time / kTicksPerMinute % 60);
  out.second = static_cast<int>(time / kTicksPerSecond % 60);
  out.fraction = time % kTicksPerSecond;
  out.day_of_week = static_cast<int>((days + 1) % 7);  // the first day of year 1 was a Monday
  out.day_of_year = static_cast<int>((date - sys_days(ymd.year() / 1 / 1)).count()) + 1;
  return out;
}

std::optional<std::int64_t> ticks_of(int y, int m, int d) {
  if (y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 || d > days_in_month(y, m)) return std::nullopt;
  const year_month_day ymd{year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d))};
  return (sys_days(ymd).time_since_epoch().count() + kUnixEpochDays) * kTicksPerDay;
}

int days_in_month(int y, int m) {
  const auto last = year(y) / month(static_cast<unsigned>(m)) / std::chrono::last;
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

DateTime from_time(Time time) {
  return {kUnixEpochTicks +
              std::chrono::floor<std::chrono::duration<std::int64_t, std::ratio<1, kTicksPerSecond>>>(time.time_since_epoch())
                  .count(),
          DateTime::Kind::kUtc};
}

std::optional<Time> to_time(const DateTime& value) {
  const std::int64_t ticks = value.ticks - kUnixEpochTicks;
  constexpr std::int64_t kMax = INT64_MAX / 100;
  if (ticks > kMax || ticks < -kMax) return std::nullopt;
  return Time(std::chrono::nanoseconds(ticks * 100));
}

std::optional<DateTime> add_ticks(DateTime value, std::int64_t amount, std::int64_t unit) {
  std::int64_t delta = 0;
  if (__builtin_mul_overflow(amount, unit, &delta) || __builtin_add_overflow(value.ticks, delta, &value.ticks))
    return std::nullopt;
  if (value.ticks < 0 || value.ticks > kMaxTicks) return std::nullopt;
  return value;
}

std::optional<DateTime> add_months(DateTime value, std::int64_t months) {
  constexpr std::int64_t kMost = 12 * 10'000;
  if (months > kMost || months < -kMost) return std::nullopt;
  const Calendar from = calendar_of(value.ticks);
  const std::int64_t count = (from.year - 1) * 12LL + from.month - 1 + months;
  if (count < 0) return std::nullopt;
  const int y = static_cast<int>(count / 12) + 1;
  const int m = static_cast<int>(count % 12) + 1;
  if (y > 9999) return std::nullopt;
  const auto date = ticks_of(y, m, std::min(from.day, days_in_month(y, m)));
  if (!date) return std::nullopt;
  value.ticks = *date + value.ticks % kTicksPerDay;
  return value;
}

}  // namespace trunkline::expression

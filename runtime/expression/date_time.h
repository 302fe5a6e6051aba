// Dates as .NET has them: ticks of 100 ns since 0001-01-01, and where they come from.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/expression/culture.h"
#include "trunkline/error.hpp"

namespace trunkline::expression {

inline constexpr std::int64_t kTicksPerSecond = 10'000'000;
inline constexpr std::int64_t kTicksPerMinute = 60 * kTicksPerSecond;
inline constexpr std::int64_t kTicksPerHour = 60 * kTicksPerMinute;
inline constexpr std::int64_t kTicksPerDay = 24 * kTicksPerHour;
/// 9999-12-31T23:59:59.9999999
inline constexpr std::int64_t kMaxTicks = 3'155'378'975'999'999'999;
inline constexpr std::int64_t kUnixEpochTicks = 621'355'968'000'000'000;

struct DateTime {
  /// What the text said about its zone: nothing, `Z`, or an offset (the ticks are UTC then, and K prints `+00:00`).
  enum class Kind : std::uint8_t { kUnspecified, kUtc, kOffset };
  std::int64_t ticks = 0;
  Kind kind = Kind::kUnspecified;
};

struct Calendar {
  int year = 1, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::int64_t fraction = 0;  // ticks
  int day_of_week = 0;        // Sunday 0
  int day_of_year = 1;
};

Calendar calendar_of(std::int64_t ticks);
/// nullopt: no such date.
std::optional<std::int64_t> ticks_of(int year, int month, int day);
int days_in_month(int year, int month);
DateTime from_time(Time time);
/// nullopt outside the range of Time.
std::optional<Time> to_time(const DateTime& value);

/// nullopt: beyond the years 1 to 9999.
std::optional<DateTime> add_ticks(DateTime value, std::int64_t amount, std::int64_t unit);
/// Clamped to the last day of the month.
std::optional<DateTime> add_months(DateTime value, std::int64_t months);

/// .NET's DateTime.Parse: ISO 8601 and what the culture writes. `now` is asked only when the text leaves the date or year out.
std::optional<DateTime> parse_date(std::string_view text, const Culture& culture, const std::function<Time()>& now);
/// .NET's DateTime.ParseExact.
std::optional<DateTime> parse_date_exact(std::string_view text, std::string_view format, const Culture& culture,
                                         const std::function<Time()>& now);

/// A standard letter or a custom pattern; nullopt: not a format.
std::optional<std::string> format_date(const DateTime& value, std::string_view format, const Culture& culture);
/// `2018-03-15T00:00:00.0000000Z`
std::string format_round_trip(const DateTime& value);
/// The custom pattern that a standard letter stands for; nullopt: none.
std::optional<std::string> standard_date_pattern(char letter, const Culture& culture);

/// `[-][d.]hh:mm:ss[.fffffff]`
std::string format_time_span(std::int64_t ticks);
std::optional<std::int64_t> parse_time_span(std::string_view text);
/// c, g, G or a custom pattern; nullopt: not a format.
std::optional<std::string> format_time_span(std::int64_t ticks, std::string_view format, const Culture& culture);

}  // namespace trunkline::expression

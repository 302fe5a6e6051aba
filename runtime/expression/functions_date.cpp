// Date and time functions.
#include <array>
#include <optional>

#include "runtime/expression/culture.h"
#include "runtime/expression/date_time.h"
#include "runtime/expression/function.h"
#include "runtime/expression/text_units.h"
#include "runtime/expression/time_zone.h"

namespace trunkline::expression {
namespace {

DateTime parse(const Call& call, std::size_t index) {
  const std::string& text = call.text(index);
  const auto out = parse_date(text, Culture::english(), [&] { return call.context().now(); });
  if (!out)
    call.fail(
        "expects a date and time. The provided value '" + text + "' cannot be read as one: it should match the ISO 8601 format.",
        static_cast<int>(index));
  return *out;
}

const Culture& culture(const Call& call, std::size_t index) {
  if (!call.has(index)) return Culture::english();
  const Culture* out = Culture::find(call.text(index));
  if (!out)
    call.fail("expects a valid locale. The provided value '" + call.text(index) + "' is not known.", static_cast<int>(index));
  return *out;
}

Operand print(const Call& call, const DateTime& value, std::size_t format, const Culture& with = Culture::english()) {
  if (!call.has(format)) return Operand::text(format_round_trip(value));
  auto out = format_date(value, call.text(format), with);
  if (!out)
    call.fail("expects a date and time format, a standard letter or a custom pattern. The provided value is '" +
                  call.text(format) + "'.",
              static_cast<int>(format));
  call.check_text_length(out->size());
  return Operand::text(*std::move(out));
}

const DateTime& in_range(const Call& call, const std::optional<DateTime>& value) {
  if (!value) call.fail("has a result outside of the years 1 to 9999.");
  return *value;
}

Operand add(Call& call, std::int64_t unit) {
  const DateTime from = parse(call, 0);
  return print(call, in_range(call, add_ticks(from, call.integer(1), unit)), 2);
}
Operand add_days(Call& call) { return add(call, kTicksPerDay); }
Operand add_hours(Call& call) { return add(call, kTicksPerHour); }
Operand add_minutes(Call& call) { return add(call, kTicksPerMinute); }
Operand add_seconds(Call& call) { return add(call, kTicksPerSecond); }

DateTime moved(const Call& call, const DateTime& from, std::size_t interval, int sign) {
  struct Unit {
    std::string_view name;
    std::int64_t ticks;  // 0: months
    std::int64_t months;
  };
  static constexpr std::array<Unit, 7> kUnits = {{{"second", kTicksPerSecond, 0},
                                                  {"minute", kTicksPerMinute, 0},
                                                  {"hour", kTicksPerHour, 0},
                                                  {"day", kTicksPerDay, 0},
                                                  {"week", 7 * kTicksPerDay, 0},
                                                  {"month", 0, 1},
                                                  {"year", 0, 12}}};
  const std::int64_t count = call.integer(interval);
  const std::string name = to_lower(call.text(interval + 1));
  for (const Unit& unit : kUnits) {
    if (name != unit.name) continue;
    std::int64_t amount = 0;
    if (__builtin_mul_overflow(count, sign, &amount)) in_range(call, std::nullopt);
    if (unit.ticks > 0) return in_range(call, add_ticks(from, amount, unit.ticks));
    if (__builtin_mul_overflow(amount, unit.months, &amount)) in_range(call, std::nullopt);
    return in_range(call, add_months(from, amount));
  }
  call.fail("expects a time unit: 'Second', 'Minute', 'Hour', 'Day', 'Week', 'Month' or 'Year'. The provided value is '" +
                call.text(interval + 1) + "'.",
            static_cast<int>(interval + 1));
}

Operand add_to_time(Call& call) { return print(call, moved(call, parse(call, 0), 1, 1), 3); }
Operand subtract_from_time(Call& call) { return print(call, moved(call, parse(call, 0), 1, -1), 3); }
Operand get_future_time(Call& call) { return print(call, moved(call, from_time(call.context().now()), 0, 1), 2); }
Operand get_past_time(Call& call) { return print(call, moved(call, from_time(call.context().now()), 0, -1), 2); }
Operand utc_now(Call& call) { return print(call, from_time(call.context().now()), 0); }

const TimeZone& zone(const Call& call, std::size_t index) {
  const TimeZone* out = TimeZone::find(call.text(index));
  if (!out)
    call.fail("expects a time zone. The provided value '" + call.text(index) + "' is not known.", static_cast<int>(index));
  return *out;
}

DateTime there(const Call& call, std::int64_t utc_ticks, const TimeZone& zone) {
  DateTime out{zone.from_utc(utc_ticks), zone.is_utc() ? DateTime::Kind::kUtc : DateTime::Kind::kUnspecified};
  if (out.ticks < 0 || out.ticks > kMaxTicks) in_range(call, std::nullopt);
  return out;
}

/// A wall clock reading in `from` as UTC.
std::int64_t utc_of(const Call& call, const DateTime& value, const TimeZone& from, std::size_t zone_argument) {
  if (value.kind != DateTime::Kind::kUnspecified) {
    if (!from.is_utc())
      call.fail("expects a date and time without an offset, as the time zone '" + call.text(zone_argument) + "' is given.", 0);
    return value.ticks;
  }
  const TimeZone::Meaning meaning = from.to_utc(value.ticks);
  if (!meaning.exists)
    call.fail("expects a time that exists. In the time zone '" + call.text(zone_argument) + "' the clock is put forward over '" +
                  call.text(0) + "'.",
              0);
  if (meaning.standard < 0 || meaning.standard > kMaxTicks) in_range(call, std::nullopt);
  return meaning.standard;
}

Operand convert_from_utc(Call& call) {
  const DateTime value = parse(call, 0);
  return print(call, there(call, value.ticks, zone(call, 1)), 2);
}

Operand convert_to_utc(Call& call) {
  const DateTime value = parse(call, 0);
  return print(call, {utc_of(call, value, zone(call, 1), 1), DateTime::Kind::kUtc}, 2);
}

Operand convert_time_zone(Call& call) {
  const DateTime value = parse(call, 0);
  const TimeZone& from = zone(call, 1);
  const TimeZone& to = zone(call, 2);
  return print(call, there(call, utc_of(call, value, from, 1), to), 3);
}

Operand date_difference(Call& call) {
  const DateTime from = parse(call, 0);
  const DateTime to = parse(call, 1);
  return Operand::text(format_time_span(to.ticks - from.ticks));
}

Operand day_of_month(Call& call) { return Value(calendar_of(parse(call, 0).ticks).day); }
Operand day_of_week(Call& call) { return Value(calendar_of(parse(call, 0).ticks).day_of_week); }
Operand day_of_year(Call& call) { return Value(calendar_of(parse(call, 0).ticks).day_of_year); }
Operand ticks(Call& call) { return Value(parse(call, 0).ticks); }

Operand start_of_day(Call& call) {
  DateTime value = parse(call, 0);
  value.ticks -= value.ticks % kTicksPerDay;
  return print(call, value, 1);
}
Operand start_of_hour(Call& call) {
  DateTime value = parse(call, 0);
  value.ticks -= value.ticks % kTicksPerHour;
  return print(call, value, 1);
}
Operand start_of_month(Call& call) {
  DateTime value = parse(call, 0);
  const Calendar calendar = calendar_of(value.ticks);
  value.ticks -= value.ticks % kTicksPerDay + (calendar.day - 1) * kTicksPerDay;
  return print(call, value, 1);
}

Operand format_date_time(Call& call) {
  const DateTime value = parse(call, 0);
  return print(call, value, 1, culture(call, 2));
}

Operand parse_date_time(Call& call) {
  const std::string& text = call.text(0);
  const Culture& with = culture(call, 1);
  const auto now = [&] { return call.context().now(); };
  const auto out = call.has(2) ? parse_date_exact(text, call.text(2), with, now) : parse_date(text, with, now);
  if (!out)
    call.fail("expects a date and time in the form of the locale" + std::string(call.has(2) ? " and the format" : "") +
                  ". The provided value is '" + text + "'.",
              0);
  return Operand::text(format_round_trip(*out));
}

Operand format_time_span_function(Call& call) {
  const auto span = parse_time_span(call.text(0));
  if (!span) call.fail("expects a time span such as '1.02:03:04'. The provided value is '" + call.text(0) + "'.", 0);
  auto out = format_time_span(*span, call.text(1), culture(call, 2));
  if (!out) call.fail("expects a time span format. The provided value is '" + call.text(1) + "'.", 1);
  return Operand::text(*std::move(out));
}

constexpr FunctionInfo kDateFunctions[] = {
    {"addDays", 2, 3, add_days},
    {"addHours", 2, 3, add_hours},
    {"addMinutes", 2, 3, add_minutes},
    {"addSeconds", 2, 3, add_seconds},
    {"addToTime", 3, 4, add_to_time},
    {"subtractFromTime", 3, 4, subtract_from_time},
    {"getFutureTime", 2, 3, get_future_time, false},
    {"getPastTime", 2, 3, get_past_time, false},
    {"utcNow", 0, 1, utc_now, false},
    {"convertFromUtc", 2, 3, convert_from_utc},
    {"convertToUtc", 2, 3, convert_to_utc},
    {"convertTimeZone", 3, 4, convert_time_zone},
    {"dateDifference", 2, 2, date_difference},
    {"dayOfMonth", 1, 1, day_of_month},
    {"dayOfWeek", 1, 1, day_of_week},
    {"dayOfYear", 1, 1, day_of_year},
    {"ticks", 1, 1, ticks},
    {"startOfDay", 1, 2, start_of_day},
    {"startOfHour", 1, 2, start_of_hour},
    {"startOfMonth", 1, 2, start_of_month},
    {"formatDateTime", 1, 3, format_date_time},
    {"parseDateTime", 1, 3, parse_date_time},
    {"formatTimeSpan", 2, 3, format_time_span_function},
};

}  // namespace

std::span<const FunctionInfo> date_functions() { return kDateFunctions; }

}  // namespace trunkline::expression

#include "runtime/workflow/recurrence.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/expression/date_time.h"
#include "runtime/expression/time_zone.h"

namespace trunkline::workflow {
namespace {

using expression::Value;
using Frequency = Recurrence::Frequency;
namespace date = std::chrono;

constexpr std::int64_t kDay_s = 86'400;
constexpr std::array<std::string_view, 6> kFrequencies{"Second", "Minute", "Hour", "Day", "Week", "Month"};
constexpr std::array<std::int64_t, 6> kUnits_s{1, 60, 3'600, kDay_s, 7 * kDay_s, 0};
constexpr std::array<std::int64_t, 6> kMaxIntervals{9'999'999, 72'000, 12'000, 500, 71, 16};
constexpr std::array<std::string_view, 7> kWeekDays{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
/// Periods that are looked at before a series counts as having no time left; far more than any schedule leaves empty.
constexpr int kMaxPeriods = 5'000;

using expression::kTicksPerSecond;
using expression::kUnixEpochTicks;
using expression::TimeZone;

Time to_time(const TimeZone* zone, std::int64_t local_s) {
  if (zone == nullptr) return Time{std::chrono::seconds{local_s}};
  // Skipped times keep the offset from before the gap, times that come twice are the first of them: both are `earlier`.
  const std::int64_t ticks = zone->to_utc(local_s * kTicksPerSecond + kUnixEpochTicks).earlier;
  return Time{std::chrono::seconds{(ticks - kUnixEpochTicks) / kTicksPerSecond}};
}

std::int64_t to_local_s(const TimeZone* zone, Time time) {
  const std::int64_t seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  if (zone == nullptr) return seconds;
  return (zone->from_utc(seconds * kTicksPerSecond + kUnixEpochTicks) - kUnixEpochTicks) / kTicksPerSecond;
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0); }

date::year_month_day date_of(std::int64_t day) { return date::year_month_day{date::sys_days{date::days{day}}}; }
std::int64_t day_number(date::year_month_day ymd) { return date::sys_days{ymd}.time_since_epoch().count(); }
int week_day_of(std::int64_t day) { return static_cast<int>(((day + 4) % 7 + 7) % 7); }  // 1970-01-01 was a Thursday
int last_day_of(date::year_month month) {
  return static_cast<int>(
      static_cast<unsigned>(date::year_month_day_last{month.year(), date::month_day_last{month.month()}}.day()));
}

/// The days of one month that a schedule names.
std::vector<std::int64_t> days_of_month(const Recurrence& r, date::year_month month, int start_day) {
  const int last = last_day_of(month);
  const std::int64_t first = day_number(month / date::day{1});
  std::vector<std::int64_t> out;
  std::vector<int> wanted = r.month_days;
  if (wanted.empty() && r.monthly_occurrences.empty()) wanted.push_back(std::min(start_day, last));
  for (const int day : wanted) {
    const int of_month = day > 0 ? day : last + 1 + day;
    if (of_month >= 1 && of_month <= last) out.push_back(first + of_month - 1);
  }
  for (const auto& [week_day, which] : r.monthly_occurrences) {
    std::vector<std::int64_t> matching;
    for (int day = 0; day < last; ++day)
      if (week_day_of(first + day) == week_day) matching.push_back(first + day);
    const std::int64_t at = which > 0 ? which - 1 : static_cast<std::int64_t>(matching.size()) + which;
    if (at >= 0 && at < static_cast<std::int64_t>(matching.size())) out.push_back(matching[static_cast<std::size_t>(at)]);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

/// Days of period number `n` of a series that begins on `start_day`.
std::vector<std::int64_t> days_of_period(const Recurrence& r, std::int64_t start_day, std::int64_t n) {
  if (r.frequency == Frequency::kDay) {
    const std::int64_t day = start_day + n * r.interval;
    if (!r.week_days.empty() && std::find(r.week_days.begin(), r.week_days.end(), week_day_of(day)) == r.week_days.end())
      return {};
    return {day};
  }
  if (r.frequency == Frequency::kWeek) {
    if (r.week_days.empty()) return {start_day + n * r.interval * 7};
    const std::int64_t monday = start_day - (week_day_of(start_day) + 6) % 7 + n * r.interval * 7;
    std::vector<std::int64_t> out;
    for (std::int64_t day = monday; day < monday + 7; ++day)
      if (std::find(r.week_days.begin(), r.week_days.end(), week_day_of(day)) != r.week_days.end()) out.push_back(day);
    return out;
  }
  const date::year_month_day start = date_of(start_day);
  const date::year_month month = date::year_month{start.year(), start.month()} + date::months{n * r.interval};
  return days_of_month(r, month, static_cast<int>(static_cast<unsigned>(start.day())));
}

std::optional<Time> next_scheduled(const Recurrence& r, const TimeZone* zone, std::int64_t start_s, Time after, bool inclusive) {
  const std::int64_t start_day = floor_div(start_s, kDay_s);
  const std::int64_t of_day = start_s - start_day * kDay_s;
  std::vector<int> hours = r.hours, minutes = r.minutes;
  const bool hourly = r.frequency < Frequency::kDay;
  if (hours.empty() && !hourly) hours.push_back(static_cast<int>(of_day / 3'600));
  if (hours.empty())
    for (int hour = 0; hour < 24; ++hour) hours.push_back(hour);
  if (minutes.empty()) minutes.push_back(static_cast<int>(of_day % 3'600 / 60));
  std::sort(hours.begin(), hours.end());
  std::sort(minutes.begin(), minutes.end());
  // Seconds of the start are kept only where the schedule says nothing of minutes.
  const std::int64_t seconds = r.minutes.empty() ? of_day % 60 : 0;

  const std::int64_t after_day = floor_div(to_local_s(zone, after), kDay_s);
  Recurrence daily = r;
  if (hourly) {
    daily.frequency = Frequency::kDay;
    daily.interval = 1;
  }
  std::int64_t n = 0;
  if (after_day > start_day) {
    if (daily.frequency == Frequency::kMonth)
      n = (after_day - start_day) / (31 * daily.interval) - 1;
    else
      n = (after_day - start_day) / ((daily.frequency == Frequency::kWeek ? 7 : 1) * daily.interval) - 1;
    n = std::max<std::int64_t>(n, 0);
  }
  for (int tried = 0; tried < kMaxPeriods; ++tried, ++n)
    for (const std::int64_t day : days_of_period(daily, start_day, n))
      for (const int hour : hours)
        for (const int minute : minutes) {
          const std::int64_t local = day * kDay_s + hour * 3'600 + minute * 60 + seconds;
          if (local < start_s) continue;
          const Time time = to_time(zone, local);
          if (inclusive ? time >= after : time > after) return time;
        }
  return std::nullopt;
}

std::optional<Time> next_plain(const Recurrence& r, const TimeZone* zone, std::int64_t start_s, Duration fraction, Time after,
                               bool inclusive) {
  const auto good = [&](Time time) { return inclusive ? time >= after : time > after; };
  if (r.frequency < Frequency::kDay) {
    const Time start = to_time(zone, start_s) + fraction;
    const Duration step = std::chrono::seconds{kUnits_s[static_cast<std::size_t>(r.frequency)] * r.interval};
    if (good(start)) return start;
    const std::int64_t passed = (after - start) / step;
    const Time candidate = start + passed * step;
    return good(candidate) ? candidate : candidate + step;
  }
  const std::int64_t start_day = floor_div(start_s, kDay_s);
  const std::int64_t of_day = start_s - start_day * kDay_s;
  const std::int64_t after_day = floor_div(to_local_s(zone, after), kDay_s);
  const std::int64_t period_days = r.interval * (r.frequency == Frequency::kMonth ? 31 : r.frequency == Frequency::kWeek ? 7 : 1);
  std::int64_t n = std::max<std::int64_t>((after_day - start_day) / period_days - 1, 0);
  for (int tried = 0; tried < kMaxPeriods; ++tried, ++n)
    for (const std::int64_t day : days_of_period(r, start_day, n)) {
      const Time time = to_time(zone, day * kDay_s + of_day) + fraction;
      if (good(time)) return time;
    }
  return std::nullopt;
}

void read_list(const Value& schedule, const char* name, int min, int max, std::vector<int>& out, const ReportProblem& report) {
  const auto found = schedule.find(name);
  if (found == schedule.end() || found->is_null()) return;
  const std::string pointer = std::string("/schedule/") + name;
  const Value list = found->is_array() ? *found : Value::array({*found});
  for (const Value& item : list) {
    std::optional<std::int64_t> number;
    if (item.is_number_integer()) number = item.get<std::int64_t>();
    if (item.is_string()) number = parse_number<std::int64_t>(item.get_ref<const std::string&>());
    if (!number || *number < min || *number > max || (min < 0 && *number == 0)) {
      report(pointer,
             std::string("'") + name + "' takes whole numbers from " + std::to_string(min) + " to " + std::to_string(max) + ".");
      return;
    }
    out.push_back(static_cast<int>(*number));
  }
}

std::optional<int> parse_week_day(const Value& value) {
  if (!value.is_string()) return std::nullopt;
  for (std::size_t i = 0; i < kWeekDays.size(); ++i)
    if (iequals(kWeekDays[i], value.get_ref<const std::string&>())) return static_cast<int>(i);
  return std::nullopt;
}

void read_schedule(const Value& schedule, Recurrence& r, const ReportProblem& report) {
  if (!schedule.is_object()) {
    report("/schedule", "'schedule' must be an object.");
    return;
  }
  read_list(schedule, "hours", 0, 23, r.hours, report);
  read_list(schedule, "minutes", 0, 59, r.minutes, report);
  read_list(schedule, "monthDays", -31, 31, r.month_days, report);
  if (const auto days = schedule.find("weekDays"); days != schedule.end() && !days->is_null()) {
    const Value list = days->is_array() ? *days : Value::array({*days});
    for (const Value& item : list) {
      if (const auto day = parse_week_day(item))
        r.week_days.push_back(*day);
      else
        report("/schedule/weekDays", "'weekDays' takes the English names of days.");
    }
  }
  if (const auto list = schedule.find("monthlyOccurrences"); list != schedule.end() && list->is_array())
    for (const Value& item : *list) {
      const auto day = item.is_object() && item.contains("dayOfWeek") ? parse_week_day(item["dayOfWeek"])
                       : item.is_object() && item.contains("day")     ? parse_week_day(item["day"])
                                                                      : std::nullopt;
      const bool has_which = item.is_object() && item.contains("occurrence") && item["occurrence"].is_number_integer();
      if (day && has_which)
        r.monthly_occurrences.emplace_back(*day, item["occurrence"].get<int>());
      else
        report("/schedule/monthlyOccurrences", "Each needs a 'dayOfWeek' and a whole 'occurrence'.");
    }
}

struct LocalText {
  std::int64_t seconds = 0;
  bool has_offset = false;
};

/// `2026-03-01T08:00:00`, with a fraction and `Z` or an offset or without; the seconds are those of the text, less the offset.
std::optional<LocalText> parse_local(std::string_view text) {
  LocalText out;
  std::string full(trim(text));
  const std::size_t t = full.find_first_of("Tt ");
  if (t == std::string::npos) {
    full += "T00:00:00";
  } else {
    full[t] = 'T';
    if (std::count(full.begin() + static_cast<std::ptrdiff_t>(t), full.end(), ':') == 1 &&
        full.find_first_of("Zz+", t) == std::string::npos)
      full += ":00";
  }
  const std::size_t time_at = full.find('T');
  const std::size_t zone_at = full.find_first_of("Zz+-", time_at);
  out.has_offset = zone_at != std::string::npos;
  const auto time = parse_rfc3339(out.has_offset ? full : full + "Z");
  if (!time) return std::nullopt;
  out.seconds = std::chrono::floor<std::chrono::seconds>(time->time_since_epoch()).count();
  return out;
}

}  // namespace

std::optional<Time> Recurrence::start() const {
  if (!start_local_s) return std::nullopt;
  return to_time(zone, *start_local_s);
}

std::optional<Time> Recurrence::next(Time after, Time anchor, bool inclusive) const {
  const TimeZone* tz = zone;
  const std::int64_t start_s = start_local_s ? *start_local_s : to_local_s(tz, anchor);
  const Duration fraction = start_local_s
                                ? Duration{0}
                                : anchor.time_since_epoch() - std::chrono::floor<std::chrono::seconds>(anchor.time_since_epoch());
  const std::optional<Time> time = has_schedule() ? next_scheduled(*this, tz, start_s, after, inclusive)
                                                  : next_plain(*this, tz, start_s, fraction, after, inclusive);
  if (time && end && *time > *end) return std::nullopt;
  return time;
}

std::optional<Time> Recurrence::first(Time now) const {
  if (!start_local_s) return !end || now <= *end ? std::optional<Time>(now) : std::nullopt;
  return next(now, now, true);
}

std::optional<Recurrence> parse_recurrence(const Value& json, const ReportProblem& report) {
  bool good = true;
  const ReportProblem note = [&](std::string pointer, std::string message) {
    good = false;
    report(std::move(pointer), std::move(message));
  };
  if (!json.is_object()) {
    note("", "'recurrence' must be an object.");
    return std::nullopt;
  }
  Recurrence r;
  const auto frequency = json.find("frequency");
  bool known = false;
  if (frequency != json.end() && frequency->is_string())
    for (std::size_t i = 0; i < kFrequencies.size(); ++i)
      if (iequals(kFrequencies[i], frequency->get_ref<const std::string&>())) {
        r.frequency = static_cast<Frequency>(i);
        known = true;
      }
  if (!known) note("/frequency", "'frequency' must be one of Second, Minute, Hour, Day, Week and Month.");
  const auto interval = json.find("interval");
  if (interval != json.end() && !interval->is_null()) {
    std::optional<std::int64_t> number;
    if (interval->is_number_integer()) number = interval->get<std::int64_t>();
    if (interval->is_string()) number = parse_number<std::int64_t>(interval->get_ref<const std::string&>());
    const std::int64_t max = kMaxIntervals[static_cast<std::size_t>(r.frequency)];
    if (!number || *number < 1 || *number > max)
      note("/interval", "'interval' must be a whole number from 1 to " + std::to_string(max) + " for the frequency '" +
                            std::string(kFrequencies[static_cast<std::size_t>(r.frequency)]) + "'.");
    else
      r.interval = *number;
  } else if (known) {
    note("/interval", "'interval' is missing.");
  }
  if (const auto zone = json.find("timeZone"); zone != json.end() && !zone->is_null()) {
    const TimeZone* found = zone->is_string() ? TimeZone::find(zone->get_ref<const std::string&>()) : nullptr;
    if (found != nullptr)
      r.zone = found;
    else
      note("/timeZone",
           "The time zone id '" + (zone->is_string() ? zone->get<std::string>().substr(0, 80) : "") + "' is not valid.");
  }
  const auto moment = [&](const char* name) -> std::optional<LocalText> {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) return std::nullopt;
    std::optional<LocalText> parsed;
    if (found->is_string()) parsed = parse_local(found->get_ref<const std::string&>());
    if (!parsed) note(std::string("/") + name, std::string("'") + name + "' is no date and time such as 2026-03-01T08:00:00Z.");
    return parsed;
  };
  if (good) {
    const TimeZone* tz = r.zone;
    if (const auto start = moment("startTime"))
      r.start_local_s = start->has_offset ? to_local_s(tz, Time{std::chrono::seconds{start->seconds}}) : start->seconds;
    if (const auto end = moment("endTime"))
      r.end = end->has_offset ? Time{std::chrono::seconds{end->seconds}} : to_time(tz, end->seconds);
  }
  if (const auto count = json.find("count"); count != json.end() && !count->is_null()) {
    if (count->is_number_integer() && count->get<std::int64_t>() > 0)
      r.count = count->get<std::int64_t>();
    else
      note("/count", "'count' must be a whole number above 0.");
  }
  if (const auto schedule = json.find("schedule"); schedule != json.end() && !schedule->is_null())
    read_schedule(*schedule, r, note);
  if (!good) return std::nullopt;
  return r;
}

}  // namespace trunkline::workflow

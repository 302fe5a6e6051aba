// Schedules of Recurrence, SlidingWindow and polling triggers.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/expression/value.h"
#include "trunkline/error.hpp"

namespace trunkline::expression {
class TimeZone;
}

namespace trunkline::workflow {

struct Recurrence {
  enum class Frequency : std::uint8_t { kSecond, kMinute, kHour, kDay, kWeek, kMonth };
  Frequency frequency = Frequency::kDay;
  std::int64_t interval = 1;
  /// Wall-clock time in `zone` when there is one, else UTC; seconds since 1970-01-01 of that clock.
  std::optional<std::int64_t> start_local_s;
  std::optional<Time> end;
  /// Null: UTC, without daylight saving.
  const expression::TimeZone* zone = nullptr;
  std::int64_t count = 0;  // 0: without end
  std::vector<int> hours, minutes;
  std::vector<int> week_days;   // 0: Sunday
  std::vector<int> month_days;  // 1 to 31, or -1 to -31 from the end
  /// Weekday and which of the month, such as {5, -1} for the last Friday.
  std::vector<std::pair<int, int>> monthly_occurrences;

  bool has_schedule() const {
    return !hours.empty() || !minutes.empty() || !week_days.empty() || !month_days.empty() || !monthly_occurrences.empty();
  }
  /// The first time after `after` (at it, when `inclusive`). `anchor`: when the trigger was switched on; the series begins there
  /// unless it has a start of its own. nullopt: there is none any more.
  ///
  /// A wall-clock time that daylight saving skips fires as much later as was skipped; one that comes twice fires the first time.
  std::optional<Time> next(Time after, Time anchor, bool inclusive = false) const;
  /// The first firing of a trigger that is switched on at `now`.
  std::optional<Time> first(Time now) const;
  /// Its start as a point in time.
  std::optional<Time> start() const;
};

/// Reports `(member, message)`; the member is a JSON pointer within `json`.
using ReportProblem = std::function<void(std::string pointer, std::string message)>;
/// `json`: evaluated. `schedule`: the members `schedule` and `endTime` are allowed (else they are reported).
std::optional<Recurrence> parse_recurrence(const expression::Value& json, const ReportProblem& report);

}  // namespace trunkline::workflow

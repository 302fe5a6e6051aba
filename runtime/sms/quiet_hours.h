// When people are not to be written to, by the clock of where they are.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline {

/// The time zones that a number may be in (IANA names): those of its area code, or all of its country's. From the zone database
/// of the system, which holds the zones of each country, and a dated data file of area codes. [any-thread]
class NumberZones {
 public:
  /// Throws kFailedPrecondition when the system has no zone database.
  NumberZones();
  ~NumberZones();

  /// Empty: unknown. Borrows.
  const std::vector<std::string>& of(std::string_view e164, std::string_view country) const;

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

/// A span of the day, in minutes after midnight; it may pass midnight. `from` belongs to it, `until` does not.
struct DaySpan {
  int from_minute = 0;
  int until_minute = 0;

  bool contains(int minute) const {
    return from_minute < until_minute ? minute >= from_minute && minute < until_minute
                                      : minute >= from_minute || minute < until_minute;
  }
};

/// The first moment at or after `time` at which the span holds in none of the zones. A local time that a change of the clock
/// skips counts as the moment of the change; one that comes twice counts as the second. When there is no such moment within eight
/// days the first zone alone decides. Throws kNotFound for a zone that the system does not know.
Time after_quiet_hours(Time time, const DaySpan& quiet, const std::vector<std::string>& zones);

}  // namespace trunkline

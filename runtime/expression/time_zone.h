// Time zones by their Windows or IANA names.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/expression/date_time.h"

namespace trunkline::expression {

/// Daylight saving comes from the zone data of the system. Immutable. [any-thread]
class TimeZone {
 public:
  /// `Pacific Standard Time` (in any case) or `America/Los_Angeles`; nullptr: unknown. Valid for ever. Reads the zone data of the
  /// system when it is asked for a zone for the first time.
  static const TimeZone* find(std::string_view name);

  /// The wall clock there, in ticks, at a point of UTC in ticks.
  std::int64_t from_utc(std::int64_t ticks) const;
  /// What a wall clock reading can mean. In the hour that is skipped in spring it means nothing; in the hour that comes twice in
  /// autumn `earlier` differs from `later`.
  struct Meaning {
    bool exists = true;
    /// With exists false: the reading taken by the offset before the gap and by the one after it.
    std::int64_t earlier = 0;
    std::int64_t later = 0;
    /// The one of both that is not in daylight saving time, which is what .NET takes.
    std::int64_t standard = 0;
  };
  Meaning to_utc(std::int64_t wall_ticks) const;
  bool is_utc() const { return utc_; }
  const std::string& iana_name() const { return iana_name_; }

 private:
  TimeZone() = default;
  std::string iana_name_;
  const void* zone_ = nullptr;  // date::time_zone, which its library keeps for ever
  bool utc_ = false;
};

}  // namespace trunkline::expression

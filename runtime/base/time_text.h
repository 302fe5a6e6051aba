// Points in time and durations as text.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "trunkline/error.hpp"

namespace trunkline {

/// RFC 3339 with as many digits as needed (0, 3, 6 or 9), `Z`.
std::string format_rfc3339(Time time);
/// RFC 3339 to a time; nullopt when malformed or outside the years 1678 to 2261.
std::optional<Time> parse_rfc3339(std::string_view text);

/// `Tue, 26 Mar 2019 16:06:51 GMT` (RFC 9110 IMF-fixdate).
std::string format_http_date(Time time);
std::optional<Time> parse_http_date(std::string_view text);

/// `250ms`, `30s`, `5m`, `24h`, `7d`, sums in falling order such as `1h30m`, or ISO 8601 (`PT5M`, `P1DT2H`, weeks at most: a
/// month has no fixed length). Not negative. nullopt when malformed or above 292 years.
std::optional<Duration> parse_duration(std::string_view text);
/// The short form that parse_duration reads: `1h30m`, `250ms`, `0s`. `duration` must not be negative.
std::string format_duration(Duration duration);

}  // namespace trunkline

// Times as SMPP writes them (7.1.1) and as receipts do.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "trunkline/error.hpp"

namespace smpp {

/// `YYMMDDhhmmsstnnp` in UTC, rounded down to a tenth of a second. For the years 2000 to 2099.
std::string format_time(trunkline::Time time);
/// Absolute (`+`, `-`) or relative (`R`) to `now`. nullopt: it is neither, or names no day that there is. Empty text too.
std::optional<trunkline::Time> parse_time(std::string_view text, trunkline::Time now);
/// `YYMMDDhhmm`, as receipts carry it.
std::string format_receipt_date(trunkline::Time time);
/// 10 or 12 digits, taken as UTC.
std::optional<trunkline::Time> parse_receipt_date(std::string_view text);

}  // namespace smpp

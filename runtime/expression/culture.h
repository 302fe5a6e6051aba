// What a culture writes: names, separators and patterns, in the form that .NET uses.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::expression {

struct Culture {
  std::string name;

  std::string decimal_separator = ".";
  std::string group_separator = ",";
  std::string minus = "-";
  std::string plus = "+";
  std::string percent = "%";
  int primary_group = 3;
  int secondary_group = 3;
  int currency_digits = 2;
  /// Around the digits, `¤` already replaced.
  std::string currency_prefix, currency_suffix;
  std::string percent_prefix, percent_suffix;

  /// Months alone, and as part of a date (the genitive, where a language has one); twelve each.
  std::vector<std::string> months, months_short, months_in_date, months_short_in_date;
  /// Sunday first.
  std::vector<std::string> days, days_short;
  std::string am = "AM";
  std::string pm = "PM";

  std::string short_date, long_date, short_time, long_time, month_day, year_month;

  /// Such as `en-US` or `fr`, in any case; nullptr: unknown. Valid for ever. [any-thread]
  static const Culture* find(std::string_view name);
  static const Culture& english();    // en-US
  static const Culture& invariant();  // .NET's own
};

}  // namespace trunkline::expression

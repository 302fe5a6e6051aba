// What both parsers of dates need: the parts found so far, and a scanner over the text.
#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/expression/date_time.h"

namespace trunkline::expression {

// Longer text is no date.
inline constexpr std::size_t kMaxDateText = 128;

/// Two digits mean 1950 to 2049, as in .NET.
int full_year(int value, std::size_t digits);

/// What has been found out about a date so far.
struct DateParts {
  std::optional<int> year, month, day, weekday;
  int hour = 0, minute = 0, second = 0;
  std::int64_t fraction = 0;
  bool has_time = false;
  std::optional<bool> afternoon;
  bool utc = false;
  std::optional<int> offset_minutes;

  /// nullopt: there is no such time. `now` gives what the text left out.
  std::optional<DateTime> finish(const std::function<Time()>& now) const;
};

class DateScanner {
 public:
  explicit DateScanner(std::string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  std::size_t at() const { return at_; }
  void go(std::size_t at) { at_ = at; }
  std::string_view rest() const { return text_.substr(at_); }
  bool digit() const { return peek() >= '0' && peek() <= '9'; }
  bool take(char c);
  /// In any case.
  bool take_word(std::string_view word);
  void skip_blanks();
  /// Up to `most` digits; their number in `digits`.
  std::optional<int> number(std::size_t most, std::size_t* digits = nullptr);
  /// All digits of a fraction of a second, rounded to ticks; 1 s itself is possible.
  std::optional<std::int64_t> fraction();
  /// `+hh`, `+hh:mm`, `-hhmm`, in minutes.
  std::optional<int> offset();
  /// The index of a month from 0, of a day from Sunday 0; the longest name that is the next word.
  std::optional<int> month(const Culture& culture);
  std::optional<int> weekday(const Culture& culture);

 private:
  std::optional<int> name(std::initializer_list<const std::vector<std::string>*> lists);

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace trunkline::expression

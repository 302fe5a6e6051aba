#include "runtime/expression/date_scanner.h"

#include "runtime/base/utf8.h"
#include "runtime/expression/text_units.h"

namespace trunkline::expression {
namespace {

constexpr int kTwoDigitPivot = 49;

/// The index of the longest name that is the first word of `text`, and its length.
std::optional<std::pair<int, std::size_t>> match_name(std::string_view text, const std::vector<std::string>& names) {
  std::optional<std::pair<int, std::size_t>> best;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    if (name.empty() || name.size() > text.size() || (best && best->second >= name.size())) continue;
    if (!equal_folded(text.substr(0, name.size()), name)) continue;
    // `mar` is no month in `martes`.
    std::string_view behind = text.substr(name.size());
    const auto next = take_code_point(behind);
    if (!next || !is_letter(*next)) best = {static_cast<int>(i), name.size()};
  }
  return best;
}

}  // namespace

int full_year(int value, std::size_t digits) {
  if (digits > 2) return value;
  return value + (value <= kTwoDigitPivot ? 2000 : 1900);
}

std::optional<DateTime> DateParts::finish(const std::function<Time()>& now) const {
  int y = year.value_or(0);
  int m = month.value_or(1);
  int d = day.value_or(1);
  if (!year) {
    const Calendar today = calendar_of(from_time(now()).ticks);
    y = today.year;
    if (!month && !day) {
      m = today.month;
      d = today.day;
    }
  }
  const auto date = ticks_of(y, m, d);
  int h = hour;
  if (afternoon) {
    if (h > 12) return std::nullopt;
    h = h % 12 + (*afternoon ? 12 : 0);
  }
  const bool midnight_after = h == 24 && minute == 0 && second == 0 && fraction == 0;
  if (!date || (h > 23 && !midnight_after) || minute > 59 || second > 59) return std::nullopt;
  DateTime out{*date + h * kTicksPerHour + minute * kTicksPerMinute + second * kTicksPerSecond + fraction,
               DateTime::Kind::kUnspecified};
  if (weekday && calendar_of(*date).day_of_week != *weekday) return std::nullopt;
  if (offset_minutes) {
    out.ticks -= *offset_minutes * kTicksPerMinute;
    out.kind = DateTime::Kind::kOffset;
  }
  if (utc) out.kind = DateTime::Kind::kUtc;
  if (out.ticks < 0 || out.ticks > kMaxTicks) return std::nullopt;
  return out;
}

bool DateScanner::take(char c) {
  if (peek() != c) return false;
  ++at_;
  return true;
}

bool DateScanner::take_word(std::string_view word) {
  if (word.empty() || rest().size() < word.size() || !equal_folded(rest().substr(0, word.size()), word)) return false;
  at_ += word.size();
  return true;
}

void DateScanner::skip_blanks() {
  std::string_view left = rest();
  for (;;) {
    std::string_view after = left;
    const auto point = take_code_point(after);
    if (!point || !is_white_space(*point)) break;
    left = after;
  }
  at_ = text_.size() - left.size();
}

std::optional<int> DateScanner::number(std::size_t most, std::size_t* digits) {
  std::size_t length = 0;
  int value = 0;
  while (length < most && digit()) {
    value = value * 10 + (peek() - '0');
    ++at_;
    ++length;
  }
  if (digits) *digits = length;
  return length > 0 ? std::optional<int>(value) : std::nullopt;
}

std::optional<std::int64_t> DateScanner::fraction() {
  std::int64_t value = 0;
  std::size_t length = 0;
  bool up = false;
  for (; digit(); ++at_, ++length) {
    if (length < 7)
      value = value * 10 + (peek() - '0');
    else if (length == 7)
      up = peek() >= '5';
  }
  if (length == 0) return std::nullopt;
  for (std::size_t i = length; i < 7; ++i) value *= 10;
  return value + (up ? 1 : 0);
}

std::optional<int> DateScanner::offset() {
  const bool negative = peek() == '-';
  if (!take('+') && !take('-')) return std::nullopt;
  const auto hours = number(2);
  if (!hours) return std::nullopt;
  int minutes = 0;
  if (take(':') || digit()) {
    const auto value = number(2);
    if (!value) return std::nullopt;
    minutes = *value;
  }
  if (*hours > 14 || minutes > 59 || (*hours == 14 && minutes > 0)) return std::nullopt;
  return (negative ? -1 : 1) * (*hours * 60 + minutes);
}

std::optional<int> DateScanner::name(std::initializer_list<const std::vector<std::string>*> lists) {
  std::optional<std::pair<int, std::size_t>> best;
  for (const auto* names : lists) {
    const auto found = match_name(rest(), *names);
    if (found && (!best || found->second > best->second)) best = found;
  }
  if (!best) return std::nullopt;
  at_ += best->second;
  return best->first;
}

std::optional<int> DateScanner::month(const Culture& culture) {
  return name({&culture.months, &culture.months_in_date, &culture.months_short, &culture.months_short_in_date});
}

std::optional<int> DateScanner::weekday(const Culture& culture) { return name({&culture.days, &culture.days_short}); }

}  // namespace trunkline::expression

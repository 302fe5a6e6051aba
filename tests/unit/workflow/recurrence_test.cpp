#include "runtime/workflow/recurrence.h"

#include <gmock/gmock.h>

#include "runtime/base/time_text.h"

namespace trunkline::workflow {
namespace {

using ::testing::ElementsAre;

Time at(const char* text) { return parse_rfc3339(text).value(); }

Recurrence read(const char* json) {
  std::string problems;
  auto parsed = parse_recurrence(expression::parse_value(json),
                                 [&](std::string pointer, std::string message) { problems += pointer + ": " + message + "\n"; });
  EXPECT_EQ(problems, "");
  return parsed.value_or(Recurrence{});
}

std::vector<std::string> series(const Recurrence& r, Time anchor, int count) {
  std::vector<std::string> out;
  std::optional<Time> time = r.first(anchor);
  for (int i = 0; i < count && time; ++i) {
    out.push_back(format_rfc3339(*time));
    time = r.next(*time, anchor);
  }
  return out;
}

TEST(Recurrence, BeginsAtOnceWithoutAStart) {
  EXPECT_THAT(series(read(R"({"frequency":"hour","interval":3})"), at("2026-03-02T08:10:20Z"), 3),
              ElementsAre("2026-03-02T08:10:20Z", "2026-03-02T11:10:20Z", "2026-03-02T14:10:20Z"));
}

TEST(Recurrence, FollowsASeriesFromAStartInThePast) {
  EXPECT_THAT(
      series(read(R"({"frequency":"Day","interval":2,"startTime":"2026-01-01T09:00:00Z"})"), at("2026-01-04T00:00:00Z"), 2),
      ElementsAre("2026-01-05T09:00:00Z", "2026-01-07T09:00:00Z"));
}

TEST(Recurrence, WaitsForAStartInTheFuture) {
  EXPECT_THAT(
      series(read(R"({"frequency":"Week","interval":1,"startTime":"2026-05-01T09:00:00Z"})"), at("2026-01-04T00:00:00Z"), 2),
      ElementsAre("2026-05-01T09:00:00Z", "2026-05-08T09:00:00Z"));
}

TEST(Recurrence, CombinesHoursMinutesAndWeekDays) {
  const Recurrence r = read(R"({"frequency":"Week","interval":1,"startTime":"2026-03-02T00:00:00Z",
    "schedule":{"weekDays":["Monday","Friday"],"hours":[9,"17"],"minutes":[0,30]}})");
  EXPECT_THAT(series(r, at("2026-03-02T16:00:00Z"), 4),
              ElementsAre("2026-03-02T17:00:00Z", "2026-03-02T17:30:00Z", "2026-03-06T09:00:00Z", "2026-03-06T09:30:00Z"));
}

TEST(Recurrence, LeavesOutDaysThatAMonthDoesNotHave) {
  const Recurrence r = read(
      R"({"frequency":"Month","interval":1,"startTime":"2026-01-01T06:00:00Z","schedule":{"monthDays":[31,-1],"hours":[6],"minutes":[0]}})");
  EXPECT_THAT(series(r, at("2026-01-31T07:00:00Z"), 3),
              ElementsAre("2026-02-28T06:00:00Z", "2026-03-31T06:00:00Z", "2026-04-30T06:00:00Z"));
}

TEST(Recurrence, KnowsTheLastFriday) {
  const Recurrence r = read(R"({"frequency":"Month","interval":1,"startTime":"2026-01-01T06:00:00Z",
    "schedule":{"monthlyOccurrences":[{"dayOfWeek":"Friday","occurrence":-1}],"hours":[6],"minutes":[0]}})");
  EXPECT_THAT(series(r, at("2026-01-01T00:00:00Z"), 2), ElementsAre("2026-01-30T06:00:00Z", "2026-02-27T06:00:00Z"));
}

TEST(Recurrence, KeepsWallClockTimeAcrossDaylightSaving) {
  // Central European time changes on 29 March 2026 at 02:00.
  EXPECT_THAT(
      series(read(R"({"frequency":"Day","interval":1,"startTime":"2026-03-28T08:00:00","timeZone":"W. Europe Standard Time"})"),
             at("2026-03-28T00:00:00Z"), 3),
      ElementsAre("2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z", "2026-03-30T06:00:00Z"));
}

TEST(Recurrence, FiresLaterInTheGapAndOnceInTheFold) {
  const Recurrence gap =
      read(R"({"frequency":"Day","interval":1,"startTime":"2026-03-28T02:30:00","timeZone":"W. Europe Standard Time"})");
  EXPECT_THAT(series(gap, at("2026-03-28T00:00:00Z"), 3),
              ElementsAre("2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"));
  const Recurrence fold =
      read(R"({"frequency":"Day","interval":1,"startTime":"2026-10-24T02:30:00","timeZone":"W. Europe Standard Time"})");
  EXPECT_THAT(series(fold, at("2026-10-24T00:00:00Z"), 3),
              ElementsAre("2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"));
}

TEST(Recurrence, EndsAtItsEnd) {
  EXPECT_THAT(
      series(read(R"({"frequency":"Day","interval":1,"startTime":"2026-03-01T00:00:00Z","endTime":"2026-03-02T12:00:00Z"})"),
             at("2026-03-01T00:00:00Z"), 9),
      ElementsAre("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"));
}

TEST(Recurrence, CountsSecondsWithoutDrift) {
  EXPECT_THAT(series(read(R"({"frequency":"Second","interval":7})"), at("2026-03-02T08:00:00.25Z"), 3),
              ElementsAre("2026-03-02T08:00:00.250Z", "2026-03-02T08:00:07.250Z", "2026-03-02T08:00:14.250Z"));
}

TEST(Recurrence, TakesIntervalsInTheirDocumentedRanges) {
  const auto refused = [](const std::string& frequency, int interval) {
    std::string out;
    parse_recurrence(Value{{"frequency", frequency}, {"interval", interval}},
                     [&](std::string pointer, std::string) { out += pointer; });
    return out;
  };
  for (const auto& [frequency, most] : {std::pair{"Second", 9'999'999}, std::pair{"minute", 72'000}, std::pair{"Hour", 12'000},
                                        std::pair{"DAY", 500}, std::pair{"Week", 71}, std::pair{"Month", 16}}) {
    EXPECT_EQ(refused(frequency, most), "") << frequency;
    EXPECT_EQ(refused(frequency, most + 1), "/interval") << frequency;
    EXPECT_EQ(refused(frequency, 0), "/interval") << frequency;
  }
}

}  // namespace
}  // namespace trunkline::workflow

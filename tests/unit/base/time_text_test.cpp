#include "runtime/base/time_text.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

using namespace std::chrono_literals;

constexpr Time kTime{std::chrono::seconds{1553616411}};  // 2019-03-26T16:06:51Z

TEST(Rfc3339, PrintsAsManyDigitsAsNeeded) {
  EXPECT_EQ(format_rfc3339(kTime), "2019-03-26T16:06:51Z");
  EXPECT_EQ(format_rfc3339(kTime + 120ms), "2019-03-26T16:06:51.120Z");
  EXPECT_EQ(format_rfc3339(kTime + 5us), "2019-03-26T16:06:51.000005Z");
  EXPECT_EQ(format_rfc3339(kTime + 1ns), "2019-03-26T16:06:51.000000001Z");
  EXPECT_EQ(format_rfc3339(Time{-1ns}), "1969-12-31T23:59:59.999999999Z");
}

TEST(Rfc3339, ParsesWhatTheStandardAllows) {
  EXPECT_EQ(parse_rfc3339("2019-03-26T16:06:51Z"), kTime);
  EXPECT_EQ(parse_rfc3339("2019-03-26t16:06:51z"), kTime);
  EXPECT_EQ(parse_rfc3339("2019-03-26 18:36:51+02:30"), kTime);
  EXPECT_EQ(parse_rfc3339("2019-03-26T08:06:51.5-08:00"), kTime + 500ms);
  EXPECT_EQ(parse_rfc3339("2019-03-26T16:06:51.1234567891Z"), kTime + 123456789ns);
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2017-01-01T00:00:00Z"));
}

TEST(Rfc3339, RefusesTheRest) {
  for (const char* text : {"", "2019-03-26", "2019-03-26T16:06:51", "2019-03-26T16:06Z", "2019-02-29T00:00:00Z",
                           "2019-13-01T00:00:00Z", "2019-03-26T24:00:00Z", "2019-03-26T16:60:51Z", "2019-03-26T16:06:51.Z",
                           "2019-03-26T16:06:51Zx", "2019-03-26T16:06:51+1:00", "2019-03-26T16:06:51+24:00",
                           "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "+019-03-26T16:06:51Z"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Rfc3339, RoundTrips) {
  for (std::int64_t ns : {0ll, 1ll, -1ll, 1553616411123456789ll, 4102444800000000000ll, -5000000000000000001ll})
    EXPECT_EQ(parse_rfc3339(format_rfc3339(Time{Duration{ns}})), Time{Duration{ns}});
}

TEST(HttpDate, PrintsAndParses) {
  EXPECT_EQ(format_http_date(kTime), "Tue, 26 Mar 2019 16:06:51 GMT");
  EXPECT_EQ(parse_http_date("Tue, 26 Mar 2019 16:06:51 GMT"), kTime);
  for (const char* text : {"", "Tue, 26 Mar 2019 16:06:51", "26 Mar 2019 16:06:51 GMT", "Tue, 26 Mrz 2019 16:06:51 GMT",
                           "Tue, 31 Feb 2019 16:06:51 GMT", "Tue, 26 Mar 2019 16:06:51 GMT ", "Tue, 26 Mar 2019 16:06:51 UTC",
                           "Tuesday, 26-Mar-19 16:06:51 GMT"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

TEST(DurationText, ParsesShortAndIsoForms) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("PT5M"), 5min);
  EXPECT_EQ(parse_duration("P1DT2H"), 26h);
  EXPECT_EQ(parse_duration("P2W"), 14 * 24h);
  EXPECT_EQ(parse_duration("PT0.25S"), 250ms);
}

TEST(DurationText, RefusesTheRest) {
  for (const char* text : {"",        "5",    "m",   "5 m", "5x",  "-5s", "+5s",  "5m1h",  "5s5s",  "1.s",
                           ".5s",     "P",    "PT",  "P1M", "P1Y", "P1H", "PT1D", "1hT1m", "0.1ns", "99999999999999999999s",
                           "300000d", "1h\n", "5mT", "PT5"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(DurationText, PrintsWhatItParses) {
  EXPECT_EQ(format_duration(90min), "1h30m");
  EXPECT_EQ(format_duration(0s), "0s");
  for (const Duration d : {Duration(1ns), Duration(250ms), Duration(26h + 1us), Duration::max()})
    EXPECT_EQ(parse_duration(format_duration(d)), d);
}

}  // namespace
}  // namespace trunkline

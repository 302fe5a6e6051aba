#include "runtime/sms/quiet_hours.h"

#include <gmock/gmock.h>

#include "runtime/base/time_text.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::string after(const char* time, DaySpan quiet, std::vector<std::string> zones) {
  return format_rfc3339(after_quiet_hours(*parse_rfc3339(time), quiet, zones));
}

constexpr DaySpan kNight{21 * 60, 8 * 60};

TEST(QuietHours, PutOffToTheMorningThere) {
  EXPECT_EQ(after("2026-01-15T12:00:00Z", kNight, {"Europe/Berlin"}), "2026-01-15T12:00:00Z");
  EXPECT_EQ(after("2026-01-15T20:00:00Z", kNight, {"Europe/Berlin"}), "2026-01-16T07:00:00Z") << "21:00 there";
  EXPECT_EQ(after("2026-01-15T19:59:59Z", kNight, {"Europe/Berlin"}), "2026-01-15T19:59:59Z");
  EXPECT_EQ(after("2026-01-16T06:59:59Z", kNight, {"Europe/Berlin"}), "2026-01-16T07:00:00Z");
  EXPECT_EQ(after("2026-07-15T20:00:00Z", kNight, {"Europe/Berlin"}), "2026-07-16T06:00:00Z") << "summer time";
}

TEST(QuietHours, ASpanWithinADay) {
  EXPECT_EQ(after("2026-01-15T12:30:00Z", {12 * 60, 14 * 60}, {"Europe/London"}), "2026-01-15T14:00:00Z");
  EXPECT_EQ(after("2026-01-15T14:00:00Z", {12 * 60, 14 * 60}, {"Europe/London"}), "2026-01-15T14:00:00Z");
}

TEST(QuietHours, AcrossTheGapOfSpring) {
  // 2026-03-29 in Berlin: 02:00 becomes 03:00. Quiet until 02:30, which does not exist: until the clock jumps.
  EXPECT_EQ(after("2026-03-29T00:00:00Z", {22 * 60, 2 * 60 + 30}, {"Europe/Berlin"}), "2026-03-29T01:00:00Z");
}

TEST(QuietHours, AcrossTheFoldOfAutumn) {
  // 2026-10-25 in Berlin: 02:30 comes twice. Quiet until 02:30: until the second one.
  EXPECT_EQ(after("2026-10-24T22:00:00Z", {22 * 60, 2 * 60 + 30}, {"Europe/Berlin"}), "2026-10-25T01:30:00Z");
}

TEST(QuietHours, InEveryZoneThatTheNumberMayBeIn) {
  // 15:30 UTC: 10:30 in New York, 07:30 in Los Angeles.
  EXPECT_EQ(after("2026-01-15T15:30:00Z", kNight, {"America/New_York", "America/Los_Angeles"}), "2026-01-15T16:00:00Z");
  // 02:30 UTC: 21:30 in New York; its night ends at 13:00 UTC, that of Los Angeles at 16:00.
  EXPECT_EQ(after("2026-01-15T02:30:00Z", kNight, {"America/New_York", "America/Los_Angeles"}), "2026-01-15T16:00:00Z");
}

TEST(QuietHours, WhereTheNightsLeaveNoTimeTheFirstZoneDecides) {
  const DaySpan long_night{12 * 60, 11 * 60};  // an hour a day is free
  EXPECT_EQ(after("2026-01-15T12:00:00Z", long_night, {"Europe/London", "Asia/Tokyo"}), "2026-01-16T11:00:00Z");
}

TEST(QuietHours, AZoneThatDoesNotExist) { EXPECT_THROW(after("2026-01-15T12:00:00Z", kNight, {"Europe/Atlantis"}), Error); }

TEST(NumberZones, ByAreaCodeOrCountry) {
  const NumberZones zones;
  EXPECT_THAT(zones.of("+14255550100", "US"), ElementsAre("America/Los_Angeles"));
  EXPECT_THAT(zones.of("+12125550100", "US"), ElementsAre("America/New_York"));
  EXPECT_THAT(zones.of("+16045550100", "CA"), ElementsAre("America/Vancouver"));
  EXPECT_GT(zones.of("+18005550100", "US").size(), 4u) << "toll-free: anywhere";
  EXPECT_THAT(zones.of("+442079460100", "GB"), ElementsAre("Europe/London"));
  EXPECT_THAT(zones.of("+8812345678", ""), SizeIs(0));
}

}  // namespace
}  // namespace trunkline

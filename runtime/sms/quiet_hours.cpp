#include "runtime/sms/quiet_hours.h"

#include <date/tz.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/sms/data.h"

namespace trunkline {
namespace {

using std::chrono::minutes;

constexpr const char* kCountryTable = "/usr/share/zoneinfo/zone1970.tab";

const date::time_zone* zone_of(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    throw Error(ErrorCode::kNotFound, "the system knows no time zone '" + name + "'", "zone");
  }
}

/// When the quiet span that holds at `at` ends there; `at` itself when none holds.
date::sys_seconds end_of_quiet(date::sys_seconds at, const DaySpan& quiet, const date::time_zone& zone) {
  const date::local_seconds local{(at + zone.get_info(at).offset).time_since_epoch()};
  const auto midnight = date::floor<date::days>(local);
  const auto minute = static_cast<int>(std::chrono::duration_cast<minutes>(local - midnight).count());
  if (!quiet.contains(minute)) return at;
  date::local_seconds until = midnight + minutes(quiet.until_minute);
  if (until <= local) until += date::days(1);
  const date::local_info info = zone.get_info(until);
  switch (info.result) {
    case date::local_info::nonexistent:
      return info.second.begin;
    case date::local_info::ambiguous:
      return date::sys_seconds{until.time_since_epoch()} - info.second.offset;
    default:
      return date::sys_seconds{until.time_since_epoch()} - info.first.offset;
  }
}

}  // namespace

struct NumberZones::Tables {
  std::map<std::string, std::vector<std::string>, std::less<>> of_country;
  std::map<std::string, std::vector<std::string>, std::less<>> of_area;  // three digits behind +1
  std::vector<std::string> none;
};

NumberZones::NumberZones() {
  auto tables = std::make_unique<Tables>();
  std::ifstream file(kCountryTable);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto columns = split(line, '\t');
    if (columns.size() < 3) continue;
    for (const std::string_view country : split(columns[0], ','))
      tables->of_country[std::string(country)].emplace_back(columns[2]);
  }
  if (tables->of_country.empty())
    throw Error(ErrorCode::kFailedPrecondition,
                std::string("quiet hours need the system's time zone database: cannot read ") + kCountryTable, "quiet_hours");
  const auto data = nlohmann::json::parse(sms_data::area_zones());
  for (const auto& [zone, codes] : data.at("zones").items())
    for (const std::string_view code : split(codes.get_ref<const std::string&>(), ' '))
      tables->of_area[std::string(code)] = {zone};
  tables_ = std::move(tables);
}

NumberZones::~NumberZones() = default;

const std::vector<std::string>& NumberZones::of(std::string_view e164, std::string_view country) const {
  if (e164.size() > 4 && e164.starts_with("+1")) {
    const auto area = tables_->of_area.find(e164.substr(2, 3));
    if (area != tables_->of_area.end()) return area->second;
  }
  const auto found = tables_->of_country.find(country);
  return found == tables_->of_country.end() ? tables_->none : found->second;
}

Time after_quiet_hours(Time time, const DaySpan& quiet, const std::vector<std::string>& zones) {
  const auto start = date::floor<std::chrono::seconds>(date::sys_time<Duration>{time.time_since_epoch()});
  date::sys_seconds at = start;
  std::vector<const date::time_zone*> all;
  for (const std::string& zone : zones) all.push_back(zone_of(zone));
  // Each round moves past the end of somebody's night; where the nights of a wide country overlap there are a few a day.
  while (at - start < date::days(8)) {
    const date::sys_seconds before = at;
    for (const date::time_zone* zone : all) at = std::max(at, end_of_quiet(at, quiet, *zone));
    if (at == before) return at == start ? time : Time{at.time_since_epoch()};
  }
  const date::sys_seconds alone = end_of_quiet(start, quiet, *all.front());
  return alone == start ? time : Time{alone.time_since_epoch()};
}

}  // namespace trunkline

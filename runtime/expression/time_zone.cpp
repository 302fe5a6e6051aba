#include "runtime/expression/time_zone.h"

#include <date/tz.h>
#include <unicode/strenum.h>
#include <unicode/timezone.h>

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "runtime/expression/text_units.h"

namespace trunkline::expression {
namespace {

constexpr std::size_t kMaxZoneName = 64;

using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, kTicksPerSecond>>;

const date::time_zone& zone_of(const void* zone) { return *static_cast<const date::time_zone*>(zone); }

// The library counts in seconds; the rest of a second is the same everywhere.
date::sys_seconds sys_of(std::int64_t ticks) {
  return date::sys_seconds(std::chrono::floor<std::chrono::seconds>(Ticks(ticks - kUnixEpochTicks)));
}

std::int64_t offset_ticks(std::chrono::seconds offset) { return offset.count() * kTicksPerSecond; }

/// Windows names to IANA ones by CLDR's table; ICU wants them as Windows writes them.
std::string iana_of(const std::string& lower_name) {
  static const std::map<std::string, std::string> kWindows = [] {
    std::map<std::string, std::string> out;
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<icu::StringEnumeration> zones(
        icu::TimeZone::createTimeZoneIDEnumeration(UCAL_ZONE_TYPE_CANONICAL, nullptr, nullptr, status));
    if (!zones) return out;
    while (const icu::UnicodeString* id = zones->snext(status)) {
      icu::UnicodeString windows, iana;
      UErrorCode found = U_ZERO_ERROR;
      icu::TimeZone::getWindowsID(*id, windows, found);
      if (U_FAILURE(found) || windows.isEmpty()) continue;
      icu::TimeZone::getIDForWindowsID(windows, nullptr, iana, found);
      if (U_FAILURE(found) || iana.isEmpty()) continue;
      std::string from, to;
      windows.toUTF8String(from);
      iana.toUTF8String(to);
      out.emplace(to_lower(from), to);
    }
    return out;
  }();
  const auto found = kWindows.find(lower_name);
  return found == kWindows.end() ? std::string() : found->second;
}

const date::time_zone* locate(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

}  // namespace

const TimeZone* TimeZone::find(std::string_view name) {
  if (name.empty() || name.size() > kMaxZoneName || !is_ascii(name)) return nullptr;
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const TimeZone>, std::less<>> zones;
  const std::string key = to_lower(name);
  const std::lock_guard lock(mutex);
  if (const auto found = zones.find(key); found != zones.end()) return found->second.get();
  std::unique_ptr<TimeZone> out(new TimeZone);
  out->utc_ = key == "utc" || key == "etc/utc" || key == "coordinated universal time";
  out->iana_name_ = out->utc_ ? "Etc/UTC" : iana_of(key);
  if (out->iana_name_.empty()) out->iana_name_ = std::string(name);
  out->zone_ = locate(out->iana_name_);
  // Only what exists is kept, so that made-up names cannot fill the memory.
  if (!out->zone_) return nullptr;
  return zones.emplace(key, std::move(out)).first->second.get();
}

std::int64_t TimeZone::from_utc(std::int64_t ticks) const {
  return ticks + offset_ticks(zone_of(zone_).get_info(sys_of(ticks)).offset);
}

TimeZone::Meaning TimeZone::to_utc(std::int64_t wall_ticks) const {
  const date::local_seconds wall(sys_of(wall_ticks).time_since_epoch());
  const date::local_info info = zone_of(zone_).get_info(wall);
  Meaning out;
  out.exists = info.result != date::local_info::nonexistent;
  out.earlier = wall_ticks - offset_ticks(info.first.offset);
  out.later = info.result == date::local_info::unique ? out.earlier : wall_ticks - offset_ticks(info.second.offset);
  out.standard =
      info.result == date::local_info::ambiguous && info.first.save == std::chrono::minutes(0) ? out.earlier : out.later;
  if (info.result == date::local_info::unique) out.standard = out.earlier;
  return out;
}

}  // namespace trunkline::expression

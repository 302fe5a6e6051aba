#include "runtime/services/data_locations.h"

#include <array>

#include "runtime/base/strings.h"

namespace trunkline {
namespace {

// The public cloud's geographies. Sweden is newer than most lists of them; `usgov` is the government cloud's.
constexpr std::array<std::string_view, 18> kDataLocations = {
    "Africa", "Asia Pacific", "Australia", "Brazil", "Canada",      "Europe", "France", "Germany",       "India",
    "Japan",  "Korea",        "Norway",    "Sweden", "Switzerland", "UAE",    "UK",     "United States", "usgov"};

}  // namespace

std::span<const std::string_view> data_locations() { return kDataLocations; }

std::optional<std::string_view> find_data_location(std::string_view name) {
  const std::string wanted = data_location_claim(name);
  for (const std::string_view location : kDataLocations)
    if (data_location_claim(location) == wanted) return location;
  return std::nullopt;
}

std::string data_location_claim(std::string_view name) {
  std::string claim;
  for (const char c : name)
    if (c != ' ') claim.push_back(ascii_lower(c));
  return claim;
}

}  // namespace trunkline

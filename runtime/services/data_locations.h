// The geographies in which data can rest.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trunkline {

/// The published display names, in order.
std::span<const std::string_view> data_locations();
/// Display name for one in any case and with or without spaces (`europe`, `UnitedStates`); nullopt when there is none.
std::optional<std::string_view> find_data_location(std::string_view name);
/// Claim form: lower case without spaces.
std::string data_location_claim(std::string_view name);

}  // namespace trunkline

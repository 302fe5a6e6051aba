// Ids of the management plane: `/subscriptions/{s}/resourceGroups/{g}/providers/{namespace}/{type}/{name}/...`
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trunkline {

/// Where resources live that the configuration or the control API makes without saying where.
inline constexpr std::string_view kDefaultSubscription = "00000000-0000-0000-0000-000000000001";
inline constexpr std::string_view kDefaultResourceGroup = "trunkline";

/// Compares without case, as the management plane does; keeps the case it was given.
struct ArmId {
  std::string subscription;
  std::string resource_group;
  std::string provider;                                       // `Microsoft.Communication`
  std::vector<std::pair<std::string, std::string>> segments;  // (`emailServices`, name), (`domains`, name), …

  /// nullopt: no id of a resource in a resource group. A missing leading slash and doubled ones are forgiven.
  static std::optional<ArmId> parse(std::string_view text);
  /// `Microsoft.Communication/emailServices/domains`
  std::string type() const;
  bool is(std::string_view type) const;
  /// Name of the innermost resource.
  const std::string& name() const { return segments.back().second; }
  std::string str() const;
  /// For comparison and as a key: str() in lower case.
  std::string key() const;
};

/// Puts an id together.
ArmId arm_id(std::string_view subscription, std::string_view resource_group, std::string_view provider,
             std::vector<std::pair<std::string, std::string>> segments);

}  // namespace trunkline

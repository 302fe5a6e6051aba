#include "runtime/services/arm_id.h"

#include "runtime/base/strings.h"

namespace trunkline {
namespace {

constexpr std::size_t kMaxIdBytes = 2048;
constexpr std::size_t kMaxSegments = 32;

}  // namespace

std::optional<ArmId> ArmId::parse(std::string_view text) {
  if (text.size() > kMaxIdBytes) return std::nullopt;
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(text, '/'))
    if (!part.empty()) parts.push_back(part);
  // Keyword, value, keyword, value, `providers`, namespace, then pairs.
  if (parts.size() < 8 || parts.size() > kMaxSegments || parts.size() % 2 != 0) return std::nullopt;
  if (!iequals(parts[0], "subscriptions") || !iequals(parts[2], "resourceGroups") || !iequals(parts[4], "providers"))
    return std::nullopt;
  ArmId id;
  id.subscription = parts[1];
  id.resource_group = parts[3];
  id.provider = parts[5];
  for (std::size_t i = 6; i < parts.size(); i += 2) id.segments.emplace_back(parts[i], parts[i + 1]);
  return id;
}

std::string ArmId::type() const {
  std::string out = provider;
  for (const auto& [type, name] : segments) out.append("/").append(type);
  return out;
}

bool ArmId::is(std::string_view wanted) const { return iequals(type(), wanted); }

std::string ArmId::str() const {
  std::string out = "/subscriptions/" + subscription + "/resourceGroups/" + resource_group + "/providers/" + provider;
  for (const auto& [type, name] : segments) out.append("/").append(type).append("/").append(name);
  return out;
}

std::string ArmId::key() const { return to_lower(str()); }

ArmId arm_id(std::string_view subscription, std::string_view resource_group, std::string_view provider,
             std::vector<std::pair<std::string, std::string>> segments) {
  return {std::string(subscription), std::string(resource_group), std::string(provider), std::move(segments)};
}

}  // namespace trunkline

#include "runtime/api/provider_change.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "runtime/base/json.h"
#include "runtime/base/time_text.h"

namespace trunkline::api {

namespace {

/// `250ms`, `5m`, `PT1H`; not a time that would lie before the change.
Duration duration_member(const JsonRef& value) {
  const auto duration = parse_duration(value.text());
  if (!duration || *duration < Duration{0})
    throw value.error("'" + std::string(value.text()) + "' is no duration such as 250ms, 5m or PT1H");
  return *duration;
}

}  // namespace

service::ProviderChange parse_provider_change(const nlohmann::json& body) {
  const JsonRef request(body);
  service::ProviderChange change;
  if (const auto library = request.find("library")) {
    change.library = std::string(library->text());
    if (!std::filesystem::path(*change.library).is_absolute())
      throw Error(ErrorCode::kInvalidArgument, "library: found the relative path " + *change.library + ", wanted an absolute one",
                  "library");
  }
  for (const auto& [member, value] : {std::pair{"config", &change.config}, std::pair{"settings", &change.settings}}) {
    if (!body.contains(member)) continue;
    if (!body[member].is_object()) throw Error(ErrorCode::kInvalidArgument, std::string(member) + ": wanted an object", member);
    *value = body[member].dump();
  }
  if (const auto probation = request.find("probation")) change.probation = duration_member(*probation);
  if (const auto drain = request.find("drain")) change.drain = duration_member(*drain);
  return change;
}

}  // namespace trunkline::api

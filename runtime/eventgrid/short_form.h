// Event subscriptions as people write them: a flat form beside the properties of ARM.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/json.h"
#include "runtime/events/event_render.h"

namespace trunkline::eventgrid {

/// `eventgrid`, `cloudevents` or the names of ARM, in any case. Throws kInvalidArgument with `target`.
events::EventSchema parse_schema_name(std::string_view name, const std::string& target);

/// The ARM properties that a request means: its `properties`, or else its members in short form: `endpoint` (a URL), `handler`
/// (true) or `workflow` (a trigger); `types`, `subject_begins_with`, `subject_ends_with`, `case_sensitive`, `arrays`, `filters`
/// (advanced filters, as ARM has them); `schema` (also `cloudevents-binary`), `headers` ({name: value, or {value, secret}, or
/// {field}}), `batch`, `batch_kb`, `max_attempts`, `ttl_minutes`, `dead_letter` (a URL, or a path below events.dead_letter_path),
/// `labels`, `expires_at`, `ordering_key`, `bearer`, `hmac_secret`, `concurrency`, `requests_per_minute`. `others`: members that
/// are not for us. Throws kInvalidArgument for a member that it does not know, of the wrong type, or beside `properties`.
nlohmann::json properties_of(const JsonRef& request, std::span<const std::string_view> others = {});
/// The same over properties that are there: what is not named stays, null takes away.
nlohmann::json changed_properties(nlohmann::json properties, const JsonRef& request,
                                  std::span<const std::string_view> others = {});

}  // namespace trunkline::eventgrid

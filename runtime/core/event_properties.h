// Event subscriptions as applications give them, to and from the `properties` of the ARM resource.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "runtime/eventgrid/subscription_service.h"
#include "trunkline/service.hpp"

namespace trunkline {

/// The properties of a new subscription. Throws kInvalidArgument with the field at fault as `target`.
nlohmann::json properties_of(const service::EventSubscriptionSpec& spec);
/// Those of `old` that `change` replaces, whole members as EventSubscriptionService::patch takes them. Errors: as above.
nlohmann::json changed_properties_of(const delivery::SubscriptionSpec& old, const service::EventSubscriptionSpec& change);
/// Runs `error` through the table of names: an error about a member of `properties` becomes one about the field that set it.
Error in_terms_of_fields(Error error, const nlohmann::json& properties);

service::EventSubscription describe(const eventgrid::EventSubscription& subscription, Time now);
service::Event to_service_event(const Event& event);

events::EventSchema schema_of(service::EventSchema schema, std::string_view target);

}  // namespace trunkline

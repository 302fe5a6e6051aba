// What the configuration says about events, in the words of those who do it.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "runtime/config/config.h"
#include "runtime/config/secret_source.h"
#include "runtime/delivery/options.h"
#include "runtime/eventgrid/event_retention.h"
#include "runtime/eventgrid/topic_service.h"

namespace trunkline {

delivery::DeliveryOptions delivery_options(const EventsConfig& config);
eventgrid::RetentionOptions retention_options(const EventsConfig& config);
/// The `properties` of ARM. Throws kInvalidArgument, and what a secret throws.
nlohmann::json subscription_properties(const EventSubscriptionConfig& config, const SecretSource& secrets);
eventgrid::TopicSpec topic_spec(const EventTopicConfig& config, const SecretSource& secrets);

}  // namespace trunkline

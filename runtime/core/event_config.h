// What the configuration says about events, in the words of those who do it.
#pragma once
#include "runtime/config/config.h"
#include "runtime/delivery/options.h"
#include "runtime/eventgrid/event_retention.h"
#include "runtime/eventgrid/topic_service.h"

namespace trunkline {

delivery::DeliveryOptions delivery_options(const EventsConfig& config);
eventgrid::RetentionOptions retention_options(const EventsConfig& config);
/// Makes the topics and subscriptions of the file, or changes them to what stands there. Blocks. Throws what they throw, with the
/// name of the subscription at fault.
void seed_events(const Config& config, ResourceService& resources, eventgrid::EventSubscriptionService& subscriptions,
                 eventgrid::EventTopicService& topics);

}  // namespace trunkline

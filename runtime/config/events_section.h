// Internal to the configuration: what concerns events.
#pragma once
#include <set>
#include <string>

#include "runtime/config/config.h"
#include "runtime/config/section.h"

namespace trunkline {

void read_events(ConfigSection& s, EventsConfig& out);
void read_event_subscription(ConfigSection& s, EventSubscriptionConfig& out, std::set<std::string, std::less<>>& names);
void read_event_topic(ConfigSection& s, EventTopicConfig& out, std::set<std::string, std::less<>>& names);

}  // namespace trunkline

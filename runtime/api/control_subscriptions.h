// Internal to the control API of events: a subscription and what it is doing, as JSON.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "runtime/eventgrid/subscription_service.h"

namespace trunkline {
class Runtime;
namespace api {
/// `webhook`, `handler`, `workflow`.
std::string_view kind_of(const delivery::SubscriptionSpec& spec);
nlohmann::json subscription_json(Runtime& runtime, const eventgrid::EventSubscription& subscription);
}  // namespace api
}  // namespace trunkline

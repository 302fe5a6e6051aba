// Internal to the configuration: what concerns text messages.
#pragma once
#include "runtime/config/config.h"
#include "runtime/config/section.h"

namespace trunkline {

void read_sms(ConfigSection& s, SmsConfig& out);
/// `rate` and `prices` of a provider.
void read_provider_sms(ConfigSection& s, ProviderConfig& out);
/// `match`, `order` and `providers` of a route.
void read_route(ConfigSection& s, RouteConfig& out);
/// `sms` of a resource.
void read_sms_policy(ConfigSection& s, SmsPolicyConfig& out, const ResourceConfig& resource);

}  // namespace trunkline

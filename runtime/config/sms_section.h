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

/// `0.0075` as millionths; nullopt when it is no amount from 0 to a million with at most six decimals.
std::optional<std::int64_t> parse_micros(std::string_view text);
std::string format_micros(std::int64_t micros);

}  // namespace trunkline

// Where carriers call back: HTTP for plugins that offer `trunkline.webhook/1`.
#pragma once
#include <vector>

#include "runtime/server/route.h"

namespace trunkline {
class Clock;
class ProviderRegistry;
}  // namespace trunkline

namespace trunkline::api {

/// `/_webhooks/{provider}` and everything below it, by GET, POST and PUT, without a credential of ours: the plugin verifies the
/// carrier's signature. `providers` outlives the routes.
void add_webhook_routes(std::vector<server::Route>& routes, ProviderRegistry& providers, const Clock& clock);

}  // namespace trunkline::api

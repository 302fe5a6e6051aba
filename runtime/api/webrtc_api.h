// Where pages set up their sound: WHIP and what goes with it, answered by providers whose far ends are users.
#pragma once
#include <stop_token>
#include <vector>

#include "runtime/server/route.h"

namespace trunkline {
class Clock;
class ProviderRegistry;
}  // namespace trunkline

namespace trunkline::api {

/// `/_webrtc/{provider}` and everything below it, with a user's access token that has the scope voip or voip.join. Of the
/// plugin's interfaces it needs `trunkline.webhook/1` and `trunkline.pstn/1`. `stopping` ends what waits there. `providers`
/// outlives the routes.
void add_webrtc_routes(std::vector<server::Route>& routes, ProviderRegistry& providers, const Clock& clock,
                       std::stop_token stopping);

}  // namespace trunkline::api

// SIP over WebSocket (RFC 7118) for pages, in front of a provider that carries their sound.
#pragma once
#include <vector>

#include "runtime/server/route.h"

namespace trunkline {
class Clock;
class IdSource;
class Log;
class ProviderRegistry;
class ResourceService;
class TokenWatch;
}  // namespace trunkline

namespace trunkline::sipsocket {

/// All of it outlives the routes and their sockets.
struct SipContext {
  ProviderRegistry& providers;
  ResourceService& resources;
  Clock& clock;
  Log& log;
  IdSource& ids;
  TokenWatch& tokens;
};

/// `GET /_sip/{provider}`, a WebSocket with the subprotocol `sip`, opened with a user's access token that has the scope voip or
/// voip.join. The provider needs `trunkline.webhook/1` and `trunkline.pstn/1`.
void add_sip_routes(std::vector<server::Route>& routes, SipContext context);

}  // namespace trunkline::sipsocket

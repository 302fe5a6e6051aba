#include "runtime/sipsocket/sip_routes.h"

#include "runtime/api/scopes.h"
#include "runtime/clock/clock.h"
#include "runtime/net/websocket.h"
#include "runtime/realtime/token_life.h"
#include "runtime/services/resource.h"
#include "runtime/services/resource_service.h"
#include "runtime/sipsocket/provider_door.h"
#include "runtime/sipsocket/sip_page.h"

namespace trunkline::sipsocket {
namespace {

using server::RouteContext;

constexpr const char* kProtocol = "sip";

Task<void> serve(std::shared_ptr<SipPage> page, std::shared_ptr<realtime::TokenLife> life) {
  life->on_end([weak = std::weak_ptr(page)] {
    if (const auto alive = weak.lock()) alive->token_ended();
  });
  co_await SipPage::run(std::move(page));
}

Task<net::Response> open(SipContext shared, RouteContext& context) {
  api::require_right(context, api::Right::kCall);
  const std::string name = context.param("provider");
  if (!carrier(shared.providers, name))
    throw Error(ErrorCode::kNotFound, "there is no provider '" + name + "' that carries the sound of pages", "provider");
  if (context.protocol() != kProtocol)
    throw Error(ErrorCode::kInvalidArgument, "wanted the subprotocol sip", "Sec-WebSocket-Protocol").with_http_status(400);
  const server::Caller& caller = context.caller;
  const auto resource = std::static_pointer_cast<const Resource>(caller.resource->owner);
  auto life = std::make_shared<realtime::TokenLife>(shared.clock, shared.tokens, resource->key, caller.user_id, caller.expires_at,
                                                    UniqueFunction<void()>());
  const auto door = std::make_shared<ProviderDoor>(
      shared.providers, shared.clock, name, caller,
      [&resources = shared.resources, key = resource->key] { return resources.find_by_key(key) != nullptr; });
  net::WebSocketOptions options;
  options.protocol = kProtocol;
  options.max_message_bytes = SipMessage::kMaxBytes;
  auto run = [shared, door, life, user = caller.user_id,
              called = caller.has_scope("voip")](std::shared_ptr<net::WebSocket> socket) {
    auto page = std::make_shared<SipPage>(std::move(socket), door, shared.ids, shared.log, user, called);
    return serve(std::move(page), life);
  };
  co_return net::accept_websocket(context.request, options, std::move(run));
}

}  // namespace

void add_sip_routes(std::vector<server::Route>& routes, SipContext context) {
  server::Route route;
  route.method = "GET";
  route.path = "/_sip/{provider}";
  route.auth = server::Auth::kUserToken;
  route.websocket = true;
  route.handler = [context](RouteContext& request) { return open(context, request); };
  routes.push_back(std::move(route));
}

}  // namespace trunkline::sipsocket

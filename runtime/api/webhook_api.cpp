#include "runtime/api/webhook_api.h"

#include <string>
#include <string_view>

#include "runtime/api/provider_http.h"
#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"

namespace trunkline::api {
namespace {

using server::RouteContext;

constexpr std::size_t kMaxReportBytes = 1024 * 1024;     // of a callback
constexpr std::size_t kMaxInboundMailBytes = 32u << 20;  // of one that brings a mail

Task<net::Response> receive(ProviderRegistry& providers, const Clock& clock, RouteContext& context) {
  const std::string& name = context.param("provider");
  const ProviderPtr provider = providers.find(name);
  if (!provider || !provider->webhook())
    throw Error(ErrorCode::kNotFound, "there is no provider '" + name + "' that receives callbacks", "provider");
  CallOptions options;
  options.deadline = clock.now() + provider->timeout();
  options.traceparent = context.traceparent();
  host::HttpRequest request = as_seen(context, {});
  host::HttpResponse answer = co_await provider->webhook().receive(std::move(request), std::move(options));
  co_return as_sent(*provider, std::move(answer));
}

}  // namespace

void add_webhook_routes(std::vector<server::Route>& routes, ProviderRegistry& providers, const Clock& clock) {
  for (const char* path : {"/_webhooks/{provider}", "/_webhooks/{provider}/{*rest}", "/_webhooks/{provider}/mail"})
    for (const char* method : {"GET", "POST", "PUT"}) {
      server::Route route;
      route.method = method;
      route.path = path;
      route.auth = server::Auth::kNone;
      route.body = server::BodyRule::kAny;
      route.max_body_bytes = std::string_view(path).ends_with("/mail") ? kMaxInboundMailBytes : kMaxReportBytes;
      route.handler = [&providers, &clock](RouteContext& context) { return receive(providers, clock, context); };
      routes.push_back(std::move(route));
    }
}

}  // namespace trunkline::api

#include "runtime/api/webhook_api.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"

namespace trunkline::api {
namespace {

using server::RouteContext;

constexpr std::size_t kMaxReportBytes = 1024 * 1024;     // of a callback
constexpr std::size_t kMaxInboundMailBytes = 32u << 20;  // of one that brings a mail

/// Of one connection (RFC 9110 section 7.6.1), or written by the server itself.
bool is_servers_own(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"connection",        "content-length", "date",    "keep-alive",
                                                      "transfer-encoding", "trailer",        "upgrade", "content-type"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

host::HttpRequest as_seen(const RouteContext& context) {
  const net::Request& request = context.request;
  host::HttpRequest out;
  out.method = request.method;
  out.url = (request.tls ? "https://" : "http://") + std::string(request.headers.get("Host")) + request.target;
  for (const auto& [name, value] : request.headers) {
    std::string& field = out.headers[to_lower(name)];
    field += (field.empty() ? "" : ", ") + value;
  }
  if (!request.body.empty()) out.body = Bytes(request.body.begin(), request.body.end());
  return out;
}

Error bad_answer(const Provider& provider, const std::string& why) {
  return Error(ErrorCode::kInternal, "the provider '" + provider.name() + "' answered the callback with " + why);
}

/// A plugin's header must not end the line it stands in.
bool is_field(std::string_view name, std::string_view value) {
  constexpr std::string_view kTokenPunctuation = "!#$%&'*+-.^_`|~";
  const auto is_token = [&](unsigned char c) {
    return std::isalnum(c) != 0 || kTokenPunctuation.find(static_cast<char>(c)) != std::string_view::npos;
  };
  const auto breaks = [](unsigned char c) { return c < 0x20 && c != '\t'; };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token) && std::none_of(value.begin(), value.end(), breaks);
}

net::Response as_sent(const Provider& provider, host::HttpResponse answer) {
  if (answer.status < 200 || answer.status > 599) throw bad_answer(provider, "the status " + std::to_string(answer.status));
  net::Response response;
  response.status = answer.status;
  response.content_type = "text/plain; charset=utf-8";
  for (auto& [name, value] : answer.headers) {
    if (!is_field(name, value)) throw bad_answer(provider, "a malformed header field");
    const std::string lower = to_lower(name);
    if (lower == "content-type") response.content_type = std::move(value);
    if (!is_servers_own(lower)) response.headers.add(lower, value);
  }
  if (answer.body) response.body.assign(answer.body->begin(), answer.body->end());
  return response;
}

Task<net::Response> receive(ProviderRegistry& providers, const Clock& clock, RouteContext& context) {
  const std::string& name = context.param("provider");
  const ProviderPtr provider = providers.find(name);
  if (!provider || !provider->webhook())
    throw Error(ErrorCode::kNotFound, "there is no provider '" + name + "' that receives callbacks", "provider");
  CallOptions options;
  options.deadline = clock.now() + provider->timeout();
  options.traceparent = context.traceparent();
  host::HttpRequest request = as_seen(context);
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

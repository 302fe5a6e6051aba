#include "runtime/sipsocket/sip_routes.h"

#include <optional>

#include "runtime/api/scopes.h"
#include "runtime/clock/clock.h"
#include "runtime/net/websocket.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/realtime/token_life.h"
#include "runtime/services/resource.h"
#include "runtime/sipsocket/sip_page.h"
#include "trunkline/host_client.hpp"
#include "trunkline/pstn_client.hpp"

namespace trunkline::sipsocket {
namespace {

using server::RouteContext;

constexpr Duration kRest = std::chrono::seconds{1};  // before a request that failed is made again
constexpr const char* kProtocol = "sip";

ProviderPtr carrier(ProviderRegistry& providers, const std::string& name) {
  const ProviderPtr provider = providers.find(name);
  if (!provider || !provider->webhook() || !provider->offers(pstn::PstnProviderClient::kInterfaceId)) return nullptr;
  return provider;
}

/// The provider is looked up for each request: another instance may have taken over.
class ProviderDoor final : public PageDoor {
 public:
  ProviderDoor(const SipContext& context, std::string name, const server::Caller& caller)
      : context_(context), name_(std::move(name)), resource_(caller.resource->name) {
    headers_["trunkline-user"] = caller.user_id;
    headers_["trunkline-resource"] = resource_;
    std::string& scopes = headers_["trunkline-scopes"];
    for (const std::string& scope : caller.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
    headers_["content-type"] = "application/sdp";
  }

  Task<PageAnswer> ask(std::string method, std::string path, std::string body, std::stop_token stop) override {
    PageAnswer answer;
    const bool waits = method == "GET";
    try {
      const ProviderPtr provider = carrier(context_.providers, name_);
      if (!provider) throw Error(ErrorCode::kUnavailable, "the provider '" + name_ + "' is gone");
      host::HttpRequest request;
      const std::string base = "/_webrtc/" + name_;
      request.url = path.starts_with(base) ? std::move(path) : base + path;
      request.method = std::move(method);
      request.headers = headers_;
      if (!body.empty()) request.body = Bytes(body.begin(), body.end());
      CallOptions options;
      options.deadline = context_.clock.now() + provider->timeout();
      options.resource = resource_;
      options.stop = stop;
      host::HttpResponse response = co_await provider->webhook().receive(std::move(request), std::move(options));
      answer.status = response.status;
      if (const auto at = response.headers.find("location"); at != response.headers.end()) answer.location = at->second;
      if (response.body) answer.body.assign(response.body->begin(), response.body->end());
    } catch (const Error& error) {
      answer.status = http_status_of(error);
      answer.body = R"({"error":{"message":")" + plain(error.message) + R"("}})";
    }
    if (answer.status == 503 && waits && !stop.stop_requested()) co_await context_.clock.sleep(kRest);
    co_return answer;
  }

 private:
  static int http_status_of(const Error& error) {
    if (error.http_status != 0) return error.http_status;
    switch (error.code) {
      case ErrorCode::kInvalidArgument:
        return 400;
      case ErrorCode::kUnauthenticated:
        return 401;
      case ErrorCode::kPermissionDenied:
        return 403;
      case ErrorCode::kNotFound:
        return 404;
      case ErrorCode::kFailedPrecondition:
      case ErrorCode::kAlreadyExists:
        return 409;
      default:
        return 503;
    }
  }
  static std::string plain(const std::string& text) {
    std::string out;
    for (const char c : text)
      if (static_cast<unsigned char>(c) >= 32 && c != '"' && c != '\\') out.push_back(c);
    return out;
  }

  const SipContext context_;
  const std::string name_;
  const std::string resource_;
  Properties headers_;
};

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
  const auto door = std::make_shared<ProviderDoor>(shared, name, caller);
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

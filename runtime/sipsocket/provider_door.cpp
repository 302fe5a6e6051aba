#include "runtime/sipsocket/provider_door.h"

#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"
#include "trunkline/host_client.hpp"
#include "trunkline/pstn_client.hpp"

namespace trunkline::sipsocket {
namespace {

constexpr Duration kRest = std::chrono::seconds{1};  // before a request that failed is made again

int http_status_of(const Error& error) {
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

std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 32 && c != '"' && c != '\\') out.push_back(c);
  return out;
}

}  // namespace

ProviderPtr carrier(ProviderRegistry& providers, const std::string& name) {
  const ProviderPtr provider = providers.find(name);
  if (!provider || !provider->webhook() || !provider->offers(pstn::PstnProviderClient::kInterfaceId)) return nullptr;
  return provider;
}

ProviderDoor::ProviderDoor(ProviderRegistry& providers, Clock& clock, std::string name, const server::Caller& caller,
                           std::function<bool()> exists)
    : providers_(providers), clock_(clock), name_(std::move(name)), resource_(caller.resource->name), exists_(std::move(exists)) {
  headers_["trunkline-user"] = caller.user_id;
  headers_["trunkline-resource"] = resource_;
  std::string& scopes = headers_["trunkline-scopes"];
  for (const std::string& scope : caller.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  headers_["content-type"] = "application/sdp";
}

Task<PageAnswer> ProviderDoor::ask(std::string method, std::string path, std::string body, std::stop_token stop) {
  PageAnswer answer;
  if (!exists_()) {
    answer.status = 401;
    co_return answer;
  }
  const bool waits = method == "GET";
  try {
    const ProviderPtr provider = carrier(providers_, name_);
    if (!provider) throw Error(ErrorCode::kUnavailable, "the provider '" + name_ + "' is gone");
    host::HttpRequest request;
    const std::string base = "/_webrtc/" + name_;
    request.url = path.starts_with(base) ? std::move(path) : base + path;
    request.method = std::move(method);
    request.headers = headers_;
    if (!body.empty()) request.body = Bytes(body.begin(), body.end());
    CallOptions options;
    options.deadline = clock_.now() + provider->timeout();
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
  // Also one that went while this waited. What there was of the page went with it.
  if (answer.status == 503 && !carrier(providers_, name_)) answer.status = 410;
  if (answer.status == 503 && waits && !stop.stop_requested()) co_await clock_.sleep(kRest);
  co_return answer;
}

}  // namespace trunkline::sipsocket

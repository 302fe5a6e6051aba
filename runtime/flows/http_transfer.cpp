// Of HTTP actions: what takes more than one request, and what proves who we are.
#include <algorithm>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/flows/http_actions.h"
#include "runtime/flows/http_content.h"
#include "runtime/flows/member_text.h"

namespace trunkline::flows {
namespace {

constexpr int kMaxPages = 10'000;
constexpr std::size_t kDefaultChunk = 50u << 20;

/// `bytes 0-99/1234`: the number after the last byte, and the total.
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_content_range(std::string_view text) {
  const std::size_t blank = text.find(' '), dash = text.find('-'), slash = text.find('/');
  if (blank == std::string_view::npos || dash == std::string_view::npos || slash == std::string_view::npos || dash > slash)
    return std::nullopt;
  const auto last = parse_number<std::uint64_t>(trim(text.substr(dash + 1, slash - dash - 1)));
  const auto total = parse_number<std::uint64_t>(trim(text.substr(slash + 1)));
  if (!last || !total) return std::nullopt;
  return std::pair{*last + 1, *total};
}

/// `bytes=0-99`: the number after the last byte.
std::optional<std::size_t> received(std::string_view text) {
  const std::size_t dash = text.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto last = parse_number<std::size_t>(trim(text.substr(dash + 1)));
  return last ? std::optional<std::size_t>(*last + 1) : std::nullopt;
}

Error bad_transfer(const char* what) {
  return Error(ErrorCode::kUnavailable, std::string("the transfer in chunks failed: ") + what);
}

}  // namespace

Task<ActionAnswer> HttpActions::read_on(ActionCall call, SharedValue inputs, net::ClientResponse first) {
  net::ClientResponse all = std::move(first);
  auto range = parse_content_range(all.headers.get("Content-Range"));
  while (range && range->first < range->second) {
    if (range->second > options_.max_chunked_bytes)
      throw Error(ErrorCode::kResourceExhausted, "the content has " + std::to_string(range->second) + " bytes");
    net::ClientRequest request = build(call, *inputs);
    const std::uint64_t last =
        std::min<std::uint64_t>(range->first + std::max<std::size_t>(all.body.size(), 1) - 1, range->second - 1);
    request.headers.set("Range", "bytes=" + std::to_string(range->first) + "-" + std::to_string(last));
    co_await authorize(*inputs, request);
    net::ClientResponse part = co_await start(std::move(request));
    if (part.status != 206) co_return answer_of(part);
    const auto next = parse_content_range(part.headers.get("Content-Range"));
    if (!next || next->first <= range->first) throw bad_transfer("a part has no Content-Range that goes on");
    all.body += part.body;
    range = next;
  }
  all.status = 200;
  co_return answer_of(all);
}

Task<net::ClientResponse> HttpActions::upload_in_chunks(ActionCall call, SharedValue inputs) {
  net::ClientRequest begin = build(call, *inputs);
  const std::string body = std::move(begin.body);
  const std::string type(begin.headers.get("Content-Type"));
  const std::string origin = begin.url;
  begin.body.clear();
  begin.headers.set("x-ms-transfer-mode", "chunked");
  begin.headers.set("x-ms-content-length", std::to_string(body.size()));
  co_await authorize(*inputs, begin);
  net::ClientResponse answer = co_await start(std::move(begin));
  if (answer.status >= 300) co_return answer;
  std::string location(answer.headers.get("Location"));
  if (location.empty()) throw bad_transfer("the answer names no Location");
  location = resolve_location(origin, location);
  std::size_t chunk = kDefaultChunk;
  for (std::size_t at = 0; at < body.size();) {
    chunk = std::max<std::size_t>(parse_number<std::size_t>(answer.headers.get("x-ms-chunk-size")).value_or(chunk), 1);
    const std::size_t size = std::min(chunk, body.size() - at);
    net::ClientRequest part = build(call, *inputs);
    part.method = "PATCH";
    part.url = location;
    part.body = body.substr(at, size);
    part.headers.set("Content-Type", type.empty() ? "application/octet-stream" : type);
    part.headers.set("Content-Range",
                     "bytes " + std::to_string(at) + "-" + std::to_string(at + size - 1) + "/" + std::to_string(body.size()));
    co_await authorize(*inputs, part);
    answer = co_await start(std::move(part));
    if (answer.status >= 300) co_return answer;
    // What has arrived, where the answer says so.
    const std::size_t arrived = received(answer.headers.get("Range")).value_or(at + size);
    if (arrived <= at || arrived > body.size()) throw bad_transfer("an answer has a Range that does not go on");
    at = arrived;
  }
  co_return answer;
}

Task<ActionAnswer> HttpActions::read_pages(ActionCall call, Value inputs, ActionAnswer first) {
  const auto body = first.outputs.find("body");
  if (body == first.outputs.end() || !body->is_object() || !body->contains("value") || !(*body)["value"].is_array())
    co_return first;
  Value all = (*body)["value"];
  std::string next = text_of(*body, "nextLink");
  if (next.empty()) next = text_of(*body, "@odata.nextLink");
  for (int page = 1; !next.empty() && page < kMaxPages && static_cast<std::int64_t>(all.size()) < call.action->pagination;
       ++page) {
    ActionCall more = call;
    more.location = resolve_location(text_of(inputs, "uri"), next);
    const SharedValue shared = call.inputs;
    const net::ClientResponse response = co_await send(std::move(more), shared);
    ActionAnswer answer = answer_of(response);
    if (response.status != 200) co_return answer;
    const auto content = answer.outputs.find("body");
    if (content == answer.outputs.end() || !content->is_object() || !content->contains("value")) break;
    for (Value& item : (*content)["value"]) all.push_back(std::move(item));
    next = text_of(*content, "nextLink");
    if (next.empty()) next = text_of(*content, "@odata.nextLink");
  }
  first.outputs["body"] = Value{{"value", std::move(all)}};
  co_return first;
}

Task<void> HttpActions::authorize(const Value& inputs, net::ClientRequest& request) {
  const auto found = inputs.find("authentication");
  if (found == inputs.end() || !found->is_object()) co_return;
  const Value authentication = *found;
  const std::string type = text_of(authentication, "type");
  if (type.empty() || iequals(type, "None")) co_return;
  std::string header;
  if (iequals(type, "Basic")) {
    header = "Basic " + base64_encode(text_of(authentication, "username") + ":" + text_of(authentication, "password"));
  } else if (iequals(type, "Raw")) {
    header = text_of(authentication, "value");
  } else if (iequals(type, "ActiveDirectoryOAuth")) {
    const std::string token = co_await directory_token(authentication);
    header = "Bearer " + token;
  } else if (iequals(type, "ManagedServiceIdentity")) {
    if (!options_.managed_identity)
      throw Error(ErrorCode::kInvalidArgument, "there is no managed identity here; use another authentication", "authentication")
          .with_service_code("ManagedIdentityNotAvailable");
    std::string audience = text_of(authentication, "audience"), identity = text_of(authentication, "identity");
    const std::string token = co_await options_.managed_identity(std::move(audience), std::move(identity));
    header = "Bearer " + token;
  } else if (iequals(type, "ClientCertificate")) {
    throw Error(ErrorCode::kInvalidArgument, "authentication by a client certificate is not offered", "authentication")
        .with_service_code("ClientCertificateNotAvailable");
  } else {
    throw Error(ErrorCode::kInvalidArgument, "'" + type.substr(0, 40) + "' is no type of authentication", "authentication");
  }
  request.headers.set("Authorization", std::move(header));
}

Task<std::string> HttpActions::directory_token(Value authentication) {
  std::string authority = text_of(authentication, "authority");
  if (authority.empty()) authority = "https://login.microsoftonline.com";
  while (authority.ends_with('/')) authority.pop_back();
  const std::string tenant = text_of(authentication, "tenant"), audience = text_of(authentication, "audience"),
                    client = text_of(authentication, "clientId"), secret = text_of(authentication, "secret");
  if (secret.empty())
    throw Error(ErrorCode::kInvalidArgument, "ActiveDirectoryOAuth is offered with a 'secret' only", "authentication")
        .with_service_code("ClientCertificateNotAvailable");
  const std::string key = authority + "\n" + tenant + "\n" + client + "\n" + audience + "\n" + secret;
  {
    const std::lock_guard lock(mutex_);
    const auto known = tokens_.find(key);
    if (known != tokens_.end() && known->second.ends > clock_.now()) co_return known->second.text;
  }
  net::ClientRequest request;
  request.method = "POST";
  request.url = authority + "/" + net::percent_encode(tenant) + "/oauth2/token";
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.body = "grant_type=client_credentials&client_id=" + net::percent_encode(client) +
                 "&client_secret=" + net::percent_encode(secret) + "&resource=" + net::percent_encode(audience);
  request.timeout = options_.timeout;
  const net::ClientResponse response = co_await start(std::move(request));
  const Value body = body_value("application/json", response.body);
  const std::string token = text_of(body, "access_token");
  if (response.status != 200 || token.empty())
    throw Error(ErrorCode::kInvalidArgument,
                "the token request to '" + authority + "' was answered with " + std::to_string(response.status), "authentication")
        .with_service_code("AuthorizationFailed");
  const auto seconds = parse_number<std::int64_t>(text_of(body, "expires_in")).value_or(300);
  const std::lock_guard lock(mutex_);
  constexpr std::int64_t kEarly_s = 60;  // renewed before it ends on the way
  tokens_[key] = {token, clock_.now() + std::chrono::seconds{std::max<std::int64_t>(seconds - kEarly_s, 0)}};
  co_return token;
}

}  // namespace trunkline::flows

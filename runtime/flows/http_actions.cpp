#include "runtime/flows/http_actions.h"

#include <algorithm>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/expression/value_object.h"
#include "runtime/flows/http_content.h"
#include "runtime/flows/member_text.h"
#include "runtime/flows/workflow_headers.h"
#include "runtime/net/url.h"

namespace trunkline::flows {
namespace {

using workflow::ActionType;
using workflow::Status;

const Value* member(const Value& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

/// What a definition may not set.
bool is_kept_back(std::string_view name) {
  constexpr std::string_view kNames[] = {"Allow",         "Cookie", "Expires",    "Host",
                                         "Last-Modified", "Origin", "Set-Cookie", "Transfer-Encoding"};
  for (const std::string_view one : kNames)
    if (iequals(one, name)) return true;
  if (istarts_with(name, "Accept-")) return true;
  return istarts_with(name, "Content-") && !iequals(name, "Content-Disposition") && !iequals(name, "Content-Encoding") &&
         !iequals(name, "Content-Type");
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return text;
}

std::string last_part(std::string_view id) {
  while (id.ends_with('/')) id.remove_suffix(1);
  const std::size_t slash = id.rfind('/');
  return std::string(slash == std::string_view::npos ? id : id.substr(slash + 1));
}

bool is_retryable(int status) { return status == 408 || status == 429 || status >= 500; }

Error wrong(std::string message, std::string target) {
  return Error(ErrorCode::kInvalidArgument, std::move(message), std::move(target));
}

}  // namespace

std::string with_queries(std::string uri, const Value* queries) {
  if (queries == nullptr || !queries->is_object()) return uri;
  for (const auto& item : queries->items()) {
    if (item.value().is_null()) continue;
    uri += uri.find('?') == std::string::npos ? '?' : '&';
    uri += net::percent_encode(item.key()) + "=" + net::percent_encode(expression::to_text(item.value()));
  }
  return uri;
}

std::string resolve_location(std::string_view base, std::string_view location) {
  if (istarts_with(location, "http://") || istarts_with(location, "https://")) return std::string(location);
  const std::size_t scheme = base.find("://");
  const std::size_t host_end = std::min(base.find_first_of("/?", scheme == std::string_view::npos ? 0 : scheme + 3), base.size());
  std::string origin(base.substr(0, host_end));
  if (location.starts_with("//")) return std::string(base.substr(0, scheme + 1)) + std::string(location);
  if (location.starts_with('/')) return origin + std::string(location);
  std::string_view path = base.substr(host_end);
  path = path.substr(0, path.find('?'));
  const std::size_t slash = path.rfind('/');
  return origin + (slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash + 1))) + std::string(location);
}

std::optional<Duration> retry_after(std::string_view header, Time now) {
  header = trim(header);
  if (header.empty()) return std::nullopt;
  if (const auto seconds = parse_number<std::int64_t>(header))
    return *seconds >= 0 && *seconds <= 366 * 86'400 ? std::optional<Duration>(std::chrono::seconds{*seconds}) : std::nullopt;
  if (const auto date = parse_http_date(header)) return std::max(*date - now, Duration{0});
  return std::nullopt;
}

std::vector<std::string> connector_names(const workflow::Plan& plan, const Value& inputs) {
  std::vector<std::string> out;
  const auto add = [&](std::string name) {
    if (!name.empty() && std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
  };
  if (const Value* provider = member(inputs, "serviceProviderConfiguration"))
    for (const char* one : {"serviceProviderId", "connectionName"}) add(last_part(text_of(*provider, one)));
  const Value* host = member(inputs, "host");
  if (host == nullptr) return out;
  std::string id;
  if (const Value* connection = member(*host, "connection")) {
    id = text_of(*connection, "name");
    add(last_part(id));
    add(text_of(*connection, "referenceName"));
  }
  if (const Value* api = member(*host, "api")) add(last_part(text_of(*api, "runtimeUrl")));
  add(text_of(*host, "referenceName"));
  const std::uint32_t slot = plan.find_parameter("$connections");
  if (slot != workflow::kNone && plan.parameters[slot].value.is_object())
    for (const auto& item : plan.parameters[slot].value.items()) {
      const bool same = (!id.empty() && text_of(item.value(), "connectionId") == id) ||
                        std::any_of(out.begin(), out.end(), [&](const std::string& name) { return iequals(name, item.key()); });
      if (same) {
        add(item.key());
        // The managed API is what others know it by.
        const std::string api = last_part(text_of(item.value(), "id"));
        std::erase(out, api);
        if (!api.empty()) out.insert(out.begin(), api);
      }
    }
  return out;
}

HttpActions::HttpActions(net::HttpSender& sender, Executor& executor, Clock& clock, Log& log, HttpActionOptions options)
    : sender_(sender), executor_(executor), clock_(clock), log_(log), options_(std::move(options)) {}

std::string HttpActions::address_of(std::string_view name) const {
  for (const auto& [known, address] : options_.addresses)
    if (iequals(known, name)) return address;
  return {};
}

bool HttpActions::handles(const ActionCall& call) const {
  switch (call.action->type) {
    case ActionType::kHttp:
    case ActionType::kHttpWebhook:
    case ActionType::kFunction:
    case ActionType::kApiConnection:
    case ActionType::kApiConnectionWebhook:
    case ActionType::kServiceProvider:
      return true;
    default:
      return false;
  }
}

bool HttpActions::repeats_safely(const ActionCall& call) const {
  // RFC 9110, 9.2.2.
  if (!call.location.empty()) return true;
  const std::string method = upper(text_of(*call.inputs, "method"));
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" || method == "TRACE";
}

bool HttpActions::stands_behind(const std::vector<std::string>& names) const {
  return std::any_of(names.begin(), names.end(), [this](const std::string& name) { return !address_of(name).empty(); });
}

net::ClientRequest HttpActions::build(const ActionCall& call, const Value& inputs) const {
  net::ClientRequest request;
  request.method = upper(text_of(inputs, "method"));
  std::string uri = text_of(inputs, "uri");
  const ActionType type = call.action != nullptr ? call.action->type : ActionType::kHttp;
  if (type == ActionType::kFunction) {
    const Value* function = member(inputs, "function");
    const std::string id = function != nullptr ? text_of(*function, "id") : "";
    uri = istarts_with(id, "http") ? id : address_of(last_part(id));
    if (uri.empty() && options_.address_of_unknown) uri = options_.address_of_unknown(last_part(id));
    if (uri.empty())
      throw wrong("the function '" + last_part(id) +
                      "' is not mapped to an address; name its address under `connections` in the configuration",
                  "function")
          .with_service_code("FunctionNotMapped");
    if (request.method.empty()) request.method = "POST";
  } else if (type == ActionType::kApiConnection || type == ActionType::kApiConnectionWebhook ||
             type == ActionType::kServiceProvider) {
    const std::vector<std::string> names = connector_names(*call.plan, inputs);
    for (const std::string& name : names)
      if (uri.empty()) uri = address_of(name);
    if (uri.empty() && !names.empty() && options_.address_of_unknown) uri = options_.address_of_unknown(names.front());
    if (uri.empty())
      throw wrong("the connector '" + (names.empty() ? "?" : names.front()) +
                      "' is not mapped; name its address under `connections` in the configuration",
                  "host")
          .with_service_code("ConnectorNotMapped");
    // A provider of the Standard edition has operations instead of paths.
    const Value* provider = member(inputs, "serviceProviderConfiguration");
    std::string path = provider != nullptr ? "/" + text_of(*provider, "operationId") : text_of(inputs, "path");
    if (uri.ends_with('/') && path.starts_with('/')) uri.pop_back();
    uri += path;
    if (request.method.empty()) request.method = type == ActionType::kApiConnection ? "GET" : "POST";
  }
  if (request.method.empty()) request.method = "POST";
  if (!call.location.empty()) {
    request.method = "GET";
    request.url = call.location;
  } else {
    request.url = with_queries(std::move(uri), member(inputs, "queries"));
    if (request.url.size() > options_.max_uri_bytes)
      throw wrong("the address has " + std::to_string(request.url.size()) + " bytes, and " +
                      std::to_string(options_.max_uri_bytes) + " are allowed",
                  "uri");
  }
  if (const Value* headers = member(inputs, "headers"); headers != nullptr && headers->is_object())
    for (const auto& header : headers->items())
      if (!header.value().is_null() && !is_kept_back(header.key()))
        request.headers.add(header.key(), expression::to_text(header.value()));
  if (const Value* cookie = member(inputs, "cookie")) request.headers.set("Cookie", expression::to_text(*cookie));
  if (const auto body = inputs.find(type == ActionType::kServiceProvider ? "parameters" : "body");
      body != inputs.end() && !body->is_null() && call.location.empty() && request.method != "GET" && request.method != "HEAD") {
    EncodedBody encoded = encode_body(*body, request.headers.get("Content-Type"), call.action_tracking_id);
    const std::size_t most =
        call.action != nullptr && call.action->chunked ? options_.max_chunked_bytes : options_.max_request_bytes;
    if (encoded.bytes.size() > most)
      throw wrong("the body has " + std::to_string(encoded.bytes.size()) + " bytes, and " + std::to_string(most) + " are allowed",
                  "body")
          .with_service_code("RequestEntityTooLarge");
    request.body = std::move(encoded.bytes);
    if (!encoded.content_type.empty()) request.headers.set("Content-Type", std::move(encoded.content_type));
  } else if (request.body.empty()) {
    request.headers.remove("Content-Type");
  }
  if (call.workflow) {
    const Workflow& w = *call.workflow;
    request.headers.set("User-Agent",
                        "azure-logic-apps/1.0 (workflow " + w.id + "; version " + (w.version ? w.version->name : "") + ")");
    if (call.action == nullptr || !call.action->suppress_headers) add_request_headers(request.headers, call);
  }
  request.timeout = options_.timeout;
  request.max_response_bytes = options_.max_response_bytes;
  request.cancel = call.cancel;
  return request;
}

Task<net::ClientResponse> HttpActions::start(net::ClientRequest request) {
  auto begin = [this, &request](auto done) { sender_.start_send(std::move(request), std::move(done)); };
  auto pending = from_callback<net::ClientResponse>(std::move(begin));
  net::ClientResponse response = co_await pending;
  co_return response;
}

Task<net::ClientResponse> HttpActions::send(ActionCall call, SharedValue inputs) {
  net::ClientRequest request = build(call, *inputs);
  co_await authorize(*inputs, request);
  net::ClientResponse response = co_await start(std::move(request));
  co_return response;
}

ActionAnswer HttpActions::answer_of(const net::ClientResponse& response) {
  ActionAnswer out;
  out.code = status_name(response.status);
  out.outputs = expression::make_object(3);
  out.outputs["statusCode"] = response.status;
  out.outputs["headers"] = headers_value(response.headers);
  if (!response.body.empty()) out.outputs["body"] = body_value(response.headers.get("Content-Type"), response.body);
  if (response.status >= 400) {
    out.status = Status::kFailed;
    out.retryable = is_retryable(response.status);
  }
  return out;
}

ActionAnswer HttpActions::answer_of(const Error& error) {
  if (error.code == ErrorCode::kInvalidArgument)
    return ActionAnswer::failed("BadRequest", error.service_code.empty() ? "BadRequest" : error.service_code, error.message);
  ActionAnswer out =
      ActionAnswer::failed(error.code == ErrorCode::kDeadlineExceeded    ? "GatewayTimeout"
                           : error.code == ErrorCode::kResourceExhausted ? "BadGateway"
                                                                         : "BadGateway",
                           error.code == ErrorCode::kResourceExhausted ? "HttpResponseContentTooLarge" : "HttpRequestFailed",
                           "The HTTP request failed: " + error.message);
  out.retryable = error.code != ErrorCode::kResourceExhausted && error.code != ErrorCode::kCancelled;
  return out;
}

void HttpActions::run(ActionCall call, UniqueFunction<void(ActionAnswer)> done) {
  spawn(attempt(std::move(call)), [done = std::move(done)](Result<ActionAnswer> result) mutable {
    done(result.ok() ? std::move(result).value() : answer_of(result.error()));
  });
}

Task<ActionAnswer> HttpActions::attempt(ActionCall call) {
  const SharedValue inputs = call.inputs;
  const std::string url = call.location.empty() ? build(call, *inputs).url : call.location;
  const bool in_chunks = call.action->chunked && call.location.empty() && inputs->contains("body");
  net::ClientResponse response;
  if (in_chunks)
    response = co_await upload_in_chunks(call, inputs);
  else
    response = co_await send(call, inputs);
  if (response.status == 206 && call.action->chunked) co_return co_await read_on(call, inputs, std::move(response));
  const std::optional<Duration> asked = retry_after(response.headers.get("Retry-After"), clock_.now());
  ActionAnswer answer = answer_of(response);
  answer.retry_after = asked;
  const std::string_view location = response.headers.get("Location");
  if (response.status == 202 && !location.empty() && !call.action->disable_async_pattern) {
    answer.location = resolve_location(url, location);
    if (!answer.retry_after) answer.retry_after = options_.poll_interval;
  } else if (response.status == 202 && !call.location.empty() && !call.action->disable_async_pattern) {
    // Still at work, and where it was.
    answer.location = call.location;
    if (!answer.retry_after) answer.retry_after = options_.poll_interval;
  }
  if (call.action->pagination > 0 && response.status == 200) co_return co_await read_pages(call, *inputs, std::move(answer));
  co_return answer;
}

}  // namespace trunkline::flows

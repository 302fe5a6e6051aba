#include "runtime/flows/callback_url.h"

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/crypto/hash.h"
#include "runtime/net/http.h"

namespace trunkline::flows {
namespace {

constexpr std::string_view kSignatureVersion = "1.0";

std::string query_text(const std::map<std::string, std::string>& queries) {
  std::string out;
  for (const auto& [name, value] : queries) out += (out.empty() ? "?" : "&") + name + "=" + net::percent_encode(value);
  return out;
}

std::string value_of(const std::map<std::string, std::string>& queries, const char* name) {
  const auto found = queries.find(name);
  return found == queries.end() ? std::string() : found->second;
}

Error denied(std::string message) {
  return Error(ErrorCode::kUnauthenticated, std::move(message), "sig")
      .with_http_status(401)
      .with_service_code("AuthorizationFailed");
}

}  // namespace

std::string trigger_permission(std::string_view trigger) { return "/triggers/" + std::string(trigger) + "/run"; }

std::string action_permission(std::string_view run, std::string_view action, FrameId frame) {
  return "/runs/" + std::string(run) + "/actions/" + std::string(action) + "/" + std::to_string(frame) + "/run";
}

std::string sign_callback(const Workflow& workflow, std::string_view permission, std::string_view expires) {
  const crypto::HmacSha256 hmac(workflow.signing_key.reveal());
  return base64url_encode(crypto::as_text(hmac.sign({workflow.id, "\n", permission, "\n", kSignatureVersion, "\n", expires})));
}

std::map<std::string, std::string> callback_queries(const Workflow& workflow, std::string_view permission,
                                                    std::string_view expires) {
  std::map<std::string, std::string> out{{"api-version", std::string(kCallbackApiVersion)},
                                         {"sp", std::string(permission)},
                                         {"sv", std::string(kSignatureVersion)},
                                         {"sig", sign_callback(workflow, permission, expires)}};
  if (!expires.empty()) out["se"] = expires;
  return out;
}

void check_callback(const Workflow& workflow, std::string_view permission, const std::map<std::string, std::string>& queries,
                    Time now) {
  const std::string signature = value_of(queries, "sig"), expires = value_of(queries, "se");
  if (signature.empty())
    throw Error(ErrorCode::kUnauthenticated, "The request must be authenticated by a signature in its query.", "sig")
        .with_http_status(401)
        .with_service_code("DirectApiAuthorizationRequired");
  if (!iequals(value_of(queries, "sp"), permission) || value_of(queries, "sv") != kSignatureVersion)
    throw denied("The signature of the request is not for this address.");
  if (!crypto::constant_time_equal(signature, sign_callback(workflow, value_of(queries, "sp"), expires)))
    throw denied("The signature of the request is not valid.");
  if (expires.empty()) return;
  const auto end = parse_rfc3339(expires);
  if (!end || *end <= now) throw denied("The signature of the request has expired.");
}

CallbackUrl trigger_callback_url(const Workflow& workflow, const workflow::Trigger& trigger, std::string_view endpoint) {
  CallbackUrl out;
  out.method = trigger.method.empty() ? "POST" : trigger.method;
  out.base_path =
      std::string(endpoint) + "workflows/" + workflow.id + "/triggers/" + net::percent_encode(trigger.name) + "/paths/invoke";
  out.relative_path = trigger.relative_path;
  for (const std::string_view segment : split(trigger.relative_path, '/'))
    if (segment.size() > 2 && segment.front() == '{' && segment.back() == '}')
      out.relative_path_parameters.emplace_back(segment.substr(1, segment.size() - 2));
  out.queries = callback_queries(workflow, trigger_permission(trigger.name), {});
  std::string path = out.relative_path;
  if (!path.empty() && !path.starts_with('/')) path.insert(0, 1, '/');
  out.value = out.base_path + path + query_text(out.queries);
  return out;
}

std::string action_callback_url(const Workflow& workflow, std::string_view run, std::string_view action, FrameId frame,
                                std::string_view endpoint) {
  std::map<std::string, std::string> queries = callback_queries(workflow, action_permission(run, action, frame), {});
  return std::string(endpoint) + "workflows/" + workflow.id + "/runs/" + std::string(run) + "/actions/" +
         net::percent_encode(action) + "/" + std::to_string(frame) + "/run" + query_text(queries);
}

}  // namespace trunkline::flows

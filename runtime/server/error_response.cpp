#include "runtime/server/error_response.h"

#include <algorithm>

#include "runtime/base/json.h"

namespace trunkline::server {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out.push_back(',');
  append_json_string(out, name);
  out.push_back(':');
  append_json_string(out, value);
}

}  // namespace

int http_status_of(const Error& error) {
  if (error.http_status >= 100 && error.http_status < 600) return error.http_status;
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kAborted:
    case ErrorCode::kFailedPrecondition:
      return 409;
    case ErrorCode::kResourceExhausted:
      return 429;
    case ErrorCode::kUnimplemented:
      return 501;
    case ErrorCode::kCancelled:
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadlineExceeded:
      return 504;
    case ErrorCode::kUnknown:
    case ErrorCode::kInternal:
    case ErrorCode::kDataLoss:
      return 500;
  }
  return 500;
}

std::string service_code_of(const Error& error) {
  if (!error.service_code.empty()) return error.service_code;
  switch (http_status_of(error)) {
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 405:
      return "MethodNotAllowed";
    case 406:
      return "NotAcceptable";
    case 408:
      return "RequestTimeout";
    case 409:
      return "Conflict";
    case 412:
      return "PreconditionFailed";
    case 413:
      return "RequestEntityTooLarge";
    case 415:
      return "UnsupportedMediaType";
    case 422:
      return "UnprocessableEntity";
    case 429:
      return "TooManyRequests";
    case 501:
      return "NotImplemented";
    case 502:
      return "BadGateway";
    case 503:
      return "ServiceUnavailable";
    case 504:
      return "GatewayTimeout";
    default:
      return "InternalServerError";
  }
}

net::Response error_response(const Error& error) {
  net::Response response;
  response.status = http_status_of(error);
  const std::string code = service_code_of(error);
  std::string& body = response.body;
  body = R"({"error":{)";
  append_member(body, "code", code);
  append_member(body, "message", error.message);
  if (!error.target.empty()) append_member(body, "target", error.target);
  if (!error.details.empty()) {
    body += R"(,"details":[)";
    for (const auto& [target, message] : error.details) {
      if (body.back() != '[') body.push_back(',');
      body.push_back('{');
      append_member(body, "code", code);
      append_member(body, "message", message);
      append_member(body, "target", target);
      body.push_back('}');
    }
    body.push_back(']');
  }
  body += "}}";
  response.headers.add("x-ms-error-code", code);
  if (error.retryable || error.retry_after) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(error.retry_after.value_or(Duration::zero())).count();
    response.headers.add("Retry-After", std::to_string(std::max<std::int64_t>(wait, 0)));
  }
  return response;
}

}  // namespace trunkline::server

// POST /emails:send and the operation it starts, in all published versions (2021-10-01-preview has another shape and is not
// served).
#include "runtime/api/email_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/services/email_rules.h"
#include "runtime/services/email_service.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;
using service::EmailOperationStatus;

constexpr const char* kRetryAfterSeconds = "1";

std::vector<email::Mailbox> parse_mailboxes(const JsonRef& parent, const char* key) {
  std::vector<email::Mailbox> boxes;
  const auto list = parent.find(key);
  if (!list) return boxes;
  const std::size_t count = list->array_size();
  for (std::size_t i = 0; i < count; ++i) {
    const JsonRef one = (*list)[i];
    email::Mailbox& box = boxes.emplace_back();
    box.address = one.at("address").text();
    if (const auto name = one.find("displayName"); name && !name->text().empty()) box.display_name = std::string(name->text());
  }
  return boxes;
}

service::EmailMessage parse_message(const json& body) {
  const JsonRef request(body);
  service::EmailMessage message;
  message.sender_address = request.at("senderAddress").text();
  const JsonRef content = request.at("content");
  message.subject = content.at("subject").text();
  if (const auto text = content.find("plainText")) message.plain_text = std::string(text->text());
  if (const auto html = content.find("html")) message.html = std::string(html->text());
  const JsonRef recipients = request.at("recipients");
  message.to = parse_mailboxes(recipients, "to");
  message.cc = parse_mailboxes(recipients, "cc");
  message.bcc = parse_mailboxes(recipients, "bcc");
  message.reply_to = parse_mailboxes(request, "replyTo");
  if (const auto headers = request.find("headers")) {
    message.headers.emplace();
    for (const auto& [name, value] : headers->object().json().items()) {
      if (!value.is_string()) throw headers->error("wanted text for each header");
      (*message.headers)[name] = value.get<std::string>();
    }
  }
  if (const auto files = request.find("attachments")) {
    const std::size_t count = files->array_size();
    for (std::size_t i = 0; i < count; ++i) {
      const JsonRef one = (*files)[i];
      email::EmailAttachment& file = message.attachments.emplace_back();
      file.name = one.at("name").text();
      file.content_type = one.at("contentType").text();
      const JsonRef encoded = one.at("contentInBase64");
      const auto bytes = base64_decode(encoded.text());
      if (!bytes) throw encoded.error("is not base64");
      file.content.assign(bytes->begin(), bytes->end());
      if (const auto id = one.find("contentId"); id && !id->text().empty()) file.content_id = std::string(id->text());
    }
  }
  message.disable_tracking = request.boolean_or("userEngagementTrackingDisabled", false);
  message.unsubscribe = request.boolean_or("unsubscribe", false);  // ours; Azure has no such thing
  return message;
}

std::string_view word(EmailOperationStatus status) {
  switch (status) {
    case EmailOperationStatus::kNotStarted:
      return "NotStarted";
    case EmailOperationStatus::kSucceeded:
      return "Succeeded";
    case EmailOperationStatus::kFailed:
      return "Failed";
    case EmailOperationStatus::kCanceled:
      return "Canceled";
    default:
      return "Running";
  }
}

/// Exactly these members: some clients fail on an empty `error`, and on others.
json status_json(const service::EmailOperation& operation) {
  json out;
  out["id"] = operation.operation_id;
  out["status"] = word(operation.status);
  out["error"] = nullptr;
  if (operation.error_code) {
    out["error"] = json::object();
    out["error"]["code"] = *operation.error_code;
    out["error"]["message"] = operation.error_message.value_or("");
  }
  return out;
}

bool has_ended(EmailOperationStatus status) {
  return status == EmailOperationStatus::kSucceeded || status == EmailOperationStatus::kFailed ||
         status == EmailOperationStatus::kCanceled;
}

/// With the scheme and host of the request: clients that sign do not follow links to another.
std::string operation_location(const RouteContext& context, const std::string& id) {
  const std::string host(context.request.headers.get("host"));
  const std::string path =
      "/emails/operations/" + id + "?api-version=" + context.query("api-version").value_or(std::string(context.api_version));
  return host.empty() ? path : (context.request.tls ? "https://" : "http://") + host + path;
}

}  // namespace

void add_email_routes(std::vector<server::Route>& routes, EmailService& email) {
  const auto published = versions({"2023-01-15-preview", "2023-03-31", "2024-07-01-preview", "2025-09-01"});
  server::Route send;
  send.method = "POST";
  send.path = "/emails:send";
  send.auth = server::Auth::kAccessKey;
  send.body = server::BodyRule::kJson;
  // What surrounds the 10 MB; email_rules counts those exactly.
  send.max_body_bytes = email_rules::kMaxRequestBytes + 256 * 1024;
  send.versions = published;
  send.handler = [&email](RouteContext& context) -> Task<net::Response> {
    JsonLimits limits;
    limits.max_bytes = email_rules::kMaxRequestBytes + 256 * 1024;
    EmailSubmission submission;
    submission.message = parse_message(parse_json(context.request.body, limits));
    submission.traceparent = context.traceparent();
    if (context.request.headers.has("operation-id"))
      submission.message.operation_id = std::string(context.request.headers.get("operation-id"));
    const service::EmailOperation operation = co_await email.send(resource_of(context), std::move(submission));
    net::Response response = json_response(202, status_json(operation));
    response.headers.set("Operation-Location", operation_location(context, operation.operation_id));
    response.headers.set("Retry-After", kRetryAfterSeconds);
    co_return response;
  };
  routes.push_back(std::move(send));

  server::Route status;
  status.method = "GET";
  status.path = "/emails/operations/{operationId}";
  status.auth = server::Auth::kAccessKey;
  status.versions = published;
  status.handler = [&email](RouteContext& context) -> Task<net::Response> {
    const service::EmailOperation operation = email.get_limited(*resource_of(context), context.param("operationId"));
    net::Response response = json_response(200, status_json(operation));
    if (!has_ended(operation.status)) response.headers.set("Retry-After", kRetryAfterSeconds);
    co_return response;
  };
  routes.push_back(std::move(status));
}

}  // namespace trunkline::api

// Azure Communication Services Email, and SMTP: both send mail of the resource.
#include <algorithm>

#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/connectors/connector.h"
#include "runtime/services/email_service.h"

namespace trunkline::connectors {
namespace {

using nlohmann::json;

/// The first of these names that there is. The connector spells `CC` and `bCC`, the REST API `cc` and `bcc`.
std::optional<JsonRef> find_any(const JsonRef& parent, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (auto found = parent.find(name)) return found;
  return std::nullopt;
}

std::vector<email::Mailbox> mailboxes(const std::optional<JsonRef>& list) {
  std::vector<email::Mailbox> out;
  if (!list) return out;
  for (std::size_t i = 0, n = list->array_size(); i < n; ++i) {
    email::Mailbox& box = out.emplace_back();
    box.address = (*list)[i].at("address").text();
    if (const auto name = (*list)[i].find("displayName"); name && !name->text().empty())
      box.display_name = std::string(name->text());
  }
  return out;
}

/// `a@x.example; b@x.example`
std::vector<email::Mailbox> addresses(const std::optional<JsonRef>& text) {
  std::vector<email::Mailbox> out;
  if (!text) return out;
  for (const std::string_view part : split(text->text(), ';')) {
    const std::string_view address = trim(part);
    if (!address.empty()) out.emplace_back().address = address;
  }
  return out;
}

void set_header(service::EmailMessage& message, const std::string& name, std::string_view value) {
  if (!message.headers) message.headers.emplace();
  (*message.headers)[name] = value;
}

bool has_header(const service::EmailMessage& message, std::string_view name) {
  return message.headers && std::any_of(message.headers->begin(), message.headers->end(),
                                        [&](const auto& header) { return iequals(header.first, name); });
}

/// An object by name, as the REST API has it, or a list of `{name, value}`, as the connector has it.
void set_headers(service::EmailMessage& message, const JsonRef& headers) {
  if (headers.json().is_array()) {
    for (std::size_t i = 0, n = headers.array_size(); i < n; ++i)
      set_header(message, std::string(headers[i].at("name").text()), headers[i].at("value").text());
    return;
  }
  for (const auto& [name, value] : headers.object().json().items()) set_header(message, name, headers.at(name).text());
}

/// Mail has no field for it: the header that Azure documents says it. One that the definition sets itself stays.
void set_importance(service::EmailMessage& message, const std::optional<JsonRef>& importance) {
  if (!importance || importance->text().empty() || iequals(importance->text(), "Normal")) return;
  const bool high = iequals(importance->text(), "High");
  if (!high && !iequals(importance->text(), "Low")) throw importance->error("must be High, Normal or Low");
  if (!has_header(message, "x-priority")) set_header(message, "x-priority", high ? "1" : "5");
}

/// Content of a file: base64, or a content object (`$content-type`, `$content`), as expressions give it.
Bytes file_content(const JsonRef& given) {
  const JsonRef encoded = given.json().is_object() ? given.at("$content") : given;
  const auto bytes = base64_decode(encoded.text());
  if (!bytes) throw encoded.error("is not base64");
  return Bytes(bytes->begin(), bytes->end());
}

const char* word(service::EmailOperationStatus status) {
  switch (status) {
    case service::EmailOperationStatus::kNotStarted:
      return "NotStarted";
    case service::EmailOperationStatus::kSucceeded:
      return "Succeeded";
    case service::EmailOperationStatus::kFailed:
      return "Failed";
    case service::EmailOperationStatus::kCanceled:
      return "Canceled";
    default:
      return "Running";
  }
}

json operation_json(const service::EmailOperation& operation) {
  json out;
  out["id"] = operation.operation_id;
  out["status"] = word(operation.status);
  if (operation.error_code) {
    out["error"]["code"] = *operation.error_code;
    out["error"]["message"] = operation.error_message.value_or("");
  }
  return out;
}

Task<ConnectorResponse> accept(ConnectorServices services, ResourcePtr resource, service::EmailMessage message, std::string key) {
  // The same attempt is sent once, also after a crash that hid its outcome.
  message.operation_id = std::move(key);
  EmailSubmission submission;
  submission.message = std::move(message);
  const service::EmailOperation operation = co_await services.email->send(std::move(resource), std::move(submission));
  ConnectorResponse response;
  response.status = 202;
  response.body = operation_json(operation);
  co_return response;
}

Task<ConnectorResponse> send_email(ConnectorServices services, ConnectorRequest request) {
  const JsonRef body(request.body);
  service::EmailMessage message;
  message.sender_address = body.at("senderAddress").text();
  const JsonRef content = body.at("content");
  message.subject = content.at("subject").text();
  if (const auto text = content.find("plainText")) message.plain_text = std::string(text->text());
  if (const auto html = content.find("html")) message.html = std::string(html->text());
  const JsonRef recipients = body.at("recipients");
  message.to = mailboxes(recipients.find("to"));
  message.cc = mailboxes(find_any(recipients, {"CC", "cC", "cc"}));
  message.bcc = mailboxes(find_any(recipients, {"bCC", "BCC", "bcc"}));
  message.reply_to = mailboxes(body.find("replyTo"));
  if (const auto headers = body.find("headers")) set_headers(message, *headers);
  set_importance(message, body.find("importance"));
  if (const auto files = body.find("attachments"))
    for (std::size_t i = 0, n = files->array_size(); i < n; ++i) {
      email::EmailAttachment& file = message.attachments.emplace_back();
      file.name = (*files)[i].at("name").text();
      file.content_type = (*files)[i].at("contentType").text();
      file.content = file_content((*files)[i].at("contentInBase64"));
    }
  message.disable_tracking = body.boolean_or("userEngagementTrackingDisabled", false);
  co_return co_await accept(services, std::move(request.resource), std::move(message), std::move(request.idempotency_key));
}

Task<ConnectorResponse> email_status(ConnectorServices services, ConnectorRequest request) {
  ConnectorResponse response;
  response.body = operation_json(services.email->get(*request.resource, request.arguments[0]));
  co_return response;
}

/// The members of a mail over SMTP, whose names differ between the managed connector and the one of the Standard edition.
struct SmtpNames {
  const char *from, *to, *cc, *bcc, *subject, *body, *html, *importance, *read_receipt, *delivery_receipt, *attachments;
  const char *file_name, *content_type, *content, *content_id;
};
constexpr SmtpNames kManaged{"From",        "To",       "CC",          "Bcc",         "Subject",
                             "Body",        "IsHtml",   "Importance",  "ReadReceipt", "DeliveryReceipt",
                             "Attachments", "FileName", "ContentType", "ContentData", "ContentId"};
constexpr SmtpNames kBuiltIn{"from",       "to",       "cc",          "bcc",         "subject",
                             "body",       "isHTML",   "importance",  "readReceipt", "deliveryReceipt",
                             "attachment", "fileName", "contentType", "contentData", "contentId"};

service::EmailMessage smtp_message(const JsonRef& body, const SmtpNames& names, bool html) {
  service::EmailMessage message;
  message.sender_address = body.at(names.from).text();
  message.to = addresses(body.find(names.to));
  message.cc = addresses(body.find(names.cc));
  message.bcc = addresses(body.find(names.bcc));
  message.subject = body.text_or(names.subject, "");
  const std::string text(body.text_or(names.body, ""));
  (body.boolean_or(names.html, html) ? message.html : message.plain_text) = text;
  set_importance(message, body.find(names.importance));
  // RFC 8098, and what servers took for the same before RFC 3461.
  if (const std::string_view to = body.text_or(names.read_receipt, ""); !to.empty())
    set_header(message, "Disposition-Notification-To", to);
  if (const std::string_view to = body.text_or(names.delivery_receipt, ""); !to.empty())
    set_header(message, "Return-Receipt-To", to);
  if (const auto files = body.find(names.attachments))
    for (std::size_t i = 0, n = files->array_size(); i < n; ++i) {
      email::EmailAttachment& file = message.attachments.emplace_back();
      file.name = (*files)[i].at(names.file_name).text();
      file.content_type = (*files)[i].text_or(names.content_type, "application/octet-stream");
      file.content = file_content((*files)[i].at(names.content));
      if (const auto id = (*files)[i].find(names.content_id); id && !id->text().empty())
        file.content_id = std::string(id->text());
    }
  return message;
}

Task<ConnectorResponse> send_smtp(ConnectorServices services, ConnectorRequest request) {
  service::EmailMessage message = smtp_message(JsonRef(request.body), kManaged, true);
  co_return co_await accept(services, std::move(request.resource), std::move(message), std::move(request.idempotency_key));
}

/// The Standard edition's own: an operation of the service provider `/serviceProviders/Smtp`.
Task<ConnectorResponse> send_built_in_smtp(ConnectorServices services, ConnectorRequest request) {
  service::EmailMessage message = smtp_message(JsonRef(request.body), kBuiltIn, false);
  co_return co_await accept(services, std::move(request.resource), std::move(message), std::move(request.idempotency_key));
}

constexpr ConnectorOperation kEmail[] = {
    {"POST", "/emails:sendGAVersion", true, send_email},
    {"POST", "/emails:send", true, send_email},
    {"GET", "/emails/operations/{}", true, email_status},
};
constexpr ConnectorOperation kSmtp[] = {
    {"POST", "/SendEmailV3", true, send_smtp},
    {"POST", "/SendEmailV2", true, send_smtp},
    {"POST", "/SendEmail", true, send_smtp},
    {kProviderMethod, "sendEmail", true, send_built_in_smtp},
};

}  // namespace

std::span<const ConnectorOperation> email_operations() { return kEmail; }
std::span<const ConnectorOperation> smtp_operations() { return kSmtp; }

}  // namespace trunkline::connectors

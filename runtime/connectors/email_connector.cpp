// Azure Communication Services Email, and SMTP: both send mail of the resource.
#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/connectors/connector.h"
#include "runtime/services/email_service.h"

namespace trunkline::connectors {
namespace {

using nlohmann::json;

std::vector<email::Mailbox> mailboxes(const JsonRef& parent, const char* member) {
  std::vector<email::Mailbox> out;
  const auto list = parent.find(member);
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
std::vector<email::Mailbox> addresses(const JsonRef& parent, const char* member) {
  std::vector<email::Mailbox> out;
  const auto text = parent.find(member);
  if (!text) return out;
  for (const std::string_view part : split(text->text(), ';')) {
    const std::string_view address = trim(part);
    if (!address.empty()) out.emplace_back().address = address;
  }
  return out;
}

Bytes file_content(const JsonRef& encoded) {
  const auto bytes = base64_decode(encoded.text());
  if (!bytes) throw encoded.error("is not base64");
  return Bytes(bytes->begin(), bytes->end());
}

Task<ConnectorResponse> accept(ConnectorServices services, ResourcePtr resource, service::EmailMessage message, std::string key) {
  // The same attempt is sent once, also after a crash that hid its outcome.
  message.operation_id = std::move(key);
  EmailSubmission submission;
  submission.message = std::move(message);
  const service::EmailOperation operation = co_await services.email->send(std::move(resource), std::move(submission));
  ConnectorResponse response;
  response.status = 202;
  response.body["id"] = operation.operation_id;
  response.body["status"] = operation.error_code ? "Failed" : "Running";
  if (operation.error_code) {
    response.body["error"]["code"] = *operation.error_code;
    response.body["error"]["message"] = operation.error_message.value_or("");
  }
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
  message.to = mailboxes(recipients, "to");
  message.cc = mailboxes(recipients, "cc");
  // The connector spells it one way, the REST API the other.
  message.bcc = mailboxes(recipients, recipients.find("bCC") ? "bCC" : "bcc");
  message.reply_to = mailboxes(body, "replyTo");
  if (const auto headers = body.find("headers"); headers && headers->json().is_object()) {
    message.headers.emplace();
    for (const auto& [name, value] : headers->json().items()) (*message.headers)[name] = headers->at(name).text();
  }
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

Task<ConnectorResponse> send_smtp(ConnectorServices services, ConnectorRequest request) {
  const JsonRef body(request.body);
  service::EmailMessage message;
  message.sender_address = body.at("From").text();
  message.to = addresses(body, "To");
  message.cc = addresses(body, "CC");
  message.bcc = addresses(body, "Bcc");
  message.subject = body.text_or("Subject", "");
  message.html = std::string(body.text_or("Body", ""));
  if (const auto files = body.find("Attachments"))
    for (std::size_t i = 0, n = files->array_size(); i < n; ++i) {
      email::EmailAttachment& file = message.attachments.emplace_back();
      file.name = (*files)[i].at("FileName").text();
      file.content_type = (*files)[i].text_or("ContentType", "application/octet-stream");
      file.content = file_content((*files)[i].at("ContentData"));
      if (const auto id = (*files)[i].find("ContentId"); id && !id->text().empty()) file.content_id = std::string(id->text());
    }
  co_return co_await accept(services, std::move(request.resource), std::move(message), std::move(request.idempotency_key));
}

constexpr ConnectorOperation kEmail[] = {
    {"POST", "/emails:sendGAVersion", true, send_email},
    {"POST", "/emails:send", true, send_email},
};
constexpr ConnectorOperation kSmtp[] = {
    {"POST", "/SendEmailV3", true, send_smtp},
    {"POST", "/SendEmailV2", true, send_smtp},
    {"POST", "/SendEmail", true, send_smtp},
};

}  // namespace

std::span<const ConnectorOperation> email_operations() { return kEmail; }
std::span<const ConnectorOperation> smtp_operations() { return kSmtp; }

}  // namespace trunkline::connectors

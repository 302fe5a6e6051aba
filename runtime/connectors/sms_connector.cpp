// Azure Communication Services SMS.
#include "runtime/base/json.h"
#include "runtime/connectors/connector.h"
#include "runtime/services/sms_service.h"

namespace trunkline::connectors {
namespace {

using nlohmann::json;

Task<ConnectorResponse> send_sms(ConnectorServices services, ConnectorRequest request) {
  SmsSubmission submission;
  const JsonRef body(request.body);
  submission.from = body.at("from").text();
  submission.text = body.at("message").text();
  const JsonRef recipients = body.at("smsRecipients");
  for (std::size_t i = 0, n = recipients.array_size(); i < n; ++i) {
    SmsAddressee addressee;
    addressee.to = recipients[i].at("to").text();
    // The same attempt is sent once, also after a crash that hid its outcome.
    addressee.idempotency_key = recipients[i].text_or("repeatabilityRequestId", "");
    if (addressee.idempotency_key.empty()) addressee.idempotency_key = request.idempotency_key + "/" + std::to_string(i);
    submission.to.push_back(std::move(addressee));
  }
  if (const auto options = body.find("smsSendOptions")) {
    submission.wants_report = options->boolean_or("enableDeliveryReport", false);
    if (const auto tag = options->find("tag")) submission.tag = std::string(tag->text());
  }
  const std::vector<service::SmsSendOutcome> outcomes =
      co_await services.sms->send(std::move(request.resource), std::move(submission));
  ConnectorResponse response;
  response.status = 202;
  json& items = response.body["value"] = json::array();
  for (const service::SmsSendOutcome& outcome : outcomes) {
    json item;
    item["to"] = outcome.to;
    if (outcome.message_id) item["messageId"] = *outcome.message_id;
    item["httpStatusCode"] = outcome.http_status;
    item["successful"] = outcome.successful;
    item["repeatabilityResult"] = outcome.successful ? "accepted" : "rejected";
    if (outcome.error_message) item["errorMessage"] = *outcome.error_message;
    items.push_back(std::move(item));
  }
  co_return response;
}

constexpr ConnectorOperation kSmsOperations[] = {
    {"POST", "/v2/sms", true, send_sms},
    {"POST", "/sms", true, send_sms},
};

}  // namespace

std::span<const ConnectorOperation> sms_operations() { return kSmsOperations; }

}  // namespace trunkline::connectors

// POST /sms, in all published versions (2021-03-07 to 2026-01-23), opt-outs, and the delivery report of a message.
#include "runtime/api/sms_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/clock/clock.h"
#include "runtime/services/sms_event_data.h"
#include "runtime/services/sms_service.h"

namespace trunkline::api {
namespace {

using nlohmann::json;

/// Bodies are small: 100 recipients with ids and 2048 characters of text.
constexpr std::size_t kMaxSmsBodyBytes = 128 * 1024;

SmsSubmission parse_submission(const json& body) {
  SmsSubmission submission;
  const JsonRef request(body);
  submission.from = request.at("from").text();
  submission.text = request.at("message").text();
  const JsonRef recipients = request.at("smsRecipients");
  const std::size_t count = recipients.array_size();
  submission.to.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const JsonRef recipient = recipients[i];
    SmsAddressee addressee;
    addressee.to = recipient.at("to").text();
    // The id alone identifies the request; when it was first sent only says how long to remember it, and we do not forget.
    addressee.idempotency_key = recipient.text_or("repeatabilityRequestId", "");
    recipient.text_or("repeatabilityFirstSent", "");
    submission.to.push_back(std::move(addressee));
  }
  if (const auto options = request.find("smsSendOptions")) {
    submission.wants_report = options->boolean_or("enableDeliveryReport", false);
    if (const auto tag = options->find("tag")) submission.tag = std::string(tag->text());
    if (const auto seconds = options->find("deliveryReportTimeoutInSeconds"))
      submission.report_timeout = std::chrono::seconds{seconds->integer(60, 43200)};
    if (const auto partner = options->find("messagingConnect"))
      throw partner->error("names a messaging connect partner; Trunkline has none, configure a provider instead");
  }
  return submission;
}

json to_json(const service::SmsSendOutcome& outcome, bool repeatable) {
  json item;
  item["to"] = outcome.to;
  if (outcome.message_id) item["messageId"] = *outcome.message_id;
  item["httpStatusCode"] = outcome.http_status;
  item["successful"] = outcome.successful;
  if (repeatable) item["repeatabilityResult"] = outcome.successful ? "accepted" : "rejected";
  if (outcome.error_message) item["errorMessage"] = *outcome.error_message;
  return item;
}

using OptOutWork = Task<std::vector<service::OptOutOutcome>> (*)(SmsConsent&, ResourcePtr, std::string, std::vector<std::string>);

/// POST /sms/optouts:add, :remove and :check: one answer for each recipient, 200 as a whole.
server::Route opt_out_route(SmsService& sms, const char* path, bool tells_state, OptOutWork work) {
  server::Route route;
  route.method = "POST";
  route.path = path;
  route.auth = server::Auth::kAccessKey;
  route.body = server::BodyRule::kJson;
  route.max_body_bytes = kMaxSmsBodyBytes;
  route.versions = versions({"2024-12-10-preview", "2025-05-29-preview", "2025-08-01-preview", "2026-01-23"});
  route.handler = [&sms, tells_state, work](server::RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    std::string from(request.at("from").text());
    const JsonRef recipients = request.at("recipients");
    std::vector<std::string> to;
    for (std::size_t i = 0; i < recipients.array_size(); ++i) to.emplace_back(recipients[i].at("to").text());
    const auto outcomes = co_await work(sms.consent(), resource_of(context), std::move(from), std::move(to));
    json items = json::array();
    for (const service::OptOutOutcome& outcome : outcomes) {
      json item;
      item["to"] = outcome.to;
      item["httpStatusCode"] = outcome.http_status;
      if (tells_state && outcome.http_status == 200) item["isOptedOut"] = outcome.opted_out;
      if (outcome.error_message) item["errorMessage"] = *outcome.error_message;
      items.push_back(std::move(item));
    }
    json answer;
    answer["value"] = std::move(items);
    co_return json_response(200, answer);
  };
  return route;
}

}  // namespace

void add_sms_routes(std::vector<server::Route>& routes, SmsService& sms) {
  server::Route send;
  send.method = "POST";
  send.path = "/sms";
  send.auth = server::Auth::kAccessKey;
  send.body = server::BodyRule::kJson;
  send.max_body_bytes = kMaxSmsBodyBytes;
  send.versions = versions({"2021-03-07", "2022-08-01-preview", "2024-01-14-preview", "2024-02-05-preview", "2024-12-10-preview",
                            "2025-05-29-preview", "2025-08-01-preview", "2026-01-23"});
  send.handler = [&sms](server::RouteContext& context) -> Task<net::Response> {
    SmsSubmission submission = parse_submission(parse_body(context));
    submission.traceparent = context.traceparent();
    std::vector<bool> repeatable;
    repeatable.reserve(submission.to.size());
    for (const SmsAddressee& addressee : submission.to) repeatable.push_back(!addressee.idempotency_key.empty());
    const std::vector<service::SmsSendOutcome> outcomes = co_await sms.send(resource_of(context), std::move(submission));
    json items = json::array();
    for (std::size_t i = 0; i < outcomes.size(); ++i) items.push_back(to_json(outcomes[i], repeatable[i]));
    json answer;
    answer["value"] = std::move(items);
    co_return json_response(202, answer);
  };
  routes.push_back(std::move(send));

  routes.push_back(opt_out_route(sms, "/sms/optouts:add", false,
                                 [](SmsConsent& consent, ResourcePtr resource, std::string from, std::vector<std::string> to) {
                                   return consent.add(std::move(resource), std::move(from), std::move(to));
                                 }));
  routes.push_back(opt_out_route(sms, "/sms/optouts:remove", false,
                                 [](SmsConsent& consent, ResourcePtr resource, std::string from, std::vector<std::string> to) {
                                   return consent.remove(std::move(resource), std::move(from), std::move(to));
                                 }));
  routes.push_back(opt_out_route(sms, "/sms/optouts:check", true,
                                 [](SmsConsent& consent, ResourcePtr resource, std::string from,
                                    std::vector<std::string> to) -> Task<std::vector<service::OptOutOutcome>> {
                                   co_return consent.check(*resource, from, to);
                                 }));

  server::Route report;
  report.method = "GET";
  report.path = "/deliveryReports/{outgoingMessageId}";
  report.auth = server::Auth::kAccessKey;
  report.versions = versions({"2026-01-23"});
  report.handler = [&sms](server::RouteContext& context) -> Task<net::Response> {
    const service::SmsRecord record = sms.get(*resource_of(context), context.param("outgoingMessageId"));
    const bool ended = record.state == sms::MessageState::kDelivered || record.state == sms::MessageState::kFailed ||
                       record.state == sms::MessageState::kExpired;
    if (record.inbound || !ended)
      throw Error(ErrorCode::kNotFound, "there is no delivery report for " + record.message_id + " yet", "outgoingMessageId");
    json answer = json::parse(sms_delivery_report_data(record, record.state, record.reason, record.provider_code.value_or(""),
                                                       record.updated_at, record.segments));
    co_return json_response(200, answer);
  };
  routes.push_back(std::move(report));
}

}  // namespace trunkline::api

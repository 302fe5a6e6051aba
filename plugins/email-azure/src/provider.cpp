#include "provider.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

namespace email_azure {

using nlohmann::json;
using trunkline::Bytes;
using trunkline::Call;
using trunkline::CallOptions;
using trunkline::Custody;
using trunkline::CustodyBook;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::email::EmailCapabilities;
using trunkline::email::EmailEngagement;
using trunkline::email::EmailReport;
using trunkline::email::EmailSendRequest;
using trunkline::email::EmailSendResult;
using trunkline::email::EmailState;
using trunkline::email::Mailbox;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

namespace {

/// A report may come a day after the mail; the host knows the operation by then.
constexpr std::int64_t kJournalMinutes = 1440;

constexpr const char* kVersion = "?api-version=2025-09-01";

json mailboxes(const std::vector<Mailbox>& boxes) {
  json out = json::array();
  for (const Mailbox& box : boxes) {
    json one;
    one["address"] = box.address;
    if (box.display_name) one["displayName"] = *box.display_name;
    out.push_back(std::move(one));
  }
  return out;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

/// Those of `boxes` that this call sends to; they are taken out of `left`.
json chosen(const std::vector<Mailbox>& boxes, std::vector<std::string>& left) {
  std::vector<Mailbox> some;
  for (const Mailbox& box : boxes)
    if (std::erase_if(left, [&](const std::string& one) { return same(one, box.address); }) > 0) some.push_back(box);
  return mailboxes(some);
}

std::string body_of(const EmailSendRequest& request) {
  json body;
  body["senderAddress"] = request.from.address;
  body["content"]["subject"] = request.subject;
  if (request.plain_text) body["content"]["plainText"] = *request.plain_text;
  if (request.html) body["content"]["html"] = *request.html;
  std::vector<std::string> left = request.recipients;
  body["recipients"]["to"] = chosen(request.to, left);
  body["recipients"]["cc"] = chosen(request.cc, left);
  body["recipients"]["bcc"] = json::array();
  for (const std::string& address : left) {
    json one;
    one["address"] = address;
    body["recipients"]["bcc"].push_back(std::move(one));
  }
  if (!request.reply_to.empty()) body["replyTo"] = mailboxes(request.reply_to);
  for (const auto& [name, value] : request.headers) body["headers"][name] = value;
  for (const auto& file : request.attachments) {
    json one;
    one["name"] = file.name;
    one["contentType"] = file.content_type;
    one["contentInBase64"] = base64({reinterpret_cast<const char*>(file.content.data()), file.content.size()});
    if (file.content_id) one["contentId"] = *file.content_id;
    body["attachments"].push_back(std::move(one));
  }
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Error error_of(const Answer& answer) {
  const json body = json::parse(answer.body, nullptr, false);
  std::string code = "HTTP " + std::to_string(answer.status), words;
  if (body.is_object() && body.contains("error") && body["error"].is_object()) {
    code = body["error"].value("code", code);
    words = body["error"].value("message", "");
  }
  ErrorCode kind = ErrorCode::kInvalidArgument;
  if (answer.status == 401 || answer.status == 403) kind = ErrorCode::kUnauthenticated;
  if (answer.status == 429) kind = ErrorCode::kResourceExhausted;
  if (answer.status == 408 || answer.status >= 500) kind = ErrorCode::kUnavailable;
  Error error(kind, "the resource refused the mail: " + code + " " + words.substr(0, 500));
  error.provider_code = code;
  if (answer.status == 429) {
    int seconds = 60;
    if (const auto found = answer.headers.find("retry-after"); found != answer.headers.end())
      std::from_chars(found->second.data(), found->second.data() + found->second.size(), seconds);
    error.retryable = true;
    error.retry_after = std::chrono::seconds{std::clamp(seconds, 0, 86400)};
  }
  return error;
}

EmailState state_of(const std::string& status) {
  if (status == "Delivered") return EmailState::kDelivered;
  if (status == "Expanded") return EmailState::kExpanded;
  if (status == "Bounced") return EmailState::kBounced;
  if (status == "Suppressed") return EmailState::kSuppressed;
  if (status == "FilteredSpam") return EmailState::kFilteredSpam;
  if (status == "Quarantined") return EmailState::kQuarantined;
  return EmailState::kFailed;
}

HttpResponse answer(int status, const json& body = {}) {
  HttpResponse response;
  response.status = status;
  if (!body.is_null()) {
    const std::string text = body.dump();
    response.headers["content-type"] = "application/json";
    response.body = Bytes(text.begin(), text.end());
  }
  return response;
}

/// `?token=…` of a URL.
std::string token_of(const std::string& url) {
  const auto query = url.find('?');
  const auto at = query == std::string::npos ? query : url.find("token=", query);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + 6, end = url.find('&', begin);
  return url.substr(begin, end == std::string::npos ? end : end - begin);
}

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

struct Provider::Outcome {
  EmailState state = EmailState::kSent;
  std::string code;
  std::string words;
};

Provider::Provider(trunkline::Host host, std::string_view config_json) : clock_(host.clock()), events_(host.email_events()) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object() || !config.contains("endpoint"))
    throw Error(ErrorCode::kInvalidArgument, "endpoint: missing", "endpoint");
  poll_ = std::chrono::seconds{config.value("poll_seconds", 20)};
  operations_ = std::make_unique<CustodyBook>(host.store(), host.clock(),
                                              std::chrono::minutes{config.value("journal_minutes", kJournalMinutes)});
  try {
    webhook_token_ = host.secrets().get("webhook_token");
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
  }
  client_ = std::make_unique<Client>(config["endpoint"].get<std::string>(), host.secrets().get("access_key"),
                                     std::chrono::seconds{config.value("request_seconds", 20)}, host.http(), host.clock());
}

EmailCapabilities Provider::capabilities(const Call&) {
  EmailCapabilities capabilities;
  capabilities.delivery_reports = !webhook_token_.empty();
  capabilities.idempotent = true;
  capabilities.max_recipients = 50;
  capabilities.max_size_bytes = 10 * 1024 * 1024;
  return capabilities;
}

trunkline::Task<std::vector<EmailSendResult>> Provider::send(Call call, EmailSendRequest request) {
  // The same mail of ours is the same operation there, however often it is handed over.
  const std::string key = call.idempotency_key().empty() ? request.message_id : std::string(call.idempotency_key());
  const std::string operation_id = guid_of(key);
  co_await operations_->ready();
  operations_->answered(request.message_id + "/" + operation_id, Custody::kTaken, operation_id);
  co_await operations_->flush();
  trunkline::Properties headers;
  headers["operation-id"] = operation_id;
  std::string body = body_of(request);
  std::optional<Error> lost;
  Answer accepted;
  try {
    accepted = co_await client_->request("POST", std::string("/emails:send") + kVersion, std::move(body), std::move(headers));
  } catch (...) {
    lost = trunkline::current_error();
  }
  if (lost) {
    // Without a connection it has seen nothing, and another provider may do; otherwise only it may be asked again.
    const bool unsent = lost->provider_code == "connection" || lost->provider_code == "resolution";
    if (!unsent && lost->code == ErrorCode::kUnavailable) lost->code = ErrorCode::kDeadlineExceeded;
    throw *lost;
  }
  // 409: it was accepted before, with other dates or links in it.
  if (accepted.status != 202 && accepted.status != 409) throw error_of(accepted);
  const Outcome outcome = co_await follow(operation_id);
  std::vector<EmailSendResult> results;
  for (const std::string& recipient : request.recipients) {
    EmailSendResult& result = results.emplace_back();
    result.recipient = recipient;
    result.state = outcome.state;
    result.provider_message_id = operation_id;
    if (!outcome.words.empty()) result.detail = outcome.code + " " + outcome.words;
  }
  co_return results;
}

/// Empty when it is not remembered.
trunkline::Task<std::string> Provider::message_of(std::string operation_id) {
  co_await operations_->ready();
  const std::string key = operations_->key_of(operation_id);
  co_return key.substr(0, key.find('/'));
}

trunkline::Task<Provider::Outcome> Provider::follow(std::string operation_id) {
  Outcome outcome;
  const trunkline::Time until = clock_.now() + poll_;
  while (clock_.now() < until) {
    trunkline::Properties headers;
    std::string target = "/emails/operations/" + operation_id + kVersion;
    Answer asked;
    try {
      asked = co_await client_->request("GET", std::move(target), std::string(), std::move(headers));
    } catch (const Error&) {
      asked.status = 0;
    }
    if (asked.status != 200) break;  // it is accepted all the same
    const json body = json::parse(asked.body, nullptr, false);
    const std::string status = body.is_object() ? text(body, "status") : std::string();
    if (status == "Succeeded") break;
    if (status == "Failed" || status == "Canceled") {
      const json none = json::object();
      const json& error = body.contains("error") && body["error"].is_object() ? body["error"] : none;
      outcome.code = text(error, "code");
      outcome.words = text(error, "message");
      outcome.state = outcome.code == "EmailDroppedAllRecipientsSuppressed" ? EmailState::kSuppressed : EmailState::kFailed;
      if (outcome.words.empty()) outcome.words = "the operation ended as " + status;
      break;
    }
    co_await clock_.sleep(std::chrono::seconds(1));
  }
  co_return outcome;
}

trunkline::Task<HttpResponse> Provider::receive(Call call, HttpRequest request) {
  if (webhook_token_.empty() || !same_secret(token_of(request.url), webhook_token_))
    throw Error(ErrorCode::kUnauthenticated, "the token of the webhook is missing or wrong", "token");
  const std::string body = request.body ? std::string(request.body->begin(), request.body->end()) : std::string();
  const json events = json::parse(body, nullptr, false);
  if (!events.is_array()) throw Error(ErrorCode::kInvalidArgument, "wanted a list of Event Grid events", "body");
  for (const json& event : events) {
    if (!event.is_object() || !event.contains("data") || !event["data"].is_object()) continue;
    const std::string type = text(event, "eventType");
    const json& data = event["data"];
    if (type == "Microsoft.EventGrid.SubscriptionValidationEvent") {
      json reply;
      reply["validationResponse"] = text(data, "validationCode");
      co_return answer(200, reply);
    }
    CallOptions options = call.forward();
    if (type == "Microsoft.Communication.EmailDeliveryReportReceived") {
      EmailReport report;
      const std::string operation_id = text(data, "messageId");
      report.message_id = co_await message_of(operation_id);
      report.provider_message_id = operation_id;
      report.recipient = text(data, "recipient");
      report.state = state_of(text(data, "status"));
      if (data.contains("deliveryStatusDetails") && data["deliveryStatusDetails"].is_object())
        report.detail = text(data["deliveryStatusDetails"], "statusMessage");
      report.at = clock_.now();
      co_await events_.report(std::move(report), std::move(options));
    } else if (type == "Microsoft.Communication.EmailEngagementTrackingReportReceived") {
      EmailEngagement engagement;
      engagement.message_id = co_await message_of(text(data, "messageId"));
      engagement.provider_message_id = text(data, "messageId");
      engagement.recipient = text(data, "recipient");
      engagement.kind = text(data, "engagementType") == "click" ? trunkline::email::EngagementKind::kClick
                                                                : trunkline::email::EngagementKind::kView;
      engagement.url = text(data, "engagementContext");
      engagement.user_agent = text(data, "userAgent");
      engagement.at = clock_.now();
      co_await events_.engagement(std::move(engagement), std::move(options));
    }
  }
  co_return answer(200);
}

}  // namespace email_azure

#include "provider.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

namespace email_sendgrid {

using nlohmann::json;
using trunkline::Call;
using trunkline::CallOptions;
using trunkline::Custody;
using trunkline::CustodyBook;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Time;
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

/// Comes back in the events of the mail.
constexpr const char* kOurId = "trunkline_message_id";
/// Longer than the host goes on asking.
constexpr std::int64_t kJournalMinutes = 2880;

/// One recipient of a mail.
std::string custody_key(const std::string& message_id, const std::string& address) { return message_id + " " + address; }

/// A gateway in between, which does not know what the service did.
bool is_gateways(int status) { return status == 502 || status == 504; }

/// The service has seen nothing.
bool was_unsent(const Error& error) {
  return error.provider_code == "connection" || error.provider_code == "resolution" || error.code == ErrorCode::kInvalidArgument;
}

json mailbox(const Mailbox& box) {
  json out;
  out["email"] = box.address;
  if (box.display_name) out["name"] = *box.display_name;
  return out;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

json chosen(const std::vector<Mailbox>& boxes, std::vector<std::string>& left) {
  json out = json::array();
  for (const Mailbox& box : boxes)
    if (std::erase_if(left, [&](const std::string& one) { return same(one, box.address); }) > 0) out.push_back(mailbox(box));
  return out;
}

/// One for those whom the headers name; one each for all others, so that nobody sees them.
json personalizations(const EmailSendRequest& request) {
  std::vector<std::string> left = request.recipients;
  json out = json::array();
  json open;
  json to = chosen(request.to, left), cc = chosen(request.cc, left);
  if (to.empty()) std::swap(to, cc);  // the API wants somebody in `to`
  if (!to.empty()) {
    open["to"] = std::move(to);
    if (!cc.empty()) open["cc"] = std::move(cc);
    out.push_back(std::move(open));
  }
  for (const std::string& address : left) {
    json one;
    one["to"][0]["email"] = address;
    out.push_back(std::move(one));
  }
  return out;
}

std::string body_of(const EmailSendRequest& request) {
  json body;
  body["personalizations"] = personalizations(request);
  body["from"] = mailbox(request.from);
  for (const Mailbox& box : request.reply_to) body["reply_to_list"].push_back(mailbox(box));
  body["subject"] = request.subject;
  const auto add = [&](const char* type, const std::optional<std::string>& value) {
    if (!value || value->empty()) return;
    json part;
    part["type"] = type;
    part["value"] = *value;
    body["content"].push_back(std::move(part));
  };
  add("text/plain", request.plain_text);
  add("text/html", request.html);
  for (const auto& [name, value] : request.headers) body["headers"][name] = value;
  for (const auto& file : request.attachments) {
    json one;
    one["filename"] = file.name;
    one["type"] = file.content_type;
    one["content"] = base64({reinterpret_cast<const char*>(file.content.data()), file.content.size()});
    one["disposition"] = file.content_id ? "inline" : "attachment";
    if (file.content_id) one["content_id"] = *file.content_id;
    body["attachments"].push_back(std::move(one));
  }
  body["custom_args"][kOurId] = request.message_id;
  // Whoever asks for tracking gets ours.
  body["tracking_settings"]["click_tracking"]["enable"] = false;
  body["tracking_settings"]["open_tracking"]["enable"] = false;
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Error error_of(const HttpResponse& response) {
  const std::string raw = response.body ? std::string(response.body->begin(), response.body->end()) : std::string();
  const json body = json::parse(raw, nullptr, false);
  std::string words = "HTTP " + std::to_string(response.status);
  if (body.is_object() && body.contains("errors") && body["errors"].is_array())
    for (const json& one : body["errors"])
      if (one.is_object()) words += "; " + text(one, "field") + (text(one, "field").empty() ? "" : ": ") + text(one, "message");
  ErrorCode kind = ErrorCode::kInvalidArgument;
  if (response.status == 401 || response.status == 403) kind = ErrorCode::kUnauthenticated;
  if (response.status == 429) kind = ErrorCode::kResourceExhausted;
  if (response.status == 408 || response.status >= 500) kind = ErrorCode::kUnavailable;
  Error error(kind, "the service refused the mail: " + words.substr(0, 500));
  error.provider_code = std::to_string(response.status);
  if (response.status == 429) error.retryable = true;
  return error;
}

EmailState state_of(const std::string& event, const std::string& type) {
  if (event == "delivered") return EmailState::kDelivered;
  if (event == "bounce") return type == "blocked" ? EmailState::kFailed : EmailState::kBounced;
  if (event == "dropped") return EmailState::kSuppressed;
  if (event == "spamreport") return EmailState::kComplained;
  return EmailState::kUnknown;
}

}  // namespace

Provider::Provider(trunkline::Host host, std::string_view config_json)
    : clock_(host.clock()), http_(host.http()), events_(host.email_events()), api_key_(host.secrets().get("api_key")) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  base_url_ = config.value("base_url", "https://api.sendgrid.com");
  while (base_url_.ends_with('/')) base_url_.pop_back();
  const bool local = base_url_.starts_with("http://127.0.0.1") || base_url_.starts_with("http://localhost");
  if (!base_url_.starts_with("https://") && !local)
    throw Error(ErrorCode::kInvalidArgument, "base_url: found \"" + base_url_ + "\", wanted https, or http on this machine",
                "base_url");
  if (api_key_.find_first_of(" \r\n") != std::string::npos || api_key_.empty())
    throw Error(ErrorCode::kInvalidArgument, "secrets.api_key: wanted one word", "api_key");
  timeout_ = std::chrono::seconds{config.value("request_seconds", 20)};
  custody_ = std::make_unique<CustodyBook>(host.store(), host.clock(),
                                           std::chrono::minutes{config.value("journal_minutes", kJournalMinutes)});
  if (config.contains("webhook_public_key"))
    verifier_ = std::make_unique<Verifier>(config["webhook_public_key"].get<std::string>());
}

EmailCapabilities Provider::capabilities(const Call&) {
  EmailCapabilities capabilities;
  capabilities.delivery_reports = verifier_ != nullptr;
  capabilities.idempotent = true;
  capabilities.max_recipients = 1000;
  capabilities.max_size_bytes = 30 * 1024 * 1024;
  return capabilities;
}

trunkline::Task<HttpResponse> Provider::post(std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.url = base_url_ + "/v3/mail/send";
  request.headers["authorization"] = "Bearer " + api_key_;
  request.headers["content-type"] = "application/json";
  request.body = trunkline::Bytes(body.begin(), body.end());
  request.timeout = timeout_;
  co_return co_await http_.send(std::move(request));
}

trunkline::Task<std::vector<EmailSendResult>> Provider::send(Call, EmailSendRequest request) {
  co_await custody_->ready();
  const std::vector<std::string> wanted = request.recipients;
  std::vector<std::string> keys;
  request.recipients.clear();
  for (const std::string& address : wanted) {
    const std::string key = custody_key(request.message_id, address);
    const auto known = custody_->find(key);
    // An event may still tell. The host asks again, and gives the mail up in the end, but has nobody send it a second time.
    if (known && known->custody == Custody::kHanded)
      throw Error(ErrorCode::kDeadlineExceeded, "the service's answer was lost; the mail may have been sent, and is not sent again");
    if (known && known->custody == Custody::kTaken) continue;
    request.recipients.push_back(address);
    keys.push_back(key);
  }
  if (!keys.empty()) {
    std::vector<std::string> handed = keys;
    co_await custody_->hand_over(std::move(handed));
    std::optional<Error> failure;
    HttpResponse response;
    try {
      response = co_await post(body_of(request));
    } catch (...) {
      failure = trunkline::current_error();
    }
    const bool lost = failure ? !was_unsent(*failure) : is_gateways(response.status);
    if (lost)
      throw Error(ErrorCode::kDeadlineExceeded, "the service's answer was lost: " +
                                                    (failure ? failure->message : "HTTP " + std::to_string(response.status)));
    const bool taken = !failure && (response.status == 202 || response.status == 200);
    const auto id = response.headers.find("x-message-id");
    for (const std::string& key : keys)
      custody_->answered(key, taken ? Custody::kTaken : Custody::kRefused,
                         taken && id != response.headers.end() ? id->second : std::string());
    co_await custody_->flush();
    if (failure) throw *failure;
    if (!taken) throw error_of(response);
  }
  std::vector<EmailSendResult> results;
  for (const std::string& address : wanted) {
    EmailSendResult& result = results.emplace_back();
    result.recipient = address;
    result.state = EmailState::kSent;
    const auto known = custody_->find(custody_key(request.message_id, address));
    if (known && !known->carrier_id.empty()) result.provider_message_id = known->carrier_id;
  }
  co_return results;
}

trunkline::Task<HttpResponse> Provider::receive(Call call, HttpRequest request) {
  const std::string body = request.body ? std::string(request.body->begin(), request.body->end()) : std::string();
  const auto header = [&](const char* name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? std::string() : found->second;
  };
  const std::string timestamp = header("x-twilio-email-event-webhook-timestamp");
  if (!verifier_ || !verifier_->verify(timestamp + body, header("x-twilio-email-event-webhook-signature")))
    throw Error(ErrorCode::kUnauthenticated, "the signature of the webhook is missing or wrong", "signature");
  const json events = json::parse(body, nullptr, false);
  if (!events.is_array()) throw Error(ErrorCode::kInvalidArgument, "wanted a list of events", "body");
  co_await custody_->ready();
  bool learnt = false;
  for (const json& event : events) {
    if (!event.is_object() || text(event, kOurId).empty()) continue;  // of mail that is not ours
    // Whatever it tells of a mail whose answer was lost: the service has it.
    const std::string key = custody_key(text(event, kOurId), text(event, "email"));
    if (const auto known = custody_->find(key); known && known->custody == Custody::kHanded) {
      custody_->answered(key, Custody::kTaken, {});
      learnt = true;
    }
    const std::string kind = text(event, "event");
    Time at = clock_.now();
    if (event.contains("timestamp") && event["timestamp"].is_number_integer())
      at = Time{std::chrono::seconds{event["timestamp"].get<std::int64_t>()}};
    CallOptions options = call.forward();
    if (kind == "open" || kind == "click") {
      EmailEngagement engagement;
      engagement.message_id = text(event, kOurId);
      engagement.recipient = text(event, "email");
      engagement.kind = kind == "click" ? trunkline::email::EngagementKind::kClick : trunkline::email::EngagementKind::kView;
      if (kind == "click") engagement.url = text(event, "url");
      engagement.user_agent = text(event, "useragent");
      engagement.at = at;
      co_await events_.engagement(std::move(engagement), std::move(options));
      continue;
    }
    const EmailState state = state_of(kind, text(event, "type"));
    if (state == EmailState::kUnknown) continue;  // processed, deferred: on its way
    EmailReport report;
    report.message_id = text(event, kOurId);
    report.recipient = text(event, "email");
    report.state = state;
    if (const std::string code = text(event, "status"); !code.empty()) report.status_code = code;
    report.detail = text(event, kind == "delivered" ? "response" : "reason");
    report.at = at;
    co_await events_.report(std::move(report), std::move(options));
  }
  if (learnt) co_await custody_->flush();
  HttpResponse response;
  response.status = 200;
  co_return response;
}

}  // namespace email_sendgrid

#include "provider.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "wire.h"

namespace email_sendgrid {

using nlohmann::json;
using trunkline::Call;
using trunkline::Custody;
using trunkline::CustodyBook;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::email::EmailCapabilities;
using trunkline::email::EmailSendRequest;
using trunkline::email::EmailSendResult;
using trunkline::email::EmailState;
using trunkline::email::Mailbox;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

namespace {

/// Longer than the host goes on asking.
constexpr std::int64_t kJournalMinutes = 2880;

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
  takeover_ = std::make_unique<Takeover>(host.store(), *custody_);
  try {
    inbound_token_ = host.secrets().get("inbound_token");
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
  }
  if (config.contains("webhook_public_key"))
    verifier_ = std::make_unique<Verifier>(config["webhook_public_key"].get<std::string>());
}

EmailCapabilities Provider::capabilities(const Call&) {
  EmailCapabilities capabilities;
  capabilities.delivery_reports = verifier_ != nullptr;
  capabilities.idempotent = true;
  capabilities.inbound = verifier_ != nullptr || !inbound_token_.empty();
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
  // What was refused here may have been handed over elsewhere since.
  const bool all_known = std::all_of(wanted.begin(), wanted.end(), [&](const std::string& address) {
    const auto known = custody_->find(custody_key(request.message_id, address));
    return known && known->custody != Custody::kRefused;
  });
  if (!all_known) co_await takeover_->read_others();
  std::vector<std::string> keys;
  request.recipients.clear();
  for (const std::string& address : wanted) {
    const std::string key = custody_key(request.message_id, address);
    const auto known = custody_->find(key);
    // An event may still tell. The host asks again, and gives the mail up in the end, but has nobody send it a second time.
    if (known && known->custody == Custody::kHanded)
      throw Error(ErrorCode::kDeadlineExceeded,
                  "the service's answer was lost; the mail may have been sent, and is not sent again");
    if (known && known->custody == Custody::kTaken) continue;
    request.recipients.push_back(address);
    keys.push_back(key);
  }
  if (!keys.empty()) {
    std::vector<std::string> handed = keys;
    co_await custody_->hand_over(std::move(handed));
    std::optional<Error> failure;
    try {
      co_await takeover_->make_others_read();
    } catch (...) {
      failure = trunkline::current_error();
    }
    if (failure) {
      for (const std::string& key : keys) custody_->answered(key, Custody::kRefused, {});
      co_await custody_->flush();
      throw *failure;
    }
    HttpResponse response;
    try {
      response = co_await post(body_of(request));
    } catch (...) {
      failure = trunkline::current_error();
    }
    const bool lost = failure ? !was_unsent(*failure) : is_gateways(response.status);
    if (lost)
      throw Error(ErrorCode::kDeadlineExceeded,
                  "the service's answer was lost: " + (failure ? failure->message : "HTTP " + std::to_string(response.status)));
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

}  // namespace email_sendgrid

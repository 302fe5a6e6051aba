// What the service calls us for: events of mail of ours, and mail to us.
#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>

#include "inbound.h"
#include "provider.h"
#include "wire.h"

namespace email_sendgrid {

using nlohmann::json;
using trunkline::Call;
using trunkline::CallOptions;
using trunkline::Custody;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Time;
using trunkline::email::EmailEngagement;
using trunkline::email::EmailReport;
using trunkline::email::EmailState;
using trunkline::email::InboundEmail;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

namespace {

std::string header_of(const HttpRequest& request, const char* name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string() : found->second;
}

std::string_view body_of(const HttpRequest& request) {
  if (!request.body) return {};
  return {reinterpret_cast<const char*>(request.body->data()), request.body->size()};
}

/// Of the URL's query, as it stands there.
std::string parameter_of(std::string_view url, std::string_view name) {
  const std::size_t query = url.find('?');
  std::string_view rest = query == std::string_view::npos ? std::string_view() : url.substr(query + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (field.starts_with(name) && field.substr(name.size()).starts_with('=')) return std::string(field.substr(name.size() + 1));
  }
  return {};
}

EmailState state_of(const std::string& event, const std::string& type) {
  if (event == "delivered") return EmailState::kDelivered;
  if (event == "bounce") return type == "blocked" ? EmailState::kFailed : EmailState::kBounced;
  if (event == "dropped") return EmailState::kSuppressed;
  if (event == "spamreport") return EmailState::kComplained;
  return EmailState::kUnknown;
}

}  // namespace

void Provider::check_signature(const HttpRequest& request) const {
  const std::string timestamp = header_of(request, "x-twilio-email-event-webhook-timestamp");
  const std::string signature = header_of(request, "x-twilio-email-event-webhook-signature");
  if (!verifier_ || !verifier_->verify(timestamp + std::string(body_of(request)), signature))
    throw Error(ErrorCode::kUnauthenticated, "the signature of the webhook is missing or wrong", "signature");
}

/// Inbound Parse: a mail as a form.
trunkline::Task<HttpResponse> Provider::take_mail(Call call, HttpRequest request) {
  const std::string token = parameter_of(request.url, "token");
  const bool known = !inbound_token_.empty() && token.size() == inbound_token_.size() &&
                     CRYPTO_memcmp(token.data(), inbound_token_.data(), token.size()) == 0;
  if (!known) check_signature(request);
  const std::string boundary = boundary_of(header_of(request, "content-type"));
  if (boundary.empty()) throw Error(ErrorCode::kInvalidArgument, "content-type: wanted multipart/form-data", "content-type");
  InboundMail mail = read_inbound(read_form_data(body_of(request), boundary));
  InboundEmail message;
  message.provider_message_id = std::move(mail.id);
  message.from = std::move(mail.from);
  message.to = std::move(mail.to);
  message.mime = trunkline::Bytes(mail.mime.begin(), mail.mime.end());
  message.received_at = clock_.now();
  CallOptions options = call.forward();
  co_await events_.received(std::move(message), std::move(options));
  HttpResponse response;
  response.status = 200;
  co_return response;
}

trunkline::Task<HttpResponse> Provider::receive(Call call, HttpRequest request) {
  const std::string_view path = std::string_view(request.url).substr(0, request.url.find('?'));
  if (path.ends_with("/mail")) co_return co_await take_mail(std::move(call), std::move(request));
  check_signature(request);
  const std::string_view body = body_of(request);
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

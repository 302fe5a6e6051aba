#include "provider.h"

#include <algorithm>

namespace email_smtp {

using trunkline::Call;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Task;
using trunkline::email::EmailCapabilities;
using trunkline::email::EmailSendRequest;
using trunkline::email::EmailSendResult;

namespace {

/// Of secrets that may be missing.
std::string secret(const trunkline::Host& host, const std::string& name) {
  try {
    return host.secrets().get(name);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
    return {};
  }
}

Settings with_secrets(Settings settings, const trunkline::Host& host) {
  settings.password = secret(host, "password");
  settings.access_token = secret(host, "access_token");
  if (settings.auth == Auth::kXoauth2 && settings.access_token.empty())
    throw Error(ErrorCode::kInvalidArgument, "secrets.access_token: missing, wanted because auth is xoauth2", "access_token");
  return settings;
}

/// The domain itself or one below it.
bool covers(std::string_view signing, std::string_view domain) {
  const auto same = [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(a) == lower(b);
  };
  if (domain.size() < signing.size()) return false;
  const std::string_view tail = domain.substr(domain.size() - signing.size());
  return std::equal(tail.begin(), tail.end(), signing.begin(), same) &&
         (domain.size() == signing.size() || domain[domain.size() - signing.size() - 1] == '.');
}

void append_stuffed(std::string& out, std::string_view text) {
  bool line_start = true;
  for (const char c : text) {
    if (line_start && c == '.') out += '.';
    out += c;
    line_start = c == '\n';
  }
}

}  // namespace

Provider::Provider(trunkline::Host host, std::string_view config_json)
    : settings_(with_secrets(parse_settings(config_json), host)), clock_(host.clock()), executor_(host.executor()) {
  for (const DkimSettings& key : settings_.dkim) {
    const std::string pem = secret(host, key.secret);
    if (pem.empty())
      throw Error(ErrorCode::kInvalidArgument, "secrets." + key.secret + ": missing, wanted because dkim names it", key.secret);
    signers_.emplace_back(key.domain, key.selector, pem);
  }
  pool_ = std::make_unique<Pool>(settings_);
}

Task<void> Provider::stop() {
  auto start = [this](auto done) { pool_->stop([done]() mutable { done(Result<void>{}); }); };
  co_await trunkline::from_callback<void>(std::move(start));
  // The pool's thread has called us and is joined from another one. What has completed already does not change the thread.
  while (pool_->is_own_thread()) co_await executor_.yield();
  pool_.reset();
}

EmailCapabilities Provider::capabilities(const Call&) {
  EmailCapabilities capabilities;
  capabilities.delivery_reports = settings_.dsn;
  capabilities.international_addresses = true;
  capabilities.max_recipients = static_cast<std::int32_t>(settings_.max_recipients);
  return capabilities;
}

/// Signed, with its dots doubled.
std::string Provider::wire_form(const EmailSendRequest& request, bool eight_bit) const {
  trunkline::mail::ComposeOptions options;
  options.eight_bit = eight_bit;
  const trunkline::mail::Message message = trunkline::mail::compose(request, options);
  std::string out;
  out.reserve(message.size() + message.size() / 64 + 1024);
  const std::string_view domain = trunkline::mail::domain_of(request.from.address);
  for (const trunkline::mail::DkimSigner& signer : signers_)
    if (covers(signer.domain(), domain)) out += signer.sign(message, clock_.now());
  out += message.headers;
  out += "\r\n";
  append_stuffed(out, message.body);
  return out;
}

Task<std::vector<EmailSendResult>> Provider::send(Call call, EmailSendRequest request) {
  if (request.recipients.empty() || request.recipients.size() > settings_.max_recipients)
    throw Error(ErrorCode::kInvalidArgument,
                "recipients: found " + std::to_string(request.recipients.size()) + ", wanted 1 to " +
                    std::to_string(settings_.max_recipients),
                "recipients");
  for (const std::string& recipient : request.recipients)
    if (!trunkline::mail::is_address(recipient))
      throw Error(ErrorCode::kInvalidArgument, "recipients: '" + recipient.substr(0, 320) + "' is no email address",
                  "recipients");
  auto job = std::make_shared<Job>();
  job->sender = request.from.address;
  job->recipients = request.recipients;
  job->utf8 = trunkline::mail::needs_smtputf8(request);
  job->eight_bit = settings_.eight_bit;
  job->data = wire_form(request, settings_.eight_bit);
  job->envelope_id = request.message_id;
  if (job->eight_bit) job->seven_bit = [this, request] { return wire_form(request, false); };
  const trunkline::CancelSubscription subscription = call.on_cancel([job] { job->cancelled = true; });
  auto start = [this, job](auto done) {
    job->done = [done](Result<Results> result) mutable { done(std::move(result)); };
    pool_->submit(job);
  };
  std::optional<Error> failure;
  Results results;
  try {
    results = co_await trunkline::from_callback<Results>(std::move(start));
  } catch (const Error& error) {
    failure = error;
  }
  // What follows belongs to the host, and so does the thread for it. A host that stops has none: the outcome counts all the same.
  try {
    co_await executor_.yield();
  } catch (const Error&) {
  }
  if (failure) throw *std::move(failure);
  co_return results;
}

}  // namespace email_smtp

// A mail service with an HTTP API that sins as its configuration says. tests/integration/test_plugin_kit.py checks that the
// conformance kit finds each sin, in the check that is meant for it and in no other. Callbacks are lines: "delivered ID
// RECIPIENT", "bounced ID RECIPIENT", "mail ID".
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include "tests/abi/plugins/sin.h"
#include "trunkline/email_provider.hpp"
#include "trunkline/host_provider.hpp"
#include "trunkline/plugin.hpp"

namespace {

using namespace trunkline;
using email::EmailSendRequest;
using email::EmailSendResult;
using email::EmailState;
using Results = std::vector<EmailSendResult>;

constexpr std::int64_t kMaxSizeBytes = 2'000'000;
constexpr auto kLate = std::chrono::hours(48);

class AwkwardMail final : public email::EmailProvider, public host::WebhookReceiver {
 public:
  AwkwardMail(Host host, std::string_view config) : host_(host), sin_(config) {}

  email::EmailCapabilities capabilities(const Call&) override {
    email::EmailCapabilities out;
    out.delivery_reports = out.inbound = out.idempotent = true;
    out.max_size_bytes = kMaxSizeBytes;
    if (sin_ == "changes_capabilities") out.max_recipients = 50 + asked_.fetch_add(1);
    return out;
  }

  Task<Results> send(Call call, EmailSendRequest request) override {
    if (request.recipients.empty()) {
      const bool undeclared = sin_ == "undeclared_error";
      throw Error(undeclared ? ErrorCode::kDataLoss : ErrorCode::kInvalidArgument, "recipients: found none", "recipients");
    }
    sin_of_texts(request);
    if (size_of(request) > kMaxSizeBytes && sin_ == "crashes_on_large_mail") std::abort();
    if (size_of(request) > kMaxSizeBytes) throw Error(ErrorCode::kInvalidArgument, "the mail is too large", "attachments");
    if (sin_ == "never_answers") co_await never();
    const std::string key(call.idempotency_key());
    host::HttpRequest http;
    http.method = "POST";
    http.url = "https://mail.example/send";
    CallOptions options = call.forward();
    std::int32_t status = 0;
    try {
      const host::HttpResponse answer = co_await host_.http().send(std::move(http), std::move(options));
      status = answer.status;
    } catch (const Error&) {
      if (!(sin_ == "lies_when_down")) throw;
      status = 202;
    }
    check_status(status);
    Results results = results_of(request, key);
    const std::string id = request.message_id, recipient = request.recipients.front();
    co_await report(id, std::nullopt, recipient, EmailState::kDelivered);
    if (sin_ == "contradicts_itself") co_await report(id, std::nullopt, recipient, EmailState::kBounced);
    co_return results;
  }

  Task<host::HttpResponse> receive(Call, host::HttpRequest request) override {
    const Bytes body = request.body.value_or(Bytes{});
    std::istringstream words(std::string(body.begin(), body.end()));
    std::string word, id, recipient;
    words >> word >> id >> recipient;
    const std::int32_t status = refusal(word, id);
    if (status == 0 && word == "mail") co_await bring(id);
    if (status == 0 && word != "mail") co_await tell(word, id, recipient);
    if (status == 0 && word != "mail") remember(word + id);
    host::HttpResponse response;
    response.status = status == 0 ? 204 : status;
    co_return response;
  }

 private:
  void sin_of_texts(EmailSendRequest& request) {
    if (sin_ == "crashes_on_line_breaks" && request.subject.find('\n') != std::string::npos) std::abort();
    if (sin_ == "internal_on_empty_text" && request.subject.empty()) throw Error(ErrorCode::kInternal, "assert");
    if (sin_ == "takes_c_strings")
      for (std::string& recipient : request.recipients) recipient.resize(std::min(recipient.size(), recipient.find('\0')));
  }
  static std::int64_t size_of(const EmailSendRequest& request) {
    std::size_t size = request.plain_text.value_or("").size();
    for (const email::EmailAttachment& file : request.attachments) size += file.content.size();
    return static_cast<std::int64_t>(size);
  }
  void check_status(std::int32_t status) const {
    if (status == 401) {
      const bool wrong = sin_ == "wrong_error";
      throw Error(wrong ? ErrorCode::kUnavailable : ErrorCode::kUnauthenticated, "the service does not know us");
    }
    if (status == 429 && !(sin_ == "ignores_throttling")) throw Error(ErrorCode::kResourceExhausted, "fewer mails");
    if (status >= 500) throw Error(ErrorCode::kUnavailable, "the service is down");
  }
  Results results_of(const EmailSendRequest& request, const std::string& key) {
    std::string id = "mail-" + std::to_string(last_.fetch_add(1));
    if (!key.empty() && !(sin_ == "sends_twice")) {
      const std::lock_guard lock(mutex_);
      id = keys_.try_emplace(key, id).first->second;
    }
    Results results;
    for (const std::string& recipient : request.recipients) {
      EmailSendResult& one = results.emplace_back();
      one.recipient = recipient;
      one.state = EmailState::kSent;
      one.provider_message_id = id;
    }
    // Of the one mail that has three.
    if (results.size() == 3) {
      if (sin_ == "swaps_results") std::swap(results.front(), results.back());
      if (sin_ == "forgets_a_result") results.pop_back();
      if (sin_ == "says_queued") results.back().state = EmailState::kQueued;
      if (sin_ == "sends_again") results.back().retryable = true;
    }
    return results;
  }
  Task<void> report(std::string message_id, std::optional<std::string> provider_id, std::string recipient, EmailState state) {
    email::EmailReport report;
    report.message_id = std::move(message_id);
    report.provider_message_id = std::move(provider_id);
    report.recipient = std::move(recipient);
    report.state = state;
    report.at = host_.clock().now();
    try {
      co_await host_.email_events().report(std::move(report));
    } catch (const Error&) {  // it is lost
    }
  }
  /// What the host has kept.
  void remember(std::string receipt) {
    const std::lock_guard lock(mutex_);
    seen_.insert(std::move(receipt));
  }
  /// Status with which a callback is refused; 0: it is taken.
  std::int32_t refusal(const std::string& word, const std::string& id) {
    if (word == "mail") return 0;
    const std::lock_guard lock(mutex_);
    const bool again = seen_.contains(word + id), other = !again && !seen_.empty();
    if (sin_ == "refuses_late_receipts" && host_.clock().now() - started_ > kLate) return 410;
    if (sin_ == "refuses_repeated_receipts" && again) return 409;
    if (sin_ == "refuses_contradictions" && other) return 409;
    return 0;
  }
  Task<void> tell(std::string word, std::string id, std::string recipient) {
    if (sin_ == "loses_receipts") {
      co_await report("", id, recipient, EmailState::kDelivered);
      co_return;
    }
    email::EmailReport report;
    report.message_id = "";
    if (sin_ == "names_strangers") report.message_id = "somebody-else";
    report.provider_message_id = id;
    report.recipient = recipient;
    report.state = EmailState::kDelivered;
    if (word == "bounced") report.state = EmailState::kBounced;
    report.at = host_.clock().now();
    co_await host_.email_events().report(std::move(report));
  }
  Task<void> bring(std::string id) {
    email::InboundEmail mail;
    mail.provider_message_id = std::move(id);
    if (sin_ == "new_ids") mail.provider_message_id += std::to_string(last_.fetch_add(1));
    mail.from = "sender@example.com";
    mail.to = {"recipient@example.org"};
    const std::string_view mime = "Subject: hello\r\n\r\nhello\r\n";
    mail.mime = Bytes(mime.begin(), mime.end());
    mail.received_at = host_.clock().now();
    bool lost = false;
    try {
      co_await host_.email_events().received(std::move(mail));
    } catch (const Error&) {
      lost = true;
    }
    if (lost && !(sin_ == "loses_mail")) throw Error(ErrorCode::kUnavailable, "the mail could not be kept");
  }

  const Host host_;
  const Sin sin_;
  const Time started_ = host_.clock().now();
  std::atomic<int> asked_{0}, last_{1};
  std::mutex mutex_;
  std::map<std::string, std::string> keys_;  // guarded by mutex_
  std::set<std::string> seen_;               // guarded by mutex_
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(AwkwardMail)

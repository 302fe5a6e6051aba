// The part of EmailDispatcher that speaks with providers.
#include <algorithm>
#include <array>

#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/email_event_data.h"
#include "runtime/services/email_pass.h"
#include "trunkline/email_client.hpp"

namespace trunkline {
namespace {

using email::EmailSendResult;
using email::EmailState;
using email_records::Change;
using store::Session;

/// Waits after an attempt. The first two are for a provider that cannot be reached; a server that says "later" means minutes.
constexpr std::array<Duration, 11> kWaits = {std::chrono::seconds{1}, std::chrono::seconds{10}, std::chrono::minutes{1},
                                             std::chrono::minutes{5}, std::chrono::minutes{15}, std::chrono::minutes{30},
                                             std::chrono::hours{1},   std::chrono::hours{2},    std::chrono::hours{4},
                                             std::chrono::hours{8},   std::chrono::hours{8}};
constexpr std::size_t kServerSaidLater = 2;

/// Which provider errors another attempt can help against.
bool passes(const Error& error) {
  return error.retryable || error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kResourceExhausted ||
         error.code == ErrorCode::kDeadlineExceeded || error.code == ErrorCode::kAborted || error.code == ErrorCode::kCancelled;
}

/// Nobody may read of a failure that the mail did not come, when a provider's answer was lost once.
std::string may_have_arrived(const OutgoingEmail::Recipient& recipient) {
  return recipient.pinned.empty() ? std::string()
                                  : "; it may have arrived all the same: an answer of " + recipient.pinned + " was lost";
}

}  // namespace

/// False: nobody is left.
bool EmailDispatcher::drop_suppressed(const SenderLookup& sender, Pass& pass) {
  const OutgoingEmail& mail = *pass.mail;
  const Time now = context_.clock.now();
  const std::string from = to_lower(mail.message->sender_address);
  for (const OutgoingEmail::Recipient& recipient : mail.recipients) {
    std::string why;
    if (domains_.is_suppressed(sender, recipient.address)) why = "on a suppression list of the domain";
    std::vector<email_records::StoredSuppression> held;
    if (why.empty())
      mail.resource->database->read([&](Session& session) {
        held = email_records::find_suppressions(session, mail.resource->key, to_lower(recipient.address), from);
      });
    for (const email_records::StoredSuppression& one : held) {
      if (one.record.expires_at && *one.record.expires_at <= now) continue;
      constexpr std::array kWords = {"unknown", "hard bounce", "complaint", "unsubscribed", "by hand"};
      const auto reason = static_cast<std::size_t>(one.record.reason);
      why = std::string(reason < kWords.size() ? kWords[reason] : kWords[0]) +
            (one.record.detail.empty() ? "" : ": " + one.record.detail);
    }
    if (why.empty()) {
      pass.left.push_back(recipient);
      continue;
    }
    pass.decision.step("recipient.suppressed", "reject", recipient.address, why);
    Change& change = pass.changes.emplace_back();
    change.position = recipient.position;
    change.state = EmailState::kSuppressed;
    change.detail = why;
    change.at_us = unix_us(now);
  }
  return !pass.left.empty();
}

Task<void> EmailDispatcher::send_plain(std::shared_ptr<Pass> pass) {
  // Those whose last answer was lost go to the provider that lost it; all others together.
  std::vector<Recipients> groups;
  for (const OutgoingEmail::Recipient& recipient : pass->left) {
    const auto alike = std::find_if(groups.begin(), groups.end(),
                                    [&](const Recipients& group) { return group.front().pinned == recipient.pinned; });
    if (alike == groups.end())
      groups.push_back({recipient});
    else
      alike->push_back(recipient);
  }
  for (Recipients& group : groups) {
    email::EmailSendRequest request = pass->request;
    co_await hand_over(pass, std::move(request), std::move(group));
  }
}

/// Links tell recipients apart, so each gets a mail of its own.
Task<void> EmailDispatcher::send_personal(std::shared_ptr<Pass> pass, std::string base) {
  const std::string secret = co_await tracking_.secret_of(pass->mail->resource);
  for (const OutgoingEmail::Recipient& recipient : pass->left) {
    email::EmailSendRequest request = pass->request;
    EmailLink link;
    link.resource_key = pass->mail->resource->key;
    link.operation_id = pass->mail->operation_id;
    link.position = recipient.position;
    if (pass->tracked) request.html = EmailTracking::track_html(*request.html, base, secret, link);
    if (pass->unsubscribe) {
      link.kind = EmailLinkKind::kUnsubscribe;
      request.headers["List-Unsubscribe"] = "<" + EmailTracking::url(base, secret, link) + ">";
      request.headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click";
    }
    Recipients one;
    one.push_back(recipient);
    co_await hand_over(pass, std::move(request), std::move(one));
  }
}

/// A crash during the call must not make another provider send what this one may have: noted before, taken back when it failed.
Task<void> EmailDispatcher::pin(std::shared_ptr<Pass> pass, Recipients recipients, std::string provider) {
  auto work = [pass, recipients, provider](Session& session) {
    for (const OutgoingEmail::Recipient& recipient : recipients)
      email_records::pin(session, pass->mail->resource->key, pass->mail->operation_id, recipient.position, provider);
  };
  co_await pass->mail->resource->database->write(std::move(work));
}

Task<void> EmailDispatcher::hand_over(std::shared_ptr<Pass> pass, email::EmailSendRequest request, Recipients recipients) {
  const OutgoingEmail& mail = *pass->mail;
  for (const OutgoingEmail::Recipient& recipient : recipients) request.recipients.push_back(recipient.address);
  const Time now = context_.clock.now();
  RouteQuery query;
  query.resource = mail.resource->name;
  query.from = request.from.address;
  query.to = recipients.front().address;
  RouteDecision route;
  context_.providers.email_router().route(query, now, route);
  pass->decision.steps(route.steps(now));
  std::vector<const RouteTarget*> candidates = route.candidates();
  const std::string pinned = recipients.front().pinned;
  if (!pinned.empty()) std::erase_if(candidates, [&](const RouteTarget* target) { return target->name != pinned; });
  Error problem = candidates.empty() ? route.error() : Error(ErrorCode::kUnavailable, "no provider was asked");
  if (candidates.empty() && !pinned.empty())
    problem = Error(ErrorCode::kUnavailable, "the provider '" + pinned + "', whose answer was lost, cannot be asked");

  for (const RouteTarget* target : candidates) {
    Provider& provider = *target->provider;
    ProviderPin held = provider.pin();
    if (!held.lease) {
      problem = Error(ErrorCode::kUnavailable, "provider " + provider.name() + " was removed");
      continue;
    }
    const std::uint32_t instance = held.number();
    CallOptions options;
    options.deadline = context_.clock.now() + provider.timeout();
    options.resource = mail.resource->name;
    options.idempotency_key = mail.operation_id + "/" + std::to_string(recipients.front().position);
    options.traceparent = mail.traceparent;
    std::optional<std::vector<EmailSendResult>> results;
    std::optional<Error> failure;
    const bool pins = pinned.empty() && candidates.size() > 1 && provider.email_capabilities().idempotent;
    if (pins) co_await pin(pass, recipients, provider.name());
    try {
      email::EmailSendRequest copy = request;
      const email::EmailProviderClient client = provider.client<email::EmailProviderClient>(std::move(held));
      results = co_await client.send(std::move(copy), std::move(options));
    } catch (...) {
      failure = current_error();
    }
    const Time at = context_.clock.now();
    if (!failure) {
      provider.count(instance, false, at);
      take_results(*pass, recipients, provider, *results);
      co_return;
    }
    provider.count(instance, CircuitBreaker::counts(failure->code), at);
    DecisionLines line(at);
    line.step("provider.send", "fail", provider.name(), failure->message);
    pass->decision.append(line.text());
    problem = *failure;
    if (failure->code != ErrorCode::kDeadlineExceeded) {
      if (pins) co_await pin(pass, recipients, {});
      continue;
    }
    // It may have been sent: no other provider may try.
    for (const OutgoingEmail::Recipient& recipient : recipients) {
      Change change;
      change.provider = provider.name();
      change.detail = "the provider's answer was lost: " + failure->message;
      defer(*pass, recipient, std::move(change), kServerSaidLater);
    }
    co_return;
  }
  pass->last_problem = problem.message;
  for (const OutgoingEmail::Recipient& recipient : recipients) {
    Change change;
    change.detail = problem.message;
    if (passes(problem)) {
      defer(*pass, recipient, std::move(change), 0);
      continue;
    }
    change.detail = *change.detail + may_have_arrived(recipient);
    change.position = recipient.position;
    change.state = EmailState::kFailed;
    change.attempted = true;
    change.at_us = unix_us(context_.clock.now());
    pass->changes.push_back(std::move(change));
    failed_.add();
  }
}

void EmailDispatcher::take_results(Pass& pass, const Recipients& recipients, const Provider& provider,
                                   const std::vector<EmailSendResult>& results) {
  const Time at = context_.clock.now();
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    const OutgoingEmail::Recipient& recipient = recipients[i];
    Change change;
    change.position = recipient.position;
    change.provider = provider.name();
    change.attempted = true;
    change.at_us = unix_us(at);
    DecisionLines line(at);
    if (i >= results.size()) {  // a broken provider
      change.detail = "the provider gave no result for this recipient";
      line.step("provider.send", "fail", provider.name(), *change.detail);
      pass.decision.append(line.text());
      defer(pass, recipient, std::move(change), kServerSaidLater);
      continue;
    }
    const EmailSendResult& result = results[i];
    pass.answered = true;
    change.provider_message_id = result.provider_message_id;
    change.status_code = result.status_code;
    change.detail = result.detail;
    const std::string words =
        recipient.address + (result.status_code ? " " + *result.status_code : "") + (result.detail ? " " + *result.detail : "");
    const bool taken = result.state == EmailState::kSent || !delivery_status_word(result.state).empty();
    if (result.retryable || !taken) {
      line.step("provider.send", "fail", provider.name(), words);
      pass.decision.append(line.text());
      change.provider.reset();
      change.unpins = true;
      defer(pass, recipient, std::move(change), kServerSaidLater);
      continue;
    }
    const bool bad = result.state == EmailState::kBounced || is_dropped(result.state);
    line.step("provider.send", bad ? "fail" : "pass", provider.name(), words);
    pass.decision.append(line.text());
    change.state = result.state;
    (bad ? failed_ : sent_).add();
    pass.changes.push_back(std::move(change));
  }
}

/// To be tried again, or given up. `from`: the wait that a first failure of this kind asks for.
void EmailDispatcher::defer(Pass& pass, const OutgoingEmail::Recipient& recipient, Change change, std::size_t from) {
  const Time now = context_.clock.now();
  change.position = recipient.position;
  change.attempted = true;
  change.at_us = unix_us(now);
  const std::size_t wait = std::max(from, static_cast<std::size_t>(std::max(recipient.attempts, 0)));
  if (wait >= kWaits.size()) {
    change.state = EmailState::kFailed;
    if (!change.status_code) change.status_code = "4.4.7";
    change.detail = "given up: " + change.detail.value_or("nobody took it") + may_have_arrived(recipient);
    failed_.add();
  } else {
    change.state = EmailState::kQueued;
    change.next_attempt_us = unix_us(now + kWaits[wait]);
    deferred_.add();
  }
  pass.changes.push_back(std::move(change));
}

}  // namespace trunkline

#include "carrier.h"

#include <algorithm>
#include <chrono>

#include "delivery.h"
#include "smtp_door.h"
#include "trunkline/mail.hpp"

namespace email_sandbox {

using trunkline::Bytes;
using trunkline::CallOptions;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Time;
using trunkline::email::EmailCapabilities;
using trunkline::email::EmailReport;
using trunkline::email::EmailSendRequest;
using trunkline::email::EmailSendResult;
using trunkline::email::EmailState;
using trunkline::email::InboundEmail;
using trunkline::host::LogLevel;
using trunkline::sandbox::CapturedMail;
using trunkline::sandbox::CapturedMailbox;
using trunkline::sandbox::MailRule;

namespace {

constexpr std::size_t kMaxRecipients = 100;
constexpr int kMaxAttempts = 8;

}  // namespace

Carrier::Carrier(trunkline::Host host, std::string_view config_json)
    : settings_(parse_settings(config_json)),
      clock_(host.clock()),
      log_(host.log()),
      status_(host.status()),
      executor_(host.executor()),
      events_(host.email_events()),
      // Ids must differ from those of an earlier process whose mails the host still knows; with a virtual clock they are still
      // the same in every run.
      salt_(static_cast<std::uint64_t>(clock_.now().time_since_epoch().count())) {
  if (settings_.smtp_port && *settings_.smtp_port != 0) smtp_address({});
}

Carrier::~Carrier() = default;

trunkline::Task<void> Carrier::stop() {
  std::map<std::string, std::shared_ptr<World>, std::less<>> worlds;
  std::unique_ptr<SmtpDoor> door;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    worlds = worlds_;
    door = std::move(door_);
  }
  if (door) door->close();
  for (const auto& [resource, world] : worlds) world->end_all(Error(ErrorCode::kUnavailable, "the carrier stops"));
  co_await pending_.stop();
  // The last mail may have ended on the door's own thread, which is joined from another one.
  while (door && door->is_own_thread()) co_await executor_.yield();
  door.reset();
}

std::shared_ptr<World> Carrier::world(std::string_view resource) {
  const std::lock_guard lock(mutex_);
  auto found = worlds_.find(resource);
  if (found == worlds_.end())
    found = worlds_.emplace(std::string(resource), std::make_shared<World>(std::string(resource), settings_, salt_)).first;
  return found->second;
}

trunkline::Task<std::vector<EmailSendResult>> Carrier::send(Call call, EmailSendRequest request) {
  if (request.recipients.empty() || request.recipients.size() > kMaxRecipients)
    throw Error(
        ErrorCode::kInvalidArgument,
        "recipients: found " + std::to_string(request.recipients.size()) + ", wanted 1 to " + std::to_string(kMaxRecipients),
        "recipients");
  const std::shared_ptr<World> home = world(call.resource());
  const std::string key(call.idempotency_key());
  if (!key.empty())
    if (auto earlier = home->answered(key)) co_return *std::move(earlier);
  const trunkline::mail::Message message = trunkline::mail::compose(request);
  const Time now = clock_.now();
  std::vector<EmailSendResult> results;
  std::vector<Fate> fates;
  Arrival arrival;
  bool temporary = false;
  for (const std::string& recipient : request.recipients) {
    Fate fate = home->decide(recipient, now);
    EmailSendResult& result = results.emplace_back();
    result.recipient = recipient;
    result.state = EmailState::kSent;
    if (fate.rule.refuse) {
      result.state = fate.rule.temporary                      ? EmailState::kQueued
                     : fate.outcome == EmailState::kDelivered ? EmailState::kBounced
                                                              : fate.outcome;
      result.retryable = fate.rule.temporary;
      result.status_code = fate.status_code;
      result.detail = fate.detail;
      temporary |= fate.rule.temporary;
      continue;
    }
    arrival.to.push_back(recipient);
    fates.push_back(std::move(fate));
  }
  if (!fates.empty()) {
    arrival.message_id = request.message_id;
    arrival.from = request.from.address;
    arrival.raw = message.str();
    arrival.via = "api";
    arrival.at = now;
    const std::string id = home->keep(std::move(arrival));
    for (EmailSendResult& result : results)
      if (result.state == EmailState::kSent) result.provider_message_id = id;
    const auto headers = std::make_shared<const std::string>(message.headers);
    for (Fate& fate : fates) {
      auto delivery = std::make_shared<Delivery>();
      delivery->world = home;
      delivery->mail_id = delivery->provider_message_id = id;
      delivery->message_id = request.message_id;
      delivery->sender = request.from.address;
      if (fate.rule.bounce_mail) delivery->returned = headers;
      delivery->fate = std::move(fate);
      pending_.run(deliver(std::move(delivery)));
    }
  }
  // What was put off must not be remembered: trying again is the point of it.
  if (!key.empty() && !temporary) home->remember(key, results);
  co_return results;
}

EmailCapabilities Carrier::capabilities(const Call&) {
  EmailCapabilities capabilities;
  capabilities.delivery_reports = true;
  capabilities.inbound = true;
  capabilities.idempotent = true;
  capabilities.international_addresses = true;
  capabilities.max_recipients = kMaxRecipients;
  return capabilities;
}

/// A report is repeated until the host has taken it, in growing intervals, and given up after some time.
trunkline::Task<void> Carrier::deliver(std::shared_ptr<Delivery> delivery) {
  Time due = delivery->fate.due;
  for (int attempt = 0;; ++attempt) {
    std::optional<Error> trouble;
    try {
      CallOptions options;
      options.stop = pending_.stop_token();
      const Duration left = std::max(due - clock_.now(), Duration{0});
      co_await clock_.sleep(left, std::move(options));
      if (attempt == 0) delivery->world->set_outcome(delivery->mail_id, delivery->fate.recipient, delivery->fate.outcome);
      if (!delivery->fate.rule.silent) co_await tell(delivery);
      co_return;
    } catch (...) {
      trouble = trunkline::current_error();
    }
    if (pending_.stopping()) co_return;
    log_.write(attempt < kMaxAttempts ? LogLevel::kWarning : LogLevel::kError, "the host did not take a report",
               trunkline::Properties{{"message_id", delivery->message_id}, {"error", trouble->message}});
    if (attempt >= kMaxAttempts) co_return;
    due = clock_.now() + std::chrono::seconds(1 << attempt);
  }
}

trunkline::Task<std::vector<CapturedMailbox>> Carrier::mailboxes(Call call) { co_return world(call.resource())->mailboxes(); }
trunkline::Task<std::vector<CapturedMail>> Carrier::mails(Call call, std::string address) {
  co_return world(call.resource())->mails(address);
}
trunkline::Task<CapturedMail> Carrier::mail(Call call, std::string mail_id) { co_return world(call.resource())->mail(mail_id); }
trunkline::Task<Bytes> Carrier::raw_mail(Call call, std::string mail_id) {
  co_return bytes_of(world(call.resource())->raw(mail_id));
}

trunkline::Task<std::string> Carrier::receive(Call call, std::string from, std::vector<std::string> to, Bytes mime) {
  if (!from.empty() && !trunkline::mail::is_address(from))
    throw Error(ErrorCode::kInvalidArgument, "from: '" + from.substr(0, 320) + "' is no email address", "from");
  if (to.empty() || to.size() > kMaxRecipients)
    throw Error(ErrorCode::kInvalidArgument, "to: found " + std::to_string(to.size()) + " addresses, wanted 1 to 100", "to");
  for (const std::string& one : to)
    if (!trunkline::mail::is_address(one))
      throw Error(ErrorCode::kInvalidArgument, "to: '" + one.substr(0, 320) + "' is no email address", "to");
  if (mime.empty()) throw Error(ErrorCode::kInvalidArgument, "mime: found nothing, wanted a mail", "mime");
  std::string raw(mime.begin(), mime.end());
  Arrival arrival;
  arrival.from = from;
  arrival.to = to;
  arrival.raw = raw;
  arrival.via = "inbound";
  arrival.at = clock_.now();
  const std::shared_ptr<World> home = world(call.resource());
  std::string id = home->keep(std::move(arrival));
  co_await hand_in(home->resource(), id, std::move(from), std::move(to), std::move(raw));
  co_return id;
}

trunkline::Task<void> Carrier::complain(Call call, std::string mail_id, std::string recipient) {
  const std::shared_ptr<World> home = world(call.resource());
  const CapturedMail mail = home->mail(mail_id);
  if (std::find(mail.to.begin(), mail.to.end(), recipient) == mail.to.end())
    throw Error(ErrorCode::kNotFound, "the mail did not go to " + recipient.substr(0, 320), "recipient");
  home->set_outcome(mail_id, recipient, EmailState::kComplained);
  if (!mail.message_id) co_return;
  EmailReport report;
  report.message_id = *mail.message_id;
  report.provider_message_id = mail_id;
  report.recipient = recipient;
  report.state = EmailState::kComplained;
  report.detail = "abuse";
  report.at = clock_.now();
  CallOptions options = call.forward();
  co_await events_.report(std::move(report), std::move(options));
}

trunkline::Task<void> Carrier::add_rule(Call call, MailRule rule) {
  check_rule(rule, "rule.");
  world(call.resource())->add_rule(std::move(rule));
  co_return;
}
trunkline::Task<std::vector<MailRule>> Carrier::rules(Call call) { co_return world(call.resource())->rules(); }
trunkline::Task<void> Carrier::reset(Call call) {
  world(call.resource())->reset();
  co_return;
}

trunkline::Task<std::int64_t> Carrier::changes(Call call, std::int64_t since) {
  const std::shared_ptr<World> home = world(call.resource());
  const auto watch = std::make_shared<World::Watch>();
  // Over the executor: a subscription cannot end from inside its own function.
  const trunkline::CancelSubscription subscription = call.on_cancel([this, home, watch] {
    executor_.start_yield({}, [home, watch](trunkline::Result<void>) {
      home->end(watch, Error(ErrorCode::kCancelled, "the caller cancelled the operation"));
    });
  });
  auto start = [&](auto done) { home->watch(watch, since, std::move(done)); };
  co_return co_await trunkline::from_callback<std::int64_t>(std::move(start));
}

}  // namespace email_sandbox

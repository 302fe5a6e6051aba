// What the carrier does with mail that comes by SMTP, and the reports that are mail themselves.
#include <algorithm>

#include "delivery.h"
#include "smtp_door.h"

namespace email_sandbox {

using mail_reports::is_failure;
using mail_reports::StatusMail;
using trunkline::CallOptions;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;
using trunkline::email::EmailState;
using trunkline::email::InboundEmail;
using trunkline::host::LogLevel;

namespace {

/// A larger mail comes back as its headers, whatever RET says, and as this much of them: a report for each of 100 recipients must
/// not take 100 times what one mail may.
constexpr std::size_t kMaxReturned = 256u << 10;

std::string headers_of(const std::string& raw) {
  std::size_t end = std::min({raw.find("\n\r\n"), raw.find("\n\n"), raw.size()});
  if (end > kMaxReturned) {
    const std::size_t line = raw.rfind('\n', kMaxReturned);
    end = line == std::string::npos ? kMaxReturned : line;
  }
  return raw.substr(0, end) + "\n";
}

}  // namespace

trunkline::Task<void> Carrier::hand_in(std::string resource, std::string mail_id, std::string from, std::vector<std::string> to,
                                       std::string raw) {
  InboundEmail mail;
  mail.provider_message_id = mail_id;
  mail.from = std::move(from);
  mail.to = std::move(to);
  mail.mime = bytes_of(raw);
  mail.received_at = clock_.now();
  if (!resource.empty()) mail.resource = resource;
  CallOptions options = on_behalf_of(resource);
  co_await events_.received(std::move(mail), std::move(options));
}

/// Mail by SMTP stays here whoever it is for; the host hears of what arrives for a domain of its own.
trunkline::Task<void> Carrier::take_smtp(std::shared_ptr<SmtpMail> mail) {
  const std::shared_ptr<World> home = world(mail->resource.empty() ? settings_.smtp_resource : mail->resource);
  Arrival arrival;
  arrival.from = mail->from;
  for (const SmtpMail::Recipient& one : mail->to) arrival.to.push_back(one.address);
  arrival.raw = mail->raw;
  arrival.via = "smtp";
  arrival.at = clock_.now();
  const std::string id = home->keep(std::move(arrival));
  std::vector<std::string> arrives;
  for (const SmtpMail::Recipient& one : mail->to)
    if (!is_failure(one.fate.outcome)) arrives.push_back(one.address);
  if (!arrives.empty()) {
    try {
      co_await hand_in(home->resource(), id, mail->from, std::move(arrives), mail->raw);
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound) throw;
    }
  }
  // Only now: a client that hears 451 sends the mail again, and reports about this one would confuse it.
  const auto headers = std::make_shared<const std::string>(headers_of(mail->raw));
  const auto whole =
      mail->dsn.full && mail->raw.size() <= kMaxReturned ? std::make_shared<const std::string>(mail->raw) : nullptr;
  for (SmtpMail::Recipient& one : mail->to) {
    const bool failure = is_failure(one.fate.outcome);
    const bool told = !mail->from.empty() && (failure ? one.dsn.failure : one.dsn.success);
    if (!told && one.fate.outcome == EmailState::kDelivered) continue;
    auto delivery = std::make_shared<Delivery>();
    delivery->world = home;
    delivery->mail_id = id;
    delivery->sender = mail->from;
    delivery->smtp = true;
    delivery->asked = std::move(one.dsn);
    delivery->envelope_id = mail->dsn.envelope_id;
    delivery->full = failure && whole;
    delivery->returned = delivery->full ? whole : headers;
    delivery->fate = std::move(one.fate);
    delivery->fate.rule.silent |= !told;
    home->set_outcome(id, delivery->fate.recipient, EmailState::kSent);
    pending_.run(deliver(std::move(delivery)));
  }
}

/// As a mail server does: a status notification to the sender, who may be ours.
trunkline::Task<void> Carrier::tell_by_mail(std::shared_ptr<Delivery> delivery) {
  const Fate& fate = delivery->fate;
  StatusMail status;
  status.reporter = "sandbox.trunkline.test";
  status.mail_id = delivery->mail_id;
  status.sender = delivery->sender;
  status.recipient = fate.recipient;
  status.original = delivery->asked.original;
  status.outcome = fate.outcome;
  status.status_code = fate.status_code;
  status.detail = fate.detail;
  status.envelope_id = delivery->smtp ? delivery->envelope_id : delivery->message_id;
  if (delivery->returned) status.returned = *delivery->returned;
  status.full = delivery->full;
  std::string raw = write_status_mail(status);
  const std::string resource = delivery->world->resource();
  if (!delivery->smtp) {
    InboundEmail mail;
    mail.provider_message_id = delivery->mail_id + "/bounce/" + fate.recipient;
    mail.to = {delivery->sender};
    mail.mime = bytes_of(raw);
    mail.received_at = clock_.now();
    mail.resource = resource;
    CallOptions options = on_behalf_of(resource);
    co_await events_.received(std::move(mail), std::move(options));
    co_return;
  }
  if (delivery->report_id.empty()) {
    Arrival arrival;
    arrival.to = {delivery->sender};
    arrival.raw = raw;
    arrival.via = "smtp";
    arrival.at = clock_.now();
    delivery->report_id = delivery->world->keep(std::move(arrival));
  }
  std::vector<std::string> to(1, delivery->sender);
  try {
    co_await hand_in(resource, delivery->report_id, std::string(), std::move(to), std::move(raw));
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;  // not ours: it waits in the inbox
  }
}

trunkline::Task<void> Carrier::tell(std::shared_ptr<Delivery> delivery) {
  const Fate& fate = delivery->fate;
  CallOptions options = on_behalf_of(delivery->world->resource());
  if (delivery->smtp || (fate.rule.bounce_mail && fate.outcome == EmailState::kBounced))
    co_return co_await tell_by_mail(std::move(delivery));
  EmailReport report;
  report.message_id = delivery->message_id;
  report.provider_message_id = delivery->provider_message_id;
  report.recipient = fate.recipient;
  // Whoever complains got the mail first.
  report.state = fate.outcome == EmailState::kComplained ? EmailState::kDelivered : fate.outcome;
  report.status_code = fate.status_code;
  report.detail = fate.detail;
  report.at = clock_.now();
  co_await events_.report(report, options);
  if (fate.outcome != EmailState::kComplained) co_return;
  report.state = EmailState::kComplained;
  co_await events_.report(std::move(report), std::move(options));
}

std::string Carrier::smtp_address(const Call&) {
  if (!settings_.smtp_port) return {};
  const std::lock_guard lock(mutex_);
  if (stopped_) return {};
  if (!door_) {
    SmtpDoor::Options options;
    options.host = settings_.smtp_host;
    options.port = *settings_.smtp_port;
    options.max_bytes = settings_.smtp_max_bytes;
    options.decide = [this](const std::string& resource, const std::string& recipient) {
      return world(resource.empty() ? settings_.smtp_resource : resource)->decide(recipient, clock_.now());
    };
    options.take = [this](SmtpMail mail, std::function<void(bool)> done) {
      auto work = [](Carrier* self, std::shared_ptr<SmtpMail> m, std::function<void(bool)> told) -> Task<void> {
        bool taken = true;
        try {
          co_await self->take_smtp(std::move(m));
        } catch (const Error& error) {
          self->log_.write(LogLevel::kWarning, "the host did not take a mail", trunkline::Properties{{"error", error.message}});
          taken = false;
        }
        told(taken);
      };
      pending_.run(work(this, std::make_shared<SmtpMail>(std::move(mail)), std::move(done)));
    };
    door_ = std::make_unique<SmtpDoor>(std::move(options));
  }
  return door_->address();
}

}  // namespace email_sandbox

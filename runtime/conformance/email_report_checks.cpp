// What an email provider tells of mail it has taken, and of mail that arrives: see EmailEvents in bindings/idl/email.tsp.
#include <algorithm>
#include <map>

#include "runtime/conformance/callbacks.h"
#include "runtime/conformance/email_client.h"

namespace trunkline::conformance {
namespace {

using email::EmailReport;
using email::EmailState;

struct StateName {
  EmailState state;
  std::string_view name;
  int rank;  // a report never goes back to a lower one
};
constexpr StateName kStates[] = {
    {EmailState::kSent, "sent", 0},
    {EmailState::kDelivered, "delivered", 1},
    {EmailState::kBounced, "bounced", 1},
    {EmailState::kSuppressed, "suppressed", 1},
    {EmailState::kFilteredSpam, "filtered_spam", 1},
    {EmailState::kQuarantined, "quarantined", 1},
    {EmailState::kExpanded, "expanded", 1},
    {EmailState::kFailed, "failed", 1},
    {EmailState::kComplained, "complained", 2},
};

const StateName* mail_known(EmailState state) {
  const auto found = std::find_if(std::begin(kStates), std::end(kStates), [&](const auto& one) { return one.state == state; });
  return found == std::end(kStates) ? nullptr : &*found;
}

email::EmailSendResult mail_send_one(CheckContext& kit, Subject& subject) {
  const email::EmailSendRequest request = mail_of(kit, kit.input.quirks.email);
  const MailResults results = value_of(send_mail(kit, subject, request), "send");
  check_mail_results(request, results);
  kit.require(is_taken(results.front()), "the carrier refused " + kit.input.quirks.email.to);
  return results.front();
}

void mail_require_reports_of(const email::EmailSendResult& sent, const std::vector<EmailReport>& reports) {
  for (const EmailReport& report : reports) {
    CheckContext::require(report.message_id == "kit-0" || (report.message_id.empty() && report.provider_message_id &&
                                                           report.provider_message_id == sent.provider_message_id),
                          "a report names the mail \"" + report.message_id + "\", which was never sent");
    CheckContext::require(report.recipient == sent.recipient,
                          "a report names the recipient \"" + report.recipient + "\", wanted \"" + sent.recipient + "\"");
    CheckContext::require(mail_known(report.state) != nullptr, "a report says state " +
                                                                   std::to_string(static_cast<int>(report.state)) +
                                                                   ", wanted one that says what became of the mail");
  }
}

// A mail has one outcome; only `complained` may follow `delivered`.
void require_one_outcome(const std::vector<EmailReport>& reports) {
  int rank = -1, finals = 0;
  for (const EmailReport& report : reports) {
    const StateName& state = *mail_known(report.state);
    CheckContext::require(state.rank >= rank, "a report says " + std::string(state.name) + " after one that was final");
    finals += state.rank == 1 ? 1 : 0;
    rank = std::max(rank, state.rank);
  }
  CheckContext::require(finals <= 1, std::to_string(finals) + " final reports came for one mail");
}

void require_reporting(CheckContext& kit, Subject& subject) {
  if (!email_client(*subject.instance).capabilities().delivery_reports)
    kit.skip("capabilities say that it reports no deliveries");
}

// Without a webhook: what it reports of its own accord, once and without going back on it.
void mail_own_reports(CheckContext& kit) {
  Subject subject = kit.open();
  require_reporting(kit, subject);
  const email::EmailSendResult sent = mail_send_one(kit, subject);
  kit.host.let_pass(kit.input.quirks.clock_limit);
  const auto reports = subject.sink->email_reports();
  if (reports.empty())
    kit.skip("no report came within the clock's limit; the carrier may report by webhook (quirks: \"email_receipts\")");
  mail_require_reports_of(sent, reports);
  require_one_outcome(reports);
  kit.close(subject);
}

// A host that cannot keep a report: the provider goes on, and tells nothing twice that was kept.
void mail_refused_report(CheckContext& kit) {
  Subject subject = kit.open();
  require_reporting(kit, subject);
  subject.sink->refuse(1);
  const email::EmailSendResult sent = mail_send_one(kit, subject);
  kit.host.let_pass(kit.input.quirks.clock_limit);
  const auto reports = subject.sink->email_reports();
  if (subject.sink->events() == 0) kit.skip("no report came within the clock's limit; the carrier may report by webhook");
  mail_require_reports_of(sent, reports);
  require_one_outcome(reports);
  kit.remark(reports.empty() ? "a report that the host could not keep is lost"
                             : "a report that the host could not keep is told again");
  const auto next = send_mail(kit, subject, mail_of(kit, kit.input.quirks.email, 1));
  kit.require(next.ok(), "send fails since the host could not keep a report: " + (next.ok() ? "" : next.error().message));
  kit.close(subject);
}

std::int32_t mail_receipt(CheckContext& kit, Subject& subject, const ReceiptSample& sample, const email::EmailSendResult& sent) {
  return call_back(
      kit, subject, sample.request,
      {{"provider_message_id", sent.provider_message_id.value_or("")}, {"message_id", "kit-0"}, {"recipient", sent.recipient}},
      "a receipt by webhook");
}

/// `late`: days after the mail. `times`: that often. Both states when `contradict`.
void mail_by_webhook(CheckContext& kit, std::chrono::hours late, int times, bool contradict) {
  const auto& samples = kit.input.quirks.email_receipts;
  if (samples.empty()) kit.skip("the quirks have no \"email_receipts\"");
  if (contradict && samples.size() < 2)
    kit.skip("the quirks have one of \"email_receipts\", wanted two that contradict each other");
  Subject subject = kit.open();
  require_webhook(kit, subject);
  const email::EmailSendResult sent = mail_send_one(kit, subject);
  kit.host.let_pass(late);
  for (const ReceiptSample& sample : samples) {
    for (int i = 0; i < times; ++i) {
      const std::int32_t status = mail_receipt(kit, subject, sample, sent);
      kit.require(status >= 200 && status < 300,
                  "a receipt was answered with " + std::to_string(status) + ": the carrier would send it again and again");
    }
    if (!contradict) break;
  }
  const auto reports = subject.sink->email_reports();
  kit.require(!reports.empty(), "a receipt by webhook was taken and not reported to the host");
  mail_require_reports_of(sent, reports);
  const std::string& wanted = samples.front().state;
  kit.require(mail_known(reports.front().state)->name == wanted,
              "the first receipt was reported as " + std::string(mail_known(reports.front().state)->name) + ", wanted " + wanted);
  kit.close(subject);
}

// The carrier is not told that a receipt was taken which the host could not keep: it would never come again.
void receipt_that_is_not_kept(CheckContext& kit) {
  const auto& samples = kit.input.quirks.email_receipts;
  if (samples.empty()) kit.skip("the quirks have no \"email_receipts\"");
  Subject subject = kit.open();
  require_webhook(kit, subject);
  const email::EmailSendResult sent = mail_send_one(kit, subject);
  kit.host.let_pass(std::chrono::seconds(1));
  const std::size_t before = subject.sink->email_reports().size();
  subject.sink->refuse(1);
  std::int32_t status = 0;
  try {
    status = mail_receipt(kit, subject, samples.front(), sent);
  } catch (const CheckFailed& failed) {
    kit.remark(failed.why);  // an error tells the carrier as well
  }
  subject.sink->refuse(0);
  kit.require(status < 200 || status >= 300 || subject.sink->email_reports().size() > before,
              "a receipt that the host could not keep was answered with " + std::to_string(status) + ": it is lost");
  mail_receipt(kit, subject, samples.front(), sent);
  kit.require(subject.sink->email_reports().size() > before, "a receipt that came again was not reported");
  kit.close(subject);
}

// ---- mail that arrives ----

/// `refuse`: the host cannot keep the first one.
void mail_inbound(CheckContext& kit, bool refuse) {
  const auto& samples = kit.input.quirks.email_inbound;
  if (samples.empty()) kit.skip("the quirks have no \"email_inbound\"");
  Subject subject = kit.open();
  require_webhook(kit, subject);
  kit.require(email_client(*subject.instance).capabilities().inbound, "it receives mail, and its capabilities do not say so");
  const auto bring = [&]() -> std::int32_t {
    try {
      return call_back(kit, subject, samples.front(), {}, "a mail by webhook");
    } catch (const CheckFailed& failed) {
      if (!refuse) throw;
      kit.remark(failed.why);
      return 0;
    }
  };
  if (refuse) {
    subject.sink->refuse(1);
    const std::int32_t status = bring();
    subject.sink->refuse(0);
    kit.require(status < 200 || status >= 300,
                "a mail that the host could not keep was answered with " + std::to_string(status) + ": it is lost");
  }
  const std::int32_t status = bring();
  kit.require(status >= 200 && status < 300, "a mail by webhook was answered with " + std::to_string(status));
  const auto mails = subject.sink->mails();
  kit.require(mails.size() == 1, "the host was told of " + std::to_string(mails.size()) + " mails, wanted 1");
  kit.require(!mails.front().provider_message_id.empty(), "the mail has no id: the same mail could not be told from another");
  kit.require(!mails.front().to.empty(), "the mail has no envelope recipients");
  kit.require(!mails.front().mime.empty(), "the mail is empty");
  kit.close(subject);
}

// A carrier that brings a mail again: the same id, by which the host knows it.
void inbound_twice(CheckContext& kit) {
  const auto& samples = kit.input.quirks.email_inbound;
  if (samples.empty()) kit.skip("the quirks have no \"email_inbound\"");
  Subject subject = kit.open();
  require_webhook(kit, subject);
  for (int i = 0; i < 2; ++i) call_back(kit, subject, samples.front(), {}, "a mail by webhook");
  const auto mails = subject.sink->mails();
  kit.require(!mails.empty(), "a mail by webhook was taken and not told to the host");
  for (const email::InboundEmail& mail : mails)
    kit.require(mail.provider_message_id == mails.front().provider_message_id,
                "a mail that came twice has two ids: the host would keep it twice");
  kit.close(subject);
}

}  // namespace

std::vector<Check> email_report_checks() {
  using std::chrono::hours;
  return {{"email.receipts.own", mail_own_reports},
          {"email.receipts.refused", mail_refused_report},
          {"email.receipts.in_time", [](CheckContext& kit) { mail_by_webhook(kit, hours(0), 1, false); }},
          {"email.receipts.late", [](CheckContext& kit) { mail_by_webhook(kit, hours(24 * 3), 1, false); }},
          {"email.receipts.twice", [](CheckContext& kit) { mail_by_webhook(kit, hours(0), 2, false); }},
          {"email.receipts.contradictory", [](CheckContext& kit) { mail_by_webhook(kit, hours(0), 1, true); }},
          {"email.receipts.not_kept", receipt_that_is_not_kept},
          {"email.inbound.kept", [](CheckContext& kit) { mail_inbound(kit, false); }},
          {"email.inbound.not_kept", [](CheckContext& kit) { mail_inbound(kit, true); }},
          {"email.inbound.twice", inbound_twice}};
}

}  // namespace trunkline::conformance

// Delivery receipts: what a provider reports, and what it makes of a carrier that reports late, twice and against itself.
#include <algorithm>

#include "runtime/conformance/callbacks.h"
#include "runtime/conformance/check.h"
#include "trunkline/sms_client.hpp"

namespace trunkline::conformance {
namespace {

bool is_final(sms::MessageState state) {
  return state == sms::MessageState::kDelivered || state == sms::MessageState::kFailed || state == sms::MessageState::kExpired;
}

std::string state_name(sms::MessageState state) {
  switch (state) {
    case sms::MessageState::kSent:
      return "sent";
    case sms::MessageState::kDelivered:
      return "delivered";
    case sms::MessageState::kFailed:
      return "failed";
    case sms::MessageState::kExpired:
      return "expired";
    default:
      return "state " + std::to_string(static_cast<int>(state));
  }
}

/// One text that was taken, and its ids.
sms::SmsSendResult send_one(CheckContext& kit, Subject& subject) {
  const SmsSample& sample = kit.input.quirks.sms;
  sms::SmsSendRequest request;
  request.from = sample.from;
  request.text = sample.text;
  sms::Recipient recipient;
  recipient.to = sample.to;
  recipient.message_id = "kit-receipt";
  request.recipients.push_back(std::move(recipient));
  CallOptions options;
  options.resource = "kit";
  auto record = std::make_shared<CallRecord>();
  auto sent = std::make_shared<sms::SmsSendResult>();
  const sms::SmsProviderClient client(subject->interface(sms::SmsProviderClient::kInterfaceId), subject->calls());
  client.start_send(std::move(request), std::move(options),
                    [sent, settled = kit.recorder(record)](Result<std::vector<sms::SmsSendResult>> result) mutable {
                      if (result.ok() && !result.value().empty()) *sent = result.value().front();
                      settled(result.ok() ? nullptr : &result.error());
                    });
  kit.await(record, "send");
  if (record->error) kit.fail("send failed: " + record->error->message);
  kit.require(sent->accepted, "the carrier refused " + sample.to);
  return *sent;
}

void require_reports_of(const sms::SmsSendResult& sent, const std::vector<sms::DeliveryReport>& reports) {
  for (const sms::DeliveryReport& report : reports) {
    CheckContext::require(report.message_id == sent.message_id || (report.message_id.empty() && report.provider_message_id &&
                                                                   report.provider_message_id == sent.provider_message_id),
                          "a report names the message \"" + report.message_id + "\", which was never sent");
    CheckContext::require(is_final(report.state) || report.state == sms::MessageState::kSent,
                          "a report says " + state_name(report.state) + ", wanted sent, delivered, failed or expired");
  }
}

bool reports_deliveries(Subject& subject) {
  return sms::SmsProviderClient(subject->interface(sms::SmsProviderClient::kInterfaceId), subject->calls())
      .capabilities()
      .delivery_reports;
}

// Without a webhook: what it reports of its own accord, once and without going back on it.
void own_reports(CheckContext& kit) {
  Subject subject = kit.open();
  if (!reports_deliveries(subject)) kit.skip("capabilities say that it reports no deliveries");
  const sms::SmsSendResult sent = send_one(kit, subject);
  kit.host.let_pass(kit.input.quirks.clock_limit);
  const auto reports = subject.sink->reports();
  if (reports.empty())
    kit.skip("no report came within the clock's limit; the carrier may report by webhook (quirks: \"receipts\")");
  require_reports_of(sent, reports);
  const auto finals = std::count_if(reports.begin(), reports.end(), [](const auto& report) { return is_final(report.state); });
  kit.require(finals <= 1, std::to_string(finals) + " final reports came for one message");
  kit.close(subject);
}

// A host that cannot keep a report: the provider goes on, and tells nothing twice that was kept.
void refused_report(CheckContext& kit) {
  Subject subject = kit.open();
  if (!reports_deliveries(subject)) kit.skip("capabilities say that it reports no deliveries");
  subject.sink->refuse(1);
  const sms::SmsSendResult sent = send_one(kit, subject);
  kit.host.let_pass(kit.input.quirks.clock_limit);
  const auto reports = subject.sink->reports();
  if (subject.sink->events() == 0) kit.skip("no report came within the clock's limit; the carrier may report by webhook");
  require_reports_of(sent, reports);
  kit.remark(reports.empty() ? "a report that the host could not keep is lost"
                             : "a report that the host could not keep is told again");
  kit.require(reports.size() <= 1 || !is_final(reports.front().state), "a report that was kept came again");
  const sms::SmsSendResult again = send_one(kit, subject);
  (void)again;
  kit.close(subject);
}

/// `late`: days after the text. `times`: that often. Both states when `contradict`.
void by_webhook(CheckContext& kit, std::chrono::hours late, int times, bool contradict) {
  const auto& samples = kit.input.quirks.receipts;
  if (samples.empty()) kit.skip("the quirks have no \"receipts\"");
  Subject subject = kit.open();
  require_webhook(kit, subject);
  const sms::SmsSendResult sent = send_one(kit, subject);
  kit.host.let_pass(late);
  for (const ReceiptSample& sample : samples) {
    for (int i = 0; i < times; ++i) {
      const std::int32_t status = call_back(kit, subject, sample.request,
                                            {{"provider_message_id", sent.provider_message_id.value_or("")},
                                             {"message_id", sent.message_id},
                                             {"recipient", kit.input.quirks.sms.to}},
                                            "a receipt by webhook");
      kit.require(status >= 200 && status < 300,
                  "a receipt was answered with " + std::to_string(status) + ": the carrier would send it again and again");
    }
    if (!contradict) break;
  }
  const auto reports = subject.sink->reports();
  kit.require(!reports.empty(), "a receipt by webhook was taken and not reported to the host");
  require_reports_of(sent, reports);
  const std::string& wanted = samples.front().state;
  kit.require(state_name(reports.front().state) == wanted,
              "the first receipt was reported as " + state_name(reports.front().state) + ", wanted " + wanted);
  kit.close(subject);
}

}  // namespace

std::vector<Check> receipt_checks() {
  using std::chrono::hours;
  return {{"sms.receipts.own", own_reports},
          {"sms.receipts.refused", refused_report},
          {"sms.receipts.in_time", [](CheckContext& kit) { by_webhook(kit, hours(0), 1, false); }},
          {"sms.receipts.late", [](CheckContext& kit) { by_webhook(kit, hours(24 * 3), 1, false); }},
          {"sms.receipts.twice", [](CheckContext& kit) { by_webhook(kit, hours(0), 2, false); }},
          {"sms.receipts.contradictory", [](CheckContext& kit) { by_webhook(kit, hours(0), 1, true); }}};
}

}  // namespace trunkline::conformance

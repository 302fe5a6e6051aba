// What providers report, and what becomes due.
#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/services/decision.h"
#include "runtime/services/sms_dispatcher.h"
#include "runtime/services/sms_event_data.h"
#include "runtime/services/sms_message_id.h"
#include "runtime/services/sms_service.h"

namespace trunkline {
namespace {

using service::ReceiptVerdict;
using store::Session;

/// Receipts that are kept of one message; of more only those that change something.
constexpr std::int64_t kMaxReceipts = 200;
/// Scheduled messages that one transaction releases.
constexpr std::int32_t kReleaseBatch = 500;

/// What Azure's two states make of it.
bool counts_as_delivered(sms::MessageState state) { return state == sms::MessageState::kDelivered; }

/// A report that waits, as it is kept.
std::string report_text(const sms::DeliveryReport& report) {
  nlohmann::json text;
  text["state"] = static_cast<int>(report.state);
  text["reason"] = static_cast<int>(report.reason);
  text["at_us"] = unix_us(report.at);
  if (report.provider_message_id) text["id"] = *report.provider_message_id;
  if (report.provider_code) text["code"] = *report.provider_code;
  if (report.segments_delivered) text["segments"] = *report.segments_delivered;
  return text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

sms::DeliveryReport report_of(const std::string& kept) {
  const nlohmann::json text = nlohmann::json::parse(kept);
  sms::DeliveryReport report;
  report.state = static_cast<sms::MessageState>(text.at("state").get<int>());
  report.reason = static_cast<sms::FailureReason>(text.at("reason").get<int>());
  report.at = from_unix_us(text.at("at_us").get<std::int64_t>());
  if (text.contains("id")) report.provider_message_id = text["id"].get<std::string>();
  if (text.contains("code")) report.provider_code = text["code"].get<std::string>();
  if (text.contains("segments")) report.segments_delivered = text["segments"].get<std::int32_t>();
  return report;
}

/// Whether the carrier's answer and the receipt make one change: nothing came before, and nobody else gets the message after it.
bool joins(const sms_records::Standing& standing, const Receipt& receipt) {
  const bool open =
      standing.message.state == sms::MessageState::kQueued || standing.message.state == sms::MessageState::kUncertain;
  return open && standing.receipts == 0 && is_final(receipt.state) && receipt.state != sms::MessageState::kFailed;
}

}  // namespace

void SmsService::record_receipt(Session& session, Arrival& arrival, const sms_records::Transition* sent) {
  const Receipt& receipt = arrival.receipt;
  const std::int64_t key = arrival.whose.resource->key;
  const std::string& message_id = arrival.whose.message_id;
  auto standing = sms_records::standing(session, key, message_id);
  if (!standing) return;  // dropped since
  if (sent && !joins(*standing, receipt)) {
    sms_records::apply(session, key, message_id, *std::exchange(sent, nullptr));
    standing = sms_records::standing(session, key, message_id);
  } else if (sent) {
    standing->message.state = sent->state;
    standing->message.provider = sent->provider.value_or("");
    standing->message.decided_at = from_unix_us(sent->at_us);
    standing->message.assumed = false;
    if (sent->segments) standing->finished.record.segments = *sent->segments;
  }
  std::vector<Receipt> earlier;  // most messages have one receipt
  if (standing->receipts > 0) earlier = sms_records::receipts(session, key, message_id);
  const ReceiptVerdict verdict = judge(standing->message, receipt, earlier);
  const bool changes = verdict == ReceiptVerdict::kApplied || verdict == ReceiptVerdict::kCorrected;
  if (sent && !changes) sms_records::apply(session, key, message_id, *std::exchange(sent, nullptr));
  const std::int64_t sequence = standing->receipts + 1;
  if (sequence > kMaxReceipts && !changes) return;
  const bool failed = receipt.state == sms::MessageState::kFailed || receipt.state == sms::MessageState::kExpired;
  std::string detail(word(receipt.state));
  if (failed)
    detail += ": " + delivery_status_details(receipt.state, receipt.reason, receipt.provider_code) + "; fault of the " +
              std::string(word(fault_of(receipt.reason))) + (is_retryable(receipt.reason) ? ", retryable" : ", permanent");
  if (!changes) detail += "; the message stays " + std::string(word(standing->message.state));
  if (arrival.early) detail += "; it was here before the carrier's answer was on disk";
  std::string lines = DecisionLines(arrival.received_at).step("receipt", word(verdict), receipt.provider, detail).take();
  const bool elsewhere = changes && fail_over(session, arrival, standing->message, earlier, lines);
  if (arrival.postponed) return;
  sms_records::add_receipt(session, key, message_id, sequence, receipt, unix_us(arrival.received_at), verdict);
  if (elsewhere) return;
  if (!changes) {
    sms_records::append_receipt_decision(session, key, message_id, lines);
    return;
  }
  if (sent)
    sms_records::apply_sent_and_receipt(session, key, message_id, *sent, receipt, arrival.provider_message_id, lines);
  else
    sms_records::apply_receipt(session, key, message_id, *standing, receipt, arrival.provider_message_id, lines);
  if (!is_final(receipt.state)) return;
  // Those who were told the opposite hear of it; the same again, with another detail, is no news.
  const bool told = is_final(standing->message.state) && standing->message.state != sms::MessageState::kCancelled;
  if (told && counts_as_delivered(standing->message.state) == counts_as_delivered(receipt.state)) return;
  append_delivery_report(context_, session, *arrival.whose.resource, standing->finished, receipt.state, receipt.reason,
                         receipt.provider_code, receipt.at, arrival.event_id, receipt.segments_delivered);
}

std::optional<SmsService::Whose> SmsService::find_reported(const std::string& provider, const std::string& provider_message_id) {
  for (store::Database* database : context_.store.all()) {
    std::optional<std::pair<std::int64_t, std::string>> found;
    database->read([&](Session& session) { found = sms_records::find_by_provider_id(session, provider, provider_message_id); });
    if (!found) continue;
    // Forks and snapshots have rows of the same message; its id says whose it is.
    if (ResourcePtr resource = resources_.find_by_key(resource_key_of_message_id(found->second)))
      return Whose{std::move(resource), std::move(found->second)};
  }
  return std::nullopt;
}

Task<void> SmsService::on_delivery_report(std::string provider, sms::DeliveryReport report) {
  const Time now = context_.clock.now();
  receipts_.add();
  if (!report.message_id.empty()) {
    Whose whose{resources_.find_by_key(resource_key_of_message_id(report.message_id)), report.message_id};
    if (whose.resource) {
      const std::optional<std::string> theirs = report.provider_message_id;
      co_await take_report(std::move(whose), provider, std::move(report), now, false);
      if (!theirs || !early_.any()) co_return;
      EarlyReports::Id id{std::move(provider), *theirs};  // named: GCC 12
      co_return co_await take_early(std::move(id));
    }
  } else if (report.provider_message_id) {
    EarlyReports::Id id{provider, *report.provider_message_id};
    if (auto whose = find_reported(provider, id.provider_message_id))
      co_return co_await take_report(*std::move(whose), std::move(provider), std::move(report), now, false);
    // Perhaps the carrier is faster than our own note of its answer.
    co_await early_.keep(id, report_text(report));
    co_return co_await take_early(std::move(id));
  }
  // The resource was dropped, or the carrier reports something we never sent: asking it again would not help.
  context_.log.warning("sms", "a delivery report for an unknown message was dropped",
                       {{"provider", provider}, {"message_id", report.message_id}});
}

Task<void> SmsService::take_early(EarlyReports::Id id) {
  auto whose = find_reported(id.provider, id.provider_message_id);
  if (!whose) {  // one that waits for the answer under our own id
    whose.emplace(Whose{resources_.find_by_key(resource_key_of_message_id(id.provider_message_id)), id.provider_message_id});
    if (!whose->resource) co_return;
    bool known = false;
    whose->resource->database->read(
        [&](Session& session) { known = sms_records::standing(session, whose->resource->key, whose->message_id).has_value(); });
    if (!known) co_return;  // a carrier's id that looks like ours
  }
  std::vector<EarlyReports::Report> reports = early_.take(id);
  if (reports.empty()) co_return;
  for (const EarlyReports::Report& one : reports) {
    Whose copy = *whose;
    co_await take_report(std::move(copy), id.provider, report_of(one.body), one.received_at, true);
  }
  co_await early_.forget(std::move(reports));
}

Task<void> SmsService::take_report(Whose whose, std::string provider, sms::DeliveryReport report, Time received_at, bool early) {
  auto arrival = std::make_shared<Arrival>();
  Receipt& receipt = arrival->receipt;
  receipt.provider = provider;
  receipt.state = report.state;
  receipt.reason = report.reason;
  receipt.provider_code = report.provider_code.value_or("");
  receipt.segments_delivered = report.segments_delivered;
  receipt.at = std::chrono::floor<std::chrono::microseconds>(report.at);  // as it is kept
  const bool failed = receipt.state == sms::MessageState::kFailed || receipt.state == sms::MessageState::kExpired;
  if (failed && receipt.reason == sms::FailureReason::kNone) receipt.reason = sms::FailureReason::kUnspecified;
  if (!failed) receipt.reason = sms::FailureReason::kNone;
  arrival->whose = std::move(whose);
  arrival->provider_message_id = report.provider_message_id;
  arrival->received_at = received_at;
  arrival->early = early;
  arrival->event_id = make_event_id(context_.ids, received_at);
  const ResourcePtr resource = arrival->whose.resource;
  SmsDispatcher::RecordReceipt work = [this, arrival](Session& session, const sms_records::Transition* sent) {
    arrival->next = nullptr;
    arrival->postponed = false;
    record_receipt(session, *arrival, sent);
  };
  std::string message_id = arrival->whose.message_id;
  co_await dispatcher_->record(*resource->database, resource->key, std::move(message_id), std::move(work));
  if (arrival->next) dispatcher_->submit(std::move(arrival->next));
  if (!arrival->postponed) co_return;
  EarlyReports::Id id{provider, arrival->whose.message_id};
  co_await early_.keep(id, report_text(report));
  // The answer may have been written in between, and then nobody looks for it any more.
  std::optional<sms_records::Standing> standing;
  resource->database->read(
      [&](Session& session) { standing = sms_records::standing(session, resource->key, id.provider_message_id); });
  if (standing && standing->message.state != sms::MessageState::kQueued) co_await take_early(std::move(id));
}

void SmsService::arm(Timers& timers, store::Database& database, std::int64_t due_us,
                     Task<void> (SmsService::*work)(store::Database*)) {
  const std::lock_guard lock(timers_mutex_);
  Timer& timer = timers[&database];
  if (timer.id != 0 && timer.due_us <= due_us) return;
  if (timer.id != 0) context_.clock.cancel(timer.id);
  timer.due_us = due_us;
  timer.id = context_.clock.schedule_at(from_unix_us(due_us), [this, &timers, &database, work] {
    {
      const std::lock_guard inner(timers_mutex_);
      timers[&database].id = 0;
    }
    spawn((this->*work)(&database), [this](Result<void> result) {
      if (!result) context_.log.error("sms", "work that became due failed", {{"error", result.error().message}});
    });
  });
}

Task<void> SmsService::expire_reports(store::Database* database) {
  const Time now = context_.clock.now();
  std::vector<std::pair<std::int64_t, std::string>> due;
  database->read([&](Session& session) { due = sms_records::due_reports(session, unix_us(now)); });
  for (const auto& [resource_key, message_id] : due) {
    const ResourcePtr resource = resources_.find_by_key(resource_key);
    if (!resource) continue;
    sms_records::Transition transition;
    transition.state = sms::MessageState::kExpired;
    transition.reason = sms::FailureReason::kNoReport;
    transition.at_us = unix_us(now);
    transition.assumed = true;
    transition.decision = DecisionLines(now).step("report.timeout", "fail", "no report in time").take();
    co_await publish_transition(context_, resource, message_id, std::move(transition), now, std::nullopt);
  }
  std::optional<std::int64_t> next;
  database->read([&](Session& session) { next = sms_records::next_report_deadline(session); });
  if (next) arm_report_timer(*database, *next);
}

Task<void> SmsService::release_scheduled(store::Database* database) {
  for (;;) {
    const Time now = context_.clock.now();
    auto due = std::make_shared<std::vector<std::pair<std::int64_t, std::string>>>();
    // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
    auto work = [due, until = unix_us(now)](Session& session) {
      *due = sms_records::release_scheduled(session, until, kReleaseBatch);
    };
    co_await database->write(std::move(work));
    for (const auto& [resource_key, message_id] : *due) {
      const ResourcePtr resource = resources_.find_by_key(resource_key);
      if (!resource) continue;
      std::optional<sms_records::StoredMessage> stored;
      database->read([&](Session& session) { stored = sms_records::find(session, resource_key, message_id); });
      if (stored) dispatcher_->submit(outgoing_of(resource, *stored));
    }
    if (due->size() < static_cast<std::size_t>(kReleaseBatch)) break;
  }
  std::optional<std::int64_t> next;
  database->read([&](Session& session) { next = sms_records::next_scheduled(session); });
  if (next) arm_schedule_timer(*database, *next);
}

}  // namespace trunkline

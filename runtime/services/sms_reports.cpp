// What providers tell us, and what becomes due.
#include "runtime/base/ids.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/providers/country.h"
#include "runtime/services/decision.h"
#include "runtime/services/phone_number.h"
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

}  // namespace

void SmsService::record_receipt(Session& session, const ResourcePtr& resource, const std::string& message_id,
                                const Receipt& receipt, const std::optional<std::string>& provider_message_id, Time received_at,
                                const std::string& event_id) {
  const auto standing = sms_records::standing(session, resource->key, message_id);
  if (!standing) return;  // dropped since
  const std::vector<Receipt> earlier = sms_records::receipts(session, resource->key, message_id);
  const ReceiptVerdict verdict = judge(standing->message, receipt, earlier);
  const bool changes = verdict == ReceiptVerdict::kApplied || verdict == ReceiptVerdict::kCorrected;
  const std::int64_t sequence = standing->receipts + 1;
  if (sequence > kMaxReceipts && !changes) return;
  sms_records::add_receipt(session, resource->key, message_id, sequence, receipt, unix_us(received_at), verdict);
  const bool failed = receipt.state == sms::MessageState::kFailed || receipt.state == sms::MessageState::kExpired;
  std::string detail(word(receipt.state));
  if (failed)
    detail += ": " + delivery_status_details(receipt.state, receipt.reason, receipt.provider_code) + "; fault of the " +
              std::string(word(fault_of(receipt.reason))) + (is_retryable(receipt.reason) ? ", retryable" : ", permanent");
  if (!changes) detail += "; the message stays " + std::string(word(standing->message.state));
  const std::string lines = DecisionLines(received_at).step("receipt", word(verdict), receipt.provider, detail).take();
  if (!changes) {
    sms_records::append_decision(session, resource->key, message_id, lines);
    return;
  }
  const auto finished = sms_records::apply_receipt(session, resource->key, message_id, receipt, provider_message_id, lines);
  if (!finished || !is_final(receipt.state)) return;
  // Those who were told the opposite hear of it; the same again, with another detail, is no news.
  const bool told = is_final(standing->message.state) && standing->message.state != sms::MessageState::kCancelled;
  if (told && counts_as_delivered(standing->message.state) == counts_as_delivered(receipt.state)) return;
  append_delivery_report(context_, session, *resource, *finished, receipt.state, receipt.reason, receipt.provider_code,
                         receipt.at, event_id, receipt.segments_delivered);
}

Task<void> SmsService::on_delivery_report(std::string provider, sms::DeliveryReport report) {
  std::string message_id = report.message_id;
  ResourcePtr resource;
  if (!message_id.empty()) {
    resource = resources_.find_by_key(resource_key_of_message_id(message_id));
  } else if (report.provider_message_id) {
    for (store::Database* database : context_.store.all()) {
      std::optional<std::pair<std::int64_t, std::string>> found;
      database->read(
          [&](Session& session) { found = sms_records::find_by_provider_id(session, provider, *report.provider_message_id); });
      if (!found) continue;
      // Forks and snapshots have rows of the same message; its id says whose it is.
      message_id = std::move(found->second);
      resource = resources_.find_by_key(resource_key_of_message_id(message_id));
      break;
    }
  }
  if (!resource) {
    // The resource was dropped, or the carrier reports something we never sent: asking it again would not help.
    context_.log.warning(
        "sms", "a delivery report for an unknown message was dropped",
        {{"provider", provider}, {"message_id", message_id}, {"provider_message_id", report.provider_message_id.value_or("")}});
    co_return;
  }
  Receipt receipt;
  receipt.provider = std::move(provider);
  receipt.state = report.state;
  receipt.reason = report.reason;
  receipt.provider_code = report.provider_code.value_or("");
  receipt.segments_delivered = report.segments_delivered;
  receipt.at = std::chrono::floor<std::chrono::microseconds>(report.at);  // as it is kept
  const bool failed = receipt.state == sms::MessageState::kFailed || receipt.state == sms::MessageState::kExpired;
  if (failed && receipt.reason == sms::FailureReason::kNone) receipt.reason = sms::FailureReason::kUnspecified;
  if (!failed) receipt.reason = sms::FailureReason::kNone;
  const Time now = context_.clock.now();
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [this, resource, message_id, receipt, id = report.provider_message_id, now,
               event_id = make_event_id(context_.ids, now)](Session& session) {
    record_receipt(session, resource, message_id, receipt, id, now, event_id);
  };
  co_await resource->database->write(std::move(work));
  receipts_.add();
}

Task<void> SmsService::on_received(std::string provider, sms::InboundSms message) {
  ResourcePtr resource;
  if (message.resource) {
    resource = resources_.find(*message.resource);
    if (resource && !numbers_.find(*resource, message.to)) resource = nullptr;
  }
  if (!resource) resource = numbers_.owner_of(message.to);
  if (!resource) throw Error(ErrorCode::kNotFound, "no resource owns the number " + message.to, "to");

  const Time now = context_.clock.now();
  const std::string message_id = make_incoming_message_id(context_.ids, now, resource->key);
  const std::string key = "inbound:" + provider + ":" + message.provider_message_id;
  DecisionLines decision(message.received_at);
  decision.step("inbound.owner", "pick", resource->name, "the resource owns " + message.to);
  NewEvent event;
  event.id = make_event_id(context_.ids, now);
  event.type = kSmsReceivedType;
  event.subject = phone_number_subject(message.to);
  event.topic = resource->arm_id;
  event.time = message.received_at;
  event.data_version = "1.0";
  event.data = sms_received_data(message_id, message);

  const SmsConsentConfig& consent = policies_.of(*resource).consent;
  std::optional<ConsentKeyword> keyword;
  if (consent.keywords) keyword = find_consent_keyword(message.text, country_of(message.from));
  OutgoingPtr answer;
  if (keyword) decision.step("consent.keyword", "pick", keyword->keyword, "language " + keyword->language);
  if (keyword && consent.replies && e164_fault(message.from).empty()) {
    const char* what = keyword->action == service::ConsentAction::kOptOut  ? "stop"
                       : keyword->action == service::ConsentAction::kOptIn ? "start"
                                                                           : "help";
    const auto own = consent.texts.find(what);
    answer = std::make_shared<OutgoingSms>();
    answer->resource = resource;
    answer->from = message.to;
    answer->text = own == consent.texts.end() ? consent_reply(*keyword, message.to) : own->second;
    answer->segments = measure_sms_text(answer->text).segments;
    answer->accepted_at = now;
    answer->confirmation = true;
    OutgoingRecipient recipient;
    recipient.to = message.from;
    recipient.message_id = make_outgoing_message_id(context_.ids, now, resource->key);
    recipient.on_net = numbers_.is_on_net(message.from);
    answer->recipients.push_back(std::move(recipient));
  }
  auto answered = std::make_shared<bool>(false);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [this, resource, message, provider, message_id, key, event, keyword, answer, answered, now,
               text = decision.take()](Session& session) {
    *answered = false;
    if (!message.provider_message_id.empty() && sms_records::find_by_idempotency_key(session, resource->key, key))
      return;  // told twice
    sms_records::NewMessage row;
    row.message_id = message_id;
    row.inbound = true;
    row.sender = message.from;
    row.recipient = message.to;
    row.body = message.text;
    row.state = sms::MessageState::kDelivered;
    row.segments = message.segments;
    row.provider = provider;
    row.provider_message_id = message.provider_message_id;
    if (!message.provider_message_id.empty()) row.idempotency_key = key;
    row.decision = text;
    row.created_us = unix_us(message.received_at);
    sms_records::insert(session, resource->key, row);
    context_.events.append(session, resource->key, event);
    if (!keyword) return;
    // The answer is accepted in the same transaction in which the block begins to hold, and goes out in spite of it.
    std::optional<std::string> confirmation;
    if (answer) confirmation = answer->recipients.front().message_id;
    *answered =
        consent_.note_keyword(session, *resource, *keyword, message.to, message.from, message_id, confirmation, now) && answer;
    if (!*answered) return;
    sms_records::NewMessage reply;
    reply.message_id = *confirmation;
    reply.sender = answer->from;
    reply.recipient = message.from;
    reply.body = answer->text;
    reply.segments = answer->segments;
    reply.confirmation = true;
    const std::string lines = DecisionLines(now).step("consent.reply", "pass", keyword->keyword, "answers " + message_id).take();
    reply.decision = lines;
    reply.created_us = unix_us(now);
    sms_records::insert(session, resource->key, reply);
  };
  co_await resource->database->write(std::move(work));
  inbound_.add();
  if (*answered) dispatcher_->submit(std::move(answer));
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

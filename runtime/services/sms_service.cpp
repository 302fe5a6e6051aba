#include "runtime/services/sms_service.h"

#include <algorithm>
#include <set>

#include "runtime/base/ids.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/decision.h"
#include "runtime/services/sms_dispatcher.h"
#include "runtime/services/sms_message_id.h"

namespace trunkline {
namespace {

using service::SmsSendOutcome;
using store::Session;

bool has_prices(const Config& config) {
  return std::any_of(config.providers.begin(), config.providers.end(),
                     [](const ProviderConfig& provider) { return !provider.prices.parts.empty(); });
}

Error not_found(std::string_view message_id) {
  return {ErrorCode::kNotFound, "there is no message " + std::string(message_id), "messageId"};
}

}  // namespace

SmsService::SmsService(ServiceContext& context, ResourceService& resources, NumberService& numbers, const Config& config)
    : context_(context),
      resources_(resources),
      numbers_(numbers),
      senders_(resources, numbers),
      policies_(config.sms, resources),
      rates_(config.sms, config.providers),
      consent_(context, senders_),
      admission_(context, numbers, senders_, policies_, has_prices(config)),
      dispatcher_(std::make_unique<SmsDispatcher>(context, consent_, rates_, config.sms)),
      early_(context, "sms"),
      accepted_(context.metrics.counter("trunkline_sms_accepted_total", "Text messages accepted for sending.")),
      refused_(context.metrics.counter("trunkline_sms_refused_total", "Recipients that were refused.")),
      inbound_(context.metrics.counter("trunkline_sms_received_total", "Text messages received from phones.")),
      receipts_(context.metrics.counter("trunkline_sms_receipts_total", "Receipts that carriers sent about text messages.")) {
  dispatcher_->set_on_report([this](std::string provider, std::string message_id, sms::DeliveryReport report) {
    report.message_id = std::move(message_id);
    spawn(on_delivery_report(std::move(provider), std::move(report)), [this](Result<void> result) {
      if (!result) context_.log.error("sms", "keeping a receipt failed", {{"error", result.error().message}});
    });
  });
  dispatcher_->set_on_settled(
      [this](const std::string& provider, const std::string& message_id, const std::optional<std::string>& provider_message_id) {
        if (!early_.any()) return;
        const auto take = [&](const std::string& id) {
          spawn(take_early({provider, id}), [this](Result<void> result) {
            if (!result) context_.log.error("sms", "keeping a receipt failed", {{"error", result.error().message}});
          });
        };
        take(message_id);
        if (provider_message_id) take(*provider_message_id);
      });
}

SmsService::~SmsService() = default;

Task<std::vector<SmsSendOutcome>> SmsService::send(ResourcePtr resource, SmsSubmission submission) {
  admission_.check(*resource, submission);
  const SmsTextInfo info = measure_sms_text(submission.text);
  const Time now = context_.clock.now();
  std::vector<SmsSendOutcome> outcomes(submission.to.size());
  auto candidates = std::make_shared<std::vector<SmsCandidate>>(
      admission_.prepare(resource, submission, info, now, outcomes, admission_.has_prices()));
  std::erase_if(*candidates, [](const SmsCandidate& candidate) { return candidate.refused_by_policy.has_value(); });

  const auto request = std::make_shared<const SmsSubmission>(std::move(submission));
  auto recalls = std::make_shared<std::uint64_t>(0);
  if (!candidates->empty()) {
    // Re-runnable: every run sets the results of each candidate anew.
    // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
    auto work = [this, resource, request, candidates, recalls, now, segments = info.segments](Session& session) {
      *recalls = consent_.recalls();
      sms_records::NewMessage row;
      row.body = request->text;
      row.segments = segments;
      row.wants_report = request->wants_report;
      row.tag = request->tag;
      if (!request->traceparent.empty()) row.traceparent = request->traceparent;
      row.created_us = unix_us(now);
      for (SmsCandidate& candidate : *candidates) {
        const SmsAddressee& addressee = request->to[candidate.index];
        admission_.settle(session, *resource, *request, candidate, now, true);
        if (candidate.refusal || !candidate.repeated_id.empty()) continue;
        row.message_id = candidate.message_id;
        row.sender = candidate.from;
        row.recipient = addressee.to;
        row.decision = candidate.decision;
        row.state = candidate.opted_out    ? sms::MessageState::kFailed
                    : candidate.not_before ? sms::MessageState::kScheduled
                                           : sms::MessageState::kQueued;
        row.reason = candidate.opted_out ? sms::FailureReason::kOptedOut : sms::FailureReason::kNone;
        row.not_before_us.reset();
        if (candidate.not_before) row.not_before_us = unix_us(*candidate.not_before);
        row.report_deadline_us.reset();
        if (request->report_timeout && !candidate.opted_out)
          row.report_deadline_us = unix_us(candidate.not_before.value_or(now) + *request->report_timeout);
        row.price_micros = candidate.opted_out ? std::nullopt : candidate.price_micros;
        row.currency.reset();
        if (row.price_micros) row.currency = candidate.currency;
        row.idempotency_key.reset();
        row.request_hash.reset();
        if (!addressee.idempotency_key.empty()) {
          row.idempotency_key = addressee.idempotency_key;
          row.request_hash = candidate.request_hash;
        }
        sms_records::insert(session, resource->key, row);
        if (!candidate.opted_out) continue;
        // Azure accepts it and reports the failure.
        sms_records::Finished finished;
        finished.record.message_id = candidate.message_id;
        finished.record.from = candidate.from;
        finished.record.to = addressee.to;
        finished.record.segments = segments;
        finished.record.tag = request->tag;
        finished.wants_report = request->wants_report;
        finished.traceparent = request->traceparent;
        append_delivery_report(context_, session, *resource, finished, row.state, row.reason, {}, now,
                               make_event_id(context_.ids, now), 0);
      }
    };
    co_await resource->database->write(std::move(work));
    if (request->report_timeout)
      for (const SmsCandidate& candidate : *candidates)
        arm_report_timer(*resource->database, unix_us(candidate.not_before.value_or(now) + *request->report_timeout));
  }

  // One for each sender: a pool has several.
  std::vector<OutgoingPtr> outgoing;
  std::size_t accepted = 0;
  for (SmsCandidate& candidate : *candidates) {
    const SmsAddressee& addressee = request->to[candidate.index];
    SmsSendOutcome& outcome = outcomes[candidate.index];
    if (candidate.refusal) {
      outcome = sms_refusal(addressee, candidate.refusal->message, candidate.refusal->http_status);
      continue;
    }
    if (candidate.conflict) {
      outcome = sms_refusal(addressee, "the repeatability id was used before for a different request", 409);
      continue;
    }
    outcome.to = addressee.to;
    outcome.successful = true;
    outcome.http_status = 202;
    outcome.repeated = !candidate.repeated_id.empty();
    outcome.message_id = outcome.repeated ? candidate.repeated_id : candidate.message_id;
    if (outcome.repeated) continue;
    ++accepted;
    if (candidate.opted_out) continue;
    if (candidate.not_before) {
      outcome.expected_at = candidate.not_before;
      arm_schedule_timer(*resource->database, unix_us(*candidate.not_before));
      continue;
    }
    auto at = std::find_if(outgoing.begin(), outgoing.end(), [&](const OutgoingPtr& one) { return one->from == candidate.from; });
    if (at == outgoing.end()) {
      auto one = std::make_shared<OutgoingSms>();
      one->resource = resource;
      one->from = candidate.from;
      one->text = request->text;
      one->wants_report = request->wants_report;
      one->tag = request->tag.value_or("");
      one->traceparent = request->traceparent;
      one->segments = info.segments;
      one->accepted_at = now;
      one->recalls = *recalls;
      one->reserved = admission_.has_prices();
      at = outgoing.insert(outgoing.end(), std::move(one));
    }
    OutgoingRecipient recipient;
    recipient.to = addressee.to;
    recipient.message_id = std::move(candidate.message_id);
    recipient.on_net = candidate.on_net;
    (*at)->recipients.push_back(std::move(recipient));
  }
  accepted_.add(static_cast<double>(accepted));
  refused_.add(static_cast<double>(std::count_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return !o.successful; })));
  for (OutgoingPtr& one : outgoing) dispatcher_->submit(std::move(one));
  if (rates_.any())
    for (SmsSendOutcome& outcome : outcomes)
      if (outcome.message_id && !outcome.expected_at) outcome.expected_at = dispatcher_->expected_at(*outcome.message_id);
  co_return outcomes;
}

service::SmsRecord SmsService::get(const Resource& resource, std::string_view message_id) {
  std::optional<sms_records::StoredMessage> stored;
  resource.database->read([&](Session& session) { stored = sms_records::find(session, resource.key, message_id); });
  if (!stored) throw not_found(message_id);
  if (stored->record.state == sms::MessageState::kQueued && rates_.any())
    stored->record.expected_at = dispatcher_->expected_at(stored->record.message_id);
  return std::move(stored->record);
}

service::SmsPage SmsService::list(const Resource& resource, std::int32_t limit, const std::optional<std::string>& continuation) {
  if (limit < 1 || limit > 1000)
    throw Error(ErrorCode::kInvalidArgument, "limit must be 1 to 1000, not " + std::to_string(limit), "limit");
  service::SmsPage page;
  resource.database->read([&](Session& session) { page.items = sms_records::list(session, resource.key, limit, continuation); });
  if (page.items.size() == static_cast<std::size_t>(limit))
    page.continuation = std::to_string(unix_us(page.items.back().created_at)) + "." + page.items.back().message_id;
  return page;
}

DecisionRecord SmsService::explain(const Resource& resource, std::string_view message_id) {
  std::optional<sms_records::StoredMessage> stored;
  resource.database->read([&](Session& session) { stored = sms_records::find(session, resource.key, message_id); });
  if (!stored) throw not_found(message_id);
  return parse_decision(message_id, stored->decision);
}

std::vector<service::SmsReceipt> SmsService::receipts(const Resource& resource, std::string_view message_id) {
  std::vector<service::SmsReceipt> all;
  bool known = false;
  resource.database->read([&](Session& session) {
    known = sms_records::find(session, resource.key, message_id).has_value();
    if (known) all = sms_records::receipt_records(session, resource.key, message_id);
  });
  if (!known) throw not_found(message_id);
  return all;
}

Task<service::SmsRecord> SmsService::cancel(ResourcePtr resource, std::string message_id) {
  const Time now = context_.clock.now();
  auto done = std::make_shared<bool>(false);
  auto work = [this, done, resource, message_id, now,
               lines = DecisionLines(now).step("cancel", "stop", message_id).take()](Session& session) {
    *done = sms_records::cancel(session, resource->key, message_id, lines, unix_us(now));
    if (!*done) return;
    consent_.note_recall();
    if (admission_.has_prices()) settle_reservation(session, resource->key, message_id, 0);
  };
  co_await resource->database->write(std::move(work));
  service::SmsRecord record = get(*resource, message_id);
  if (!*done)
    throw Error(ErrorCode::kFailedPrecondition,
                "the message " + message_id + " cannot be taken back: it is " + std::string(word(record.state)) +
                    (record.state == sms::MessageState::kQueued ? " and being handed over" : ""),
                "messageId");
  co_return record;
}

OutgoingPtr SmsService::outgoing_of(const ResourcePtr& resource, sms_records::StoredMessage& message) const {
  auto outgoing = std::make_shared<OutgoingSms>();
  outgoing->resource = resource;
  outgoing->from = message.record.from;
  outgoing->text = message.record.message;
  outgoing->wants_report = message.wants_report;
  outgoing->tag = message.record.tag.value_or("");
  outgoing->traceparent = message.traceparent;
  outgoing->segments = message.record.segments;
  outgoing->accepted_at = message.record.created_at;
  outgoing->confirmation = message.confirmation;
  outgoing->reserved = message.record.price_micros.has_value();
  for (const sms_records::GivenUp& one : message.given_up) {
    outgoing->given_up.push_back(one.provider);
    outgoing->given_up_reason = one.reason;
    outgoing->given_up_code = one.provider_code;
    outgoing->worth_retrying = true;  // the next one may be left alone just now
  }
  OutgoingRecipient recipient;
  recipient.to = message.record.to;
  recipient.message_id = message.record.message_id;
  recipient.on_net = numbers_.is_on_net(recipient.to);
  outgoing->recipients.push_back(std::move(recipient));
  return outgoing;
}

std::vector<std::string> SmsService::take_up_handovers(store::Database& database) {
  struct Cut {
    OutgoingPtr message;
    std::string provider;
  };
  std::vector<Cut> cut;
  std::vector<std::int64_t> notes;
  database.read([&](Session& session) {
    for (const auto& [note, calls] : sms_records::open_handovers(session)) {
      notes.push_back(note);
      for (const sms_records::HandoverCall& call : calls) {
        OutgoingPtr whole;
        bool open = false;
        for (const std::string& id : call.message_ids) {
          const ResourcePtr resource = resources_.find_by_key(resource_key_of_message_id(id));
          auto stored = resource ? sms_records::find(session, resource->key, id) : std::nullopt;
          if (!stored) continue;
          open |= stored->record.state == sms::MessageState::kQueued || stored->record.state == sms::MessageState::kUncertain;
          // Those that are settled stay in the call: under one key a carrier must see the same request.
          OutgoingPtr one = outgoing_of(resource, *stored);
          if (!whole)
            whole = std::move(one);
          else
            whole->recipients.push_back(std::move(one->recipients.front()));
        }
        if (whole && open) cut.push_back({std::move(whole), call.provider});
      }
    }
  });
  std::vector<std::string> ids;
  for (Cut& one : cut) {
    for (const OutgoingRecipient& recipient : one.message->recipients) ids.push_back(recipient.message_id);
    dispatcher_->resume(std::move(one.message), one.provider);
  }
  // Behind the new notes: writes commit in order.
  if (!notes.empty())
    database.write(
        [notes](Session& session) {
          for (const std::int64_t note : notes) sms_records::remove_handover(session, note);
        },
        [](Result<void>) {});
  return ids;
}

void SmsService::recover() {
  for (const EarlyReports::Id& id : early_.load()) {
    spawn(take_early(id), [this](Result<void> result) {
      if (!result) context_.log.error("sms", "keeping a receipt failed", {{"error", result.error().message}});
    });
  }
  std::set<std::string> in_doubt;
  for (store::Database* database : context_.store.all()) {
    for (std::string& id : take_up_handovers(*database)) in_doubt.insert(std::move(id));
    std::optional<std::int64_t> deadline, scheduled;
    database->read([&](Session& session) {
      deadline = sms_records::next_report_deadline(session);
      scheduled = sms_records::next_scheduled(session);
    });
    if (deadline) arm_report_timer(*database, *deadline);
    if (scheduled) arm_schedule_timer(*database, *scheduled);
  }
  for (const ResourcePtr& resource : resources_.list()) {
    std::vector<sms_records::StoredMessage> waiting;
    resource->database->read([&](Session& session) { waiting = sms_records::queued(session, resource->key); });
    for (sms_records::StoredMessage& message : waiting)
      if (!in_doubt.contains(message.record.message_id)) dispatcher_->submit(outgoing_of(resource, message));
  }
}

void SmsService::stop() {
  early_.stop();
  const std::lock_guard lock(timers_mutex_);
  for (Timers* timers : {&report_timers_, &schedule_timers_}) {
    for (auto& [database, timer] : *timers)
      if (timer.id != 0) context_.clock.cancel(timer.id);
    timers->clear();
  }
}

void SmsService::copy_rows(Session& session, const Resource& from, const Resource& to) {
  sms_records::copy_rows(session, from.key, to.key);
  consent_.copy_rows(session, from, to);
}
void SmsService::drop_rows(Session& session, const Resource& resource) {
  sms_records::drop_rows(session, resource.key);
  consent_.drop_rows(session, resource);
}

}  // namespace trunkline

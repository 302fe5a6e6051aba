#include "runtime/services/sms_service.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/base/utf8.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/services/decision.h"
#include "runtime/services/phone_number.h"
#include "runtime/services/sms_dispatcher.h"
#include "runtime/services/sms_event_data.h"
#include "runtime/services/sms_message_id.h"
#include "runtime/services/sms_records.h"
#include "runtime/services/sms_text.h"

namespace trunkline {
namespace {

using service::SmsSendOutcome;
using store::Session;

constexpr std::size_t kMaxRecipients = 100;
constexpr std::size_t kMaxCharacters = 2048;
constexpr std::size_t kMaxTagBytes = 1024;
constexpr std::size_t kMaxIdempotencyKeyBytes = 128;

std::int64_t unix_us(Time time) { return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count(); }

/// FNV-1a: tells whether a repeated key carries the same request. Not a security boundary: both requests are the caller's own.
class Fingerprint {
 public:
  Fingerprint& add(std::string_view text) {
    for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash_ = (hash_ ^ 0x1F) * 1099511628211ULL;  // so that ("a","bc") and ("ab","c") differ
    return *this;
  }
  std::string str() const { return std::to_string(hash_); }

 private:
  std::uint64_t hash_ = 14695981039346656037ULL;
};

void check_submission(const SmsSubmission& submission) {
  const auto invalid = [](std::string message, const char* field) {
    throw Error(ErrorCode::kInvalidArgument, std::move(message), field);
  };
  if (submission.to.empty()) invalid("smsRecipients needs at least one recipient", "smsRecipients");
  if (submission.to.size() > kMaxRecipients)
    invalid("smsRecipients holds " + std::to_string(submission.to.size()) + " recipients; at most 100 are allowed",
            "smsRecipients");
  if (!utf8_valid(submission.text)) invalid("message is not valid UTF-8", "message");
  const std::size_t length = utf16_length(submission.text);
  if (length > kMaxCharacters)
    invalid("message has " + std::to_string(length) + " characters; at most 2048 are allowed", "message");
  if (submission.tag && submission.tag->size() > kMaxTagBytes) invalid("tag is longer than 1024 bytes", "smsSendOptions.tag");
  if (submission.report_timeout) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*submission.report_timeout).count();
    if (seconds < 60 || seconds > 43200)
      invalid("the delivery report timeout must be 60 to 43200 seconds, not " + std::to_string(seconds),
              "smsSendOptions.deliveryReportTimeoutInSeconds");
  }
}

SmsSendOutcome refusal(const SmsAddressee& addressee, std::string why, std::int32_t status) {
  SmsSendOutcome outcome;
  outcome.to = addressee.to;
  outcome.successful = false;
  outcome.http_status = status;
  outcome.error_message = std::move(why);
  return outcome;
}

/// One addressee that passed the checks; `repeated_id` and `conflict` are results of the transaction.
struct Candidate {
  std::size_t index = 0;
  std::string message_id;
  std::string decision;
  std::string request_hash;
  bool on_net = false;
  std::string repeated_id;
  bool conflict = false;
};

}  // namespace

SmsService::SmsService(ServiceContext& context, ResourceService& resources, NumberService& numbers)
    : context_(context),
      resources_(resources),
      numbers_(numbers),
      dispatcher_(std::make_unique<SmsDispatcher>(context)),
      accepted_(context.metrics.counter("trunkline_sms_accepted_total", "Text messages accepted for sending.")),
      refused_(context.metrics.counter("trunkline_sms_refused_total", "Recipients that were refused.")),
      inbound_(context.metrics.counter("trunkline_sms_received_total", "Text messages received from phones.")) {}

SmsService::~SmsService() = default;

void SmsService::set_senders(const std::string& resource_name, SmsSenders senders) {
  senders_[to_lower(resource_name)] = std::move(senders);
}

void SmsService::check_sender(const Resource& resource, const std::string& from) const {
  auto configured = senders_.find(to_lower(resource.name));
  // A fork may send as whoever it was forked from.
  for (const std::string& ancestor : resource.lineage) {
    if (configured != senders_.end()) break;
    if (const ResourcePtr original = resources_.find_by_id(ancestor)) configured = senders_.find(to_lower(original->name));
  }
  if (!from.empty() && from.front() == '+') {
    if (const auto fault = e164_fault(from); !fault.empty())
      throw Error(ErrorCode::kInvalidArgument, "'" + from + "' is no E.164 number: " + std::string(fault), "from");
    const auto owned = numbers_.find(resource, from);
    if (!owned)
      throw Error(ErrorCode::kUnauthenticated, "the resource '" + resource.name + "' does not own the number " + from, "from");
    if ((static_cast<int>(owned->sms) & static_cast<int>(service::NumberCapability::kOutbound)) == 0)
      throw Error(
          ErrorCode::kInvalidArgument,
          "the number " + from + " cannot send text messages: its sms capability is '" + std::string(to_rest(owned->sms)) + "'",
          "from");
    return;
  }
  const auto listed = [&](const std::vector<std::string>& allowed) {
    return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& a) { return a == "*" || iequals(a, from); });
  };
  if (is_short_code(from)) {
    if (configured != senders_.end() && listed(configured->second.short_codes)) return;
    throw Error(ErrorCode::kUnauthenticated, "the resource '" + resource.name + "' has no short code " + from, "from");
  }
  if (is_alphanumeric_sender(from)) {
    if (configured != senders_.end() && listed(configured->second.alphanumeric)) return;
    throw Error(ErrorCode::kUnauthenticated, "the resource '" + resource.name + "' may not send as '" + from + "'", "from");
  }
  throw Error(ErrorCode::kInvalidArgument,
              "'" + from + "' is neither an E.164 number nor a short code nor an alphanumeric sender id", "from");
}

Task<std::vector<SmsSendOutcome>> SmsService::send(ResourcePtr resource, SmsSubmission submission) {
  check_submission(submission);
  check_sender(*resource, submission.from);
  const SmsTextInfo info = measure_sms_text(submission.text);
  const Time now = context_.clock.now();
  const std::int64_t now_us = unix_us(now);

  auto outgoing = std::make_shared<OutgoingSms>();
  outgoing->resource = resource;
  outgoing->segments = info.segments;
  outgoing->accepted_at = now;

  DecisionLines shared(now);
  shared.step("sender.allowed", "pass", submission.from)
      .step("text.encoding", "pick", info.encoding == sms::Encoding::kGsm7 ? "gsm7" : "ucs2",
            info.costly_character.empty()
                ? std::to_string(info.segments) + " segment(s)"
                : std::to_string(info.segments) + " segment(s); '" + info.costly_character + "' is not in GSM-7");
  const Fingerprint request = Fingerprint()
                                  .add(submission.from)
                                  .add(submission.text)
                                  .add(submission.wants_report ? "1" : "0")
                                  .add(submission.tag.value_or(""));

  std::vector<SmsSendOutcome> outcomes(submission.to.size());
  auto candidates = std::make_shared<std::vector<Candidate>>();
  candidates->reserve(submission.to.size());
  for (std::size_t i = 0; i < submission.to.size(); ++i) {
    const SmsAddressee& addressee = submission.to[i];
    if (const auto fault = e164_fault(addressee.to); !fault.empty()) {
      outcomes[i] = refusal(addressee, "'" + addressee.to + "' is no E.164 number: " + std::string(fault), 400);
      continue;
    }
    if (addressee.idempotency_key.size() > kMaxIdempotencyKeyBytes) {
      outcomes[i] = refusal(addressee, "the idempotency key is longer than 128 bytes", 400);
      continue;
    }
    Candidate candidate;
    candidate.index = i;
    candidate.message_id = make_outgoing_message_id(context_.ids, now, resource->key);
    candidate.on_net = numbers_.is_on_net(addressee.to);
    DecisionLines own(now);
    own.step("recipient.valid", "pass", addressee.to, candidate.on_net ? "a number of this runtime" : "");
    candidate.decision = shared.text() + own.take();
    if (!addressee.idempotency_key.empty()) candidate.request_hash = Fingerprint(request).add(addressee.to).str();
    candidates->push_back(std::move(candidate));
  }

  outgoing->submission = std::move(submission);
  if (!candidates->empty()) {
    std::optional<std::int64_t> report_deadline;
    if (outgoing->submission.report_timeout) report_deadline = unix_us(now + *outgoing->submission.report_timeout);
    // Re-runnable: every run sets the results of each candidate anew.
    // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
    auto work = [resource, outgoing, candidates, now_us, report_deadline](Session& session) {
      const SmsSubmission& s = outgoing->submission;
      sms_records::NewMessage row;
      row.sender = s.from;
      row.body = s.text;
      row.segments = outgoing->segments;
      row.wants_report = s.wants_report;
      row.report_deadline_us = report_deadline;
      row.tag = s.tag;
      if (!s.traceparent.empty()) row.traceparent = s.traceparent;
      row.created_us = now_us;
      for (Candidate& candidate : *candidates) {
        const SmsAddressee& addressee = s.to[candidate.index];
        candidate.repeated_id.clear();
        candidate.conflict = false;
        row.idempotency_key.reset();
        row.request_hash.reset();
        if (!addressee.idempotency_key.empty()) {
          if (auto earlier = sms_records::find_by_idempotency_key(session, resource->key, addressee.idempotency_key)) {
            candidate.conflict = earlier->request_hash != candidate.request_hash;
            candidate.repeated_id = std::move(earlier->message_id);
            continue;
          }
          row.idempotency_key = addressee.idempotency_key;
          row.request_hash = candidate.request_hash;
        }
        row.message_id = candidate.message_id;
        row.recipient = addressee.to;
        row.decision = candidate.decision;
        sms_records::insert(session, resource->key, row);
      }
    };
    co_await resource->database->write(std::move(work));
    if (report_deadline) arm_report_timer(*resource->database, *report_deadline);
  }

  for (Candidate& candidate : *candidates) {
    const SmsAddressee& addressee = outgoing->submission.to[candidate.index];
    SmsSendOutcome& outcome = outcomes[candidate.index];
    if (candidate.conflict) {
      outcome = refusal(addressee, "the repeatability id was used before for a different request", 400);
      continue;
    }
    outcome.to = addressee.to;
    outcome.successful = true;
    outcome.http_status = 202;
    outcome.repeated = !candidate.repeated_id.empty();
    outcome.message_id = outcome.repeated ? candidate.repeated_id : candidate.message_id;
    if (!outcome.repeated) {
      OutgoingRecipient recipient;
      recipient.to = addressee.to;
      recipient.message_id = std::move(candidate.message_id);
      recipient.on_net = candidate.on_net;
      outgoing->recipients.push_back(std::move(recipient));
    }
  }
  accepted_.add(static_cast<double>(outgoing->recipients.size()));
  refused_.add(static_cast<double>(outcomes.size() - candidates->size()));
  if (!outgoing->recipients.empty()) dispatcher_->submit(std::move(outgoing));
  co_return outcomes;
}

service::SmsRecord SmsService::get(const Resource& resource, std::string_view message_id) {
  std::optional<sms_records::StoredMessage> stored;
  resource.database->read([&](Session& session) { stored = sms_records::find(session, resource.key, message_id); });
  if (!stored) throw Error(ErrorCode::kNotFound, "there is no message " + std::string(message_id), "messageId");
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
  if (!stored) throw Error(ErrorCode::kNotFound, "there is no message " + std::string(message_id), "messageId");
  return parse_decision(message_id, stored->decision);
}

Task<void> SmsService::on_delivery_report(std::string provider, sms::DeliveryReport report) {
  std::int64_t resource_key = 0;
  std::string message_id = report.message_id;
  ResourcePtr resource;
  if (!message_id.empty()) {
    resource_key = resource_key_of_message_id(message_id);
    resource = resources_.find_by_key(resource_key);
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
  sms_records::Transition transition;
  transition.state = report.state;
  transition.reason = report.reason;
  transition.provider = provider;
  transition.provider_message_id = report.provider_message_id;
  transition.provider_code = report.provider_code;
  transition.at_us = unix_us(report.at);
  transition.decision = DecisionLines(report.at)
                            .step("provider.report", report.state == sms::MessageState::kDelivered ? "pass" : "fail", provider,
                                  delivery_status_details(report.state, report.reason, report.provider_code.value_or("")))
                            .take();
  co_await publish_transition(context_, resource, message_id, std::move(transition), report.at, report.segments_delivered);
}

Task<void> SmsService::on_received(std::string provider, sms::InboundSms message) {
  ResourcePtr resource;
  if (message.resource) {
    resource = resources_.find(*message.resource);
    if (resource && !numbers_.find(*resource, message.to)) resource = nullptr;
  }
  if (!resource) resource = numbers_.owner_of(message.to);
  if (!resource) throw Error(ErrorCode::kNotFound, "no resource owns the number " + message.to, "to");

  const std::string message_id = make_incoming_message_id(context_.ids, context_.clock.now(), resource->key);
  const std::string key = "inbound:" + provider + ":" + message.provider_message_id;
  DecisionLines decision(message.received_at);
  decision.step("inbound.owner", "pick", resource->name, "the resource owns " + message.to);
  NewEvent event;
  event.id = make_event_id(context_.ids, context_.clock.now());
  event.type = kSmsReceivedType;
  event.subject = phone_number_subject(message.to);
  event.topic = resource->arm_id;
  event.time = message.received_at;
  event.data_version = "1.0";
  event.data = sms_received_data(message_id, message);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work2 = [this, resource, message, provider, message_id, key, event, text = decision.take()](Session& session) {
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
  };
  co_await resource->database->write(std::move(work2));
  inbound_.add();
}

void SmsService::arm_report_timer(store::Database& database, std::int64_t deadline_us) {
  const std::lock_guard lock(timers_mutex_);
  ReportTimer& timer = report_timers_[&database];
  if (timer.id != 0 && timer.due_us <= deadline_us) return;
  if (timer.id != 0) context_.clock.cancel(timer.id);
  timer.due_us = deadline_us;
  timer.id = context_.clock.schedule_at(Time{std::chrono::microseconds{deadline_us}}, [this, &database] {
    {
      const std::lock_guard inner(timers_mutex_);
      report_timers_[&database].id = 0;
    }
    spawn(expire_reports(&database), [this](Result<void> result) {
      if (!result) context_.log.error("sms", "expiring delivery reports failed", {{"error", result.error().message}});
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
    transition.decision = DecisionLines(now).step("report.timeout", "fail", "no report in time").take();
    co_await publish_transition(context_, resource, message_id, std::move(transition), now, std::nullopt);
  }
  std::optional<std::int64_t> next;
  database->read([&](Session& session) { next = sms_records::next_report_deadline(session); });
  if (next) arm_report_timer(*database, *next);
}

void SmsService::recover() {
  for (store::Database* database : context_.store.all()) {
    dispatcher_->take_up_handovers(*database);
    std::optional<std::int64_t> deadline;
    database->read([&](Session& session) { deadline = sms_records::next_report_deadline(session); });
    if (deadline) arm_report_timer(*database, *deadline);
  }
  for (const ResourcePtr& resource : resources_.list()) {
    std::vector<sms_records::StoredMessage> waiting;
    resource->database->read([&](Session& session) { waiting = sms_records::queued(session, resource->key); });
    for (sms_records::StoredMessage& message : waiting) {
      auto outgoing = std::make_shared<OutgoingSms>();
      outgoing->resource = resource;
      outgoing->segments = message.record.segments;
      outgoing->accepted_at = message.record.created_at;
      outgoing->submission.from = message.record.from;
      outgoing->submission.text = message.record.message;
      outgoing->submission.wants_report = message.wants_report;
      outgoing->submission.tag = message.record.tag;
      outgoing->submission.traceparent = message.traceparent;
      OutgoingRecipient recipient;
      recipient.to = message.record.to;
      recipient.message_id = message.record.message_id;
      recipient.on_net = numbers_.is_on_net(recipient.to);
      outgoing->recipients.push_back(std::move(recipient));
      dispatcher_->submit(std::move(outgoing));
    }
  }
}

void SmsService::stop() {
  const std::lock_guard lock(timers_mutex_);
  for (auto& [database, timer] : report_timers_)
    if (timer.id != 0) context_.clock.cancel(timer.id);
  report_timers_.clear();
}

void SmsService::copy_rows(Session& session, const Resource& from, const Resource& to) {
  sms_records::copy_rows(session, from.key, to.key);
}
void SmsService::drop_rows(Session& session, const Resource& resource) { sms_records::drop_rows(session, resource.key); }

}  // namespace trunkline

#include "world.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "random.h"

namespace sms_sandbox {

using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Time;
using trunkline::sandbox::Phone;
using trunkline::sandbox::PhoneMessage;
using trunkline::sandbox::PhoneRule;
using trunkline::sms::DeliveryReport;
using trunkline::sms::FailureReason;
using trunkline::sms::MessageState;
using trunkline::sms::Recipient;
using trunkline::sms::SmsSendRequest;
using trunkline::sms::SmsSendResult;

namespace {

constexpr std::uint64_t kPersonalityStream = 0x70e250a11f17a5c3u;

std::string hex(std::uint64_t value) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return {digits.data(), end};
}

/// The sandbox carrier's own codes, in the order of FailureReason.
std::string carrier_code(FailureReason reason) {
  constexpr std::array<const char*, 10> kCodes = {"delivered", "bad-destination", "bad-sender", "unreachable", "blocked",
                                                  "opted-out", "over-quota",      "temporary",  "no-report",   "unspecified"};
  const auto i = static_cast<std::size_t>(reason);
  return i < kCodes.size() ? kCodes[i] : "unspecified";
}

bool can_pass(FailureReason reason) { return reason == FailureReason::kTemporary || reason == FailureReason::kOverQuota; }

/// What the rule says about one message, with the chance in it resolved.
FailureReason outcome(const PhoneRule& rule, Random& random) {
  // Drawn in any case, so that a change of one rate leaves the draws after it as they are.
  const double draw = random.uniform();
  if (!rule.failure_rate) return rule.failure;
  if (draw >= *rule.failure_rate) return FailureReason::kNone;
  return rule.failure == FailureReason::kNone ? FailureReason::kUnspecified : rule.failure;
}

}  // namespace

World::World(std::string resource, const Settings& settings, std::uint64_t salt)
    : resource_(std::move(resource)),
      settings_(settings),
      key_(Random::hash(resource_)),
      id_prefix_("sbx-" + hex(Random::mix(key_ ^ Random::mix(settings.seed ^ Random::mix(salt)))) + "-"),
      rules_(settings.rules),
      book_(settings.messages_per_phone, settings.phones_per_resource) {}

Accepted World::accept(const SmsSendRequest& request, std::string_view idempotency_key, std::int32_t segments, Time now) {
  Accepted accepted;
  const std::lock_guard lock(mutex_);
  if (!idempotency_key.empty()) {
    if (const auto found = answered_.find(std::string(idempotency_key)); found != answered_.end()) {
      accepted.results = found->second;
      return accepted;
    }
  }
  accepted.results.reserve(request.recipients.size());
  accepted.deliveries.reserve(request.recipients.size());
  for (const Recipient& recipient : request.recipients) decide(request, recipient, segments, now, accepted);
  // What may be tried again is decided again.
  const bool settled = std::none_of(accepted.results.begin(), accepted.results.end(),
                                    [](const SmsSendResult& result) { return !result.accepted && result.retryable; });
  if (!idempotency_key.empty() && settled) remember(idempotency_key, accepted.results);
  return accepted;
}

void World::decide(const SmsSendRequest& request, const Recipient& recipient, std::int32_t segments, Time now,
                   Accepted& accepted) {
  Random random(settings_.seed, key_, sent_++);
  bool otherwise = false;
  const PhoneRule rule = rules_.use(recipient.to, otherwise);
  // A stream of its own, so that a personality changes nothing about what rules draw.
  const Whim whim = draw(settings_.personality, Random(settings_.seed ^ kPersonalityStream, key_, sent_ - 1));
  SmsSendResult& result = accepted.results.emplace_back();
  result.message_id = recipient.message_id;
  result.segments = segments;
  FailureReason refusal = is_e164(recipient.to) ? rule.refuse : FailureReason::kBadDestination;
  if (refusal == FailureReason::kNone && otherwise) refusal = whim.refuse;
  if (refusal == FailureReason::kNone && !gate_.pass(settings_.personality, now)) refusal = FailureReason::kOverQuota;
  if (refusal != FailureReason::kNone) {
    result.accepted = false;
    result.reason = refusal;
    result.provider_code = carrier_code(refusal);
    result.retryable = can_pass(refusal);
    return;
  }
  result.accepted = true;
  result.provider_message_id = next_id();
  if (settings_.price_micros > 0) result.price_micros = settings_.price_micros * segments;

  FailureReason failure = outcome(rule, random);
  if (failure == FailureReason::kNone && otherwise) failure = whim.fail;
  const Duration jitter = random.up_to(rule.jitter);
  Time due = now + (otherwise && whim.latency ? *whim.latency : rule.latency + jitter);
  const bool expired = request.valid_until && due > *request.valid_until;
  if (expired) due = std::max(now, *request.valid_until);

  Delivery delivery;
  delivery.world = shared_from_this();
  delivery.generation = generation_;
  delivery.provider_message_id = *result.provider_message_id;
  delivery.from = request.from;
  delivery.to = recipient.to;
  delivery.text = request.text;
  delivery.segments = segments;
  delivery.arrives = !expired && failure == FailureReason::kNone;
  delivery.on_net = recipient.on_net;
  if (delivery.arrives && is_e164(request.from)) delivery.reply = rule.reply;
  delivery.as_seen.message_id = recipient.message_id;
  delivery.as_seen.from = request.from;
  delivery.as_seen.to = recipient.to;
  delivery.as_seen.text = request.text;
  delivery.as_seen.at = due;
  if (request.delivery_report && !rule.silent) {
    DeliveryReport& report = delivery.report.emplace();
    report.message_id = recipient.message_id;
    report.provider_message_id = result.provider_message_id;
    report.state = expired ? MessageState::kExpired : delivery.arrives ? MessageState::kDelivered : MessageState::kFailed;
    report.reason = expired ? FailureReason::kUnreachable : failure;
    report.provider_code = expired ? "expired" : carrier_code(failure);
    report.at = due;
    report.segments_delivered = delivery.arrives ? segments : 0;
  }
  schedule(accepted, due, std::move(delivery), whim);
}

void World::schedule(Accepted& accepted, Time due, Delivery delivery, const Whim& whim) {
  if (whim.missing) delivery.report.reset();
  const std::optional<DeliveryReport> truth = delivery.report;
  const auto report_at = [&](Time when, DeliveryReport report) {
    Delivery later;
    later.world = shared_from_this();
    later.generation = generation_;
    later.arrives = false;
    report.at = when;
    later.report = std::move(report);
    accepted.deliveries.emplace_back(when, std::move(later));
  };
  const bool apart = truth && (whim.late_by || (whim.contradictory_after && whim.lies_first));
  if (apart) delivery.report.reset();
  accepted.deliveries.emplace_back(due, std::move(delivery));
  if (!truth) return;
  Time told = due + whim.late_by.value_or(Duration{0});
  if (whim.contradictory_after) {
    DeliveryReport lie = *truth;
    const bool delivered = truth->state == MessageState::kDelivered;
    lie.state = delivered ? MessageState::kFailed : MessageState::kDelivered;
    lie.reason = delivered ? FailureReason::kUnreachable : FailureReason::kNone;
    lie.provider_code = carrier_code(lie.reason);
    lie.segments_delivered = 0;
    if (whim.lies_first) {
      report_at(told, std::move(lie));
      told += *whim.contradictory_after;
    } else {
      report_at(told + *whim.contradictory_after, std::move(lie));
    }
  }
  if (apart) report_at(told, *truth);
  if (whim.duplicate_after) report_at(told + *whim.duplicate_after, *truth);
}

bool World::arrive(const Delivery& delivery) {
  {
    const std::lock_guard lock(mutex_);
    if (delivery.generation != generation_) return false;
    book_.add(delivery.to, delivery.as_seen);
    ++changes_;
  }
  tell_watches();
  return true;
}

std::string World::send_from_phone(const std::string& from, const std::string& to, const std::string& text, Time now) {
  PhoneMessage message;
  message.from = from;
  message.to = to;
  message.text = text;
  message.at = now;
  message.outbound = true;
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    message.message_id = id = next_id();
    book_.add(from, std::move(message));
    ++changes_;
  }
  tell_watches();
  return id;
}

void World::watch(std::shared_ptr<Watch> watch, std::int64_t since, Done done) {
  Result<std::int64_t> now = Error(ErrorCode::kCancelled, "the caller cancelled the operation");
  {
    const std::lock_guard lock(mutex_);
    if (!watch->ended && changes_ <= since) {
      watch->since = since;
      watch->done = std::move(done);
      watches_.push_back(std::move(watch));
      return;
    }
    if (!watch->ended) now = changes_;
  }
  done(std::move(now));
}

void World::tell_watches() {
  std::vector<Done> told;
  std::int64_t changes = 0;
  {
    const std::lock_guard lock(mutex_);
    changes = changes_;
    std::erase_if(watches_, [&](const std::shared_ptr<Watch>& watch) {
      if (changes <= watch->since) return false;
      told.push_back(std::exchange(watch->done, nullptr));
      return true;
    });
  }
  for (const Done& done : told) done(changes);
}

void World::end(std::shared_ptr<Watch> watch, Error error) {
  Done done;
  {
    const std::lock_guard lock(mutex_);
    watch->ended = true;
    done = std::exchange(watch->done, nullptr);
    std::erase(watches_, watch);
  }
  if (done) done(std::move(error));
}

void World::end_all(const Error& error) {
  std::vector<std::shared_ptr<Watch>> watches;
  {
    const std::lock_guard lock(mutex_);
    watches = watches_;
  }
  for (std::shared_ptr<Watch>& watch : watches) end(std::move(watch), error);
}

std::vector<Phone> World::phones() const {
  const std::lock_guard lock(mutex_);
  return book_.phones();
}

std::vector<PhoneMessage> World::messages(const std::string& number) const {
  const std::lock_guard lock(mutex_);
  return book_.messages(number);
}

void World::add_rule(PhoneRule rule) {
  const std::lock_guard lock(mutex_);
  rules_.add(std::move(rule));
}

std::vector<PhoneRule> World::rules() const {
  const std::lock_guard lock(mutex_);
  return rules_.list();
}

void World::reset() {
  {
    const std::lock_guard lock(mutex_);
    rules_.reset();
    gate_.reset();
    book_.clear();
    answered_.clear();
    answered_order_.clear();
    sent_ = 0;
    ++generation_;
    ++changes_;
  }
  tell_watches();
}

std::string World::next_id() { return id_prefix_ + hex(++ids_); }

void World::remember(std::string_view key, const std::vector<SmsSendResult>& results) {
  answered_.emplace(key, results);
  answered_order_.emplace_back(key);
  if (answered_order_.size() > kMaxRemembered) {
    answered_.erase(answered_order_.front());
    answered_order_.pop_front();
  }
}

}  // namespace sms_sandbox

#include "runtime/services/sms_admission.h"

#include <algorithm>

#include "runtime/base/money.h"
#include "runtime/base/unix_time.h"
#include "runtime/base/utf8.h"
#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/phone_number.h"
#include "runtime/services/sms_message_id.h"
#include "runtime/services/sms_records.h"

namespace trunkline {
namespace {

using service::SmsSendOutcome;
using store::Session;

constexpr std::size_t kMaxRecipients = 100;
constexpr std::size_t kMaxCharacters = 2048;
constexpr std::size_t kMaxTagBytes = 1024;
constexpr std::size_t kMaxIdempotencyKeyBytes = 128;
constexpr Duration kFurthestAhead = std::chrono::hours(30 * 24);

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

}  // namespace

SmsSendOutcome sms_refusal(const SmsAddressee& addressee, std::string why, std::int32_t status) {
  SmsSendOutcome outcome;
  outcome.to = addressee.to;
  outcome.successful = false;
  outcome.http_status = status;
  outcome.error_message = std::move(why);
  return outcome;
}

std::uint64_t sms_draw(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

SmsAdmission::SmsAdmission(ServiceContext& context, NumberService& numbers, const SmsSenderBook& senders,
                           const SmsPolicies& policies, bool has_prices)
    : context_(context), numbers_(numbers), senders_(senders), policies_(policies), has_prices_(has_prices) {}

void SmsAdmission::check(const Resource& resource, const SmsSubmission& submission) const {
  const auto invalid = [](std::string message, const char* field) {
    throw Error(ErrorCode::kInvalidArgument, std::move(message), field);
  };
  if (submission.to.empty()) invalid("smsRecipients needs at least one recipient", "smsRecipients");
  if (submission.to.size() > kMaxRecipients)
    invalid("smsRecipients holds " + std::to_string(submission.to.size()) + " recipients; at most 100 are allowed",
            "smsRecipients");
  if (submission.text.empty()) invalid("message is empty", "message");
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
  if (submission.send_at && *submission.send_at > context_.clock.now() + kFurthestAhead)
    invalid("sendAt is more than 30 days ahead", "sendAt");
  if (const SmsPoolConfig* pool = policies_.pool_of(resource, policies_.of(resource), submission.from)) {
    for (const std::string& number : pool->numbers) senders_.check(resource, number);
    return;
  }
  senders_.check(resource, submission.from);
}

std::vector<SmsCandidate> SmsAdmission::prepare(const ResourcePtr& resource, const SmsSubmission& submission,
                                                const SmsTextInfo& text, Time now, std::vector<SmsSendOutcome>& outcomes,
                                                bool with_price) const {
  const SmsPolicyConfig& policy = policies_.of(*resource);
  const SmsPoolConfig* pool = policies_.pool_of(*resource, policy, submission.from);
  DecisionLines shared(now);
  shared.step("sender.allowed", "pass", submission.from)
      .step("text.encoding", "pick", text.encoding == sms::Encoding::kGsm7 ? "gsm7" : "ucs2",
            text.costly_character.empty()
                ? std::to_string(text.segments) + " segment(s)"
                : std::to_string(text.segments) + " segment(s); '" + text.costly_character + "' is not in GSM-7");
  const Fingerprint request = Fingerprint()
                                  .add(submission.from)
                                  .add(submission.text)
                                  .add(submission.wants_report ? "1" : "0")
                                  .add(submission.tag.value_or(""))
                                  .add(submission.send_at ? std::to_string(unix_us(*submission.send_at)) : "");
  std::vector<SmsCandidate> candidates;
  candidates.reserve(submission.to.size());
  for (std::size_t i = 0; i < submission.to.size(); ++i) {
    const SmsAddressee& addressee = submission.to[i];
    const auto refuse = [&](std::string why, std::int32_t status) {
      outcomes[i] = sms_refusal(addressee, std::move(why), status);
    };
    if (const auto fault = e164_fault(addressee.to); !fault.empty()) {
      refuse("'" + addressee.to.substr(0, 40) + "' is no E.164 number: " + std::string(fault), 400);
      continue;
    }
    if (addressee.idempotency_key.size() > kMaxIdempotencyKeyBytes) {
      refuse("the idempotency key is longer than 128 bytes", 400);
      continue;
    }
    SmsCandidate candidate;
    candidate.index = i;
    candidate.from = submission.from;
    candidate.pool = pool;
    candidate.on_net = numbers_.is_on_net(addressee.to);
    DecisionLines own(now);
    own.step("recipient.valid", "pass", addressee.to, candidate.on_net ? "a number of this runtime" : "");
    std::optional<SmsRefusal> refusal = policies_.check_prefixes(policy, addressee.to, own);
    if (!refusal && !pool) refusal = policies_.check_sender(policy, candidate.from, addressee.to, own);
    if (refusal) {
      refuse(refusal->message, refusal->http_status);
      candidate.refused_by_policy = std::move(refusal);
    }
    const Time at = std::max(now, submission.send_at.value_or(now));
    const Time allowed = policies_.after_quiet_hours(policy, addressee.to, submission.tag.value_or(""), at, own);
    if (allowed > now) candidate.not_before = allowed;
    if (submission.send_at && *submission.send_at > now) own.step("send.at", "defer", format_rfc3339(*submission.send_at));
    candidate.message_id = make_outgoing_message_id(context_.ids, now, resource->key);
    if (with_price) find_price(*resource, submission, text, now, candidate);
    candidate.prepared = shared.text() + own.take();
    if (!addressee.idempotency_key.empty()) candidate.request_hash = Fingerprint(request).add(addressee.to).str();
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

void SmsAdmission::find_price(const Resource& resource, const SmsSubmission& submission, const SmsTextInfo& text, Time now,
                              SmsCandidate& candidate) const {
  RouteQuery query;
  query.resource = resource.name;
  query.from = candidate.from;
  query.to = submission.to[candidate.index].to;
  query.segments = text.segments;
  if (submission.tag) query.tag = *submission.tag;
  query.draw = sms_draw(candidate.message_id);
  RouteDecision route;
  context_.providers.sms_router().route(query, now, route, Router::Trial::kLeave);
  candidate.route = route.route_name();
  if (route.candidates().empty()) {
    candidate.route_error = route.error();
    return;
  }
  const RouteTarget& first = *route.candidates().front();
  candidate.provider = first.name;
  const auto part = first.prices.part_micros(query.to);
  if (!part) return;
  candidate.price_micros = *part * text.segments;
  candidate.currency = first.prices.currency();
}

void SmsAdmission::settle(Session& session, const Resource& resource, const SmsSubmission& submission, SmsCandidate& candidate,
                          Time now, bool keep) const {
  const SmsAddressee& addressee = submission.to[candidate.index];
  candidate.repeated_id.clear();
  candidate.conflict = false;
  candidate.opted_out = false;
  candidate.refusal.reset();
  candidate.decision = candidate.prepared;
  if (candidate.refused_by_policy) return;
  if (!addressee.idempotency_key.empty()) {
    if (auto earlier = sms_records::find_by_idempotency_key(session, resource.key, addressee.idempotency_key)) {
      candidate.conflict = earlier->request_hash != candidate.request_hash;
      candidate.repeated_id = std::move(earlier->message_id);
      return;
    }
  }
  DecisionLines decision(now);
  if (candidate.pool) settle_pool(session, resource, addressee.to, candidate, now, keep, decision);
  // People who said STOP to one number of a pool said it to all of them.
  const auto opted_out_of = [&]() -> const std::string* {
    if (!candidate.pool)
      return SmsConsent::is_opted_out(session, resource, candidate.from, addressee.to) ? &candidate.from : nullptr;
    for (const std::string& number : candidate.pool->numbers)
      if (SmsConsent::is_opted_out(session, resource, number, addressee.to)) return &number;
    return nullptr;
  };
  if (const std::string* sender = opted_out_of()) {
    candidate.opted_out = true;
    decision.step("consent", "reject", addressee.to, "opted out of messages from " + *sender);
  } else {
    decision.step("consent", "pass", addressee.to);
    settle_spend(session, resource, candidate, now, keep, decision);
  }
  candidate.decision = candidate.prepared + decision.take();
}

void SmsAdmission::settle_pool(Session& session, const Resource& resource, std::string_view to, SmsCandidate& candidate, Time now,
                               bool keep, DecisionLines& decision) const {
  const SmsPoolConfig& pool = *candidate.pool;
  if (auto known = sms_records::sticky_sender(session, resource.key, pool.name, to)) {
    if (std::find(pool.numbers.begin(), pool.numbers.end(), *known) != pool.numbers.end()) {
      candidate.from = std::move(*known);
      decision.step("sender.pool", "pick", candidate.from,
                    "the number that " + std::string(to) + " knows from pool " + pool.name);
      return;
    }
    decision.step("sender.pool", "skip", *known, "is no longer in pool " + pool.name);
  }
  candidate.from = SmsPolicies::pool_number(pool, to);
  decision.step("sender.pool", "pick", candidate.from, "from now on for " + std::string(to) + " in pool " + pool.name);
  if (keep) sms_records::set_sticky_sender(session, resource.key, pool.name, to, candidate.from, unix_us(now));
}

void SmsAdmission::settle_spend(Session& session, const Resource& resource, SmsCandidate& candidate, Time now, bool keep,
                                DecisionLines& decision) const {
  const SmsPolicyConfig& policy = policies_.of(resource);
  if (!policy.daily_cap_micros && !policy.monthly_cap_micros) return;
  if (!candidate.price_micros) {
    decision.step("spend.cap", "pass", resource.name, "no price is known");
    return;
  }
  const SpendPeriods periods(now);
  const std::int64_t price = *candidate.price_micros;
  for (const auto& [what, period, cap] :
       {std::tuple<const char*, const std::string&, std::optional<std::int64_t>>{"daily", periods.day, policy.daily_cap_micros},
        {"monthly", periods.month, policy.monthly_cap_micros}}) {
    if (!cap) continue;
    const std::int64_t spent = sms_records::spent(session, resource.key, period);
    const std::string figures = format_micros(spent) + " of " + format_micros(*cap) + " " + candidate.currency + " spent in " +
                                period + ", this one costs " + format_micros(price);
    if (spent + price > *cap) {
      decision.step("spend.cap", "reject", what, figures);
      candidate.refusal = SmsRefusal{429, std::string("the ") + what + " spend cap is reached: " + figures};
      return;
    }
    decision.step("spend.cap", "pass", what, figures);
  }
  if (!keep) return;
  sms_records::add_spent(session, resource.key, periods.day, price);
  sms_records::add_spent(session, resource.key, periods.month, price);
}

}  // namespace trunkline

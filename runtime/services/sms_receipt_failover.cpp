// A carrier took a message and reports later that it failed: whether the next one may have it.
#include <algorithm>

#include "runtime/base/time_text.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/decision.h"
#include "runtime/services/sms_admission.h"
#include "runtime/services/sms_dispatcher.h"
#include "runtime/services/sms_service.h"
#include "runtime/sms/outcome.h"

namespace trunkline {
namespace {

/// A handset may have some of it.
bool may_have_arrived(const Receipt& receipt) {
  return receipt.state == sms::MessageState::kDelivered || receipt.segments_delivered.value_or(0) > 0;
}

}  // namespace

bool SmsService::fail_over(store::Session& session, Arrival& arrival, const MessageStanding& standing,
                           std::span<const Receipt> earlier, std::string& lines) {
  const Receipt& receipt = arrival.receipt;
  if (receipt.state != sms::MessageState::kFailed) return false;  // one that is expired is too late for anybody
  const Resource& resource = *arrival.whose.resource;
  const std::string& message_id = arrival.whose.message_id;
  auto stored = sms_records::find(session, resource.key, message_id);
  if (!stored) return false;
  OutgoingPtr message = outgoing_of(arrival.whose.resource, *stored);
  std::vector<const RouteTarget*> able;
  const auto rule =
      context_.providers.sms_router().after_receipt(dispatcher_->query_of(*message, message->recipients.front()), able);
  if (!rule || (!rule->retriable && !rule->carrier_fault)) return false;

  const auto step = [&](std::string_view outcome, std::string_view value, std::string_view detail) {
    lines += DecisionLines(arrival.received_at).step("failover.receipt", outcome, value, detail).text();
  };
  const OutcomeClass outcome = outcome_class(receipt.reason, is_retryable(receipt.reason));
  // "No report" says nothing of the message: a handset may have it.
  const bool wanted =
      receipt.reason != sms::FailureReason::kNoReport && ((outcome == OutcomeClass::kRetriable && rule->retriable) ||
                                                          (outcome == OutcomeClass::kCarrierFault && rule->carrier_fault));
  const auto next = std::find_if(able.begin(), able.end(), [&](const RouteTarget* target) {
    return target->name != receipt.provider && !is_out(*message, *target);
  });
  std::string_view why_not;
  if (!wanted)
    why_not = "the route does not try the next carrier after this";
  else if (standing.state == sms::MessageState::kUncertain && receipt.provider != standing.provider)
    why_not = "another carrier's answer was lost: it may have it";
  else if (standing.state == sms::MessageState::kUncertain && sms_records::is_handed_over(session, message_id))
    why_not = "its answer was lost, and it is still being asked";
  else if (is_final(standing.state))
    why_not = "it has ended already";
  else if (may_have_arrived(receipt) || std::any_of(earlier.begin(), earlier.end(), may_have_arrived))
    why_not = "a part of it may have arrived";
  else if (context_.clock.now() - message->accepted_at > rule->within)
    why_not = "it was accepted too long ago";
  else if (next == able.end())
    why_not = "there is no other carrier";
  else if (standing.state == sms::MessageState::kQueued && arrival.early)
    why_not = "what the carrier answered is not known";
  if (!why_not.empty()) {
    step("skip", word(outcome), why_not);
    return false;
  }
  if (standing.state == sms::MessageState::kQueued) {
    arrival.postponed = true;  // the call is under way: what it answers must not meet a message that somebody else has
    return true;
  }
  step("next", word(outcome), "from " + receipt.provider + " to the next carrier, " + (*next)->name);
  if (!sms_records::give_up(session, resource.key, message_id, receipt, arrival.provider_message_id, lines)) return false;
  // What the first one asked is spent; the next one asks again, as far as anybody knows as much.
  if (const auto reserved = sms_records::reservation(session, resource.key, message_id)) {
    const SpendPeriods periods(from_unix_us(reserved->created_us));
    for (const std::string& period : {periods.day, periods.month})
      sms_records::add_spent(session, resource.key, period, reserved->micros);
  }
  message->given_up.push_back(receipt.provider);
  message->given_up_reason = receipt.reason;
  message->given_up_code = receipt.provider_code;
  message->worth_retrying = true;
  arrival.next = std::move(message);
  return true;
}

}  // namespace trunkline

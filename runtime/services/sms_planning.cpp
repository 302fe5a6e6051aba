// What a text would cost and where it would go. Sends and keeps nothing.
#include "runtime/base/utf8.h"
#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/decision.h"
#include "runtime/services/sms_dispatcher.h"
#include "runtime/services/sms_service.h"
#include "runtime/sms/swaps.h"

namespace trunkline {

using store::Session;

std::vector<service::SmsSendPlan> SmsService::plan(const ResourcePtr& resource, const SmsSubmission& submission) {
  admission_.check(*resource, submission);
  const SmsTextInfo info = measure_sms_text(submission.text);
  const Time now = context_.clock.now();
  std::vector<service::SmsSendOutcome> outcomes(submission.to.size());
  std::vector<SmsCandidate> candidates = admission_.prepare(resource, submission, info, now, outcomes, true);
  resource->database->read([&](Session& session) {
    for (SmsCandidate& candidate : candidates) admission_.settle(session, *resource, submission, candidate, now, false);
  });
  std::vector<service::SmsSendPlan> plans(submission.to.size());
  for (std::size_t i = 0; i < plans.size(); ++i) {
    plans[i].to = submission.to[i].to;
    plans[i].from = submission.from;
    plans[i].segments = info.segments;
    plans[i].http_status = outcomes[i].http_status;
    plans[i].error_message = outcomes[i].error_message;
    plans[i].decision.subject = submission.to[i].to;
  }
  for (SmsCandidate& candidate : candidates) {
    service::SmsSendPlan& plan = plans[candidate.index];
    plan.from = candidate.from;
    DecisionLines route_lines(now);
    const auto refuse = [&](std::string why, std::int32_t status) {
      plan.accepted = false;
      plan.http_status = status;
      plan.error_message = std::move(why);
    };
    const bool refused = candidate.refused_by_policy || candidate.refusal || candidate.conflict;
    if (candidate.refusal) refuse(candidate.refusal->message, candidate.refusal->http_status);
    if (candidate.conflict) refuse("the repeatability id was used before for a different request", 409);
    if (!refused) {
      plan.accepted = true;
      plan.http_status = 202;
      plan.expected_at = candidate.not_before;
    }
    if (!candidate.repeated_id.empty() && !candidate.conflict)
      route_lines.step("repeated", "pass", candidate.repeated_id, "was accepted by an earlier request with the same key");
    if (!refused && !candidate.opted_out && candidate.repeated_id.empty()) {
      OutgoingSms sms;
      sms.resource = resource;
      sms.from = candidate.from;
      sms.tag = submission.tag.value_or("");
      sms.segments = info.segments;
      OutgoingRecipient recipient;
      recipient.to = plan.to;
      recipient.message_id = candidate.message_id;
      RouteDecision route;
      context_.providers.sms_router().route(dispatcher_->query_of(sms, recipient), now, route, Router::Trial::kLeave);
      route_lines.steps(route.steps(now));
      if (route.candidates().empty()) {
        route_lines.step("route.none", "fail", plan.to, route.error().message);
      } else {
        const RouteTarget& first = *route.candidates().front();
        plan.provider = first.name;
        if (const auto part = first.prices.part_micros(plan.to)) {
          plan.price_micros = *part * info.segments;
          plan.currency = first.prices.currency();
        }
        const SmsRates::Turn turn = rates_.next(first.name, candidate.from, ProviderRegistry::country_of(plan.to), now);
        if (turn.at > now && !plan.expected_at) {
          plan.expected_at = turn.at;
          route_lines.step("rate", "wait", turn.by, "until " + format_rfc3339(turn.at));
        }
      }
    }
    plan.decision = parse_decision(plan.to, candidate.decision + route_lines.text());
  }
  return plans;
}

service::SmsCostEstimate SmsService::estimate(const Resource& resource, const SmsSubmission& submission) {
  if (!utf8_valid(submission.text)) throw Error(ErrorCode::kInvalidArgument, "message is not valid UTF-8", "message");
  const SmsTextInfo info = measure_sms_text(submission.text);
  service::SmsCostEstimate out;
  out.encoding = info.encoding;
  out.segments = info.segments;
  out.characters = info.characters;
  if (!info.costly_character.empty()) {
    out.costly_character = info.costly_character;
    SwappedText swapped = swap_to_gsm7(submission.text);
    if (!swapped.swaps.empty()) {
      const SmsTextInfo after = measure_sms_text(swapped.text);
      out.swaps = std::move(swapped.swaps);
      out.swapped_segments = after.segments;
      out.swapped_text = std::move(swapped.text);
    }
  }
  const Time now = context_.clock.now();
  for (const SmsAddressee& addressee : submission.to) {
    service::SmsRecipientPrice& one = out.recipients.emplace_back();
    one.to = addressee.to;
    one.country = std::string(ProviderRegistry::country_of(addressee.to));
    RouteQuery query;
    query.resource = resource.name;
    query.from = submission.from;
    query.to = addressee.to;
    query.segments = info.segments;
    if (submission.tag) query.tag = *submission.tag;
    query.draw = sms_draw(addressee.to);
    RouteDecision route;
    context_.providers.sms_router().route(query, now, route, Router::Trial::kLeave);
    if (!route.route_name().empty()) one.route = std::string(route.route_name());
    for (const RouteTarget* target : route.candidates()) {
      service::SmsPrice& price = one.prices.emplace_back();
      price.provider = target->name;
      price.currency = target->prices.currency();
      price.segment_micros = target->prices.part_micros(addressee.to);
      if (price.segment_micros) price.total_micros = *price.segment_micros * info.segments;
    }
  }
  return out;
}

}  // namespace trunkline

// Text messages for a person, a test or the CLI: records, receipts and decisions; estimates, dry runs, sends at a time and taking
// back; who opted out, and the ledger.
#include "runtime/api/control_sms_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/control_rest.h"
#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/clock/clock.h"
#include "runtime/core/runtime.h"
#include "runtime/services/sms_service.h"
#include "runtime/sms/outcome.h"
#include "runtime/sms/receipts.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

json to_json(const service::SmsRecord& record) {
  json out;
  out["message_id"] = record.message_id;
  out["from"] = record.from;
  out["to"] = record.to;
  out["message"] = record.message;
  out["state"] = word(record.state);
  out["reason"] = word(record.reason);
  out["fault"] = word(record.fault);
  out["retryable"] = record.retryable;
  out["segments"] = record.segments;
  out["inbound"] = record.inbound;
  out["receipt_count"] = record.receipt_count;
  set_optional(out, "provider", record.provider);
  set_optional(out, "provider_message_id", record.provider_message_id);
  set_optional(out, "provider_code", record.provider_code);
  set_optional(out, "tag", record.tag);
  set_optional(out, "price_micros", record.price_micros);
  set_optional(out, "currency", record.currency);
  if (record.expected_at) out["expected_at"] = format_rfc3339(*record.expected_at);
  out["created_at"] = format_rfc3339(record.created_at);
  out["updated_at"] = format_rfc3339(record.updated_at);
  return out;
}

json to_json(const DecisionRecord& record) {
  json steps = json::array();
  for (const DecisionStep& step : record.steps) {
    json item;
    item["at"] = format_rfc3339(step.at);
    item["rule"] = step.rule;
    item["outcome"] = step.outcome;
    item["value"] = step.value;
    set_optional(item, "detail", step.detail);
    steps.push_back(std::move(item));
  }
  json out;
  out["subject"] = record.subject;
  out["steps"] = std::move(steps);
  return out;
}

json to_json(const service::SmsReceipt& receipt) {
  json out;
  out["provider"] = receipt.provider;
  out["state"] = word(receipt.state);
  out["reason"] = word(receipt.reason);
  set_optional(out, "provider_code", receipt.provider_code);
  out["at"] = rfc3339_us(receipt.at);
  out["received_at"] = rfc3339_us(receipt.received_at);
  set_optional(out, "segments_delivered", receipt.segments_delivered);
  out["fault"] = word(receipt.fault);
  out["retryable"] = receipt.retryable;
  out["verdict"] = word(receipt.verdict);
  return out;
}

json to_json(const service::SmsSendPlan& plan) {
  json out;
  out["to"] = plan.to;
  out["accepted"] = plan.accepted;
  out["http_status"] = plan.http_status;
  set_optional(out, "error_message", plan.error_message);
  out["from"] = plan.from;
  set_optional(out, "provider", plan.provider);
  out["segments"] = plan.segments;
  set_optional(out, "price_micros", plan.price_micros);
  set_optional(out, "currency", plan.currency);
  if (plan.expected_at) out["expected_at"] = rfc3339_us(*plan.expected_at);
  out["decision"] = to_json(plan.decision);
  return out;
}

json to_json(const service::SmsCostEstimate& estimate) {
  json out;
  out["encoding"] = estimate.encoding == sms::Encoding::kGsm7 ? "gsm7" : "ucs2";
  out["segments"] = estimate.segments;
  out["characters"] = estimate.characters;
  set_optional(out, "costly_character", estimate.costly_character);
  out["swaps"] = json::array();
  for (const service::SmsSwap& swap : estimate.swaps) {
    json item;
    item["found"] = swap.found;
    item["replacement"] = swap.replacement;
    item["count"] = swap.count;
    out["swaps"].push_back(std::move(item));
  }
  set_optional(out, "swapped_text", estimate.swapped_text);
  set_optional(out, "swapped_segments", estimate.swapped_segments);
  out["recipients"] = json::array();
  for (const service::SmsRecipientPrice& recipient : estimate.recipients) {
    json item;
    item["to"] = recipient.to;
    item["country"] = recipient.country;
    set_optional(item, "route", recipient.route);
    item["prices"] = json::array();
    for (const service::SmsPrice& price : recipient.prices) {
      json one;
      one["provider"] = price.provider;
      set_optional(one, "segment_micros", price.segment_micros);
      set_optional(one, "total_micros", price.total_micros);
      one["currency"] = price.currency;
      item["prices"].push_back(std::move(one));
    }
    out["recipients"].push_back(std::move(item));
  }
  return out;
}

json to_json(const service::SmsSendOutcome& outcome) {
  json out;
  out["to"] = outcome.to;
  set_optional(out, "message_id", outcome.message_id);
  out["successful"] = outcome.successful;
  out["http_status"] = outcome.http_status;
  set_optional(out, "error_message", outcome.error_message);
  out["repeated"] = outcome.repeated;
  if (outcome.expected_at) out["expected_at"] = rfc3339_us(*outcome.expected_at);
  return out;
}

const char* word_of(service::ConsentAction action) {
  switch (action) {
    case service::ConsentAction::kOptOut:
      return "opt_out";
    case service::ConsentAction::kOptIn:
      return "opt_in";
    case service::ConsentAction::kHelp:
      return "help";
    default:
      return "unknown";
  }
}

const char* word_of(service::ConsentSource source) { return source == service::ConsentSource::kKeyword ? "keyword" : "api"; }

json to_json(const service::ConsentEntry& entry) {
  json out;
  out["sequence"] = entry.sequence;
  out["sender"] = entry.sender;
  out["recipient"] = entry.recipient;
  out["action"] = word_of(entry.action);
  out["source"] = word_of(entry.source);
  set_optional(out, "keyword", entry.keyword);
  set_optional(out, "language", entry.language);
  set_optional(out, "message_id", entry.message_id);
  set_optional(out, "confirmation_id", entry.confirmation_id);
  out["at"] = rfc3339_us(entry.at);
  out["digest"] = entry.digest;
  return out;
}

/// The body of a send: `from`, `to` (a list), `message`, and what may be beside them.
SmsSubmission parse_submission(RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  SmsSubmission submission;
  submission.from = request.at("from").text();
  submission.text = request.at("message").text();
  const JsonRef to = request.at("to");
  const std::string key(request.text_or("idempotency_key", ""));
  for (std::size_t i = 0; i < to.array_size(); ++i) {
    SmsAddressee& addressee = submission.to.emplace_back();
    addressee.to = to[i].text();
    if (!key.empty()) addressee.idempotency_key = key + "#" + std::to_string(i);
  }
  submission.wants_report = request.boolean_or("delivery_report", false);
  if (const auto tag = request.find("tag")) submission.tag = std::string(tag->text());
  if (const auto at = request.find("send_at")) {
    submission.send_at = parse_rfc3339(at->text());
    if (!submission.send_at) throw at->error("wanted a time such as 2026-01-01T09:00:00Z");
  }
  submission.traceparent = context.traceparent();
  return submission;
}

template <class T>
net::Response items_response(int status, const std::vector<T>& list, const std::optional<std::string>& continuation = {}) {
  json items = json::array();
  for (const T& one : list) items.push_back(to_json(one));
  json answer;
  answer["items"] = std::move(items);
  set_optional(answer, "continuation", continuation);
  return json_response(status, answer);
}

void add_records(std::vector<server::Route>& routes, Runtime& runtime) {
  const auto add = [&](const char* method, const char* path, auto handler) {
    add_control_route(routes, method, path, std::move(handler));
  };
  add("GET", "/_control/messages", [&runtime](RouteContext& context) -> Task<net::Response> {
    const auto limit = static_cast<std::int32_t>(integer_parameter(context, "limit", 100, 1, 1000));
    const service::SmsPage page = runtime.sms().list(*resource_of(context), limit, context.query("continuation"));
    co_return items_response(200, page.items, page.continuation);
  });
  add("GET", "/_control/messages/{id}", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, to_json(runtime.sms().get(*resource_of(context), context.param("id"))));
  });
  add("GET", "/_control/messages/{id}/explain", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, to_json(runtime.sms().explain(*resource_of(context), context.param("id"))));
  });
  add("GET", "/_control/messages/{id}/receipts", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return items_response(200, runtime.sms().receipts(*resource_of(context), context.param("id")));
  });
  add("DELETE", "/_control/messages/{id}", [&runtime](RouteContext& context) -> Task<net::Response> {
    std::string id(context.param("id"));
    const service::SmsRecord record = co_await runtime.sms().cancel(resource_of(context), std::move(id));
    co_return json_response(200, to_json(record));
  });
  add("POST", "/_control/messages", [&runtime](RouteContext& context) -> Task<net::Response> {
    SmsSubmission submission = parse_submission(context);
    const auto outcomes = co_await runtime.sms().send(resource_of(context), std::move(submission));
    co_return items_response(202, outcomes);
  });
  add("POST", "/_control/sms/plan", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return items_response(200, runtime.sms().plan(resource_of(context), parse_submission(context)));
  });
  add("POST", "/_control/sms/estimate", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, to_json(runtime.sms().estimate(*resource_of(context), parse_submission(context))));
  });
}

void add_consent(std::vector<server::Route>& routes, Runtime& runtime) {
  const auto add = [&](const char* method, const char* path, auto handler) {
    add_control_route(routes, method, path, std::move(handler));
  };
  add("GET", "/_control/consent", [&runtime](RouteContext& context) -> Task<net::Response> {
    const auto limit = static_cast<std::int32_t>(integer_parameter(context, "limit", 100, 1, 1000));
    const service::OptOutPage page =
        runtime.sms().consent().list(*resource_of(context), context.query("sender"), limit, context.query("continuation"));
    json items = json::array();
    for (const service::OptOut& one : page.items) {
      json item;
      item["sender"] = one.sender;
      item["recipient"] = one.recipient;
      item["since"] = rfc3339_us(one.since);
      item["source"] = word_of(one.source);
      items.push_back(std::move(item));
    }
    json answer;
    answer["items"] = std::move(items);
    set_optional(answer, "continuation", page.continuation);
    co_return json_response(200, answer);
  });
  add("GET", "/_control/consent/history", [&runtime](RouteContext& context) -> Task<net::Response> {
    const auto limit = static_cast<std::int32_t>(integer_parameter(context, "limit", 100, 1, 1000));
    const service::ConsentPage page =
        runtime.sms().consent().history(*resource_of(context), context.query("recipient"), limit, context.query("continuation"));
    co_return items_response(200, page.items, page.continuation);
  });
  add("GET", "/_control/consent/proof", [&runtime](RouteContext& context) -> Task<net::Response> {
    const service::ConsentProof proof = runtime.sms().consent().verify(*resource_of(context));
    json answer;
    answer["entries"] = proof.entries;
    answer["digest"] = proof.digest;
    answer["intact"] = proof.intact;
    set_optional(answer, "first_broken", proof.first_broken);
    co_return json_response(200, answer);
  });
}

}  // namespace

void add_control_sms_routes(std::vector<server::Route>& routes, Runtime& runtime) {
  add_records(routes, runtime);
  add_consent(routes, runtime);
}

}  // namespace trunkline::api

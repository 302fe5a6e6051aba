#include "runtime/api/event_query.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/api/control_rest.h"
#include "runtime/api/control_subscriptions.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/events/event_types.h"

namespace trunkline::api {
namespace {

using delivery::Explanation;
using nlohmann::json;
using State = Explanation::State;

/// Values of a member by its name.
using Lookup = std::function<std::vector<std::string>(const char*)>;

State parse_state(const std::string& text) {
  std::string known;
  for (int i = static_cast<int>(State::kFiltered); i <= static_cast<int>(State::kDropped); ++i) {
    const auto state = static_cast<State>(i);
    if (delivery::to_text(state) == text) return state;
    known += (known.empty() ? "" : ", ") + std::string(delivery::to_text(state));
  }
  throw Error(ErrorCode::kInvalidArgument, "state: '" + text + "' is none of " + known, "state");
}

template <class T>
T parse_whole(const std::string& text, const char* name, T min, T max) {
  const auto number = parse_number<T>(text);
  if (number && *number >= min && *number <= max) return *number;
  throw Error(ErrorCode::kInvalidArgument,
              std::string(name) + " must be a whole number from " + std::to_string(min) + " to " + std::to_string(max) +
                  ", not '" + text + "'",
              name);
}

eventgrid::EventQuery read_query(const Lookup& values, Time now) {
  const auto one = [&](const char* name) -> std::optional<std::string> {
    std::vector<std::string> all = values(name);
    if (all.empty()) return std::nullopt;
    if (all.size() > 1) throw Error(ErrorCode::kInvalidArgument, std::string(name) + " is given more than once", name);
    return std::move(all.front());
  };
  eventgrid::EventQuery query;
  if (const auto text = one("from")) query.from = parse_moment(*text, now, "from");
  if (const auto text = one("to")) query.to = parse_moment(*text, now, "to");
  for (std::string& type : values("type")) query.types.push_back(events::full_event_type(std::move(type)));
  query.subject_begins_with = one("subject").value_or("");
  query.correlation_id = one("correlation").value_or("");
  query.subscription = one("subscription").value_or("");
  if (const auto text = one("state")) query.state = parse_state(*text);
  if (query.state && query.subscription.empty())
    throw Error(ErrorCode::kInvalidArgument, "state is what events are in at a subscription; subscription is missing",
                "subscription");
  if (const auto text = one("after")) query.after = parse_whole<std::int64_t>(*text, "after", 0, INT64_MAX);
  if (const auto text = one("limit")) {
    const auto number = parse_number<std::int64_t>(*text);
    if (!number) throw Error(ErrorCode::kInvalidArgument, "limit: '" + *text + "' is no whole number", "limit");
    query.limit = eventgrid::EventHistory::check_limit(*number);
  }
  if (const auto text = one("order")) {
    if (*text != "oldest" && *text != "newest")
      throw Error(ErrorCode::kInvalidArgument, "order: '" + *text + "' is neither oldest nor newest (first)", "order");
    query.newest_first = *text == "newest";
  }
  return query;
}

std::string plural(std::size_t count, const char* noun) { return std::to_string(count) + " " + noun + (count == 1 ? "" : "s"); }

std::string last_problem(const Explanation& explanation) {
  if (explanation.attempts.empty()) return explanation.retry ? std::string(delivery::to_text(explanation.retry->outcome)) : "";
  const delivery::Attempt& last = explanation.attempts.back();
  if (last.status != 0) return "status " + std::to_string(last.status);
  return last.reply.empty() ? std::string(delivery::to_text(last.outcome)) : last.reply;
}

json attempt_json(const delivery::Attempt& attempt) {
  json out;
  out["number"] = attempt.number;
  out["at"] = rfc3339_us(attempt.at);
  out["status"] = attempt.status == 0 ? json() : json(attempt.status);
  out["outcome"] = delivery::to_text(attempt.outcome);
  out["latency_ms"] = std::chrono::duration<double, std::milli>(attempt.latency).count();
  out["reply"] = attempt.reply;
  return out;
}

}  // namespace

bool is_event_search(const server::RouteContext& context) {
  for (const char* name : {"from", "to", "correlation", "subscription", "state", "order"})
    if (context.query(name)) return true;
  return false;
}

eventgrid::EventQuery event_query_of(const server::RouteContext& context, Time now) {
  return read_query([&context](const char* name) { return context.queries(name); }, now);
}

eventgrid::EventQuery event_query_of(const json& body, Time now) {
  const JsonRef request(body);
  const auto text_of = [](const JsonRef& value) {
    return value.json().is_number_integer() ? value.json().dump() : std::string(value.text());
  };
  return read_query(
      [&](const char* name) {
        std::vector<std::string> out;
        const auto found = request.find(name);
        if (!found) return out;
        if (!found->json().is_array()) {
          out.push_back(text_of(*found));
        } else {
          for (std::size_t i = 0; i < found->array_size(); ++i) out.push_back(text_of((*found)[i]));
        }
        return out;
      },
      now);
}

std::string summary_of(const Explanation& explanation) {
  switch (explanation.state) {
    case State::kFiltered:
      return "not sent: " + explanation.verdict.rule + " wants " + explanation.verdict.wanted + ", found " +
             explanation.verdict.found;
    case State::kEarlier:
      return "not sent: it was there before the subscription";
    case State::kWaiting:
      return "waits for its first attempt";
    case State::kBlocked:
      return "waits for an earlier event with the same ordering key" +
             (explanation.retry ? " '" + explanation.retry->ordering_key + "'" : std::string());
    case State::kRetrying:
      if (!explanation.retry || explanation.retry->attempts == 0)
        return "to be sent" + (explanation.retry ? " at " + rfc3339_us(explanation.retry->due) : std::string());
      return plural(static_cast<std::size_t>(explanation.retry->attempts), "attempt") + " failed (" + last_problem(explanation) +
             "); the next one at " + rfc3339_us(explanation.retry->due);
    case State::kDelivered: {
      const auto last = std::find_if(explanation.attempts.rbegin(), explanation.attempts.rend(),
                                     [](const delivery::Attempt& a) { return a.outcome == delivery::Outcome::kDelivered; });
      if (last == explanation.attempts.rend()) return "delivered; its attempts are not kept any more";
      return "delivered at " + rfc3339_us(last->at) + " by attempt " + std::to_string(last->number);
    }
    case State::kDeadLettered:
    case State::kDropped: {
      std::string out = "given up";
      if (explanation.retry) {
        out += " after " + plural(static_cast<std::size_t>(explanation.retry->attempts), "attempt");
        if (!explanation.retry->reason.empty()) out += ": " + explanation.retry->reason;
      }
      if (const std::string problem = last_problem(explanation); !problem.empty()) out += " (" + problem + ")";
      return out +
             (explanation.state == State::kDropped ? "; the subscription has no dead-letter destination" : "; dead-lettered");
    }
  }
  return {};
}

json to_json(const eventgrid::EventSubscription& subscription, const Explanation& explanation) {
  json out;
  out["subscription"] = subscription.row.name;
  out["kind"] = kind_of(*subscription.spec);
  out["endpoint"] = subscription.spec->endpoint_base();
  out["event_id"] = explanation.event_id;
  out["state"] = delivery::to_text(explanation.state);
  out["summary"] = summary_of(explanation);
  json& verdict = out["verdict"];
  verdict["matched"] = explanation.verdict.matched;
  if (!explanation.verdict.matched) {
    verdict["rule"] = explanation.verdict.rule;
    verdict["wanted"] = explanation.verdict.wanted;
    verdict["found"] = explanation.verdict.found;
  }
  out["attempts"] = json::array();
  for (const delivery::Attempt& attempt : explanation.attempts) out["attempts"].push_back(attempt_json(attempt));
  if (explanation.retry) {
    if (explanation.state == State::kRetrying) out["next_attempt_at"] = rfc3339_us(explanation.retry->due);
    if (explanation.state == State::kRetrying || explanation.state == State::kBlocked)
      out["expires_at"] = rfc3339_us(explanation.retry->expires);
    if (!explanation.retry->reason.empty()) out["reason"] = explanation.retry->reason;
    if (!explanation.retry->ordering_key.empty()) out["ordering_key"] = explanation.retry->ordering_key;
  }
  return out;
}

}  // namespace trunkline::api

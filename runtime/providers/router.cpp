#include "runtime/providers/router.h"

#include <algorithm>

#include "runtime/base/strings.h"
#include "runtime/providers/country.h"

namespace trunkline {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}
bool contains(const std::vector<std::uint16_t>& list, std::uint16_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_prefix_of_e164(std::string_view text) {
  return text.size() >= 2 && text.size() <= 16 && text[0] == '+' && std::all_of(text.begin() + 1, text.end(), is_digit);
}

bool is_alphanumeric(std::string_view sender) {
  return std::any_of(sender.begin(), sender.end(), [](char c) { return !is_digit(c) && c != '+'; });
}

std::string wanted(const char* what, const std::vector<std::string>& list) {
  return list.empty() ? std::string() : std::string(what) + " " + join(list, ", ");
}

}  // namespace

Router::Router(std::string what, std::vector<RouteSpec> specs, std::vector<RouteTarget> targets)
    : what_(std::move(what)), targets_(std::move(targets)) {
  if (specs.empty()) {
    RouteSpec& every = specs.emplace_back();
    every.name = "default";
    for (const RouteTarget& target : targets_) every.providers.push_back(target.name);
  }
  std::string problems;
  std::string first;
  const auto problem = [&](const std::string& at, const std::string& text) {
    if (first.empty()) first = at;
    problems += (problems.empty() ? "" : "; ") + at + ": " + text;
  };
  std::vector<std::string> known;
  for (const RouteTarget& target : targets_) known.push_back(target.name);

  for (RouteSpec& spec : specs) {
    const std::string at = "route " + spec.name;
    Route route;
    for (const std::string& prefix : spec.to)
      if (!is_prefix_of_e164(prefix)) problem(at + ".to", "found \"" + prefix + "\", wanted + and digits");
    for (const std::string& country : spec.countries) {
      const std::uint16_t key = country_key(country);
      if (key == 0) problem(at + ".country", "found \"" + country + "\", wanted two capital letters (ISO 3166-1)");
      route.countries.push_back(key);
    }
    if (spec.providers.empty() && !targets_.empty()) problem(at + ".providers", "found none, wanted at least one");
    for (const std::string& name : spec.providers) {
      const auto target = std::find_if(targets_.begin(), targets_.end(), [&](const RouteTarget& t) { return t.name == name; });
      if (target == targets_.end()) {
        problem(at + ".providers", "found \"" + name + "\", wanted one of the " + what_ +
                                       " providers: " + (known.empty() ? "(none)" : join(known, ", ")));
        continue;
      }
      Target& compiled = route.targets.emplace_back();
      compiled.target = &*target;
      for (const std::string& country : target->countries) compiled.countries.push_back(country_key(country));
    }
    route.wants_resource = wanted("wants resource", spec.resources);
    route.wants_to = wanted("wants a number that begins with", spec.to);
    route.wants_country = wanted("wants country", spec.countries);
    route.wants_from = wanted("wants sender", spec.from);
    route.spec = std::move(spec);
    routes_.push_back(std::move(route));
  }
  if (!problems.empty()) throw Error(ErrorCode::kInvalidArgument, what_ + " routes: " + problems, first);
}

// What speaks against the route; empty: it matches.
std::string_view Router::mismatch(const Route& route, const RouteQuery& query, std::uint16_t country) const {
  const RouteSpec& spec = route.spec;
  if (!spec.resources.empty() && !contains(spec.resources, query.resource)) return route.wants_resource;
  if (!spec.to.empty() &&
      std::none_of(spec.to.begin(), spec.to.end(), [&](const std::string& prefix) { return query.to.starts_with(prefix); }))
    return route.wants_to;
  if (!route.countries.empty() && !contains(route.countries, country)) return route.wants_country;
  if (!spec.from.empty() && !contains(spec.from, query.from)) return route.wants_from;
  return {};
}

// What the provider lacks; empty: it can take it.
std::string_view Router::lack(const Target& entry, const RouteQuery& query, bool alphanumeric, std::uint16_t country) {
  const RouteTarget& target = *entry.target;
  if (alphanumeric && !target.alphanumeric_sender) return "takes no alphanumeric senders";
  if (target.max_segments > 0 && query.segments > target.max_segments) return "takes no text of so many parts";
  if (!entry.countries.empty() && !contains(entry.countries, country)) return "does not serve the country";
  return {};
}

void Router::path(const RouteQuery& query, std::vector<const char*>& out) const {
  out.clear();
  const std::uint16_t country = country_key(country_of(query.to));
  const bool alphanumeric = is_alphanumeric(query.from);
  for (const Route& route : routes_) {
    const std::string_view against = mismatch(route, query, country);
    out.push_back(against.empty() ? nullptr : against.data());
    if (!against.empty()) continue;
    for (const Target& entry : route.targets) {
      const std::string_view lacks = lack(entry, query, alphanumeric, country);
      out.push_back(lacks.empty() ? nullptr : lacks.data());
    }
    return;
  }
}

void Router::route(const RouteQuery& query, Time now, RouteDecision& out) const {
  out.candidates_.clear();
  out.steps_.clear();
  out.router_ = this;
  out.route_ = nullptr;
  out.query_ = query;
  out.country_ = country_of(query.to);
  out.retry_at_.reset();
  out.now_ = now;
  const std::uint16_t country = country_key(out.country_);

  const Route* match = nullptr;
  for (const Route& route : routes_) {
    const std::string_view against = mismatch(route, query, country);
    out.steps_.push_back({"route.match", against.empty() ? "pick" : "skip", route.spec.name, against});
    if (!against.empty()) continue;
    match = &route;
    break;
  }
  out.route_ = match;
  if (!match) return;

  const bool alphanumeric = is_alphanumeric(query.from);
  for (const Target& entry : match->targets) {
    const RouteTarget& target = *entry.target;
    const std::string_view lacks = lack(entry, query, alphanumeric, country);
    out.steps_.push_back({"provider.capability", lacks.empty() ? "pass" : "reject", target.name, lacks});
    if (!lacks.empty()) continue;
    if (target.breaker) {
      // The first candidate will be called, so it takes the breaker's one trial call; the others only might be.
      const bool free =
          out.candidates_.empty() ? target.breaker->allow(now) : target.breaker->state(now) != CircuitBreaker::State::kOpen;
      out.steps_.push_back({"provider.breaker", free ? "pass" : "skip", target.name,
                            free ? std::string_view() : "left alone after failures in a row"});
      if (!free) {
        const Time until = target.breaker->open_until();
        if (!out.retry_at_ || until < *out.retry_at_) out.retry_at_ = until;
        continue;
      }
    }
    out.candidates_.push_back(&target);
  }
  if (!out.candidates_.empty()) out.steps_.push_back({"route.pick", "pick", out.candidates_.front()->name, {}});
}

std::vector<DecisionStep> RouteDecision::steps(Time at) const {
  std::vector<DecisionStep> out;
  out.reserve(steps_.size());
  for (const Step& step : steps_) {
    DecisionStep& one = out.emplace_back();
    one.rule = step.rule;
    one.outcome = step.outcome;
    one.value = step.value;
    if (!step.detail.empty()) one.detail = std::string(step.detail);
    one.at = at;
  }
  return out;
}

Error RouteDecision::error() const {
  const std::string& what = router_->what_;
  if (router_->targets_.empty()) return {ErrorCode::kFailedPrecondition, "no " + what + " provider is configured", "providers"};
  std::string found = "to " + std::string(query_.to);
  found += country_.empty() ? " (no country)" : " (" + std::string(country_) + ")";
  found += ", from " + std::string(query_.from);
  if (!query_.resource.empty()) found += ", resource " + std::string(query_.resource);
  std::string tried;
  for (const Step& step : steps_)
    if (!step.detail.empty() && (route_ == nullptr || std::string_view(step.rule) != "route.match"))
      tried += (tried.empty() ? "" : "; ") + std::string(step.value) + " " + std::string(step.detail);
  if (!route_) return {ErrorCode::kFailedPrecondition, "no " + what + " route matches: found " + found + "; " + tried, "routes"};
  const std::string& name = static_cast<const Router::Route*>(route_)->spec.name;
  const std::string message = "no provider of " + what + " route " + name + " can take it: found " + found + "; " + tried;
  if (retry_at_)
    return Error(ErrorCode::kUnavailable, message, "route " + name)
        .with_retry(std::max(Duration{0}, Duration{*retry_at_ - now_}));
  return {ErrorCode::kFailedPrecondition, message, "route " + name};
}

}  // namespace trunkline

#include "runtime/providers/router.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/money.h"
#include "runtime/base/strings.h"
#include "runtime/providers/country.h"
#include "runtime/providers/route_index.h"

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

/// SplitMix64: spreads the bits of a draw.
std::uint64_t mix(std::uint64_t x) noexcept {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
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
    if (spec.providers.size() > kMaxOrdered)
      problem(at + ".providers",
              "found " + std::to_string(spec.providers.size()) + ", wanted at most " + std::to_string(kMaxOrdered));
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
      if (const auto weight = spec.weights.find(name); weight != spec.weights.end()) compiled.weight = weight->second;
      for (const std::string& country : target->countries) compiled.countries.push_back(country_key(country));
    }
    route.wants_resource = wanted("wants resource", spec.resources);
    route.wants_to = wanted("wants a number that begins with", spec.to);
    route.wants_country = wanted("wants country", spec.countries);
    route.wants_from = wanted("wants sender", spec.from);
    route.wants_tag = wanted("wants tag", spec.tags);
    route.spec = std::move(spec);
    routes_.push_back(std::move(route));
  }
  if (!problems.empty()) throw Error(ErrorCode::kInvalidArgument, what_ + " routes: " + problems, first);
  auto index = std::make_unique<RouteIndex>(routes_.size());
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const RouteSpec& spec = routes_[i].spec;
    index->add(i, spec.resources, spec.to, routes_[i].countries, spec.from, spec.tags);
  }
  index->finish();
  index_ = std::move(index);
}

Router::~Router() = default;

// What speaks against the route; empty: it matches.
std::string_view Router::mismatch(const Route& route, const RouteQuery& query, std::uint16_t country) const {
  const RouteSpec& spec = route.spec;
  if (!spec.resources.empty() && !contains(spec.resources, query.resource)) return route.wants_resource;
  if (!spec.to.empty() &&
      std::none_of(spec.to.begin(), spec.to.end(), [&](const std::string& prefix) { return query.to.starts_with(prefix); }))
    return route.wants_to;
  if (!route.countries.empty() && !contains(route.countries, country)) return route.wants_country;
  if (!spec.from.empty() && !contains(spec.from, query.from)) return route.wants_from;
  if (!spec.tags.empty() && !contains(spec.tags, query.tag)) return route.wants_tag;
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

std::size_t Router::order(const Route& route, const RouteQuery& query, Ordered& out) {
  const std::size_t count = std::min(route.targets.size(), kMaxOrdered);
  std::array<double, kMaxOrdered> rank{};
  for (std::size_t i = 0; i < count; ++i) {
    const Target& entry = route.targets[i];
    out[i] = &entry;
    if (route.spec.order == RouteSpec::Order::kCost) {
      // Without a price: behind those that have one.
      rank[i] = static_cast<double>(entry.target->prices.part_micros(query.to).value_or(INT64_MAX));
    } else if (route.spec.order == RouteSpec::Order::kWeight) {
      // The k-th place goes to each of those left with the share of its weight: the order of -ln(u)/w (Efraimidis, Spirakis).
      const double u = (static_cast<double>(mix(query.draw + i * 0x9E3779B97F4A7C15ULL) >> 11) + 1) * 0x1p-53;
      rank[i] = entry.weight == 0 ? HUGE_VAL : -std::log(u) / entry.weight;
    }
  }
  if (route.spec.order == RouteSpec::Order::kListed) return count;
  // Insertion sort: short, stable, no allocation.
  for (std::size_t i = 1; i < count; ++i)
    for (std::size_t j = i; j > 0 && rank[j] < rank[j - 1]; --j) {
      std::swap(rank[j], rank[j - 1]);
      std::swap(out[j], out[j - 1]);
    }
  return count;
}

void Router::path(const RouteQuery& query, std::vector<const void*>& out) const {
  out.clear();
  const std::uint16_t country = country_key(country_of(query.to));
  const std::size_t at = index_->first({query.resource, query.to, query.from, query.tag, country});
  if (at == RouteIndex::kNone) {
    out.push_back(nullptr);
    return;
  }
  const Route& route = routes_[at];
  out.push_back(&route);
  const bool alphanumeric = is_alphanumeric(query.from);
  Ordered ordered;
  const std::size_t count = order(route, query, ordered);
  for (std::size_t i = 0; i < count; ++i)
    if (lack(*ordered[i], query, alphanumeric, country).empty()) out.push_back(ordered[i]);
}

std::optional<RouteSpec::AfterReceipt> Router::after_receipt(const RouteQuery& query,
                                                             std::vector<const RouteTarget*>& able) const {
  able.clear();
  const std::uint16_t country = country_key(country_of(query.to));
  const std::size_t at = index_->first({query.resource, query.to, query.from, query.tag, country});
  if (at == RouteIndex::kNone) return std::nullopt;
  const bool alphanumeric = is_alphanumeric(query.from);
  Ordered ordered;
  const std::size_t count = order(routes_[at], query, ordered);
  for (std::size_t i = 0; i < count; ++i)
    if (lack(*ordered[i], query, alphanumeric, country).empty()) able.push_back(ordered[i]->target);
  return routes_[at].spec.after_receipt;
}

void Router::route(const RouteQuery& query, Time now, RouteDecision& out, Trial trial) const {
  out.candidates_.clear();
  out.steps_.clear();
  out.router_ = this;
  out.route_ = nullptr;
  out.query_ = query;
  out.country_ = country_of(query.to);
  out.retry_at_.reset();
  out.now_ = now;
  const std::uint16_t country = country_key(out.country_);

  const std::size_t at = index_->first({query.resource, query.to, query.from, query.tag, country});
  out.skipped_ = at == RouteIndex::kNone ? routes_.size() : at;
  if (at == RouteIndex::kNone) return;
  const Route& match = routes_[at];
  out.route_ = &match;

  const bool alphanumeric = is_alphanumeric(query.from);
  Ordered ordered;
  const std::size_t count = order(match, query, ordered);
  const RouteTarget* returning = nullptr;  // could be asked, were it not to come back by degrees
  for (std::size_t i = 0; i < count; ++i) {
    const Target& entry = *ordered[i];
    const RouteTarget& target = *entry.target;
    const std::string_view lacks = lack(entry, query, alphanumeric, country);
    out.steps_.push_back({"provider.capability", lacks.empty() ? "pass" : "reject", target.name, lacks});
    if (!lacks.empty()) continue;
    if (target.breaker) {
      const CircuitBreaker::State state = target.breaker->state(now);
      // The first candidate will be called, so it takes its turn; the others only might be.
      const bool free =
          state == CircuitBreaker::State::kClosed ||
          (out.candidates_.empty() && trial == Trial::kTake ? target.breaker->allow(now) : state != CircuitBreaker::State::kOpen);
      const bool comes_back = state == CircuitBreaker::State::kReturning;
      out.steps_.push_back({"provider.breaker", free ? "pass" : "skip", target.name,
                            free         ? std::string_view(comes_back ? "comes back by degrees" : "")
                            : comes_back ? "comes back by degrees; this one goes elsewhere"
                                         : "left alone after failures in a row"});
      if (!free) {
        if (comes_back && !returning) returning = &target;
        const Time until = target.breaker->open_until();
        if (!comes_back && (!out.retry_at_ || until < *out.retry_at_)) out.retry_at_ = until;
        continue;
      }
    }
    out.candidates_.push_back(&target);
  }
  // There is no elsewhere.
  if (out.candidates_.empty() && returning) out.candidates_.push_back(returning);
  if (!out.candidates_.empty()) out.steps_.push_back({"route.pick", "pick", out.candidates_.front()->name, {}});
}

std::string_view RouteDecision::route_name() const {
  return route_ ? std::string_view(static_cast<const Router::Route*>(route_)->spec.name) : std::string_view();
}

std::vector<DecisionStep> RouteDecision::steps(Time at) const {
  std::vector<DecisionStep> out;
  const auto add = [&](std::string_view rule, std::string_view outcome, std::string_view value, std::string detail = {}) {
    DecisionStep& one = out.emplace_back();
    one.rule = rule;
    one.outcome = outcome;
    one.value = value;
    if (!detail.empty()) one.detail = std::move(detail);
    one.at = at;
  };
  if (!router_) return out;
  // Why the earlier routes do not match is found out only when somebody wants to read it.
  const std::uint16_t country = country_key(country_);
  const std::size_t told = std::min(skipped_, Router::kToldSkips);
  out.reserve(told + steps_.size() + 4);
  for (std::size_t i = 0; i < told; ++i)
    add("route.match", "skip", router_->routes_[i].spec.name,
        std::string(router_->mismatch(router_->routes_[i], query_, country)));
  if (skipped_ > told) add("route.match", "skip", std::to_string(skipped_ - told) + " more", "do not match either");
  if (!route_) return out;
  const auto& route = *static_cast<const Router::Route*>(route_);
  add("route.match", "pick", route.spec.name);
  if (route.spec.order != RouteSpec::Order::kListed) {
    const bool by_cost = route.spec.order == RouteSpec::Order::kCost;
    Router::Ordered ordered;
    const std::size_t count = Router::order(route, query_, ordered);
    std::string detail;
    for (std::size_t i = 0; i < count; ++i) {
      const RouteTarget& target = *ordered[i]->target;
      detail += (detail.empty() ? "" : ", ") + target.name;
      if (!by_cost)
        detail += " (" + std::to_string(ordered[i]->weight) + ")";
      else if (const auto micros = target.prices.part_micros(query_.to))
        detail += " (" + format_micros(*micros) + " " + target.prices.currency() + ")";
      else
        detail += " (no price)";
    }
    add("route.order", "pick", by_cost ? "cost" : "weight", std::move(detail));
  }
  for (const Step& step : steps_) add(step.rule, step.outcome, step.value, std::string(step.detail));
  return out;
}

Error RouteDecision::error() const {
  const std::string& what = router_->what_;
  if (router_->targets_.empty()) return {ErrorCode::kFailedPrecondition, "no " + what + " provider is configured", "providers"};
  std::string found = "to " + std::string(query_.to);
  found += country_.empty() ? " (no country)" : " (" + std::string(country_) + ")";
  found += ", from " + std::string(query_.from);
  if (!query_.resource.empty()) found += ", resource " + std::string(query_.resource);
  if (!query_.tag.empty()) found += ", tag " + std::string(query_.tag);
  std::string tried;
  for (const DecisionStep& step : steps(now_))
    if (step.detail && (step.outcome == "skip" || step.outcome == "reject") && (route_ == nullptr || step.rule != "route.match"))
      tried += (tried.empty() ? "" : "; ") + step.value + " " + *step.detail;
  if (!route_) return {ErrorCode::kFailedPrecondition, "no " + what + " route matches: found " + found + "; " + tried, "routes"};
  const std::string name(route_name());
  const std::string message = "no provider of " + what + " route " + name + " can take it: found " + found + "; " + tried;
  if (retry_at_)
    return Error(ErrorCode::kUnavailable, message, "route " + name)
        .with_retry(std::max(Duration{0}, Duration{*retry_at_ - now_}));
  return {ErrorCode::kFailedPrecondition, message, "route " + name};
}

}  // namespace trunkline

// Which provider gets a message.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/breaker.h"
#include "trunkline/common.hpp"

namespace trunkline {

class Provider;

/// One rule of the configuration. A list that is empty matches everything.
struct RouteSpec {
  std::string name;
  std::vector<std::string> resources;  // names of communication resources
  std::vector<std::string> to;         // beginnings of E.164 numbers, such as +1425
  std::vector<std::string> countries;  // ISO 3166-1 alpha-2, of the recipient
  std::vector<std::string> from;       // senders
  std::vector<std::string> providers;  // in the order of failover
};

/// What the router knows about a provider.
struct RouteTarget {
  std::string name;
  Provider* provider = nullptr;
  CircuitBreaker* breaker = nullptr;
  bool alphanumeric_sender = true;
  std::int32_t max_segments = 0;            // 0: no limit
  std::vector<std::string> countries = {};  // empty: all
};

struct RouteQuery {
  std::string_view resource;
  std::string_view from;
  std::string_view to;
  std::int32_t segments = 1;
};

/// The outcome of one query: candidates in order, and why. Borrows from the Router and from the query. Reuse one for many
/// queries: it keeps its memory.
class RouteDecision {
 public:
  /// In the order of failover; empty: see error().
  const std::vector<const RouteTarget*>& candidates() const { return candidates_; }
  /// The rules that were tried: `route.match`, `provider.capability`, `provider.breaker`, `route.pick`.
  std::vector<DecisionStep> steps(Time at) const;
  /// Why there is no candidate. kFailedPrecondition: no route matches, or no provider of the route can do it. kUnavailable,
  /// retryable: those that can are left alone for a while.
  Error error() const;

 private:
  friend class Router;
  struct Step {
    const char* rule;
    const char* outcome;
    std::string_view value;
    std::string_view detail;
  };
  std::vector<const RouteTarget*> candidates_;
  std::vector<Step> steps_;
  const class Router* router_ = nullptr;
  const void* route_ = nullptr;  // null: none matched
  RouteQuery query_;
  std::string_view country_;
  std::optional<Time> retry_at_;
  Time now_{};
};

/// The routes of one interface, compiled. Immutable; [any-thread]. A query costs no allocation once its RouteDecision is warm.
class Router {
 public:
  /// `what`: for messages, such as `sms`. Without specs every target is a candidate, in order. Throws kInvalidArgument with
  /// every problem: names of providers that do not exist, malformed prefixes and countries.
  Router(std::string what, std::vector<RouteSpec> specs, std::vector<RouteTarget> targets);
  Router(const Router&) = delete;

  /// The first route that matches decides; only its providers are asked.
  void route(const RouteQuery& query, Time now, RouteDecision& out) const;
  /// Why each rule and each provider does or does not take it, breakers aside: queries with equal paths are decided alike. Takes
  /// no breaker's trial call. The pointers are good for comparing while the Router lives.
  void path(const RouteQuery& query, std::vector<const char*>& out) const;
  const std::vector<RouteTarget>& targets() const { return targets_; }

 private:
  friend class RouteDecision;
  struct Target {
    const RouteTarget* target;
    std::vector<std::uint16_t> countries;  // sorted keys
  };
  struct Route {
    RouteSpec spec;
    std::vector<std::uint16_t> countries;
    std::vector<Target> targets;
    std::string wants_resource, wants_to, wants_country, wants_from;  // for decision records
  };
  static std::string_view lack(const Target& entry, const RouteQuery& query, bool alphanumeric, std::uint16_t country);
  std::string_view mismatch(const Route& route, const RouteQuery& query, std::uint16_t country) const;

  std::string what_;
  std::vector<RouteTarget> targets_;
  std::vector<Route> routes_;
};

}  // namespace trunkline

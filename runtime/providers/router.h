// Which provider gets a message.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/breaker.h"
#include "runtime/providers/price_table.h"
#include "trunkline/common.hpp"

namespace trunkline {

class Provider;
class RouteIndex;

/// One rule of the configuration. A list that is empty matches everything.
struct RouteSpec {
  std::string name;
  std::vector<std::string> resources;  // names of communication resources
  std::vector<std::string> to;         // beginnings of E.164 numbers, such as +1425
  std::vector<std::string> countries;  // ISO 3166-1 alpha-2, of the recipient
  std::vector<std::string> from;       // senders
  std::vector<std::string> tags = {};
  std::vector<std::string> providers;  // in the order of failover
  /// How the providers are put in order: as listed, the cheapest for the number first, or drawn by weight.
  enum class Order { kListed, kCost, kWeight } order = Order::kListed;
  std::map<std::string, std::uint32_t> weights = {};  // by provider; absent: 1
  /// After which failures that a carrier reports later the next provider tries, and how long after the message was accepted.
  struct AfterReceipt {
    bool retriable = false;
    bool carrier_fault = false;
    Duration within{};
  } after_receipt = {};
};

/// What the router knows about a provider.
struct RouteTarget {
  std::string name;
  Provider* provider = nullptr;
  CircuitBreaker* breaker = nullptr;
  bool alphanumeric_sender = true;
  std::int32_t max_segments = 0;            // 0: no limit
  std::vector<std::string> countries = {};  // empty: all
  PriceTable prices = {};
};

struct RouteQuery {
  std::string_view resource;
  std::string_view from;
  std::string_view to;
  std::int32_t segments = 1;
  std::string_view tag = {};
  /// What an order by weight is drawn from; the same draw is the same order.
  std::uint64_t draw = 0;
};

/// The outcome of one query: candidates in order, and why. Borrows from the Router and from the query. Reuse one for many
/// queries: it keeps its memory.
class RouteDecision {
 public:
  /// In the order of failover; empty: see error().
  const std::vector<const RouteTarget*>& candidates() const { return candidates_; }
  /// The rules that were tried: `route.match`, `route.order`, `provider.capability`, `provider.breaker`, `route.pick`.
  std::vector<DecisionStep> steps(Time at) const;
  /// Why there is no candidate. kFailedPrecondition: no route matches, or no provider of the route can do it. kUnavailable,
  /// retryable: those that can are left alone for a while.
  Error error() const;
  /// Name of the route that decided; empty: none matched.
  std::string_view route_name() const;

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
  std::size_t skipped_ = 0;      // routes before it, or all
  RouteQuery query_;
  std::string_view country_;
  std::optional<Time> retry_at_;
  Time now_{};
};

/// The routes of one interface, compiled. Immutable; [any-thread]. A query costs no allocation once its RouteDecision is warm,
/// and does not grow with the number of routes but by a bit for each.
class Router {
 public:
  /// Skipped routes that a decision record tells of; of more it gives the number.
  static constexpr std::size_t kToldSkips = 20;

  /// `what`: for messages, such as `sms`. Without specs every target is a candidate, in order. Throws kInvalidArgument with
  /// every problem: names of providers that do not exist, malformed prefixes and countries.
  Router(std::string what, std::vector<RouteSpec> specs, std::vector<RouteTarget> targets);
  Router(const Router&) = delete;
  ~Router();

  /// Whether a query may use up the trial call of a breaker: only when its first candidate will be called.
  enum class Trial { kTake, kLeave };
  /// The first route that matches decides; only its providers are asked.
  void route(const RouteQuery& query, Time now, RouteDecision& out, Trial trial = Trial::kTake) const;
  /// What decides, breakers aside: queries with equal paths are decided alike. Takes no breaker's trial call. The pointers are
  /// good for comparing while the Router lives.
  void path(const RouteQuery& query, std::vector<const void*>& out) const;
  /// What the route that decides says of receipts, and who can take the message, breakers aside, in order. nullopt: no route
  /// matches.
  std::optional<RouteSpec::AfterReceipt> after_receipt(const RouteQuery& query, std::vector<const RouteTarget*>& able) const;
  const std::vector<RouteTarget>& targets() const { return targets_; }

 private:
  friend class RouteDecision;
  struct Target {
    const RouteTarget* target;
    std::vector<std::uint16_t> countries;  // sorted keys
    std::uint32_t weight = 1;
  };
  struct Route {
    RouteSpec spec;
    std::vector<std::uint16_t> countries;
    std::vector<Target> targets;
    std::string wants_resource, wants_to, wants_country, wants_from, wants_tag;  // for decision records
  };
  static constexpr std::size_t kMaxOrdered = 32;
  using Ordered = std::array<const Target*, kMaxOrdered>;

  static std::string_view lack(const Target& entry, const RouteQuery& query, bool alphanumeric, std::uint16_t country);
  std::string_view mismatch(const Route& route, const RouteQuery& query, std::uint16_t country) const;
  /// The targets in the order in which they are to be asked; how many.
  static std::size_t order(const Route& route, const RouteQuery& query, Ordered& out);

  std::string what_;
  std::vector<RouteTarget> targets_;
  std::vector<Route> routes_;
  std::unique_ptr<const RouteIndex> index_;
};

}  // namespace trunkline

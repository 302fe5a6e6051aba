// What one decision costs with a thousand routes, beside the sort of scan that it replaces.
#include <benchmark/benchmark.h>

#include "runtime/providers/country.h"
#include "runtime/providers/router.h"

namespace {

using namespace trunkline;

constexpr Time kNow{std::chrono::seconds{1'000'000'000}};

/// Routes by prefix, sender, country and tag in turn; the last one takes everything.
std::vector<RouteSpec> routes(std::size_t count) {
  static constexpr const char* kCountries[] = {"FR", "IT", "ES", "PT", "NL", "SE", "PL", "AT"};
  std::vector<RouteSpec> specs;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    RouteSpec& spec = specs.emplace_back();
    spec.name = "route " + std::to_string(i);
    spec.providers = {i % 2 ? "a" : "b", "c"};
    switch (i % 4) {
      case 0:
        spec.to = {"+49" + std::to_string(1000 + i)};
        break;
      case 1:
        spec.from = {"SENDER" + std::to_string(i)};
        break;
      case 2:
        spec.countries = {kCountries[i / 4 % 8]};
        spec.tags = {"tag " + std::to_string(i)};
        break;
      default:
        spec.resources = {"resource " + std::to_string(i)};
    }
  }
  RouteSpec& rest = specs.emplace_back();
  rest.name = "rest";
  rest.providers = {"a", "b", "c"};
  rest.order = RouteSpec::Order::kCost;
  return specs;
}

std::vector<RouteTarget> targets(CircuitBreaker* breakers) {
  std::vector<RouteTarget> out(3);
  for (std::size_t i = 0; i < 3; ++i) {
    out[i].name = std::string(1, static_cast<char>('a' + i));
    out[i].breaker = &breakers[i];
    out[i].prices =
        PriceTable("EUR", {{"", static_cast<std::int64_t>(50'000 - i)}, {"+49", static_cast<std::int64_t>(40'000 + i)}});
  }
  return out;
}

void decide(benchmark::State& state, const RouteQuery& query) {
  CircuitBreaker breakers[3];
  const Router router("sms", routes(static_cast<std::size_t>(state.range(0))), targets(breakers));
  RouteDecision decision;
  for (auto _ : state) {
    router.route(query, kNow, decision);
    benchmark::DoNotOptimize(decision.candidates().data());
  }
  if (decision.candidates().empty()) state.SkipWithError("nobody was found");
}

/// Past every route to the last one, by cost.
void last_route(benchmark::State& state) { decide(state, {"shop", "+14255550100", "+4915112345678", 1, "news", 7}); }
BENCHMARK(last_route)->Arg(1)->Arg(100)->Arg(1000);
/// A route by prefix in the middle.
void by_prefix(benchmark::State& state) { decide(state, {"shop", "+14255550100", "+49150012345678", 1, "news", 7}); }
BENCHMARK(by_prefix)->Arg(1000);

/// The same question put to one list of strings after the other.
void scan(benchmark::State& state) {
  const std::vector<RouteSpec> specs = routes(static_cast<std::size_t>(state.range(0)));
  const std::string to = "+4915112345678", from = "+14255550100", tag = "news", resource = "shop";
  const auto has = [](const std::vector<std::string>& list, const std::string& value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  };
  for (auto _ : state) {
    const std::string country(country_of(to));
    for (const RouteSpec& spec : specs) {
      const bool fits = has(spec.resources, resource) && has(spec.from, from) && has(spec.tags, tag) &&
                        has(spec.countries, country) &&
                        (spec.to.empty() ||
                         std::any_of(spec.to.begin(), spec.to.end(), [&](const std::string& p) { return to.starts_with(p); }));
      benchmark::DoNotOptimize(fits);
      if (fits) break;
    }
  }
}
BENCHMARK(scan)->Arg(1000);

}  // namespace

BENCHMARK_MAIN();

#include "runtime/providers/router.h"

#include <gmock/gmock.h>

#include <random>

#include "runtime/providers/country.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Time kNow{1'000'000'000s};

std::vector<std::string> names(const RouteDecision& decision) {
  std::vector<std::string> out;
  for (const RouteTarget* target : decision.candidates()) out.push_back(target->name);
  return out;
}
std::vector<std::string> lines(const RouteDecision& decision) {
  std::vector<std::string> out;
  for (const DecisionStep& step : decision.steps(kNow))
    out.push_back(step.rule + " " + step.outcome + " " + step.value + (step.detail ? " " + *step.detail : ""));
  return out;
}
RouteSpec spec(std::string name, std::vector<std::string> providers) {
  RouteSpec out;
  out.name = std::move(name);
  out.providers = std::move(providers);
  return out;
}
RouteTarget target(std::string name, CircuitBreaker* breaker = nullptr) {
  RouteTarget out;
  out.name = std::move(name);
  out.breaker = breaker;
  return out;
}

TEST(Router, WithoutRoutesEveryProviderIsACandidate) {
  const Router router("sms", {}, {target("a"), target("b")});
  RouteDecision decision;
  router.route({"r", "+14255550100", "+4915112345678", 1}, kNow, decision);
  EXPECT_THAT(names(decision), ElementsAre("a", "b"));
  EXPECT_THAT(lines(decision), ElementsAre("route.match pick default", "provider.capability pass a", "provider.capability pass b",
                                           "route.pick pick a"));
}

TEST(Router, TheFirstMatchingRouteDecides) {
  RouteSpec tenant = spec("tenant", {"d"}), seattle = spec("seattle", {"c"}), germany = spec("germany", {"a", "b"}),
            sender = spec("sender", {"b"}), rest = spec("rest", {"a"});
  tenant.resources = {"contoso"};
  seattle.to = {"+1206", "+1425"};
  germany.countries = {"DE", "AT"};
  sender.from = {"Shop"};
  const Router router("sms", {tenant, seattle, germany, sender, rest}, {target("a"), target("b"), target("c"), target("d")});
  RouteDecision decision;
  const auto pick = [&](RouteQuery query) {
    router.route(query, kNow, decision);
    return names(decision);
  };
  EXPECT_THAT(pick({"contoso", "+1", "+14255550100"}), ElementsAre("d"));
  EXPECT_THAT(pick({"r", "+1", "+14255550100"}), ElementsAre("c"));
  EXPECT_THAT(pick({"r", "+1", "+4366012345678"}), ElementsAre("a", "b"));
  EXPECT_THAT(pick({"r", "Shop", "+33612345678"}), ElementsAre("b"));
  EXPECT_THAT(pick({"r", "+1", "+33612345678"}), ElementsAre("a"));
  EXPECT_THAT(lines(decision),
              ElementsAre("route.match skip tenant wants resource contoso",
                          "route.match skip seattle wants a number that begins with +1206, +1425",
                          "route.match skip germany wants country DE, AT", "route.match skip sender wants sender Shop",
                          "route.match pick rest", "provider.capability pass a", "route.pick pick a"));
}

TEST(Router, EqualPathsAreDecidedAlike) {
  RouteSpec germany = spec("germany", {"a", "b"}), seattle = spec("seattle", {"a"});
  germany.countries = {"DE"};
  seattle.to = {"+1206"};
  RouteTarget a = target("a"), b = target("b");
  b.countries = {"DE", "US"};
  CircuitBreaker breaker;
  a.breaker = &breaker;
  const Router router("sms", {germany, seattle, spec("rest", {"b", "a"})}, {a, b});
  const auto path = [&](std::string_view to, std::string_view from = "+1", std::int32_t segments = 1) {
    std::vector<const void*> out{"kept by nobody"};
    router.path({"r", from, to, segments}, out);
    return out;
  };
  EXPECT_EQ(path("+4915112345678"), path("+4930123456"));
  EXPECT_EQ(path("+12065550100"), path("+12065550199"));
  EXPECT_EQ(path("+33612345678"), path("+447700900123"));
  EXPECT_NE(path("+12065550100"), path("+14255550100")) << "another route";
  EXPECT_NE(path("+33612345678"), path("+14255550100")) << "the same route, but b does not serve France";
}

TEST(Router, NoMatchNamesWhatIsMissing) {
  RouteSpec germany = spec("germany", {"a"});
  germany.countries = {"DE"};
  const Router router("sms", {germany}, {target("a")});
  RouteDecision decision;
  router.route({"r", "+1425", "+33612345678"}, kNow, decision);
  EXPECT_THAT(decision.candidates(), IsEmpty());
  EXPECT_EQ(decision.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(decision.error().message,
            "no sms route matches: found to +33612345678 (FR), from +1425, resource r; germany wants country DE");
}

TEST(Router, NoProviderAtAll) {
  const Router router("sms", {}, {});
  RouteDecision decision;
  router.route({"r", "+1425", "+33612345678"}, kNow, decision);
  EXPECT_EQ(decision.error().message, "no sms provider is configured");
}

TEST(Router, CapabilitiesFilter) {
  RouteTarget plain = target("plain"), local = target("local"), shorty = target("short"), all = target("all");
  plain.alphanumeric_sender = false;
  local.countries = {"US"};
  shorty.max_segments = 2;
  const Router router("sms", {}, {plain, local, shorty, all});
  RouteDecision decision;
  router.route({"r", "Shop", "+33612345678", 3}, kNow, decision);
  EXPECT_THAT(names(decision), ElementsAre("all"));
  EXPECT_THAT(lines(decision),
              ElementsAre("route.match pick default", "provider.capability reject plain takes no alphanumeric senders",
                          "provider.capability reject local does not serve the country",
                          "provider.capability reject short takes no text of so many parts", "provider.capability pass all",
                          "route.pick pick all"));
}

TEST(Router, WhenNoProviderCanTheErrorSaysWhy) {
  RouteTarget plain = target("plain");
  plain.alphanumeric_sender = false;
  const Router router("sms", {}, {plain});
  RouteDecision decision;
  router.route({"", "Shop", "+33612345678"}, kNow, decision);
  EXPECT_EQ(decision.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(
      decision.error().message,
      "no provider of sms route default can take it: found to +33612345678 (FR), from Shop; plain takes no alphanumeric senders");
}

TEST(Router, OpenBreakersAreSkippedUntilTheirTime) {
  CircuitBreaker::Options options;
  options.failures = 2;
  options.open_for = 10s;
  CircuitBreaker breaker(options);
  const Router router("sms", {}, {target("a", &breaker), target("b")});
  const RouteQuery query{"r", "+1425", "+33612345678"};
  RouteDecision decision;
  breaker.failure(kNow);
  router.route(query, kNow, decision);
  EXPECT_THAT(names(decision), ElementsAre("a", "b"));
  breaker.failure(kNow);
  router.route(query, kNow, decision);
  EXPECT_THAT(names(decision), ElementsAre("b"));
  EXPECT_THAT(lines(decision), ::testing::Contains("provider.breaker skip a left alone after failures in a row"));
  router.route(query, kNow + 10s, decision);  // takes the trial call
  EXPECT_THAT(names(decision), ElementsAre("a", "b"));
  router.route(query, kNow + 10s, decision);
  EXPECT_THAT(names(decision), ElementsAre("b"));
  breaker.success(kNow);
  router.route(query, kNow + 10s, decision);
  EXPECT_THAT(names(decision), ElementsAre("a", "b"));
}

TEST(Router, AllBreakersOpenIsWorthARetry) {
  CircuitBreaker::Options options;
  options.failures = 1;
  options.open_for = 10s;
  CircuitBreaker breaker(options);
  const Router router("sms", {}, {target("a", &breaker)});
  breaker.failure(kNow);
  RouteDecision decision;
  router.route({"r", "+1425", "+33612345678"}, kNow + 4s, decision);
  EXPECT_EQ(decision.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(decision.error().retryable);
  EXPECT_EQ(decision.error().retry_after, Duration(6s));
}

TEST(Router, ReportsEveryProblemOfTheConfiguration) {
  RouteSpec bad = spec("bad", {"nobody"});
  bad.to = {"1425", "+"};
  bad.countries = {"USA"};
  try {
    Router("sms", {bad, spec("empty", {})}, {target("a")});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.message, HasSubstr("route bad.to: found \"1425\", wanted + and digits; route bad.to: found \"+\""));
    EXPECT_THAT(error.message, HasSubstr("route bad.country: found \"USA\", wanted two capital letters"));
    EXPECT_THAT(error.message, HasSubstr("route bad.providers: found \"nobody\", wanted one of the sms providers: a"));
    EXPECT_THAT(error.message, HasSubstr("route empty.providers: found none"));
  }
}

TEST(Router, ByTagAndByAllTogether) {
  RouteSpec codes = spec("codes", {"b"}), both = spec("both", {"c"}), rest = spec("rest", {"a"});
  codes.tags = {"otp", "2fa"};
  both.tags = {"news"};
  both.to = {"+44"};
  both.from = {"Shop"};
  both.countries = {"GB", "JE"};
  both.resources = {"shop"};
  const Router router("sms", {codes, both, rest}, {target("a"), target("b"), target("c")});
  RouteDecision decision;
  const auto pick = [&](RouteQuery query) {
    router.route(query, kNow, decision);
    return std::string(decision.route_name());
  };
  EXPECT_EQ(pick({"r", "+1", "+4915112345678", 1, "2fa"}), "codes");
  EXPECT_EQ(pick({"shop", "Shop", "+447700900123", 1, "news"}), "both");
  EXPECT_EQ(pick({"shop", "Shop", "+447700900123", 1, "other"}), "rest");
  EXPECT_EQ(pick({"shop", "Other", "+447700900123", 1, "news"}), "rest");
  EXPECT_EQ(pick({"other", "Shop", "+447700900123", 1, "news"}), "rest");
  EXPECT_EQ(pick({"shop", "Shop", "+4915112345678", 1, "news"}), "rest");
}

TEST(Router, AnIndexOfManyRoutesDecidesLikeALookAtEach) {
  // Random routes and queries; the reference looks at each route in turn.
  std::mt19937 random(7);
  const auto any_of = [&](std::initializer_list<const char*> all) {
    std::vector<std::string> some;
    for (const char* one : all)
      if (random() % 3 == 0) some.emplace_back(one);
    return random() % 2 ? some : std::vector<std::string>{};
  };
  std::vector<RouteSpec> specs;
  for (int i = 0; i < 150; ++i) {
    RouteSpec one = spec("r" + std::to_string(i), {"a"});
    one.resources = any_of({"x", "y"});
    one.to = any_of({"+4", "+44", "+447", "+4915", "+1425", "+1"});
    one.countries = any_of({"GB", "DE", "US", "FR"});
    one.from = any_of({"Shop", "+1", "25555"});
    one.tags = any_of({"news", "otp"});
    if (one.resources.empty() && one.to.empty() && one.countries.empty() && one.from.empty() && one.tags.empty())
      one.tags = {"rare"};
    specs.push_back(std::move(one));
  }
  const Router router("sms", specs, {target("a")});
  const auto has = [](const std::vector<std::string>& list, std::string_view value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  };
  RouteDecision decision;
  for (const char* to : {"+447700900123", "+4915112345678", "+14255550100", "+33612345678", "+8812345678", "nobody", ""})
    for (const char* from : {"Shop", "+1", "25555", "Other"})
      for (const char* tag : {"", "news", "otp", "rare"})
        for (const char* resource : {"x", "y", "z"}) {
          router.route({resource, from, to, 1, tag}, kNow, decision);
          std::string expected;
          for (const RouteSpec& one : specs) {
            if (!has(one.resources, resource) || !has(one.from, from) || !has(one.tags, tag)) continue;
            if (!has(one.countries, country_of(to))) continue;
            if (!one.to.empty() && std::none_of(one.to.begin(), one.to.end(),
                                                [&](const std::string& p) { return std::string_view(to).starts_with(p); }))
              continue;
            expected = one.name;
            break;
          }
          EXPECT_EQ(decision.route_name(), expected) << to << from << tag << resource;
        }
}

TEST(Router, ALongListOfRoutesIsToldInShort) {
  std::vector<RouteSpec> specs;
  for (int i = 0; i < 100; ++i) {
    specs.push_back(spec("r" + std::to_string(i), {"a"}));
    specs.back().tags = {"none"};
  }
  specs.push_back(spec("rest", {"a"}));
  const Router router("sms", specs, {target("a")});
  RouteDecision decision;
  router.route({"r", "+1", "+4915112345678"}, kNow, decision);
  const auto told = lines(decision);
  EXPECT_EQ(told.size(), Router::kToldSkips + 4);
  EXPECT_THAT(told, ::testing::Contains("route.match skip 80 more do not match either"));
}

TEST(Router, CostAndWeightPutTheProvidersInOrder) {
  RouteTarget a = target("a"), b = target("b"), c = target("c");
  a.prices = PriceTable("EUR", {{"", 50}, {"+44", 10}});
  b.prices = PriceTable("EUR", {{"", 20}, {"+4", 30}});
  RouteSpec cost = spec("cost", {"c", "a", "b"});
  cost.order = RouteSpec::Order::kCost;
  const Router by_cost("sms", {cost}, {a, b, c});
  RouteDecision decision;
  by_cost.route({"r", "+1", "+447700900123"}, kNow, decision);
  EXPECT_THAT(names(decision), ElementsAre("a", "b", "c")) << "without a price: last";
  by_cost.route({"r", "+1", "+33612345678"}, kNow, decision);
  EXPECT_THAT(names(decision), ElementsAre("b", "a", "c"));

  RouteSpec weight = spec("weight", {"a", "b", "c"});
  weight.order = RouteSpec::Order::kWeight;
  weight.weights = {{"a", 3}, {"c", 0}};
  const Router by_weight("sms", {weight}, {a, b, c});
  int first_a = 0;
  for (std::uint64_t draw = 0; draw < 1000; ++draw) {
    RouteQuery query{"r", "+1", "+447700900123"};
    query.draw = draw;
    by_weight.route(query, kNow, decision);
    ASSERT_EQ(names(decision).back(), "c") << "weight 0: only when the others fail";
    first_a += names(decision).front() == "a";
    const auto once = names(decision);
    by_weight.route(query, kNow, decision);
    EXPECT_EQ(names(decision), once) << "the same draw is the same order";
  }
  EXPECT_NEAR(first_a, 750, 60);
}

TEST(PriceTable, TheLongestPrefixCounts) {
  const PriceTable prices("EUR", {{"+1", 1}, {"+1425", 2}, {"+142", 3}});
  EXPECT_EQ(prices.part_micros("+14255550100"), 2);
  EXPECT_EQ(prices.part_micros("+14265550100"), 3);
  EXPECT_EQ(prices.part_micros("+12125550100"), 1);
  EXPECT_EQ(prices.part_micros("+442079460100"), std::nullopt);
  EXPECT_EQ(PriceTable().part_micros("+1"), std::nullopt);
}

TEST(CircuitBreaker, ComesBackByDegrees) {
  CircuitBreaker::Options options;
  options.failures = 1;
  options.open_for = 10s;
  options.return_over = 100s;
  CircuitBreaker breaker(options);
  const auto share = [&](Time at) {
    int went = 0;
    for (int i = 0; i < 100; ++i) went += breaker.allow(at);
    return went;
  };
  EXPECT_TRUE(breaker.failure(kNow));
  EXPECT_EQ(share(kNow + 9s), 0);
  EXPECT_TRUE(breaker.allow(kNow + 10s));
  breaker.success(kNow + 10s);
  EXPECT_EQ(breaker.state(kNow + 10s), CircuitBreaker::State::kReturning);
  EXPECT_NEAR(share(kNow + 10s), 10, 1);
  EXPECT_NEAR(share(kNow + 60s), 55, 1);
  EXPECT_TRUE(breaker.failure(kNow + 60s)) << "one failure on the way back opens it again";
  EXPECT_EQ(share(kNow + 69s), 0);
  EXPECT_TRUE(breaker.allow(kNow + 70s));
  breaker.success(kNow + 70s);
  EXPECT_EQ(share(kNow + 170s), 100);
  EXPECT_EQ(breaker.state(kNow + 170s), CircuitBreaker::State::kClosed);
}

TEST(CircuitBreaker, OneTrialCallAtATime) {
  CircuitBreaker::Options options;
  options.failures = 3;
  options.open_for = 5s;
  CircuitBreaker breaker(options);
  EXPECT_FALSE(breaker.failure(kNow));
  breaker.success(kNow);  // only failures in a row count
  EXPECT_FALSE(breaker.failure(kNow));
  EXPECT_FALSE(breaker.failure(kNow));
  EXPECT_EQ(breaker.state(kNow), CircuitBreaker::State::kClosed);
  EXPECT_TRUE(breaker.failure(kNow));
  EXPECT_EQ(breaker.state(kNow), CircuitBreaker::State::kOpen);
  EXPECT_FALSE(breaker.allow(kNow + 4s));
  EXPECT_EQ(breaker.state(kNow + 5s), CircuitBreaker::State::kHalfOpen);
  EXPECT_TRUE(breaker.allow(kNow + 5s));
  EXPECT_FALSE(breaker.allow(kNow + 5s));
  EXPECT_FALSE(breaker.failure(kNow + 6s));  // open again, but not newly
  EXPECT_FALSE(breaker.allow(kNow + 10s));
  EXPECT_TRUE(breaker.allow(kNow + 11s));
  EXPECT_TRUE(breaker.allow(kNow + 16s)) << "a trial call that nobody recorded does not block the provider for ever";
  breaker.success(kNow);
  EXPECT_TRUE(breaker.allow(kNow + 16s));
  EXPECT_TRUE(breaker.allow(kNow + 16s));
}

TEST(CircuitBreaker, OnlyErrorsOfTheProviderCount) {
  EXPECT_TRUE(CircuitBreaker::counts(ErrorCode::kUnavailable));
  EXPECT_TRUE(CircuitBreaker::counts(ErrorCode::kDeadlineExceeded));
  EXPECT_FALSE(CircuitBreaker::counts(ErrorCode::kInvalidArgument));
  EXPECT_FALSE(CircuitBreaker::counts(ErrorCode::kResourceExhausted));
}

TEST(Country, ByCallingCodeAndAreaCode) {
  EXPECT_EQ(country_of("+14255550100"), "US");
  EXPECT_EQ(country_of("+18005550100"), "US");
  EXPECT_EQ(country_of("+16045550100"), "CA");
  EXPECT_EQ(country_of("+18765550100"), "JM");
  EXPECT_EQ(country_of("+79161234567"), "RU");
  EXPECT_EQ(country_of("+77011234567"), "KZ");
  EXPECT_EQ(country_of("+442071838750"), "GB");
  EXPECT_EQ(country_of("+4915112345678"), "DE");
  EXPECT_EQ(country_of("+35312345678"), "IE");
  EXPECT_EQ(country_of("+998901234567"), "UZ");
}

TEST(Country, NoCountry) {
  EXPECT_EQ(country_of("+88161234567"), "");  // satellite network
  EXPECT_EQ(country_of("+99912345678"), "");
  for (const char* text : {"", "+", "+1", "+12", "14255550100", "Shop", "+1x25", "+4x9", "+-49"})
    EXPECT_EQ(country_of(text), "") << text;
  EXPECT_EQ(country_key("US"), ('U' << 8 | 'S'));
  EXPECT_EQ(country_key("us"), 0);
  EXPECT_EQ(country_key("USA"), 0);
}

}  // namespace
}  // namespace trunkline

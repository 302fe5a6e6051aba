#include "runtime/providers/router.h"

#include <gmock/gmock.h>

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

#include "runtime/services/sip_route_table.h"

#include <gmock/gmock.h>

namespace trunkline {
namespace {

using service::SipConfiguration;
using service::SipRoute;
using service::SipTrunk;
using testing::ElementsAre;
using testing::IsEmpty;

SipTrunk trunk(std::string fqdn, std::int32_t port = 5061) {
  SipTrunk t;
  t.fqdn = std::move(fqdn);
  t.sip_signaling_port = port;
  t.enabled = true;
  return t;
}

SipRoute route(std::string name, std::string pattern, std::vector<std::string> trunks = {}) {
  SipRoute r;
  r.name = std::move(name);
  r.number_pattern = std::move(pattern);
  r.trunks = std::move(trunks);
  return r;
}

SipConfiguration two_trunks(std::vector<SipRoute> routes) {
  SipConfiguration routing;
  routing.trunks = {trunk("b.example.com", 5062), trunk("A.Example.com")};
  routing.routes = std::move(routes);
  return routing;
}

/// The documented code of the rule that was broken, and the member at fault.
std::string refusal(SipConfiguration routing) {
  try {
    SipRouteTable table(std::move(routing));
  } catch (const Error& error) {
    EXPECT_EQ(error.http_status, 422);
    EXPECT_EQ(error.service_code, "UnprocessableConfiguration");
    return error.details.at("innerCode") + " " + error.target;
  }
  return "none";
}

std::vector<std::string> names(const service::SipRouteTest& test) {
  std::vector<std::string> out;
  for (const SipTrunk& t : test.trunks) out.push_back(t.fqdn);
  return out;
}

std::vector<std::string> steps(const service::SipRouteTest& test) {
  std::vector<std::string> out;
  for (const DecisionStep& step : test.decision.steps) out.push_back(step.rule + ":" + step.outcome + ":" + step.value);
  return out;
}

TEST(SipRouteTable, ACallGoesByTheFirstRouteThatMatches) {
  const SipRouteTable table(two_trunks(
      {route("us", "^\\+1[0-9]{10}$", {"a.example.com"}), route("all", "^\\+?[0-9]+$", {"b.example.com", "a.example.com"})}));
  const auto us = table.route("+14255550123", {});
  EXPECT_THAT(names(us), ElementsAre("a.example.com", "b.example.com")) << "each trunk once, in the order of the routes";
  EXPECT_EQ(us.matching_routes.size(), 2u);
  EXPECT_THAT(names(table.route("+493055700000", {})), ElementsAre("b.example.com", "a.example.com"));
  EXPECT_EQ(us.trunks[0].sip_signaling_port, 5061);
}

TEST(SipRouteTable, TheDecisionTellsEveryRule) {
  SipConfiguration routing = two_trunks(
      {route("no", "^\\+49", {"a.example.com"}), route("empty", "."), route("yes", ".", {"a.example.com", "b.example.com"})});
  routing.trunks[1].enabled = false;
  const SipRouteTable table(std::move(routing));
  EXPECT_THAT(steps(table.route("+14255550123", {})),
              ElementsAre("route.match:skip:no", "route.match:pass:empty", "route.trunks:skip:empty", "route.match:pass:yes",
                          "trunk.enabled:skip:a.example.com", "trunk.pick:pick:b.example.com"));
}

TEST(SipRouteTable, ADomainThatIsOffTakesItsTrunksWithIt) {
  SipConfiguration routing = two_trunks({route("all", ".", {"a.example.com", "b.example.com"})});
  routing.domains = {{"example.com", false}, {"b.example.com", true}};
  const SipRouteTable table(std::move(routing));
  EXPECT_THAT(names(table.route("+1", {})), ElementsAre("b.example.com")) << "the longer domain counts";
}

TEST(SipRouteTable, WithoutARouteNothingIsPicked) {
  const SipRouteTable table(two_trunks({route("us", "^\\+1", {"a.example.com"})}));
  const auto test = table.route("+49301234567", {});
  EXPECT_THAT(test.trunks, IsEmpty());
  EXPECT_EQ(test.decision.steps.back().outcome, "reject");
}

TEST(SipRouteTable, ANumberIsDigits) {
  const SipRouteTable table;
  for (const char* bad : {"", "+", "sip:alice", "+1 425", "1234567890123456789012345"}) {
    try {
      table.route(bad, {});
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.target, "targetPhoneNumber");
    }
  }
}

TEST(SipRouteTable, EveryRuleHasItsCode) {
  const auto of_trunk = [](SipTrunk t) {
    SipConfiguration routing;
    routing.trunks = {std::move(t)};
    return refusal(std::move(routing));
  };
  for (const char* bad : {"", "-1", "localhost", "10.0.0.1", "a..b.com", "-a.example.com", "a_b.example.com"})
    EXPECT_EQ(of_trunk(trunk(bad)), "InvalidTrunkFqdn trunks") << bad;
  EXPECT_EQ(of_trunk(trunk("a.example.com", 0)), "InvalidTrunkSipSignalingPort trunks.a.example.com.sipSignalingPort");
  EXPECT_EQ(of_trunk(trunk("a.example.com", 65536)), "InvalidTrunkSipSignalingPort trunks.a.example.com.sipSignalingPort");
  EXPECT_EQ(of_trunk(trunk("a.example.com", 65535)), "none");
  EXPECT_EQ(refusal(two_trunks({route("", ".")})), "InvalidRouteName routes[0].name");
  EXPECT_EQ(refusal(two_trunks({route(std::string(257, 'x'), ".")})), "InvalidRouteName routes[0].name");
  EXPECT_EQ(refusal(two_trunks({route("r", "")})), "InvalidRouteNumberPattern routes[0].numberPattern");
  EXPECT_EQ(refusal(two_trunks({route("r", "([")})), "InvalidRouteNumberPattern routes[0].numberPattern");
  EXPECT_EQ(refusal(two_trunks({route("r", std::string(1025, '1'))})), "InvalidRouteNumberPattern routes[0].numberPattern");
  EXPECT_EQ(refusal(two_trunks({route("r", "."), route("r", ".")})), "DuplicatedRoute routes[1].name");
  EXPECT_EQ(refusal(two_trunks({route("r", ".", {"c.example.com"})})), "MissingTrunk routes[0].trunks");
  EXPECT_EQ(refusal(two_trunks({route("r", ".", {"a.example.com", "A.example.com"})})),
            "RouteWithDuplicatedTrunk routes[0].trunks");
  SipConfiguration domain;
  domain.domains = {{"localhost", true}};
  EXPECT_EQ(refusal(std::move(domain)), "InvalidDomain domains");
}

TEST(NumberPattern, SpeaksPerl) {
  EXPECT_TRUE(NumberPattern("^\\+(?!49)\\d+$").matches("+14255550123"));
  EXPECT_FALSE(NumberPattern("^\\+(?!49)\\d+$").matches("+493055700000"));
  EXPECT_TRUE(NumberPattern("555").matches("+14255550123")) << "anywhere in the number";
}

TEST(NumberPattern, BacktrackingWithoutEndMatchesNothing) {
  EXPECT_FALSE(NumberPattern("^(\\d+)+(\\d+)+(\\d+)+(\\d+)+x$").matches("123456789012345678901234"));
}

}  // namespace
}  // namespace trunkline

#include "runtime/server/router.h"

#include <gmock/gmock.h>

namespace trunkline::server {
namespace {

using Outcome = RouteMatch::Outcome;
using ::testing::ElementsAre;
using ::testing::Pair;

Route route(std::string method, std::string path) {
  Route out;
  out.method = std::move(method);
  out.path = std::move(path);
  out.handler = [](RouteContext&) -> Task<net::Response> { co_return net::Response{}; };
  return out;
}

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    for (const auto& [method, path] : std::initializer_list<std::pair<const char*, const char*>>{
             {"POST", "/sms"},
             {"POST", "/sms/optouts:add"},
             {"GET", "/phoneNumbers"},
             {"GET", "/phoneNumbers/{phoneNumber}"},
             {"PATCH", "/phoneNumbers/{phoneNumber}"},
             {"GET", "/phoneNumbers/operations/{operationId}"},
             {"POST", "/availablePhoneNumbers/:purchase"},
             {"POST", "/availablePhoneNumbers/countries/{countryCode}/:search"},
             {"POST", "/identities"},
             {"DELETE", "/identities/{id}"},
             {"POST", "/identities/{id}/:issueAccessToken"},
             {"GET", "/calling/callConnections/{id}"},
             {"POST", "/calling/callConnections/{id}:play"},
             {"POST", "/calling/callConnections/{id}:playAll"},
             {"GET",
              "/subscriptions/{sub}/resourceGroups/{group}/providers/Microsoft.Communication/communicationServices/{name}"},
             {"PUT", "/{*scope}/providers/Microsoft.EventGrid/eventSubscriptions/{name}"},
         })
      router.add(route(method, path));
  }
  std::string found(std::string_view method, std::string_view target) {
    const RouteMatch match = router.match(method, target);
    return match.route ? match.route->method + " " + match.route->path : "";
  }
  Router router;
};

TEST_F(RouterTest, LiteralsWinOverParameters) {
  EXPECT_EQ(found("GET", "/phoneNumbers/%2B14255550100?api-version=1"), "GET /phoneNumbers/{phoneNumber}");
  EXPECT_EQ(found("GET", "/phoneNumbers/operations/7"), "GET /phoneNumbers/operations/{operationId}");
  EXPECT_EQ(found("GET", "/phoneNumbers/operations"), "GET /phoneNumbers/{phoneNumber}");
}

TEST_F(RouterTest, ParametersAreDecodedAndKeepTheirCase) {
  EXPECT_THAT(router.match("GET", "/phoneNumbers/%2B14255550100").params, ElementsAre(Pair("phoneNumber", "+14255550100")));
  EXPECT_THAT(router.match("POST", "/identities/8%3Aacs%3AAb_c/:issueAccessToken").params, ElementsAre(Pair("id", "8:acs:Ab_c")));
  EXPECT_THAT(router.match("DELETE", "/identities/a%2Fb").params, ElementsAre(Pair("id", "a/b")));
}

TEST_F(RouterTest, ActionsComeWithAndWithoutTheirSlash) {
  EXPECT_EQ(found("POST", "/availablePhoneNumbers/:purchase"), "POST /availablePhoneNumbers/:purchase");
  EXPECT_EQ(found("POST", "/availablePhoneNumbers/countries/US/:search"),
            "POST /availablePhoneNumbers/countries/{countryCode}/:search");
  EXPECT_EQ(found("POST", "/sms/optouts:add"), "POST /sms/optouts:add");
  EXPECT_EQ(found("POST", "/calling/callConnections/ab-c:play"), "POST /calling/callConnections/{id}:play");
  EXPECT_EQ(found("POST", "/calling/callConnections/ab-c:playAll"), "POST /calling/callConnections/{id}:playAll");
  EXPECT_THAT(router.match("POST", "/calling/callConnections/a:b%3APlay").params, ElementsAre(Pair("id", "a:b")));
  EXPECT_EQ(router.match("POST", "/calling/callConnections/:play").outcome, Outcome::kWrongMethod);  // the id of a GET
}

TEST_F(RouterTest, CaseDoubleSlashesAndTrailingSlashesDoNotMatter) {
  for (const char* target : {"/SMS", "//sms", "/sms/", "/%73ms", "http://host:1/sms", "/sms?x=/y"})
    EXPECT_EQ(found("POST", target), "POST /sms") << target;
  EXPECT_EQ(found("GET", "//SUBSCRIPTIONS/s//resourcegroups/g/providers/microsoft.communication/CommunicationServices/n"),
            "GET /subscriptions/{sub}/resourceGroups/{group}/providers/Microsoft.Communication/communicationServices/{name}");
}

TEST_F(RouterTest, AStarTakesSeveralSegments) {
  const RouteMatch match =
      router.match("PUT", "//subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/eventSubscriptions/e");
  ASSERT_EQ(match.outcome, Outcome::kFound);
  EXPECT_THAT(match.params, ElementsAre(Pair("scope", "subscriptions/s/resourceGroups/g"), Pair("name", "e")));
}

TEST_F(RouterTest, UnknownPathsAndWrongMethodsDiffer) {
  EXPECT_EQ(router.match("POST", "/nope").outcome, Outcome::kNotFound);
  EXPECT_EQ(router.match("POST", "/").outcome, Outcome::kNotFound);
  EXPECT_EQ(router.match("POST", "/identities/a/b/c").outcome, Outcome::kNotFound);
  const RouteMatch match = router.match("PUT", "/phoneNumbers/1");
  EXPECT_EQ(match.outcome, Outcome::kWrongMethod);
  EXPECT_EQ(match.allow, "GET, PATCH");
}

TEST_F(RouterTest, HeadFallsBackToGet) {
  EXPECT_EQ(found("HEAD", "/phoneNumbers"), "GET /phoneNumbers");
  EXPECT_EQ(router.match("HEAD", "/sms").outcome, Outcome::kWrongMethod);
}

TEST_F(RouterTest, MalformedPathsAreSaidToBe) {
  EXPECT_EQ(router.match("GET", "/phoneNumbers/%zz").outcome, Outcome::kMalformed);
  EXPECT_EQ(router.match("GET", "/phoneNumbers/%2").outcome, Outcome::kMalformed);
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "/a";
  EXPECT_EQ(router.match("GET", deep).outcome, Outcome::kMalformed);
}

TEST_F(RouterTest, BadTablesAreRefused) {
  EXPECT_THROW(router.add(route("GET", "sms")), Error);
  EXPECT_THROW(router.add(route("GET", "/{open")), Error);
  EXPECT_THROW(router.add(route("GET", "/a{b}")), Error);
  EXPECT_THROW(router.add(route("GET", "/{}")), Error);
  EXPECT_THROW(router.add(route("GET", "/phonenumbers/{other}")), Error);  // the same route under another parameter name
}

}  // namespace
}  // namespace trunkline::server

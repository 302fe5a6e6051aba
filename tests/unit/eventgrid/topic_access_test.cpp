// Keys and signed tokens of topics.
#include <gmock/gmock.h>

#include "runtime/base/encoding.h"
#include "runtime/base/time_text.h"
#include "runtime/crypto/hash.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/net/http.h"
#include "tests/unit/store/store_fixture.h"

namespace trunkline::eventgrid {
namespace {

using store::error_of;
using testing::HasSubstr;

const std::string kKey1 = base64_encode(std::string(32, 'a'));
const std::string kKey2 = base64_encode(std::string(32, 'b'));
const std::string kUrl = "http://127.0.0.1:4600/topics/orders/api/events?apiVersion=2018-01-01";
const Time kNow = *parse_rfc3339("2026-01-02T03:04:05Z");

EventTopic topic() {
  EventTopic out;
  out.name = "orders";
  out.key1 = Secret(kKey1);
  out.key2 = Secret(kKey2);
  return out;
}
std::string sign(const std::string& unsigned_part, const std::string& key) {
  const crypto::Digest mac = crypto::HmacSha256(*base64_decode(key)).sign(unsigned_part);
  return unsigned_part + "&s=" + net::percent_encode(base64_encode(mac));
}
std::string token(const std::string& end, const std::string& key = kKey1, const std::string& url = kUrl) {
  return sign("r=" + net::percent_encode(url) + "&e=" + net::percent_encode(end), key);
}
std::string why(const std::string& text) {
  const Error error = error_of([&] { check_topic_token(topic(), text, kNow); });
  EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(error.http_status, 401);
  return error.message;
}

TEST(TopicAccess, EitherKeyOpensAndNothingElse) {
  EXPECT_NO_THROW(check_topic_key(topic(), kKey1));
  EXPECT_NO_THROW(check_topic_key(topic(), kKey2));
  for (const std::string& wrong : {std::string(), kKey1 + "=", kKey1.substr(1), std::string("x")}) {
    const Error error = error_of([&] { check_topic_key(topic(), wrong); });
    EXPECT_EQ(error.code, ErrorCode::kUnauthenticated) << wrong;
    EXPECT_THAT(error.message, testing::Not(HasSubstr(kKey1)));
  }
  EventTopic blank = topic();
  blank.key2 = Secret();
  EXPECT_EQ(error_of([&] { check_topic_key(blank, ""); }).code, ErrorCode::kUnauthenticated);
  EventTopic off = topic();
  off.local_auth = false;
  EXPECT_EQ(error_of([&] { check_topic_key(off, kKey1); }).code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(error_of([&] { check_topic_token(off, token("1/2/2027 3:04:06 AM"), kNow); }).code, ErrorCode::kUnauthenticated);
}

TEST(TopicAccess, TokensEndInTheFormsThatTheClientsWrite) {
  // JavaScript and .NET; .NET with a narrow space on newer platforms; Java without leading zeros; Python; RFC 3339.
  const char* const narrow =
      "1/2/2026 3:04:06\u202f"
      "AM";
  for (const char* end : {"1/2/2026 3:04:06 AM", narrow, "1/2/2026 3:4:6 AM", "12/31/2026 12:00:00 PM", "2026-01-02 03:04:06",
                          "2026-01-02 03:04:06.250000+00:00", "2026-01-02T03:04:06Z"}) {
    EXPECT_NO_THROW(check_topic_token(topic(), token(end), kNow)) << end;
    EXPECT_NO_THROW(check_topic_token(topic(), token(end, kKey2), kNow)) << end;
  }
  for (const char* end : {"1/2/2026 3:04:05 AM", "1/2/2026 12:59:59 AM", "2026-01-02 03:04:05", "12/31/2025 11:59:59 PM"})
    EXPECT_THAT(why(token(end)), HasSubstr("ended")) << end;
  for (const char* end : {"", "soon", "2/30/2026 1:00:00 AM", "1/2/2026 13:00:00 PM", "1/2/2026 0:00:00 AM", "1/2/2026 3:04:06",
                          "1/2/26 3:04:06 AMx", "13/1/2026 1:00:00 AM", "2026-01-02"})
    EXPECT_THAT(why(token(end)), HasSubstr("no time")) << end;
}

TEST(TopicAccess, SpacesMayComeAsPlus) {
  EXPECT_NO_THROW(
      check_topic_token(topic(), sign("r=" + net::percent_encode(kUrl) + "&e=1%2f2%2f2027+3%3a04%3a06+AM", kKey1), kNow));
}

TEST(TopicAccess, AForgedTokenIsRefused) {
  const std::string good = token("1/2/2027 3:04:06 AM");
  EXPECT_NO_THROW(check_topic_token(topic(), good, kNow));
  EXPECT_THAT(why(token("1/2/2027 3:04:06 AM", base64_encode(std::string(32, 'c')))), HasSubstr("not signed"));
  std::string later = good;
  later.replace(later.find("2027"), 4, "2028");
  EXPECT_THAT(why(later), HasSubstr("not signed"));
  for (const std::string& odd : {std::string(), std::string("&s="), std::string("r=x&e=y"), std::string("r=x&e=y&s=%%"),
                                 std::string(5000, 'x') + "&s=AA==", std::string("e=y&s=AA=="), std::string("r=x&s=AA==")})
    EXPECT_THAT(why(odd), HasSubstr("must have the form")) << odd.substr(0, 20);
}

TEST(TopicAccess, ATokenIsForOneTopic) {
  const auto at = [](const std::string& url) { return token("1/2/2027 3:04:06 AM", kKey1, url); };
  EXPECT_NO_THROW(
      check_topic_token(topic(), at("https://orders.westus2-1.eventgrid.azure.net/api/events?apiVersion=2018-01-01"), kNow));
  EXPECT_NO_THROW(check_topic_token(topic(), at("https://localhost/topics/ORDERS/api/events"), kNow));
  EXPECT_THAT(why(at("http://127.0.0.1:4600/topics/other/api/events")), HasSubstr("another topic"));
  EXPECT_THAT(why(at("https://other.eventgrid.localhost/api/events")), HasSubstr("another topic"));
  EXPECT_THAT(why(at("orders")), HasSubstr("another topic"));
}

}  // namespace
}  // namespace trunkline::eventgrid

#include "runtime/server/access_key.h"

#include <gmock/gmock.h>

#include "runtime/base/encoding.h"

namespace trunkline::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSignature = base64_encode(std::string(32, 's'));

TEST(AccessKeyAuthorizationTest, KeepsTheOrderOfTheSignedHeaders) {
  std::string problem;
  const std::string header = "HMAC-SHA256 SignedHeaders=host;X-Other;x-ms-date;x-ms-content-sha256&Signature=" + kSignature;
  const auto parsed = parse_access_key_authorization(header, problem);
  ASSERT_TRUE(parsed) << problem;
  EXPECT_THAT(parsed->signed_headers, ElementsAre("host", "X-Other", "x-ms-date", "x-ms-content-sha256"));
  EXPECT_EQ(parsed->signature, std::string(32, 's'));
  EXPECT_TRUE(parsed->signs("X-MS-DATE"));
  EXPECT_FALSE(parsed->signs("date"));
}

TEST(AccessKeyAuthorizationTest, SaysWhatIsMalformed) {
  for (const auto& [header, what] : std::initializer_list<std::pair<std::string, std::string>>{
           {"", "scheme"},
           {"Basic abc", "scheme"},
           {"HMAC-SHA256", "nothing follows"},
           {"HMAC-SHA256 nonsense", "without '='"},
           {"HMAC-SHA256 Signature=" + kSignature, "no SignedHeaders"},
           {"HMAC-SHA256 SignedHeaders=host", "no Signature"},
           {"HMAC-SHA256 SignedHeaders=host;;a&Signature=" + kSignature, "empty name"},
           {"HMAC-SHA256 SignedHeaders=host&Signature=abc", "base64 of 32 bytes"},
           {"HMAC-SHA256 SignedHeaders=host&Signature=YWJj", "base64 of 32 bytes"},
           {"HMAC-SHA256 SignedHeaders=host&SignedHeaders=host&Signature=" + kSignature, "twice"},
           {"HMAC-SHA256 Credential=x&SignedHeaders=host&Signature=" + kSignature, "neither"},
           {"HMAC-SHA256 SignedHeaders=" + std::string(3000, 'a'), "longer"},
           {"HMAC-SHA256 SignedHeaders=a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q&Signature=" + kSignature, "more than 16"},
       }) {
    std::string problem;
    EXPECT_FALSE(parse_access_key_authorization(header, problem)) << header;
    EXPECT_THAT(problem, HasSubstr(what)) << header;
  }
}

TEST(ReencodeQueryTest, PrintsLikeUrlSearchParams) {
  EXPECT_EQ(reencode_query("locality=New%20York&x=a+b"), "locality=New+York&x=a+b");
  EXPECT_EQ(reencode_query("a=!'()~&b=*-._"), "a=%21%27%28%29%7E&b=*-._");
  EXPECT_EQ(reencode_query("a&b=&&c=%C3%BC"), "a=&b=&c=%C3%BC");
  EXPECT_EQ(reencode_query("a=b=c&d=%zz"), "a=b%3Dc&d=%25zz");
}

net::Request request(std::string target) {
  net::Request out;
  out.method = "GET";
  out.target = std::move(target);
  return out;
}

TEST(SignedTargetTest, CoversWhatTheOfficialClientsSign) {
  const auto candidates = signed_target_candidates(request("/identities/8%3Aacs?locality=New%20York"));
  EXPECT_EQ(candidates.front(), "/identities/8%3Aacs?locality=New%20York");
  EXPECT_THAT(candidates, Contains("/identities/8%3Aacs?locality=New+York"));   // JavaScript
  EXPECT_THAT(candidates, Contains("identities/8%3Aacs?locality=New%20York"));  // Python over http
  EXPECT_THAT(candidates, Contains("/identities/8:acs?locality=New York"));     // asynchronous Python
  EXPECT_THAT(candidates, Contains("identities/8:acs?locality=New York"));      // asynchronous Python over http
  EXPECT_THAT(candidates, Not(Contains("/identities/8%3Aacs")));
}

TEST(SignedTargetTest, TheQueryIsLeftOutForRecordingsOnly) {
  net::Request recording = request("/v1/objects/1/content/audio?x=1");
  recording.headers.add("x-ms-host", "localhost:4600");
  EXPECT_THAT(signed_target_candidates(recording), Contains("/v1/objects/1/content/audio"));
}

TEST(SignedTargetTest, ADecodedLineBreakIsNoCandidate) {
  for (const std::string& candidate : signed_target_candidates(request("/a%0Ab?c=%0D")))
    EXPECT_EQ(candidate.find_first_of("\r\n"), std::string::npos);
}

}  // namespace
}  // namespace trunkline::server

// Against the worked examples of the public documentation of S3 (authenticating requests with the Authorization header).
#include "runtime/delivery/s3_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline::delivery {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// The key pair of those examples, and their moment: 2013-05-24, midnight.
S3Credentials published() {
  return {"us-east-1", "AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), Secret()};
}
constexpr Time kThen{std::chrono::seconds{1'369'353'600}};

std::string signed_with(net::ClientRequest& request, const S3Credentials& credentials = published()) {
  sign_s3(request, credentials, kThen);
  return std::string(request.headers.get("Authorization"));
}

TEST(S3Signature, PutsAnObjectAsPublished) {
  net::ClientRequest request;
  request.method = "PUT";
  request.url = "https://examplebucket.s3.amazonaws.com/test$file.text";
  request.headers.add("Date", "Fri, 24 May 2013 00:00:00 GMT");
  request.headers.add("x-amz-storage-class", "REDUCED_REDUNDANCY");
  request.body = "Welcome to Amazon S3.";
  EXPECT_EQ(signed_with(request),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
            "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  EXPECT_EQ(request.url, "https://examplebucket.s3.amazonaws.com/test%24file.text") << "sent as it is signed";
  EXPECT_EQ(request.headers.get("x-amz-date"), "20130524T000000Z");
  EXPECT_EQ(request.headers.get("x-amz-content-sha256"), "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
}

TEST(S3Signature, GetsAnObjectAsPublished) {
  net::ClientRequest request;
  request.url = "https://examplebucket.s3.amazonaws.com/test.txt";
  request.headers.add("Range", "bytes=0-9");
  EXPECT_THAT(signed_with(request), EndsWith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
}

TEST(S3Signature, EverythingThatIsSentCounts) {
  const auto of = [](const std::string& url, const std::string& body, const S3Credentials& credentials = published()) {
    net::ClientRequest request;
    request.method = "PUT";
    request.url = url;
    request.body = body;
    return signed_with(request, credentials);
  };
  const std::string one = of("https://s3.example/b/k", "x");
  EXPECT_EQ(one, of("https://S3.example:443/b/k", "x")) << "the same host, as it is sent";
  EXPECT_NE(one, of("https://s3.example:9000/b/k", "x"));
  EXPECT_NE(one, of("https://s3.example/b/K", "x"));
  EXPECT_NE(one, of("https://s3.example/b/k", "y"));
  S3Credentials other = published();
  other.secret_access_key = Secret("another");
  EXPECT_NE(one, of("https://s3.example/b/k", "x", other));
  other = published();
  other.session_token = Secret("temporary");
  EXPECT_THAT(of("https://s3.example/b/k", "x", other), HasSubstr("x-amz-date;x-amz-security-token,"));
}

TEST(S3Signature, PathsAreEscapedOnce) {
  net::ClientRequest request;
  request.method = "PUT";
  request.url = "http://[::1]:9000/b/a$b/%C3%A9/~x-_.json";
  signed_with(request);
  EXPECT_EQ(request.url, "http://[::1]:9000/b/a%24b/%C3%A9/~x-_.json");
}

TEST(S3Signature, EscapesAreWrittenAsTheServiceWritesThem) {
  net::ClientRequest request;
  request.method = "PUT";
  request.url = "http://[::1]:9000/b/caf%c3%a9/%7Ex%2fy%zz";
  signed_with(request);
  EXPECT_EQ(request.url, "http://[::1]:9000/b/caf%C3%A9/~x%2Fy%25zz");
}

}  // namespace
}  // namespace trunkline::delivery

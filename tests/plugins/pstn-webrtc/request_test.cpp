// What pages ask over HTTP.
#include "transport/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trunkline/error.hpp"

namespace pstn_webrtc {
namespace {

using Headers = std::map<std::string, std::string>;
using What = Ask::What;

Headers page(Headers more = {}) {
  Headers headers{{"trunkline-user", "8:acs:r_u"},
                  {"trunkline-resource", "dev"},
                  {"trunkline-scopes", "chat voip"},
                  {"content-type", "application/sdp"}};
  for (auto& [name, value] : more) headers[name] = value;
  return headers;
}

Ask parse(const char* method, const std::string& path, Headers headers = page()) {
  return parse_ask(method, "http://127.0.0.1:4600/_webrtc/browser" + path, headers, "v=0");
}

/// 0: it is taken.
int status(const char* method, const std::string& path, Headers headers = page()) {
  try {
    parse(method, path, std::move(headers));
  } catch (const trunkline::Error& error) {
    return error.http_status;
  }
  return 0;
}

TEST(Request, APageCallsSomebody) {
  const Ask ask = parse("POST", "?to=%2B14255550100");
  EXPECT_EQ(ask.what, What::kJoin);
  EXPECT_EQ(ask.to, "+14255550100");
  EXPECT_EQ(ask.base, "/_webrtc/browser");
  EXPECT_EQ(ask.caller.user, "8:acs:r_u");
  EXPECT_EQ(ask.body, "v=0");
  EXPECT_EQ(parse("POST", "/?to=8%3Aacs%3Ar_v&x=1").to, "8:acs:r_v");
  EXPECT_EQ(parse("POST", "?room=9900").to, "room:9900");
  EXPECT_EQ(parse("POST", "?group=g").to, "group:g");
  EXPECT_EQ(status("POST", ""), 400);
  EXPECT_EQ(status("POST", "?to=%2B1&room=1"), 400);
  EXPECT_EQ(status("POST", "?to=+14255550100"), 0) << "in a path a plus is a plus";
  EXPECT_EQ(status("POST", "?to=room%3A1"), 400);
  EXPECT_EQ(status("POST", "?to="), 400);
  EXPECT_EQ(status("POST", "?to=%2"), 400);
  EXPECT_EQ(status("POST", "?to=%2B1%0A"), 400);
  EXPECT_EQ(status("POST", "?to=%2B" + std::string(600, '1')), 400);
}

TEST(Request, OnlyWhomTheHostKnows) {
  EXPECT_EQ(status("POST", "?to=%2B1", {{"content-type", "application/sdp"}}), 401);
  EXPECT_EQ(status("POST", "?to=%2B1", page({{"trunkline-scopes", "chat voip.join"}})), 403);
  EXPECT_EQ(status("POST", "?room=1", page({{"trunkline-scopes", "chat voip.join"}})), 0);
  EXPECT_EQ(status("GET", "/calls", page({{"trunkline-scopes", "voip.join"}})), 403);
}

TEST(Request, OfASession) {
  EXPECT_EQ(parse("DELETE", "/sessions/web-1").what, What::kLeave);
  EXPECT_EQ(parse("POST", "/sessions/web-1/offer").what, What::kChange);
  EXPECT_EQ(parse("GET", "/ice-servers").what, What::kServers);
  EXPECT_EQ(parse("GET", "/ice-servers?ttl=600").seconds, 600);
  EXPECT_EQ(status("GET", "/ice-servers?ttl=never"), 400);
  EXPECT_EQ(parse("POST", "/sessions/web-1/offer").id, "web-1");
  EXPECT_EQ(parse("DELETE", "/sessions/web-1").id, "web-1");
  EXPECT_EQ(parse("GET", "/sessions/web-1/state?after=ringing").what, What::kState);
  EXPECT_EQ(parse("GET", "/sessions/web-1/state?after=ringing").after, "ringing");
  EXPECT_EQ(parse("PATCH", "/sessions/web-1", page({{"content-type", "application/trickle-ice-sdpfrag"}})).what, What::kTrickle);
  EXPECT_EQ(status("GET", "/sessions/web-1"), 405);
  EXPECT_EQ(status("PATCH", "/sessions/web-1"), 415);
}

TEST(Request, OfCallsThatRing) {
  EXPECT_EQ(parse("GET", "/calls?after=3").what, What::kCalls);
  EXPECT_EQ(parse("POST", "/calls/1").what, What::kAccept);
  EXPECT_EQ(parse("DELETE", "/calls/1").what, What::kDecline);
  EXPECT_EQ(status("PUT", "/calls/1"), 405);
  EXPECT_EQ(status("POST", "/calls/1", page({{"content-type", "text/plain"}})), 415);
  EXPECT_EQ(status("POST", "/calls/1", page({{"content-type", "Application/SDP; charset=utf-8"}})), 0);
}

TEST(Request, OfWhoOnlyListens) {
  EXPECT_EQ(parse("POST", "/whep?room=9900").what, What::kListen);
  EXPECT_EQ(parse("POST", "/whep?room=9900").to, "room:9900");
  EXPECT_EQ(parse("POST", "/whep?call=aHR0cHM6Ly9jYWxscw%3D%3D").to, "call:aHR0cHM6Ly9jYWxscw==");
  EXPECT_EQ(status("POST", "/whep?group=g", page({{"trunkline-scopes", "voip.join"}})), 0);
  EXPECT_EQ(status("POST", "/whep"), 400);
  EXPECT_EQ(status("POST", "/whep?to=%2B1"), 400);
  EXPECT_EQ(status("POST", "/whep?call="), 400);
  EXPECT_EQ(status("GET", "/whep?room=1"), 405);
  EXPECT_EQ(status("POST", "/whep?room=1", page({{"content-type", "text/plain"}})), 415);
}

TEST(Request, OfKeys) {
  EXPECT_EQ(parse("POST", "/sessions/web-1/digits?digits=5%23A").what, What::kPress);
  EXPECT_EQ(parse("POST", "/sessions/web-1/digits?digits=5%23A").digits, "5#A");
  EXPECT_EQ(status("POST", "/sessions/web-1/digits"), 400);
  EXPECT_EQ(status("POST", "/sessions/web-1/digits?digits=x"), 400);
  EXPECT_EQ(status("POST", "/sessions/web-1/digits?digits=" + std::string(19, '1')), 400);
  EXPECT_EQ(status("GET", "/sessions/web-1/digits?digits=1"), 405);
}

TEST(Request, OtherPathsAreNone) {
  EXPECT_EQ(status("GET", "?to=%2B1"), 405);
  EXPECT_EQ(status("POST", "?to=%2B1", page({{"content-type", "application/json"}})), 415);
  EXPECT_EQ(status("GET", "/nothing"), 404);
  EXPECT_EQ(status("GET", "/sessions"), 404);
  EXPECT_EQ(status("GET", "/a/b/c/d/e/f/g"), 400);
  EXPECT_EQ(status("GET", "/" + std::string(3000, 'a')), 400);
}

int trickle(const std::string& body, const std::string& tag) {
  Ask ask;
  ask.body = body;
  ask.entity_tag = tag;
  try {
    check_trickle(ask, "page", "\"t\"");
  } catch (const trunkline::Error& error) {
    return error.http_status;
  }
  return 0;
}

TEST(Request, CandidatesAreTakenAndRestartsAreNot) {
  const std::string more =
      "a=ice-ufrag:page\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
  EXPECT_EQ(trickle(more, "\"t\""), 0);
  EXPECT_EQ(trickle(more, ""), 428);
  EXPECT_EQ(trickle(more, "\"other\""), 412);
  EXPECT_EQ(trickle("a=ice-ufrag:another\r\na=ice-pwd:x\r\n", "*"), 422);
  EXPECT_EQ(trickle("nothing", "\"t\""), 400);
  EXPECT_EQ(trickle(std::string(20'000, '\n'), "\"t\""), 413);
}

}  // namespace
}  // namespace pstn_webrtc

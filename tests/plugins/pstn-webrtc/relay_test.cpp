// What pages are told of STUN and TURN servers.
#include "transport/relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pstn_webrtc {
namespace {

TEST(Relay, AddressesAreThoseOfStunAndTurn) {
  for (const char* url : {"stun:stun.example", "turn:relay.example:3478?transport=udp", "turns:relay.example:5349?transport=tcp",
                          "turn:[2001:db8::1]:3478"})
    EXPECT_TRUE(is_relay_url(url)) << url;
  for (const char* url :
       {"", "turn:", "http://relay.example", "turn:a b", "turn:a>", "turn:a\r\nX: y", "turn:\"a", "turn:a,b", "turn:user@a"})
    EXPECT_FALSE(is_relay_url(url)) << url;
  EXPECT_FALSE(is_relay_url("turn:" + std::string(300, 'a')));
}

/// As coturn makes them: base64(HMAC-SHA1(secret, "1700000000:ann")).
TEST(Relay, CredentialsAreMadeForOnePageAndEnd) {
  RelayServer server;
  server.urls = {"turn:relay.example"};
  server.secret = "north";
  const RelayAccess access = relay_access(server, "ann", 1700000000);
  EXPECT_EQ(access.username, "1700000000:ann");
  EXPECT_EQ(access.credential, "jeamH6dA5l2I9g3jmieza7CzEDo=");
  EXPECT_EQ(relay_access(server, "8:acs:a_b\r\n", 1).username, "1:8-acs-a_b--");
  EXPECT_NE(relay_access(server, "bob", 1700000000).credential, access.credential);
}

TEST(Relay, CredentialsMayBeFixed) {
  RelayServer server;
  server.urls = {"turn:relay.example"};
  server.username = "site";
  server.secret = "a \"word\"";
  const RelayAccess access = relay_access(server, "ann", 1700000000);
  EXPECT_EQ(access.username, "site");
  EXPECT_EQ(access.credential, "a \"word\"");
  EXPECT_EQ(relay_links({access}),
            R"(<turn:relay.example>; rel="ice-server"; username="site"; credential="a \"word\""; credential-type="password")");
}

TEST(Relay, LinksNameEachAddress) {
  RelayAccess stun, turn;
  stun.urls = {"stun:a"};
  turn.urls = {"turn:b", "stun:b"};
  turn.username = "u";
  turn.credential = "c";
  EXPECT_EQ(
      relay_links({stun, turn}),
      R"(<stun:a>; rel="ice-server", <turn:b>; rel="ice-server"; username="u"; credential="c"; credential-type="password", )"
      R"(<stun:b>; rel="ice-server")");
  EXPECT_EQ(relay_links({}), "");
}

}  // namespace
}  // namespace pstn_webrtc

// The same over IPv6, and addresses as such.
#include "tests/plugins/pstn-sip/sip_pair.h"

namespace trunkline::testing {
namespace {

bool has_ipv6_loopback() {
  const int fd = ::socket(AF_INET6, SOCK_DGRAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has = fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) ::close(fd);
  return has;
}

class PstnSipIpv6 : public PstnSip {
 protected:
  void SetUp() override {
    if (!has_ipv6_loopback()) GTEST_SKIP() << "this machine has no ::1";
  }
  void open_v6(json more = json::object()) {
    more["address"] = "::1";
    open(more, {{"address", "::1"}}, {{"address", "::1"}});
  }
};

TEST_F(PstnSipIpv6, ACallWithSoundBothWays) {
  open_v6();
  talk();
  both_hear();
  near_.calls.send_dtmf_sync("leg", "5#");
  EXPECT_TRUE(far_.told("dtmf 5"));
  near_.calls.hang_up_sync("leg", 16);
  EXPECT_TRUE(far_.told("ended 16"));
}

TEST_F(PstnSipIpv6, OverTcpWithSrtp) {
  open_v6({{"transport", "tcp"}, {"srtp", "required"}});
  talk();
  both_hear();
}

TEST_F(PstnSipIpv6, ATrunkIsAsked) {
  open_v6();
  const pstn::TrunkProbe there = near_.trunks.probe_sync({"far.test", 5061});
  EXPECT_TRUE(there.ok) << there.problem.value_or("");
  EXPECT_THAT(there.peer, StartsWith("[::1]:"));
}

TEST_F(PstnSipIpv6, StrangersMayNotCall) {
  near_.open(host_, {{"address", "::1"}, {"trunks", json::array({trunk("far.test", far_.port, {{"address", "::1"}})})}});
  far_.open(host_, {{"address", "::1"}, {"trunks", json::array({{{"host", "2001:db8::1"}}})}});
  near_.dial();
  EXPECT_TRUE(near_.told("ended 21 403"));
}

TEST_F(PstnSipIpv6, ANetworkThatMayCall) {
  near_.open(host_, {{"address", "::1"}, {"trunks", json::array({trunk("far.test", far_.port, {{"address", "::1"}})})}});
  far_.open(host_, {{"address", "::1"}, {"trunks", json::array({{{"host", "2001:db8::1"}, {"allow_from", {"::/127"}}}})}});
  near_.dial();
  EXPECT_TRUE(far_.told_begin("incoming"));
}

TEST(PstnSipIpv6Settings, WhatIsWrongIsNamed) {
  Host host;
  const auto target_of = [&](const json& config) {
    std::string target;
    EXPECT_EQ(code_of([&] { host.open("pstn-sip", config.dump()); }, &target), ErrorCode::kInvalidArgument) << config;
    return target;
  };
  EXPECT_EQ(target_of({{"address", "::"}}), "advertise");
  EXPECT_EQ(target_of({{"address", "::1"}, {"advertise", "192.0.2.1"}}), "advertise");
  EXPECT_EQ(target_of({{"address", "[::1]"}}), "address");
  EXPECT_EQ(target_of({{"trunks", json::array({{{"host", "a.test"}, {"allow_from", {"2001:db8::/129"}}}})}}),
            "trunks[0].allow_from[0]");
}

}  // namespace
}  // namespace trunkline::testing

#include "runtime/net/url.h"

#include <gtest/gtest.h>

namespace trunkline::net {
namespace {

TEST(PrivateAddress, WhatNoWebhookOfTheInternetLivesAt) {
  for (const char* address : {"0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1",
                              "172.31.255.255", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1",
                              "fc00::1", "fd12::1", "fe80::1", "ff02::1", "2001:db8::1",
                              // The same in disguise: mapped, compatible, through NAT64, 6to4.
                              "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::192.168.1.1", "2002:7f00:1::"})
    EXPECT_TRUE(is_private_address(address)) << address;
}

TEST(PrivateAddress, WhatTheyDoLiveAt) {
  for (const char* address : {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1",
                              "192.167.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::"})
    EXPECT_FALSE(is_private_address(address)) << address;
}

}  // namespace
}  // namespace trunkline::net

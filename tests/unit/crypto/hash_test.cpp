#include "runtime/crypto/hash.h"

#include <gtest/gtest.h>

#include <thread>

#include "runtime/base/encoding.h"

namespace trunkline::crypto {
namespace {

std::string hex(const Digest& digest) { return hex_encode(digest); }

TEST(Sha256, GivesKnownDigests) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, WorksInPiecesAndAgain) {
  Sha256 hash;
  for (int round = 0; round < 2; ++round) EXPECT_EQ(hash.update("a").update("").update("bc").finish(), sha256("abc"));
}

TEST(HmacSha256, GivesTheVectorsOfRfc4231) {
  EXPECT_EQ(hex(HmacSha256(std::string(20, '\x0b')).sign("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(HmacSha256("Jefe").sign("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(HmacSha256(std::string(131, '\xaa')).sign("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(HmacSha256("").sign("")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(HmacSha256, SignsPartsAsOneText) {
  const HmacSha256 hmac("key");
  EXPECT_EQ(hmac.sign({"POST\n", "/sms", ""}), hmac.sign("POST\n/sms"));
}

TEST(HmacSha256, Verifies) {
  const HmacSha256 hmac("key");
  const Digest mac = hmac.sign("text");
  EXPECT_TRUE(hmac.verify({"te", "xt"}, as_text(mac)));
  EXPECT_FALSE(hmac.verify({"texu"}, as_text(mac)));
  EXPECT_FALSE(hmac.verify({"text"}, as_text(mac).substr(1)));
  EXPECT_FALSE(hmac.verify({"text"}, ""));
}

TEST(HmacSha256, ServesManyThreads) {
  const HmacSha256 hmac("key");
  const Digest wanted = hmac.sign("text");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 500; ++j) EXPECT_EQ(hmac.sign("text"), wanted);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(ConstantTimeEqual, Compares) {
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "ab"));
}

}  // namespace
}  // namespace trunkline::crypto

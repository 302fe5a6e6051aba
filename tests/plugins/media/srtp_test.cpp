// Protected packets, with the ciphers that we give to the library.
#include "media/srtp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "media/srtp_crypto.h"

namespace call_media {
namespace {

std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

class Srtp : public ::testing::Test {
 protected:
  Srtp() { SrtpSession::initialise(); }

  const std::vector<std::uint8_t> key_ = bytes_of("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6");
  const std::string_view key_text_{reinterpret_cast<const char*>(key_.data()), key_.size()};
  // The packet with which libsrtp tests itself, and what it becomes.
  const std::vector<std::uint8_t> plain_ = bytes_of("800f1234decafbadcafebabeabababababababababababababababab");
  const std::vector<std::uint8_t> protected_ =
      bytes_of("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
};

TEST_F(Srtp, TheLibraryTakesOurCiphers) { EXPECT_TRUE(use_fast_srtp_crypto()); }

TEST_F(Srtp, PacketsAreThoseOfEverybodyElse) {
  std::vector<std::uint8_t> packet = plain_;
  packet.resize(plain_.size() + SrtpSession::kMaxGrowth);
  std::size_t size = plain_.size();
  SrtpSession out(key_text_, true), in(key_text_, false);
  ASSERT_TRUE(out.protect(packet.data(), size));
  packet.resize(size);
  EXPECT_EQ(packet, protected_);
  ASSERT_TRUE(in.unprotect(packet.data(), size));
  packet.resize(size);
  EXPECT_EQ(packet, plain_);
}

TEST_F(Srtp, NothingIsTakenTwiceOrChanged) {
  SrtpSession in(key_text_, false);
  std::vector<std::uint8_t> packet = protected_;
  packet[20] ^= 1;
  std::size_t size = packet.size();
  EXPECT_FALSE(in.unprotect(packet.data(), size));
  for (const bool first : {true, false}) {
    packet = protected_;
    size = packet.size();
    EXPECT_EQ(in.unprotect(packet.data(), size), first);
  }
}

}  // namespace
}  // namespace call_media

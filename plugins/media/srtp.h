// Secure RTP (RFC 3711) with keys from session descriptions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

struct srtp_ctx_t_;

namespace call_media {

/// One direction, AES_CM_128_HMAC_SHA1_80. One thread.
class SrtpSession {
 public:
  static constexpr std::size_t kKeyBytes = 30;
  static constexpr std::size_t kMaxGrowth = 16;  // of a protected packet

  /// Of the library, which tests itself: not while somebody else in the process does, or has a session made. The engine does it
  /// when it is made. False: its own ciphers stay, several times as slow. [lifecycle]
  static bool initialise();
  /// Throws kInternal when the library refuses.
  SrtpSession(std::string_view key, bool outbound);
  ~SrtpSession();
  SrtpSession(const SrtpSession&) = delete;

  /// In place; `packet` has room for kMaxGrowth more. False: it may not be sent.
  bool protect(std::uint8_t* packet, std::size_t& size);
  bool protect_rtcp(std::uint8_t* packet, std::size_t& size);
  /// False: it is not from the other side, or was here before.
  bool unprotect(std::uint8_t* packet, std::size_t& size);
  bool unprotect_rtcp(std::uint8_t* packet, std::size_t& size);

 private:
  srtp_ctx_t_* session_ = nullptr;
};

}  // namespace call_media

#include "media/srtp.h"

#include <srtp2/srtp.h>

#include <algorithm>
#include <array>

#include "media/srtp_crypto.h"
#include "trunkline/error.hpp"

namespace call_media {
namespace {

template <class F>
bool run(F function, srtp_t session, std::uint8_t* packet, std::size_t& size) {
  int length = static_cast<int>(size);
  if (function(session, packet, &length) != srtp_err_status_ok) return false;
  size = static_cast<std::size_t>(length);
  return true;
}

}  // namespace

/// Once for this module. Others in the process may have initialised the library already, which it reports as a fault; whether it
/// works shows when a session is made.
bool SrtpSession::initialise() {
  static const bool fast = [] {
    (void)srtp_init();
    return use_fast_srtp_crypto();
  }();
  return fast;
}

SrtpSession::SrtpSession(std::string_view key, bool outbound) {
  srtp_policy_t policy{};
  std::array<unsigned char, kKeyBytes> bytes{};
  srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
  srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
  policy.ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound;
  policy.window_size = 128;
  policy.key = bytes.data();
  if (key.size() == kKeyBytes) std::copy(key.begin(), key.end(), bytes.begin());
  if (key.size() != kKeyBytes || srtp_create(&session_, &policy) != srtp_err_status_ok)
    throw trunkline::Error(trunkline::ErrorCode::kInternal, "SRTP could not be set up", "sdp");
}

SrtpSession::~SrtpSession() { srtp_dealloc(session_); }

bool SrtpSession::protect(std::uint8_t* packet, std::size_t& size) { return run(srtp_protect, session_, packet, size); }
bool SrtpSession::protect_rtcp(std::uint8_t* packet, std::size_t& size) { return run(srtp_protect_rtcp, session_, packet, size); }
bool SrtpSession::unprotect(std::uint8_t* packet, std::size_t& size) { return run(srtp_unprotect, session_, packet, size); }
bool SrtpSession::unprotect_rtcp(std::uint8_t* packet, std::size_t& size) {
  return run(srtp_unprotect_rtcp, session_, packet, size);
}

}  // namespace call_media

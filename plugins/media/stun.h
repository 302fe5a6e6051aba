// Connectivity checks of ICE: STUN binding requests (RFC 8489, RFC 8445) and what is answered to them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "media/endpoint.h"
#include "media/rtp.h"

namespace call_media {

/// By RFC 7983: what else comes to such a socket begins otherwise.
inline bool is_stun(Bytes packet) { return !packet.empty() && packet[0] < 4; }
inline bool is_dtls(Bytes packet) { return !packet.empty() && packet[0] >= 20 && packet[0] < 64; }
/// Among RTP (RFC 5761).
inline bool is_rtcp(Bytes packet) { return packet.size() > 1 && packet[1] >= 192 && packet[1] < 224; }

struct StunCheck {
  std::array<std::uint8_t, 12> transaction{};
  std::string_view username;  // within the packet
  bool nominates = false;     // USE-CANDIDATE
  std::uint16_t unknown = 0;  // an attribute that we would have to know; 0: none
};

inline constexpr std::size_t kStunMaxAnswer = 128;

/// The name in a binding request that nobody has verified yet, within the packet; empty: there is none.
std::string_view claimed_user(Bytes packet);
/// Nullopt for what is no binding request with a fingerprint, or not signed with this password.
std::optional<StunCheck> parse_check(Bytes packet, std::string_view password);
/// That the check came, and from where; or, when it has something unknown, that (420). Returns how many bytes.
std::size_t write_answer(std::span<std::uint8_t, kStunMaxAnswer> out, const StunCheck& check, const Endpoint& from,
                         std::string_view password);
/// What a full agent sends; for tests and fuzzing.
std::size_t write_check(std::span<std::uint8_t, 256> out, const StunCheck& check, std::string_view password);

}  // namespace call_media

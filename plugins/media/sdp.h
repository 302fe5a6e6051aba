// Session descriptions (RFC 4566, RFC 3264) of one audio stream.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media/codec.h"

namespace call_media {

inline constexpr std::size_t kSdpMaxBytes = 16 * 1024;

/// Who sends, as the description's author sees it.
enum class Direction { kSendRecv, kSendOnly, kRecvOnly, kInactive };

std::string_view word_of(Direction direction);

/// The suite of SRTP that we have.
inline constexpr std::string_view kCryptoSuite = "AES_CM_128_HMAC_SHA1_80";

/// Packets say how loud they are.
inline constexpr std::string_view kLevelExtension = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// One a=crypto line that we can use (RFC 4568, AES_CM_128_HMAC_SHA1_80).
struct SdpCrypto {
  int tag = 0;
  std::string key;  // 30 bytes: master key and salt
};

struct SdpCodec {
  CodecId id = CodecId::kPcmu;
  std::uint8_t payload_type = 0;
};

/// What a description says of ICE and DTLS (RFC 8839, RFC 8842), where sound goes over both.
struct SdpTransport {
  std::string user;            // ice-ufrag
  std::string password;        // ice-pwd
  std::string hash;            // of the fingerprint, in lower case: sha-256
  std::string fingerprint;     // bytes
  bool may_be_client = false;  // setup:actpass or active: it can begin the DTLS handshake
  bool muxed = false;          // rtcp-mux
  std::string mid;             // empty: none
};

/// The first audio stream of a description, as far as it concerns us.
struct SdpAudio {
  std::string address;  // in figures, without brackets
  std::uint16_t port = 0;
  bool secure = false;                          // RTP/SAVP
  std::vector<SdpCodec> codecs;                 // that we know, in its order
  std::optional<std::uint8_t> event_type;       // payload type of telephone-event/8000
  std::optional<std::uint8_t> wide_event_type;  // of telephone-event/48000
  std::vector<SdpCrypto> crypto;
  Direction direction = Direction::kSendRecv;
  int ptime_ms = 20;
  std::uint8_t level_extension = 0;  // the number of the header extension that says how loud a packet is (RFC 6464); 0: none

  std::optional<SdpTransport> transport;   // of WebRTC; address and port mean nothing then
  std::size_t streams = 0;                 // m lines in all
  std::size_t index = 0;                   // of this one among them
  std::vector<std::string> other_streams;  // media, transport and formats of the others, for the lines that refuse them
};

/// Throws kInvalidArgument, naming what is wrong and where, unless it describes an audio stream over RTP.
SdpAudio parse_sdp(std::string_view text);

/// The same of WebRTC: over UDP/TLS/RTP/SAVPF, with what ICE and DTLS need. Throws kFailedPrecondition when there is another
/// stream than the one of sound, or it cannot begin the handshake.
SdpAudio parse_webrtc_sdp(std::string_view text);

/// What both sides can do.
struct Agreed {
  SdpCodec codec;
  std::optional<std::uint8_t> event_type;
  int event_clock = 8000;
  std::uint8_t level_extension = 0;  // they send it; 0: they do not
  std::optional<SdpCrypto> theirs;   // they send with it
};

enum class SrtpUse { kOff, kOptional, kRequired };

struct LocalAudio {
  std::string address;
  std::uint16_t port = 0;
  std::vector<CodecId> codecs;  // that we take, the first choice first
  SrtpUse srtp = SrtpUse::kOff;
  std::string srtp_key;  // 30 bytes; empty: none
  Direction direction = Direction::kSendRecv;
  std::uint64_t session = 0;
  std::uint64_t version = 0;
};

/// Of what the other side described, what we use. Throws kFailedPrecondition when there is nothing in common.
Agreed agree(const SdpAudio& theirs, const LocalAudio& ours);
std::string write_offer(const LocalAudio& ours);
std::string write_answer(const LocalAudio& ours, const SdpAudio& offer, const Agreed& agreed);
/// Where we can be reached.
struct Candidate {
  std::string address;
  std::uint16_t port = 0;
  bool tcp = false;  // passive: the page connects (RFC 6544)
};
/// Our side of ICE and DTLS.
struct LocalTransport {
  std::string user;
  std::string password;
  std::string fingerprint;      // `sha-256 AB:CD:…`
  std::vector<Candidate> more;  // beside the address and port of the description
};
/// Answers an offer that parse_webrtc_sdp has read: ICE is lite, and the offerer begins the handshake.
std::string write_webrtc_answer(const LocalAudio& ours, const LocalTransport& transport, const SdpAudio& offer,
                                const Agreed& agreed);
/// What we may do when the other side wants this.
Direction mirrored(Direction theirs);

}  // namespace call_media

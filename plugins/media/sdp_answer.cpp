// What is agreed on, and the descriptions that we write.
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "media/sdp.h"
#include "trunkline/error.hpp"

namespace call_media {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;

constexpr std::uint8_t kOurEventType = 101;
constexpr std::uint8_t kOurWideEventType = 97;
constexpr int kWideClock = 48000;

std::string encode_key(std::string_view key) {
  std::array<unsigned char, 64> out{};
  const int size = EVP_EncodeBlock(out.data(), reinterpret_cast<const unsigned char*>(key.data()), static_cast<int>(key.size()));
  return std::string(reinterpret_cast<const char*>(out.data()), static_cast<std::size_t>(size));
}

std::string head_of(const LocalAudio& ours) {
  const std::string where = (ours.address.find(':') == ours.address.npos ? " IN IP4 " : " IN IP6 ") + ours.address;
  return "v=0\r\no=- " + std::to_string(ours.session) + " " + std::to_string(ours.version) + where +
         "\r\ns=-\r\nc=" + where.substr(1) + "\r\nt=0 0\r\n";
}

std::string type_lines(std::uint8_t type, std::string_view name, int clock, std::string_view channels,
                       std::string_view parameters) {
  std::string out = "a=rtpmap:" + std::to_string(type) + " " + std::string(name) + "/" + std::to_string(clock);
  if (!channels.empty()) out += "/" + std::string(channels);
  out += "\r\n";
  if (!parameters.empty()) out += "a=fmtp:" + std::to_string(type) + " " + std::string(parameters) + "\r\n";
  return out;
}

std::string codec_lines(std::uint8_t type, CodecId id) {
  const CodecInfo& info = info_of(id);
  return type_lines(type, info.name, info.clock, info.channels, info.parameters);
}

std::string event_lines(std::uint8_t type, int clock) { return type_lines(type, "telephone-event", clock, "", "0-15"); }

std::string crypto_line(int tag, std::string_view key) {
  return "a=crypto:" + std::to_string(tag) + " " + std::string(kCryptoSuite) + " inline:" + encode_key(key) + "\r\n";
}

/// Of a host, with its priority (RFC 8445, 5.1.2; RFC 6544, 4.2): those over TCP are tried after the others.
std::string candidate_line(unsigned foundation, const Candidate& one) {
  constexpr std::uint32_t kHost = 126, kPassive = 4;
  const std::uint32_t rank = foundation - 1, preference = one.tcp ? (kPassive << 13) + 8191 - rank : 65535 - rank;
  return "a=candidate:" + std::to_string(foundation) + (one.tcp ? " 1 tcp " : " 1 udp ") +
         std::to_string(kHost << 24 | preference << 8 | 255) + " " + one.address + " " + std::to_string(one.port) + " typ host" +
         (one.tcp ? " tcptype passive" : "") + "\r\n";
}

/// We read it, and send none.
std::string level_line(const Agreed& agreed) {
  if (agreed.level_extension == 0) return {};
  return "a=extmap:" + std::to_string(agreed.level_extension) + "/recvonly " + std::string(kLevelExtension) + "\r\n";
}

std::string tail_of(const LocalAudio& ours) { return "a=ptime:20\r\na=" + std::string(word_of(ours.direction)) + "\r\n"; }

}  // namespace

std::string_view word_of(Direction direction) {
  switch (direction) {
    case Direction::kSendOnly:
      return "sendonly";
    case Direction::kRecvOnly:
      return "recvonly";
    case Direction::kInactive:
      return "inactive";
    default:
      return "sendrecv";
  }
}

Agreed agree(const SdpAudio& theirs, const LocalAudio& ours) {
  Agreed agreed;
  const auto common = std::find_if(theirs.codecs.begin(), theirs.codecs.end(), [&](const SdpCodec& one) {
    return std::find(ours.codecs.begin(), ours.codecs.end(), one.id) != ours.codecs.end();
  });
  if (common == theirs.codecs.end()) {
    std::string wanted;
    for (const CodecId id : ours.codecs) wanted += (wanted.empty() ? "" : ", ") + std::string(info_of(id).name);
    throw Error(ErrorCode::kFailedPrecondition, "there is no codec in common: wanted one of " + wanted, "sdp");
  }
  agreed.codec = *common;
  // Events have the clock of the sound that they interrupt (RFC 4733, 2.1), but for those who only know one.
  const bool wide = info_of(common->id).clock == kWideClock && theirs.wide_event_type;
  agreed.event_type = wide ? theirs.wide_event_type : theirs.event_type;
  agreed.event_clock = wide ? kWideClock : 8000;
  agreed.level_extension = theirs.level_extension;
  if (theirs.transport) return agreed;
  if (theirs.secure) {
    if (ours.srtp == SrtpUse::kOff)
      throw Error(ErrorCode::kFailedPrecondition, "SRTP is off for this trunk, and RTP/SAVP was found", "sdp");
    if (theirs.crypto.empty())
      throw Error(ErrorCode::kFailedPrecondition, "RTP/SAVP was found without a key for AES_CM_128_HMAC_SHA1_80", "sdp");
    agreed.theirs = theirs.crypto.front();
  } else if (ours.srtp == SrtpUse::kRequired) {
    throw Error(ErrorCode::kFailedPrecondition, "this trunk wants SRTP, and RTP/AVP was found", "sdp");
  }
  return agreed;
}

std::string write_offer(const LocalAudio& ours) {
  const bool secure = ours.srtp == SrtpUse::kRequired;
  std::string out = head_of(ours) + "m=audio " + std::to_string(ours.port) + (secure ? " RTP/SAVP" : " RTP/AVP");
  bool wide = false;
  for (const CodecId id : ours.codecs) {
    out += " " + std::to_string(info_of(id).payload_type);
    wide = wide || info_of(id).clock == kWideClock;
  }
  if (wide) out += " " + std::to_string(kOurWideEventType);
  out += " " + std::to_string(kOurEventType) + "\r\n";
  for (const CodecId id : ours.codecs) out += codec_lines(info_of(id).payload_type, id);
  if (wide) out += event_lines(kOurWideEventType, kWideClock);
  out += event_lines(kOurEventType, 8000);
  if (secure) out += crypto_line(1, ours.srtp_key);
  return out + tail_of(ours);
}

std::string write_answer(const LocalAudio& ours, const SdpAudio& offer, const Agreed& agreed) {
  std::string out = head_of(ours);
  std::size_t other = 0;
  for (std::size_t i = 0; i < offer.streams; ++i) {
    if (i != offer.index) {
      out += "m=" + offer.other_streams[other++] + "\r\n";
      continue;
    }
    out += "m=audio " + std::to_string(ours.port) + (agreed.theirs ? " RTP/SAVP " : " RTP/AVP ") +
           std::to_string(agreed.codec.payload_type);
    if (agreed.event_type) out += " " + std::to_string(*agreed.event_type);
    out += "\r\n" + codec_lines(agreed.codec.payload_type, agreed.codec.id);
    if (agreed.event_type) out += event_lines(*agreed.event_type, agreed.event_clock);
    if (agreed.theirs) out += crypto_line(agreed.theirs->tag, ours.srtp_key);
    out += level_line(agreed) + tail_of(ours);
  }
  return out;
}

std::string write_webrtc_answer(const LocalAudio& ours, const LocalTransport& transport, const SdpAudio& offer,
                                const Agreed& agreed) {
  const std::string port = std::to_string(ours.port), type = std::to_string(agreed.codec.payload_type);
  const std::string& mid = offer.transport->mid;
  std::string out = head_of(ours);
  if (!mid.empty()) out += "a=group:BUNDLE " + mid + "\r\n";
  out += "a=ice-lite\r\nm=audio " + port + " UDP/TLS/RTP/SAVPF " + type;
  if (agreed.event_type) out += " " + std::to_string(*agreed.event_type);
  out += "\r\n";
  if (!mid.empty()) out += "a=mid:" + mid + "\r\n";
  out += "a=ice-ufrag:" + transport.user + "\r\na=ice-pwd:" + transport.password + "\r\na=fingerprint:" + transport.fingerprint +
         "\r\na=setup:passive\r\na=rtcp-mux\r\na=msid:trunkline audio\r\n" +
         codec_lines(agreed.codec.payload_type, agreed.codec.id);
  if (agreed.event_type) out += event_lines(*agreed.event_type, agreed.event_clock);
  out += candidate_line(1, {ours.address, ours.port, false});
  unsigned foundation = 1;
  for (const Candidate& one : transport.more) out += candidate_line(++foundation, one);
  return out + "a=end-of-candidates\r\n" + level_line(agreed) + tail_of(ours);
}

Direction mirrored(Direction theirs) {
  if (theirs == Direction::kSendOnly) return Direction::kRecvOnly;
  if (theirs == Direction::kRecvOnly) return Direction::kSendOnly;
  return theirs;
}

}  // namespace call_media

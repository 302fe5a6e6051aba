#include "media/sdp.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "media/endpoint.h"
#include "trunkline/error.hpp"

namespace call_media {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;

constexpr std::size_t kMaxLine = 2048;
constexpr std::size_t kMaxStreams = 16;
constexpr std::size_t kMaxFormats = 64;
constexpr std::size_t kKeyBytes = 30;
constexpr std::string_view kSuite = "AES_CM_128_HMAC_SHA1_80";
constexpr std::uint8_t kOurEventType = 101;

[[noreturn]] void refuse(const std::string& line, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "the session description is wrong at '" + line.substr(0, 60) + "': " + why, "sdp");
}

std::optional<int> number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most) return std::nullopt;
  return value;
}

/// What stands before the next `mark`; the rest stays in `text`.
std::string_view cut(std::string_view& text, char mark) {
  const std::size_t at = std::min(text.find(mark), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

bool is_ipv4(std::string_view text) {
  int parts = 0;
  while (!text.empty() && parts < 4) {
    const std::string_view part = cut(text, '.');
    if (part.empty() || part.size() > 3 || !number(part, 255)) return false;
    ++parts;
  }
  return parts == 4 && text.empty();
}

bool is_ipv6(std::string_view text) {
  if (text.find(':') == text.npos || text.size() > 45) return false;
  return Endpoint::of(std::string(text), 0).has_value();
}

std::string decode_key(std::string_view text) {
  std::array<unsigned char, 48> out{};
  // 40 characters are 30 bytes exactly, without padding.
  if (text.size() != kKeyBytes / 3 * 4 || text.find('=') != text.npos) return {};
  if (EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size())) !=
      static_cast<int>(kKeyBytes))
    return {};
  return std::string(reinterpret_cast<const char*>(out.data()), kKeyBytes);
}

std::string encode_key(std::string_view key) {
  std::array<unsigned char, 64> out{};
  const int size = EVP_EncodeBlock(out.data(), reinterpret_cast<const unsigned char*>(key.data()), static_cast<int>(key.size()));
  return std::string(reinterpret_cast<const char*>(out.data()), static_cast<std::size_t>(size));
}

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

class Parser {
 public:
  SdpAudio run(std::string_view text) {
    if (text.size() > kSdpMaxBytes) refuse("", "found " + std::to_string(text.size()) + " bytes, wanted at most 16384");
    if (!text.starts_with("v=0")) refuse(std::string(text.substr(0, 20)), "wanted v=0");
    while (!text.empty()) {
      std::string_view line = cut(text, '\n');
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.size() > kMaxLine) refuse(std::string(line), "the line is longer than 2048 bytes");
      if (line.size() < 2 || line[1] != '=') {
        if (line.empty()) continue;
        refuse(std::string(line), "wanted a letter and =");
      }
      take(line[0], line.substr(2));
    }
    finish();
    return std::move(audio_);
  }

 private:
  void take(char type, std::string_view value) {
    if (type == 'm') return media(value);
    if (type == 'c') return connection(value);
    if (type != 'a') return;
    std::string_view name = cut(value, ':');
    if (in_other_) return;
    if (const auto direction = direction_of(name)) {
      (found_ ? audio_.direction : session_direction_) = *direction;
      return;
    }
    if (!found_) return;
    if (name == "rtpmap") return rtpmap(value);
    if (name == "crypto") return crypto(value);
    if (name == "ptime")
      if (const auto ms = number(value, 1000); ms && *ms > 0) audio_.ptime_ms = *ms;
  }

  static std::optional<Direction> direction_of(std::string_view name) {
    for (const Direction one : {Direction::kSendRecv, Direction::kSendOnly, Direction::kRecvOnly, Direction::kInactive})
      if (word_of(one) == name) return one;
    return std::nullopt;
  }

  void media(std::string_view value) {
    const std::string line = "m=" + std::string(value);
    if (++audio_.streams > kMaxStreams) refuse(line, "found more than 16 streams");
    std::string_view rest = value;
    const std::string_view kind = cut(rest, ' ');
    std::string_view ports = cut(rest, ' ');
    const std::string_view transport = cut(rest, ' ');
    const auto port = number(cut(ports, '/'), 65535);
    if (!port || transport.empty() || rest.empty()) refuse(line, "wanted media, port, transport and formats");
    const bool plain = transport == "RTP/AVP", secure = transport == "RTP/SAVP";
    in_other_ = found_ || kind != "audio" || !(plain || secure) || *port == 0;
    if (in_other_) {
      audio_.other_streams.emplace_back(std::string(kind) + " 0 " + std::string(transport) + " " + std::string(rest));
      return;
    }
    found_ = true;
    audio_.index = audio_.streams - 1;
    audio_.port = static_cast<std::uint16_t>(*port);
    audio_.secure = secure;
    audio_.direction = session_direction_;
    while (!rest.empty()) {
      const std::string_view format = cut(rest, ' ');
      const auto type = number(format, 127);
      if (!type) refuse(line, "'" + std::string(format.substr(0, 20)) + "' is no payload type");
      if (formats_.size() == kMaxFormats) refuse(line, "found more than 64 formats");
      formats_.push_back(static_cast<std::uint8_t>(*type));
    }
  }

  void connection(std::string_view value) {
    if (in_other_) return;
    const std::string line = "c=" + std::string(value);
    const bool v6 = value.starts_with("IN IP6 ");
    if (!v6 && !value.starts_with("IN IP4 ")) refuse(line, "wanted IN IP4 or IN IP6 and an address");
    value.remove_prefix(7);
    const std::string_view address = cut(value, '/');
    if (!(v6 ? is_ipv6(address) : is_ipv4(address))) refuse(line, "wanted an address in figures");
    (found_ ? audio_.address : session_address_) = std::string(address);
  }

  void rtpmap(std::string_view value) {
    const auto type = number(cut(value, ' '), 127);
    if (!type || mapped_.size() >= kMaxFormats) return;
    const std::string_view name = cut(value, '/');
    const std::string_view clock = cut(value, '/');
    mapped_.push_back({static_cast<std::uint8_t>(*type), std::string(name), std::string(clock)});
  }

  /// `1 AES_CM_128_HMAC_SHA1_80 inline:<base64>[|…]`
  void crypto(std::string_view value) {
    const auto tag = number(cut(value, ' '), 999'999'999);
    const std::string_view suite = cut(value, ' ');
    std::string_view key = cut(value, ' ');
    if (!tag || suite != kSuite || !key.starts_with("inline:") || !value.empty() || audio_.crypto.size() >= 8) return;
    key.remove_prefix(7);
    const std::string_view text = cut(key, '|');
    // A master key identifier would be in every packet: not for us.
    if (key.find(':') != key.npos) return;
    if (std::string bytes = decode_key(text); !bytes.empty()) audio_.crypto.push_back({*tag, std::move(bytes)});
  }

  void finish() {
    if (!found_) refuse("m=", audio_.streams == 0 ? "there is no stream" : "there is no audio over RTP/AVP or RTP/SAVP");
    if (audio_.address.empty()) audio_.address = session_address_;
    if (audio_.address.empty()) refuse("c=", "there is no address");
    // The way to hold of RFC 2543.
    if ((audio_.address == "0.0.0.0" || audio_.address == "::") && audio_.direction == Direction::kSendRecv)
      audio_.direction = Direction::kSendOnly;
    for (const std::uint8_t type : formats_) {
      const auto map = std::find_if(mapped_.begin(), mapped_.end(), [&](const Mapped& one) { return one.type == type; });
      if (map == mapped_.end()) {
        for (const CodecInfo& known : kCodecs)
          if (known.payload_type == type) audio_.codecs.push_back({known.id, type});
      } else if (map->clock == "8000") {
        if (const auto id = codec_of_name(map->name)) audio_.codecs.push_back({*id, type});
        if (map->name == "telephone-event" && !audio_.event_type) audio_.event_type = type;
      }
    }
  }

  struct Mapped {
    std::uint8_t type = 0;
    std::string name;
    std::string clock;
  };
  SdpAudio audio_;
  bool found_ = false;
  bool in_other_ = false;
  std::string session_address_;
  Direction session_direction_ = Direction::kSendRecv;
  std::vector<std::uint8_t> formats_;
  std::vector<Mapped> mapped_;
};

std::string head_of(const LocalAudio& ours) {
  const std::string where = (ours.address.find(':') == ours.address.npos ? " IN IP4 " : " IN IP6 ") + ours.address;
  return "v=0\r\no=- " + std::to_string(ours.session) + " " + std::to_string(ours.version) + where +
         "\r\ns=-\r\nc=" + where.substr(1) + "\r\nt=0 0\r\n";
}

std::string map_line(std::uint8_t type, std::string_view name) {
  return "a=rtpmap:" + std::to_string(type) + " " + std::string(name) + "/8000\r\n";
}

std::string event_lines(std::uint8_t type) {
  return map_line(type, "telephone-event") + "a=fmtp:" + std::to_string(type) + " 0-15\r\n";
}

std::string crypto_line(int tag, std::string_view key) {
  return "a=crypto:" + std::to_string(tag) + " " + std::string(kSuite) + " inline:" + encode_key(key) + "\r\n";
}

std::string tail_of(const LocalAudio& ours) { return "a=ptime:20\r\na=" + std::string(word_of(ours.direction)) + "\r\n"; }

}  // namespace

SdpAudio parse_sdp(std::string_view text) { return Parser().run(text); }

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
  agreed.event_type = theirs.event_type;
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
  for (const CodecId id : ours.codecs) out += " " + std::to_string(info_of(id).payload_type);
  out += " " + std::to_string(kOurEventType) + "\r\n";
  for (const CodecId id : ours.codecs) out += map_line(info_of(id).payload_type, info_of(id).name);
  out += event_lines(kOurEventType);
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
    out += "\r\n" + map_line(agreed.codec.payload_type, info_of(agreed.codec.id).name);
    if (agreed.event_type) out += event_lines(*agreed.event_type);
    if (agreed.theirs) out += crypto_line(agreed.theirs->tag, ours.srtp_key);
    out += tail_of(ours);
  }
  return out;
}

Direction mirrored(Direction theirs) {
  if (theirs == Direction::kSendOnly) return Direction::kRecvOnly;
  if (theirs == Direction::kRecvOnly) return Direction::kSendOnly;
  return theirs;
}

}  // namespace call_media

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

/// Letters, digits, + and /, as RFC 8839 has them.
bool is_ice_text(std::string_view text, std::size_t least) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  return text.size() >= least && text.size() <= 256 && std::all_of(text.begin(), text.end(), fine);
}

bool is_token(std::string_view text) {
  const auto fine = [](char c) { return c > ' ' && c < 127; };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), fine);
}

/// `AB:CD:…`; empty: it is none.
std::string bytes_of_fingerprint(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string bytes;
  while (!text.empty() && bytes.size() < 64) {
    const std::string_view byte = cut(text, ':');
    if (byte.size() != 2 || digit(byte[0]) < 0 || digit(byte[1]) < 0) return {};
    bytes.push_back(static_cast<char>(digit(byte[0]) << 4 | digit(byte[1])));
  }
  return text.empty() ? bytes : std::string();
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

class Parser {
 public:
  explicit Parser(bool webrtc = false) {
    if (webrtc) audio_.transport.emplace();
  }

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
    // What is said before the streams holds for all of them; the stream's own lines come later and count.
    if (audio_.transport && transport(name, value)) return;
    if (const auto direction = direction_of(name)) {
      (found_ ? audio_.direction : session_direction_) = *direction;
      return;
    }
    if (!found_) return;
    if (name == "rtpmap") return rtpmap(value);
    if (name == "crypto") return crypto(value);
    if (name == "extmap") return extension(value);
    if (name == "ptime")
      if (const auto ms = number(value, 1000); ms && *ms > 0) audio_.ptime_ms = *ms;
  }

  static std::optional<Direction> direction_of(std::string_view name) {
    for (const Direction one : {Direction::kSendRecv, Direction::kSendOnly, Direction::kRecvOnly, Direction::kInactive})
      if (word_of(one) == name) return one;
    return std::nullopt;
  }

  bool transport(std::string_view name, std::string_view value) {
    SdpTransport& out = *audio_.transport;
    if (name == "ice-ufrag") {
      if (!is_ice_text(value, 4)) refuse("a=ice-ufrag", "wanted 4 to 256 letters, digits, + and /");
      out.user = value;
    } else if (name == "ice-pwd") {
      if (!is_ice_text(value, 22)) refuse("a=ice-pwd", "wanted 22 to 256 letters, digits, + and /");
      out.password = value;
    } else if (name == "fingerprint") {
      const std::string hash = lower_case(cut(value, ' '));
      std::string bytes = bytes_of_fingerprint(value);
      // Of several the first that we can check counts.
      if (!out.fingerprint.empty() && found_ == fingerprint_of_stream_) return true;
      const std::size_t size = hash == "sha-256" ? 32 : hash == "sha-384" ? 48 : hash == "sha-512" ? 64 : 0;
      if (size == 0) return true;
      if (bytes.size() != size) refuse("a=fingerprint:" + hash, "wanted " + std::to_string(size) + " bytes in hexadecimal");
      out.hash = hash;
      out.fingerprint = std::move(bytes);
      fingerprint_of_stream_ = found_;
    } else if (name == "setup") {
      out.may_be_client = value == "actpass" || value == "active";
      has_setup_ = true;
    } else if (name == "rtcp-mux") {
      out.muxed = true;
    } else if (name == "mid" && found_) {
      if (!is_token(value)) refuse("a=mid", "wanted 1 to 64 characters that can be seen");
      out.mid = value;
    } else {
      return false;
    }
    return true;
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
    const bool webrtc = audio_.transport.has_value();
    const bool plain = !webrtc && transport == "RTP/AVP";
    const bool secure = webrtc ? transport == "UDP/TLS/RTP/SAVPF" || transport == "UDP/TLS/RTP/SAVP" : transport == "RTP/SAVP";
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
    if (in_other_ || audio_.transport) return;
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

  /// `1[/sendonly] urn:ietf:params:rtp-hdrext:ssrc-audio-level[ vad=on]`
  void extension(std::string_view value) {
    std::string_view id = cut(value, ' ');
    const auto number_of = number(cut(id, '/'), 255);
    if (!number_of || *number_of == 0 || *number_of == 15 || id == "recvonly" || id == "inactive") return;
    if (cut(value, ' ') == kLevelExtension) audio_.level_extension = static_cast<std::uint8_t>(*number_of);
  }

  /// `1 AES_CM_128_HMAC_SHA1_80 inline:<base64>[|…]`
  void crypto(std::string_view value) {
    const auto tag = number(cut(value, ' '), 999'999'999);
    const std::string_view suite = cut(value, ' ');
    std::string_view key = cut(value, ' ');
    if (!tag || suite != kCryptoSuite || !key.starts_with("inline:") || !value.empty() || audio_.crypto.size() >= 8) return;
    key.remove_prefix(7);
    const std::string_view text = cut(key, '|');
    // A master key identifier would be in every packet: not for us.
    if (key.find(':') != key.npos) return;
    if (std::string bytes = decode_key(text); !bytes.empty()) audio_.crypto.push_back({*tag, std::move(bytes)});
  }

  void finish() {
    if (!found_)
      refuse("m=", audio_.streams == 0 ? "there is no stream"
                   : audio_.transport  ? "there is no audio over UDP/TLS/RTP/SAVPF"
                                       : "there is no audio over RTP/AVP or RTP/SAVP");
    if (audio_.transport) {
      finish_transport(*audio_.transport);
      return finish_codecs();
    }
    if (audio_.address.empty()) audio_.address = session_address_;
    if (audio_.address.empty()) refuse("c=", "there is no address");
    // The way to hold of RFC 2543.
    if ((audio_.address == "0.0.0.0" || audio_.address == "::") && audio_.direction == Direction::kSendRecv)
      audio_.direction = Direction::kSendOnly;
    finish_codecs();
  }

  void finish_transport(const SdpTransport& read) {
    if (read.user.empty()) refuse("a=ice-ufrag", "there is none");
    if (read.password.empty()) refuse("a=ice-pwd", "there is none");
    if (read.fingerprint.empty()) refuse("a=fingerprint", "there is none of SHA-256, SHA-384 or SHA-512");
    if (!has_setup_) refuse("a=setup", "there is none");
    if (!read.muxed) refuse("a=rtcp-mux", "there is none");
  }

  void finish_codecs() {
    for (const std::uint8_t type : formats_) {
      const auto map = std::find_if(mapped_.begin(), mapped_.end(), [&](const Mapped& one) { return one.type == type; });
      if (map == mapped_.end()) {
        for (const CodecInfo& known : kCodecs)
          if (known.payload_type == type && !known.dynamic()) audio_.codecs.push_back({known.id, type});
        continue;
      }
      if (map->name == "telephone-event") {
        if (map->clock == "8000" && !audio_.event_type) audio_.event_type = type;
        if (map->clock == "48000" && !audio_.wide_event_type) audio_.wide_event_type = type;
      } else if (const auto id = codec_of_name(map->name); id && map->clock == std::to_string(info_of(*id).clock)) {
        audio_.codecs.push_back({*id, type});
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
  bool has_setup_ = false;
  bool fingerprint_of_stream_ = false;
  std::string session_address_;
  Direction session_direction_ = Direction::kSendRecv;
  std::vector<std::uint8_t> formats_;
  std::vector<Mapped> mapped_;
};

}  // namespace

SdpAudio parse_sdp(std::string_view text) { return Parser().run(text); }

SdpAudio parse_webrtc_sdp(std::string_view text) {
  SdpAudio read = Parser(true).run(text);
  if (read.streams != 1)
    throw Error(ErrorCode::kFailedPrecondition,
                "found " + std::to_string(read.streams) + " streams, wanted one of audio and no other", "sdp");
  if (!read.transport->may_be_client)
    throw Error(ErrorCode::kFailedPrecondition, "a=setup: wanted actpass or active: the handshake is begun by who offers", "sdp");
  return read;
}

}  // namespace call_media

// What pages send: descriptions, requests and their fragments, checks of ICE, handshakes. Reading never fails but by an Error,
// and what we answer can be read again. The first byte says what it is.
#include <cstdlib>
#include <string>
#include <string_view>

#include "media/framing.h"
#include "media/ice_lite.h"
#include "media/rtp_ports.h"
#include "media/sdp.h"
#include "transport/dtls.h"
#include "transport/request.h"

using namespace call_media;

namespace {

void check(bool good) {
  if (!good) std::abort();
}

void description(std::string_view text) {
  LocalAudio ours;
  ours.address = "192.0.2.1";
  ours.port = 22000;
  ours.codecs = {CodecId::kOpus, CodecId::kPcmu};
  try {
    const SdpAudio offer = parse_webrtc_sdp(text);
    check(offer.transport && offer.transport->fingerprint.size() >= 32 && offer.transport->may_be_client);
    const Agreed agreed = agree(offer, ours);
    ours.direction = mirrored(offer.direction);
    const std::string answer = write_webrtc_answer(
        ours, {"user", "a password of 22 bytes", "sha-256 AB", {{"2001:db8::1", 22000, false}, {"192.0.2.1", 443, true}}}, offer,
        agreed);
    // One line for each of ours: nothing of the offer ends one.
    check(answer.find("\r\n\r\n") == answer.npos && answer.find('\0') == answer.npos);
  } catch (const trunkline::Error&) {
  }
}

void request(std::string_view text) {
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view url = text.substr(0, line), body = text.substr(std::min(line + 1, text.size()));
  for (const char* method : {"GET", "POST", "PATCH", "DELETE"}) {
    try {
      pstn_webrtc::Ask ask = pstn_webrtc::parse_ask(
          method, url,
          {{"trunkline-user", "8:acs:u"},
           {"trunkline-resource", "r"},
           {"trunkline-scopes", "voip"},
           {"if-match", "t"},
           {"content-type", *method == 'P' && method[1] == 'A' ? "application/trickle-ice-sdpfrag" : "application/sdp"}},
          std::string(body));
      check(ask.base.starts_with("/") && ask.to.size() <= 520 && ask.after.size() <= 40);
      pstn_webrtc::check_trickle(ask, "user", "t");
    } catch (const trunkline::Error& error) {
      check(error.http_status >= 400);
    }
  }
}

void packet(Bytes bytes) {
  static IceLite ice("ours", "a password of 22 bytes", "them");
  std::array<std::uint8_t, kStunMaxAnswer> answer;
  check(ice.take(bytes, *ipv4_address("192.0.2.9", 9), answer) <= answer.size());
  (void)parse_check(bytes, "a password of 22 bytes");
}

/// A stream, in pieces of up to 255 bytes.
void frames(Bytes bytes) {
  FrameReader reader;
  std::size_t had = 0, found = 0;
  while (!bytes.empty() && !reader.broken()) {
    const std::size_t size = std::min<std::size_t>(bytes[0], bytes.size() - 1);
    const auto space = reader.space();
    check(space.size() >= size);
    std::copy_n(bytes.begin() + 1, size, space.begin());
    reader.filled(size);
    had += size;
    while (const auto packet = reader.front()) {
      check(!packet->empty() && packet->size() <= FrameReader::kMaxPacket);
      (void)claimed_user(*packet);
      found += FrameReader::kLengthBytes + packet->size();
      reader.pop();
    }
    bytes = bytes.subspan(1 + size);
  }
  check(found <= had);
}

void handshake(Bytes bytes) {
  static const pstn_webrtc::DtlsIdentity identity;
  pstn_webrtc::DtlsServer server(identity, "sha-256", std::string(32, 'f'), [](Bytes) {});
  // Packets of up to 255 bytes, each with its length before it.
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes[0], bytes.size() - 1);
    check(server.take(bytes.subspan(1, size)) != pstn_webrtc::DtlsServer::State::kUp);
    bytes = bytes.subspan(1 + size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes bytes(data + 1, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (data[0] >= 0xf0) {
    frames(bytes);
    return 0;
  }
  switch (data[0] % 4) {
    case 0:
      description(text);
      break;
    case 1:
      request(text);
      break;
    case 2:
      packet(bytes);
      break;
    default:
      handshake(bytes);
  }
  return 0;
}

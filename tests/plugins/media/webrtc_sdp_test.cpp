// Descriptions of browsers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "media/sdp.h"
#include "trunkline/error.hpp"

namespace call_media {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kFingerprint =
    "sha-256 DA:7B:57:DC:28:CE:04:4F:31:79:85:C4:31:67:EB:27:58:29:ED:77:2A:0D:24:AE:ED:AD:30:BC:BD:F1:9C:02";

/// As Chromium writes it, shortened.
std::string offer_of(const std::string& setup = "actpass", const std::string& more = "",
                     const std::string& formats = "111 63 9 0 8 13 110 126") {
  return "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\n"
         "a=msid-semantic: WMS 61317484\r\nm=audio 9 UDP/TLS/RTP/SAVPF " +
         formats +
         "\r\nc=IN IP6 ::1\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
         "a=candidate:1 1 udp 2113937151 0d4f9a9e-a2b5-4b3b-8f0b-4a2b8a1a0d3c.local 50612 typ host generation 0\r\n"
         "a=ice-ufrag:EsAw\r\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\na=ice-options:trickle\r\na=fingerprint:" +
         std::string(kFingerprint) + "\r\na=setup:" + setup +
         "\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\n"
         "a=msid:61317484 b1\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
         "a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\n"
         "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\n"
         "a=rtpmap:126 telephone-event/8000\r\na=ssrc:1001 cname:x\r\n" +
         more;
}

LocalAudio our_side() {
  LocalAudio audio;
  audio.address = "192.0.2.1";
  audio.port = 22000;
  audio.codecs = {CodecId::kOpus, CodecId::kPcmu};
  audio.session = 7;
  audio.version = 1;
  return audio;
}

std::string fault_of(const std::string& text) {
  try {
    parse_webrtc_sdp(text);
  } catch (const trunkline::Error& error) {
    return error.message;
  }
  return "";
}

std::string without(std::string text, const std::string& line) {
  const auto at = text.find(line);
  return text.erase(at, text.find('\n', at) + 1 - at);
}

TEST(WebRtcSdp, AnOfferOfABrowserIsAnswered) {
  const SdpAudio offer = parse_webrtc_sdp(offer_of());
  ASSERT_TRUE(offer.transport);
  EXPECT_EQ(offer.transport->user, "EsAw");
  EXPECT_EQ(offer.transport->password, "bP+XJMM09aR8AiX1jdukzR6Y");
  EXPECT_EQ(offer.transport->hash, "sha-256");
  EXPECT_EQ(offer.transport->fingerprint.size(), 32u);
  EXPECT_EQ(offer.transport->fingerprint[0], '\xda');
  const Agreed agreed = agree(offer, our_side());
  EXPECT_EQ(agreed.codec.id, CodecId::kOpus);
  EXPECT_EQ(agreed.codec.payload_type, 111);
  EXPECT_EQ(agreed.event_type, 110);
  EXPECT_EQ(agreed.event_clock, 48000);
  const std::string answer = write_webrtc_answer(our_side(), {"usr1", "password", "sha-256 AB"}, offer, agreed);
  EXPECT_THAT(answer, HasSubstr("a=group:BUNDLE 0\r\na=ice-lite\r\nm=audio 22000 UDP/TLS/RTP/SAVPF 111 110\r\na=mid:0\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=setup:passive\r\na=rtcp-mux\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=candidate:1 1 udp 2130706431 192.0.2.1 22000 typ host\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=sendrecv\r\n"));
}

TEST(WebRtcSdp, TheLevelsOfPacketsAreTaken) {
  const std::string line = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level";
  const auto with = [&](const std::string& other) {
    std::string text = offer_of();
    text.replace(text.find(line), line.size(), other);
    return text;
  };
  const SdpAudio offer = parse_webrtc_sdp(offer_of());
  EXPECT_EQ(offer.level_extension, 1);
  EXPECT_THAT(write_webrtc_answer(our_side(), {}, offer, agree(offer, our_side())),
              HasSubstr("a=extmap:1/recvonly urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"));
  EXPECT_EQ(parse_webrtc_sdp(with("a=extmap:14/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on")).level_extension,
            14);
  for (const char* none :
       {"a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid", "a=extmap:0 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:15 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=extmap:256 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:1/recvonly urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=extmap:1", "a=extmap"}) {
    const SdpAudio other = parse_webrtc_sdp(with(none));
    EXPECT_EQ(other.level_extension, 0) << none;
    EXPECT_THAT(write_webrtc_answer(our_side(), {}, other, agree(other, our_side())), Not(HasSubstr("extmap")));
  }
}

TEST(WebRtcSdp, TelephonyCodecsStandIn) {
  const Agreed agreed = agree(parse_webrtc_sdp(offer_of("active", "", "0 126")), our_side());
  EXPECT_EQ(agreed.codec.id, CodecId::kPcmu);
  EXPECT_EQ(agreed.event_type, 126);
}

TEST(WebRtcSdp, WhatIsSaidOfTheWholeHoldsForTheStream) {
  std::string text = offer_of();
  for (const char* line : {"a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"}) {
    const auto at = text.find(line);
    const std::string whole = text.substr(at, text.find('\n', at) + 1 - at);
    text.erase(at, whole.size());
    text.insert(text.find("m=audio"), whole);
  }
  const SdpAudio offer = parse_webrtc_sdp(text);
  EXPECT_EQ(offer.transport->user, "EsAw");
  EXPECT_TRUE(offer.transport->may_be_client);
}

TEST(WebRtcSdp, OfSeveralFingerprintsTheFirstWeKnowCounts) {
  const SdpAudio offer =
      parse_webrtc_sdp(without(offer_of(), "a=fingerprint") + "a=fingerprint:sha-1 AB:CD\r\na=fingerprint:" + kFingerprint +
                       "\r\na=fingerprint:sha-256 00\r\n");
  EXPECT_EQ(offer.transport->fingerprint[0], '\xda');
}

TEST(WebRtcSdp, WhatIsMissingIsNamed) {
  for (const char* line : {"a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup", "a=rtcp-mux"})
    EXPECT_THAT(fault_of(without(offer_of(), line)), HasSubstr(line));
  EXPECT_THAT(fault_of(offer_of("passive")), HasSubstr("a=setup"));
  EXPECT_THAT(fault_of(offer_of("actpass", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n")), HasSubstr("found 2 streams"));
  EXPECT_THAT(fault_of(offer_of("actpass", "a=ice-ufrag:a b\r\n")), HasSubstr("letters, digits"));
  EXPECT_THAT(fault_of(offer_of("actpass", "a=ice-pwd:short\r\n")), HasSubstr("22 to 256"));
  EXPECT_THAT(fault_of("v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 0\r\n"), HasSubstr("UDP/TLS/RTP/SAVPF"));
}

TEST(WebRtcSdp, ATrunkDoesNotGetIt) {
  EXPECT_THROW(parse_sdp(offer_of()), trunkline::Error);
  const SdpAudio offer = parse_sdp("v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 0\r\na=ice-ufrag:!\r\n");
  EXPECT_FALSE(offer.transport);
}

}  // namespace
}  // namespace call_media

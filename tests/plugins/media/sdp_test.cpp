#include "media/sdp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trunkline/error.hpp"

namespace call_media {
namespace {

using ::testing::HasSubstr;

constexpr const char* kOffer =
    "v=0\r\no=a 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18 9 8 97\r\n"
    "a=rtpmap:18 G729/8000\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\na=ptime:20\r\n";

LocalAudio ours() {
  LocalAudio audio;
  audio.address = "192.0.2.1";
  audio.port = 20000;
  audio.codecs = {CodecId::kPcmu, CodecId::kPcma};
  audio.session = 5;
  audio.version = 1;
  return audio;
}

std::string refusal(const std::string& text) {
  try {
    agree(parse_sdp(text), ours());
  } catch (const trunkline::Error& error) {
    return error.message;
  }
  return "";
}

TEST(Sdp, AnOfferIsAnsweredWithWhatBothKnow) {
  const SdpAudio offer = parse_sdp(kOffer);
  EXPECT_EQ(offer.address, "192.0.2.7");
  EXPECT_EQ(offer.port, 4000);
  const Agreed agreed = agree(offer, ours());
  EXPECT_EQ(agreed.codec.id, CodecId::kPcma);
  EXPECT_EQ(agreed.event_type, 97);
  const std::string answer = write_answer(ours(), offer, agreed);
  EXPECT_THAT(answer, HasSubstr("m=audio 20000 RTP/AVP 8 97\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=rtpmap:97 telephone-event/8000\r\n"));
}

TEST(Sdp, OurOwnOfferCanBeRead) {
  const SdpAudio read = parse_sdp(write_offer(ours()));
  EXPECT_EQ(read.codecs.size(), 2u);
  EXPECT_EQ(read.event_type, 101);
  EXPECT_EQ(read.direction, Direction::kSendRecv);
}

TEST(Sdp, OpusIsOfferedWithEventsOfItsClock) {
  LocalAudio audio = ours();
  audio.codecs = {CodecId::kOpus, CodecId::kPcmu};
  const std::string offer = write_offer(audio);
  EXPECT_THAT(offer, HasSubstr("m=audio 20000 RTP/AVP 96 0 97 101\r\n"));
  EXPECT_THAT(offer, HasSubstr("a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;"));
  EXPECT_THAT(offer, HasSubstr("a=rtpmap:97 telephone-event/48000\r\n"));
  const SdpAudio read = parse_sdp(offer);
  const Agreed agreed = agree(read, audio);
  EXPECT_EQ(agreed.codec.id, CodecId::kOpus);
  EXPECT_EQ(agreed.event_type, 97);
  EXPECT_EQ(agreed.event_clock, 48000);
  EXPECT_THAT(write_answer(audio, read, agreed), HasSubstr("RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\n"));
  audio.codecs = {CodecId::kPcmu};
  EXPECT_EQ(agree(read, audio).event_type, 101);
}

TEST(Sdp, OpusOfAnotherNumberAndWithNarrowEventsOnly) {
  const SdpAudio offer = parse_sdp(
      "v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 111 126 96\r\na=rtpmap:111 OPUS/48000/2\r\n"
      "a=rtpmap:126 telephone-event/8000\r\na=rtpmap:96 opus/8000\r\n");
  ASSERT_EQ(offer.codecs.size(), 1u) << "Opus has one clock, and 96 is not Opus by itself";
  EXPECT_EQ(offer.codecs[0].payload_type, 111);
  LocalAudio audio = ours();
  audio.codecs = {CodecId::kOpus};
  const Agreed agreed = agree(offer, audio);
  EXPECT_EQ(agreed.event_type, 126);
  EXPECT_EQ(agreed.event_clock, 8000);
}

TEST(Sdp, OtherStreamsAreRefusedInTheirPlace) {
  const std::string text =
      "v=0\r\nc=IN IP4 192.0.2.7\r\nm=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n";
  const SdpAudio offer = parse_sdp(text);
  const std::string answer = write_answer(ours(), offer, agree(offer, ours()));
  const auto video = answer.find("m=video 0 RTP/AVP 96"), audio = answer.find("m=audio 20000"),
             second = answer.find("m=audio 0 ");
  ASSERT_NE(video, std::string::npos);
  EXPECT_LT(video, audio);
  EXPECT_LT(audio, second);
}

TEST(Sdp, HoldIsMirrored) {
  EXPECT_EQ(mirrored(parse_sdp(std::string(kOffer) + "a=sendonly\r\n").direction), Direction::kRecvOnly);
  EXPECT_EQ(mirrored(parse_sdp(std::string(kOffer) + "a=inactive\r\n").direction), Direction::kInactive);
  EXPECT_EQ(parse_sdp("v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n").direction, Direction::kSendOnly)
      << "as in RFC 2543";
  EXPECT_EQ(parse_sdp("v=0\r\na=recvonly\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 0\r\n").direction, Direction::kRecvOnly)
      << "of the whole session";
}

TEST(Sdp, ADynamicTypeIsWhatItsMapSays) {
  const SdpAudio offer =
      parse_sdp("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 0 100\r\na=rtpmap:0 iLBC/8000\r\na=rtpmap:100 pcma/8000\r\n");
  ASSERT_EQ(offer.codecs.size(), 1u);
  EXPECT_EQ(offer.codecs[0].payload_type, 100);
}

TEST(Sdp, NothingInCommonIsSaid) {
  EXPECT_THAT(refusal("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 18\r\n"),
              HasSubstr("no codec in common: wanted one of PCMU, PCMA"));
}

TEST(Sdp, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal("hello"), HasSubstr("wanted v=0"));
  EXPECT_THAT(refusal("v=0\r\n"), HasSubstr("there is no stream"));
  EXPECT_THAT(refusal("v=0\r\nm=audio 4000 RTP/AVP 0\r\n"), HasSubstr("there is no address"));
  EXPECT_THAT(refusal("v=0\r\nc=IN IP4 host\r\nm=audio 1 RTP/AVP 0\r\n"), HasSubstr("c=IN IP4 host"));
  EXPECT_THAT(refusal("v=0\r\nc=IN IP6 127.0.0.1\r\nm=audio 1 RTP/AVP 0\r\n"), HasSubstr("in figures"));
  EXPECT_THAT(refusal("v=0\r\nc=IN IP6 ::1%lo\r\nm=audio 1 RTP/AVP 0\r\n"), HasSubstr("in figures"));
  EXPECT_THAT(refusal("v=0\r\nc=IN IP4 ::1\r\nm=audio 1 RTP/AVP 0\r\n"), HasSubstr("in figures"));
  EXPECT_THAT(refusal("v=0\r\nc=IN ATM x\r\nm=audio 1 RTP/AVP 0\r\n"), HasSubstr("IN IP6"));
  EXPECT_THAT(refusal("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 99999 RTP/AVP 0\r\n"), HasSubstr("m=audio 99999"));
  EXPECT_THAT(refusal("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP x\r\n"), HasSubstr("no payload type"));
  EXPECT_THAT(refusal("v=0\r\nnonsense\r\n"), HasSubstr("nonsense"));
  EXPECT_THAT(refusal("v=0\r\n" + std::string(20000, 'a')), HasSubstr("at most 16384"));
  std::string many = "v=0\r\nc=IN IP4 1.2.3.4\r\n";
  for (int i = 0; i < 20; ++i) many += "m=audio 0 RTP/AVP 0\r\n";
  EXPECT_THAT(refusal(many), HasSubstr("more than 16 streams"));
}

TEST(Sdp, KeysAreExchanged) {
  LocalAudio secure = ours();
  secure.srtp = SrtpUse::kRequired;
  secure.srtp_key = std::string(30, 'k');
  const SdpAudio offer = parse_sdp(write_offer(secure));
  ASSERT_TRUE(offer.secure);
  ASSERT_EQ(offer.crypto.size(), 1u);
  EXPECT_EQ(offer.crypto[0].key, secure.srtp_key);
  EXPECT_THAT(write_answer(secure, offer, agree(offer, secure)), HasSubstr("RTP/SAVP 0"));
  EXPECT_THROW(agree(parse_sdp(kOffer), secure), trunkline::Error) << "plain sound where keys are wanted";
  EXPECT_THROW(agree(offer, ours()), trunkline::Error) << "keys where they are off";
}

TEST(Sdp, UnusableKeysAreLeftOut) {
  const std::string head = "v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/SAVP 0\r\n";
  for (const char* line : {"a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr",
                           "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short",
                           "a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr",
                           "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr|2^20|1:4"})
    EXPECT_TRUE(parse_sdp(head + line + "\r\n").crypto.empty()) << line;
}

TEST(Sdp, AddressesOfIpv6) {
  const SdpAudio read = parse_sdp("v=0\r\nc=IN IP6 2001:db8::1/3\r\nm=audio 4000 RTP/AVP 0\r\n");
  EXPECT_EQ(read.address, "2001:db8::1");
  EXPECT_EQ(parse_sdp("v=0\r\nc=IN IP6 ::\r\nm=audio 4000 RTP/AVP 0\r\n").direction, Direction::kSendOnly) << "an old hold";
  LocalAudio ours;
  ours.address = "2001:db8::2";
  ours.port = 4002;
  ours.codecs = {CodecId::kPcmu};
  const std::string offer = write_offer(ours);
  EXPECT_THAT(offer, HasSubstr(" IN IP6 2001:db8::2\r\ns=-\r\nc=IN IP6 2001:db8::2\r\n"));
  EXPECT_EQ(parse_sdp(offer).address, "2001:db8::2");
}

}  // namespace
}  // namespace call_media

// RTP and RTCP packets (RFC 3550), and telephone events in them (RFC 4733).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace call_media {

using Bytes = std::span<const std::uint8_t>;

struct RtpHeader {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
};

struct RtpPacket {
  RtpHeader header;
  std::optional<std::uint8_t> level;  // how far below the loudest possible it is, in dB: 0 to 127 (RFC 6464)
  Bytes payload;                      // within the bytes it was read from
};

inline constexpr std::size_t kRtpHeaderBytes = 12;

/// Nullopt: no whole RTP packet of version 2. Contributing sources, extensions and padding are skipped, but for the one that says
/// how loud the packet is, which has this number; 0: there is none.
std::optional<RtpPacket> parse_rtp(Bytes bytes, std::uint8_t level_extension = 0);
/// The first 12 bytes of a packet.
void write_rtp_header(std::span<std::uint8_t, kRtpHeaderBytes> out, const RtpHeader& header);

struct TelephoneEvent {
  char digit = 0;
  bool end = false;
  std::uint8_t volume = 10;
  std::uint16_t duration = 0;
};

inline constexpr std::size_t kEventBytes = 4;
/// Nullopt for what is no key (flash, tones of modems).
std::optional<TelephoneEvent> parse_event(Bytes payload);
/// `digit` is one of 0-9, *, #, A-D.
void write_event(std::span<std::uint8_t, kEventBytes> out, const TelephoneEvent& event);

/// What is told of the sound that comes from somebody.
struct ReceptionReport {
  std::uint32_t ssrc = 0;
  std::uint8_t fraction_lost = 0;  // of 256
  std::int32_t lost = 0;
  std::uint32_t highest_sequence = 0;
  std::uint32_t jitter = 0;  // in units of the RTP clock
  std::uint32_t last_sender_report = 0;
  std::uint32_t delay = 0;  // since then, in 1/65536 s
};

struct SenderInfo {
  std::uint64_t ntp = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
};

struct RtcpReport {
  std::uint32_t ssrc = 0;
  std::optional<SenderInfo> sender;
  std::optional<ReceptionReport> reception;  // of what `about` sends
  bool bye = false;
};

inline constexpr std::size_t kRtcpMaxBytes = 128;

/// A compound packet; `about`: whose reception is of interest. Nullopt when any part of it is not whole.
std::optional<RtcpReport> parse_rtcp(Bytes bytes, std::uint32_t about);
/// Report, CNAME and, at the end, BYE. Returns how many bytes it has.
std::size_t write_rtcp(std::span<std::uint8_t, kRtcpMaxBytes> out, const RtcpReport& report);

}  // namespace call_media

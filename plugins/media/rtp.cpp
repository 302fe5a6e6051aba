#include "media/rtp.h"

#include <algorithm>
#include <string_view>

#include "media/wire.h"

namespace call_media {
namespace {

constexpr std::string_view kEvents = "0123456789*#ABCD";
constexpr std::string_view kCname = "trunkline";

class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) : out_(out) {}
  void u8(std::uint32_t value) { out_[at_++] = static_cast<std::uint8_t>(value); }
  void u16(std::uint32_t value) {
    u8(value >> 8);
    u8(value);
  }
  void u32(std::uint32_t value) {
    u16(value >> 16);
    u16(value);
  }
  std::size_t at() const { return at_; }

 private:
  std::span<std::uint8_t> out_;
  std::size_t at_ = 0;
};

/// 24 bits with a sign.
std::int32_t get_lost(Bytes bytes, std::size_t at) {
  const auto raw = static_cast<std::int32_t>(bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2]);
  return raw >= 0x800000 ? raw - 0x1000000 : raw;
}

/// The first byte of the element with this number, of a header's extensions (RFC 8285).
std::optional<std::uint8_t> element(std::uint32_t profile, Bytes bytes, std::uint8_t number) {
  const bool short_form = profile == 0xBEDE;
  if (!short_form && profile >> 4 != 0x100) return std::nullopt;
  constexpr std::uint8_t kStop = 15;
  for (std::size_t at = 0; at < bytes.size();) {
    if (bytes[at] == 0) {  // padding
      ++at;
      continue;
    }
    const std::uint8_t id = short_form ? bytes[at] >> 4 : bytes[at];
    if (short_form && id == kStop) break;
    if (!short_form && ++at == bytes.size()) break;
    const std::size_t size = short_form ? (bytes[at] & 0x0f) + std::size_t{1} : bytes[at];
    if (++at + size > bytes.size()) break;
    if (id == number && size > 0) return bytes[at];
    at += size;
  }
  return std::nullopt;
}

}  // namespace

std::optional<RtpPacket> parse_rtp(Bytes bytes, std::uint8_t level_extension) {
  if (bytes.size() < kRtpHeaderBytes || bytes[0] >> 6 != 2) return std::nullopt;
  RtpPacket packet;
  packet.header.marker = bytes[1] >> 7;
  packet.header.payload_type = bytes[1] & 0x7f;
  packet.header.sequence = get16(bytes, 2);
  packet.header.timestamp = get32(bytes, 4);
  packet.header.ssrc = get32(bytes, 8);
  std::size_t begin = kRtpHeaderBytes + std::size_t{4} * (bytes[0] & 0x0f);
  if (begin > bytes.size()) return std::nullopt;
  if (bytes[0] & 0x10) {
    if (begin + 4 > bytes.size()) return std::nullopt;
    const std::size_t first = begin + 4;
    const std::uint32_t profile = get16(bytes, begin);
    begin = first + std::size_t{4} * get16(bytes, begin + 2);
    if (begin > bytes.size()) return std::nullopt;
    if (level_extension != 0)
      if (const auto level = element(profile, bytes.subspan(first, begin - first), level_extension)) packet.level = *level & 0x7f;
  }
  std::size_t end = bytes.size();
  if (bytes[0] & 0x20) {
    const std::size_t padding = bytes[end - 1];
    if (padding == 0 || padding > end - begin) return std::nullopt;
    end -= padding;
  }
  packet.payload = bytes.subspan(begin, end - begin);
  return packet;
}

void write_rtp_header(std::span<std::uint8_t, kRtpHeaderBytes> out, const RtpHeader& header) {
  Writer writer(out);
  writer.u8(0x80);
  writer.u8(header.payload_type | (header.marker ? 0x80u : 0u));
  writer.u16(header.sequence);
  writer.u32(header.timestamp);
  writer.u32(header.ssrc);
}

std::optional<TelephoneEvent> parse_event(Bytes payload) {
  if (payload.size() < kEventBytes || payload[0] >= kEvents.size()) return std::nullopt;
  TelephoneEvent event;
  event.digit = kEvents[payload[0]];
  event.end = payload[1] >> 7;
  event.volume = payload[1] & 0x3f;
  event.duration = get16(payload, 2);
  return event;
}

void write_event(std::span<std::uint8_t, kEventBytes> out, const TelephoneEvent& event) {
  Writer writer(out);
  writer.u8(static_cast<std::uint32_t>(std::min(kEvents.find(event.digit), kEvents.size() - 1)));
  writer.u8((event.end ? 0x80u : 0u) | (event.volume & 0x3fu));
  writer.u16(event.duration);
}

std::optional<RtcpReport> parse_rtcp(Bytes bytes, std::uint32_t about) {
  constexpr std::uint8_t kSenderReport = 200, kReceiverReport = 201, kBye = 203;
  constexpr std::size_t kBlock = 24;
  std::optional<RtcpReport> report;
  while (!bytes.empty()) {
    if (bytes.size() < 4 || bytes[0] >> 6 != 2) return std::nullopt;
    const std::size_t size = 4 + std::size_t{4} * get16(bytes, 2);
    if (size > bytes.size()) return std::nullopt;
    const Bytes part = bytes.first(size);
    const std::uint8_t type = part[1];
    if (type == kSenderReport || type == kReceiverReport) {
      std::size_t at = type == kSenderReport ? 28 : 8;
      if (part.size() < at) return std::nullopt;
      if (!report) report.emplace();
      report->ssrc = get32(part, 4);
      if (type == kSenderReport)
        report->sender =
            SenderInfo{std::uint64_t{get32(part, 8)} << 32 | get32(part, 12), get32(part, 16), get32(part, 20), get32(part, 24)};
      for (unsigned i = 0; i < (part[0] & 0x1fu); ++i, at += kBlock) {
        if (at + kBlock > part.size()) return std::nullopt;
        if (get32(part, at) != about) continue;
        report->reception = ReceptionReport{about,
                                            part[at + 4],
                                            get_lost(part, at + 5),
                                            get32(part, at + 8),
                                            get32(part, at + 12),
                                            get32(part, at + 16),
                                            get32(part, at + 20)};
      }
    } else if (type == kBye) {
      if (!report) report.emplace();
      report->bye = true;
    }
    bytes = bytes.subspan(size);
  }
  return report;
}

std::size_t write_rtcp(std::span<std::uint8_t, kRtcpMaxBytes> out, const RtcpReport& report) {
  Writer writer(out);
  const std::uint32_t blocks = report.reception ? 1 : 0;
  writer.u8(0x80u | blocks);
  writer.u8(report.sender ? 200 : 201);
  writer.u16((report.sender ? 6u : 1u) + 6 * blocks);
  writer.u32(report.ssrc);
  if (const auto& sender = report.sender) {
    writer.u32(static_cast<std::uint32_t>(sender->ntp >> 32));
    writer.u32(static_cast<std::uint32_t>(sender->ntp));
    writer.u32(sender->timestamp);
    writer.u32(sender->packets);
    writer.u32(sender->octets);
  }
  if (const auto& reception = report.reception) {
    writer.u32(reception->ssrc);
    writer.u32(std::uint32_t{reception->fraction_lost} << 24 | (static_cast<std::uint32_t>(reception->lost) & 0xffffffu));
    writer.u32(reception->highest_sequence);
    writer.u32(reception->jitter);
    writer.u32(reception->last_sender_report);
    writer.u32(reception->delay);
  }
  // SDES: the source, its CNAME, and zeros up to the next multiple of four.
  constexpr std::size_t kSdesBytes = (4 + 4 + 2 + kCname.size() + 1 + 3) / 4 * 4;
  const std::size_t sdes_end = writer.at() + kSdesBytes;
  writer.u8(0x81);
  writer.u8(202);
  writer.u16(kSdesBytes / 4 - 1);
  writer.u32(report.ssrc);
  writer.u8(1);
  writer.u8(kCname.size());
  for (const char c : kCname) writer.u8(static_cast<std::uint8_t>(c));
  while (writer.at() < sdes_end) writer.u8(0);
  if (report.bye) {
    writer.u8(0x81);
    writer.u8(203);
    writer.u16(1);
    writer.u32(report.ssrc);
  }
  return writer.at();
}

}  // namespace call_media

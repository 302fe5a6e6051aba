// Codecs of telephony, to and from the 16 kHz in which calls are mixed.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "media/rtp.h"

namespace call_media {

inline constexpr int kMixRate = 16000;
inline constexpr int kFrameMs = 20;
inline constexpr std::size_t kFrameSamples = static_cast<std::size_t>(kMixRate) / 1000 * kFrameMs;
using Frame = std::array<std::int16_t, kFrameSamples>;

enum class CodecId { kPcmu, kPcma, kG722 };

struct CodecInfo {
  CodecId id = CodecId::kPcmu;
  std::string_view name;          // of its rtpmap
  std::uint8_t payload_type = 0;  // static
};

/// Their RTP clocks all run at 8 kHz, and they all have 8 bits in 1/8000 s.
inline constexpr int kRtpClock = 8000;
inline constexpr std::size_t kFrameBytes = static_cast<std::size_t>(kRtpClock) / 1000 * kFrameMs;
inline constexpr std::array<CodecInfo, 3> kCodecs = {
    {{CodecId::kPcmu, "PCMU", 0}, {CodecId::kPcma, "PCMA", 8}, {CodecId::kG722, "G722", 9}}};

const CodecInfo& info_of(CodecId id);
/// In any case. Nullopt: not one of these.
std::optional<CodecId> codec_of_name(std::string_view name);

/// One direction each way, with what was heard before. One thread; nothing is allocated after construction. What is coded for it
/// is at most JitterBuffer::kMaxPayload bytes.
class Codec {
 public:
  static constexpr std::size_t kMaxDecoded = 512 * 2;

  explicit Codec(CodecId id);
  ~Codec();

  CodecId id() const { return id_; }
  /// At most kMaxDecoded samples at 16 kHz; returns how many.
  std::size_t decode(Bytes payload, std::span<std::int16_t, kMaxDecoded> out);
  /// As many as `bytes` of a packet that is not there would have given, made up from what was heard before.
  std::size_t conceal(std::size_t bytes, std::span<std::int16_t, kMaxDecoded> out);
  /// 20 ms.
  void encode(const Frame& frame, std::span<std::uint8_t, kFrameBytes> out);

 private:
  struct States;
  const CodecId id_;
  const std::unique_ptr<States> states_;
};

}  // namespace call_media

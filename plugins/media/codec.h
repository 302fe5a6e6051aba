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
/// Of more people in a bridge than this the loudest are mixed, unless the configuration says otherwise.
inline constexpr std::size_t kMixLoudest = 8;
using Frame = std::array<std::int16_t, kFrameSamples>;

/// How loud it is.
std::int64_t mean_square(const Frame& frame);

enum class CodecId { kPcmu, kPcma, kG722, kOpus };

struct CodecInfo {
  CodecId id = CodecId::kPcmu;
  std::string_view name;          // of its rtpmap
  std::uint8_t payload_type = 0;  // static, or the one that we offer
  int clock = 8000;               // of its RTP timestamps, in Hz
  std::string_view channels;      // of its rtpmap; empty: none are named
  std::string_view parameters;    // of its fmtp
  bool dynamic() const { return payload_type >= 96; }
  std::uint32_t frame_ticks() const { return static_cast<std::uint32_t>(clock / 1000 * kFrameMs); }
};

/// Opus is `opus/48000/2` whatever is in it (RFC 7587); we take and give 16 kHz, one channel.
inline constexpr std::array<CodecInfo, 4> kCodecs = {
    {{CodecId::kPcmu, "PCMU", 0},
     {CodecId::kPcma, "PCMA", 8},
     {CodecId::kG722, "G722", 9},
     {CodecId::kOpus, "opus", 96, 48000, "2", "useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000"}}};

const CodecInfo& info_of(CodecId id);
/// In any case. Nullopt: not one of these.
std::optional<CodecId> codec_of_name(std::string_view name);

/// One direction each way, with what was heard before. One thread; nothing is allocated after construction.
class Codec {
 public:
  static constexpr std::size_t kMaxDecoded = 120 * kMixRate / 1000;  // the longest packet of Opus
  static constexpr std::size_t kMaxEncoded = 512;                    // of 20 ms

  /// Errors: kInternal.
  static std::unique_ptr<Codec> make(CodecId id);
  virtual ~Codec() = default;
  Codec(const Codec&) = delete;

  CodecId id() const { return id_; }
  /// How many samples at 16 kHz a packet is worth; 0: it is none.
  virtual std::size_t duration(Bytes payload) const = 0;
  /// At most kMaxDecoded samples at 16 kHz; returns how many.
  virtual std::size_t decode(Bytes payload, std::span<std::int16_t, kMaxDecoded> out) = 0;
  /// As many as `samples` that are not there, made up from what was heard before and what `following`, the packet behind the gap
  /// (empty: it is not there either), says of them.
  virtual std::size_t conceal(std::size_t samples, Bytes following, std::span<std::int16_t, kMaxDecoded> out) = 0;
  /// 20 ms; returns how many bytes they are, 0: they could not be coded.
  virtual std::size_t encode(const Frame& frame, std::span<std::uint8_t, kMaxEncoded> out) = 0;
  /// How much of what we send the far end does not get, of 256.
  virtual void expect_loss(std::uint8_t /*fraction*/) {}

  /// Ways in which encode() works, by what the far end loses. What one codec makes is right for all of the same id and way.
  static constexpr std::size_t kWays = 4;
  virtual std::size_t way() const { return 0; }
  /// Encodes as if it had encoded all that `other` has, the last of which was `last`: whoever heard that one goes on with this
  /// one and hears no seam. `other` is of the same id.
  virtual void continue_from(const Codec& other, const Frame& last) = 0;
  /// Nothing can be heard in this packet, and a decoder that never sees it is none the worse. For sure: false says nothing.
  virtual bool is_silence(Bytes /*payload*/) const { return false; }

 protected:
  explicit Codec(CodecId id) : id_(id) {}

 private:
  const CodecId id_;
};

}  // namespace call_media

// Opus (RFC 6716, RFC 7587) at 16 kHz, one channel.
#pragma once
#include "media/codec.h"

struct OpusEncoder;
struct OpusDecoder;

namespace call_media {

/// A packet carries a coarse copy of the sound before it (in-band FEC), from which one that was lost is made again. The more the
/// far end loses, the better that copy, in a few steps: those of one step can be sent the same packets. Nothing is left out in
/// silence (no DTX): the far end may then hear for how long we are gone.
class OpusCodec final : public Codec {
 public:
  OpusCodec();
  ~OpusCodec() override;

  std::size_t duration(Bytes payload) const override;
  std::size_t decode(Bytes payload, std::span<std::int16_t, kMaxDecoded> out) override;
  std::size_t conceal(std::size_t samples, Bytes following, std::span<std::int16_t, kMaxDecoded> out) override;
  std::size_t encode(const Frame& frame, std::span<std::uint8_t, kMaxEncoded> out) override;
  void expect_loss(std::uint8_t fraction) override;
  std::size_t way() const override { return way_; }
  void continue_from(const Codec& other, const Frame& last) override;
  bool is_silence(Bytes payload) const override;

 private:
  std::size_t way_ = 0;
  OpusEncoder* encoder_ = nullptr;
  OpusDecoder* decoder_ = nullptr;
};

}  // namespace call_media

// G.711 in both laws, and G.722.
#pragma once
#include <algorithm>

#include "media/codec.h"

namespace call_media {

/// Of all of them 8 bits are 1/8000 s.
class G7xxCodec final : public Codec {
 public:
  explicit G7xxCodec(CodecId id);
  ~G7xxCodec() override;

  std::size_t duration(Bytes payload) const override { return std::min(payload.size() * 2, kMaxDecoded); }
  std::size_t decode(Bytes payload, std::span<std::int16_t, kMaxDecoded> out) override;
  std::size_t conceal(std::size_t samples, Bytes following, std::span<std::int16_t, kMaxDecoded> out) override;
  std::size_t encode(const Frame& frame, std::span<std::uint8_t, kMaxEncoded> out) override;
  void continue_from(const Codec& other, const Frame& last) override;

 private:
  struct States;
  const std::unique_ptr<States> states_;
};

}  // namespace call_media

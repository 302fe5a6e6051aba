#include "media/codec.h"

#include <algorithm>

#include "media/g7xx_codec.h"
#include "media/opus_codec.h"

namespace call_media {

const CodecInfo& info_of(CodecId id) {
  return *std::find_if(kCodecs.begin(), kCodecs.end(), [&](const CodecInfo& one) { return one.id == id; });
}

std::optional<CodecId> codec_of_name(std::string_view name) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  const auto same = [&](char a, char b) { return upper(a) == upper(b); };
  for (const CodecInfo& one : kCodecs)
    if (std::equal(name.begin(), name.end(), one.name.begin(), one.name.end(), same)) return one.id;
  return std::nullopt;
}

std::int64_t mean_square(const Frame& frame) {
  std::int64_t sum = 0;
  for (const std::int16_t sample : frame) sum += std::int32_t{sample} * sample;
  return sum / static_cast<std::int64_t>(frame.size());
}

std::unique_ptr<Codec> Codec::make(CodecId id) {
  if (id == CodecId::kOpus) return std::make_unique<OpusCodec>();
  return std::make_unique<G7xxCodec>(id);
}

}  // namespace call_media

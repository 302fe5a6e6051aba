// Numbers in packets, in the order of the network.
#pragma once
#include <cstddef>
#include <cstdint>

#include "media/rtp.h"

namespace call_media {

inline std::uint16_t get16(Bytes bytes, std::size_t at) { return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]); }
inline std::uint32_t get32(Bytes bytes, std::size_t at) { return std::uint32_t{get16(bytes, at)} << 16 | get16(bytes, at + 2); }

}  // namespace call_media

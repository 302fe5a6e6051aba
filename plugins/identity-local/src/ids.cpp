#include "ids.h"

#include <openssl/rand.h>

#include <array>

#include "trunkline/error.hpp"

namespace identity_local {
namespace {

using Uuid = std::array<unsigned char, 16>;

void fill_random(unsigned char* to, int size) {
  if (RAND_bytes(to, size) != 1) throw trunkline::Error(trunkline::ErrorCode::kInternal, "no random numbers");
}

std::string format(Uuid bytes) {
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace

std::string random_uuid() {
  Uuid bytes;
  fill_random(bytes.data(), static_cast<int>(bytes.size()));
  return format(bytes);
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !digit) return false;
  }
  return true;
}

std::int64_t random_number() {
  std::uint64_t value = 0;
  do {
    fill_random(reinterpret_cast<unsigned char*>(&value), sizeof value);
    value &= (std::uint64_t{1} << 53) - 1;
  } while (value == 0);
  return static_cast<std::int64_t>(value);
}

}  // namespace identity_local

#include "segments.h"

#include <algorithm>
#include <array>

namespace sms_sandbox {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::sms::Encoding;

// The characters of the default alphabet outside ASCII, sorted.
constexpr std::array<char32_t, 39> kBasic = {0x00a1, 0x00a3, 0x00a4, 0x00a5, 0x00a7, 0x00bf, 0x00c4, 0x00c5, 0x00c6, 0x00c7,
                                             0x00c9, 0x00d1, 0x00d6, 0x00d8, 0x00dc, 0x00df, 0x00e0, 0x00e4, 0x00e5, 0x00e6,
                                             0x00e8, 0x00e9, 0x00ec, 0x00f1, 0x00f2, 0x00f6, 0x00f8, 0x00f9, 0x00fc, 0x0393,
                                             0x0394, 0x0398, 0x039b, 0x039e, 0x03a0, 0x03a3, 0x03a6, 0x03a8, 0x03a9};
constexpr char32_t kEuro = 0x20ac;

/// Septets of a character; 0: not in the alphabet.
int septets(char32_t c) {
  if (c < 0x80) {
    constexpr std::string_view kExtension = "\f^{}\\[~]|";
    if (kExtension.find(static_cast<char>(c)) != std::string_view::npos) return 2;
    return (c >= 0x20 && c != '`' && c != 0x7f) || c == '\n' || c == '\r' ? 1 : 0;
  }
  if (c == kEuro) return 2;
  return std::binary_search(kBasic.begin(), kBasic.end(), c) ? 1 : 0;
}

/// Takes one character off the front of valid or invalid UTF-8; throws for the latter.
char32_t take(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto fail = [] { throw Error(ErrorCode::kInvalidArgument, "text: found bytes that are not UTF-8", "text"); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    text.remove_prefix(1);
    return first;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) fail();
  char32_t c = first & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) fail();
    c = c << 6 | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (c < kLeast[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) fail();
  text.remove_prefix(length);
  return c;
}

/// Fills parts of `room` units one after the other with characters of `units(c)` units each.
template <class Units>
std::int32_t parts(std::string_view text, int room, Units units) {
  std::int32_t count = 1;
  int left = room;
  while (!text.empty()) {
    const int n = units(take(text));
    if (n > left) {
      ++count;
      left = room;
    }
    left -= n;
  }
  return count;
}

int utf16_units(char32_t c) { return c >= 0x10000 ? 2 : 1; }

}  // namespace

std::int32_t count_segments(std::string_view text, Encoding encoding) {
  constexpr int kGsmSingle = 160, kGsmPart = 153, kUcsSingle = 70, kUcsPart = 67;
  std::size_t septet_count = 0;
  std::size_t unit_count = 0;
  bool gsm = encoding != Encoding::kUcs2;
  for (std::string_view rest = text; !rest.empty();) {
    const char32_t c = take(rest);
    const int n = septets(c);
    if (n == 0 && encoding == Encoding::kAuto) gsm = false;
    septet_count += static_cast<std::size_t>(std::max(n, 1));
    unit_count += static_cast<std::size_t>(utf16_units(c));
  }
  if (gsm) return septet_count <= kGsmSingle ? 1 : parts(text, kGsmPart, [](char32_t c) { return std::max(septets(c), 1); });
  return unit_count <= kUcsSingle ? 1 : parts(text, kUcsPart, utf16_units);
}

}  // namespace sms_sandbox

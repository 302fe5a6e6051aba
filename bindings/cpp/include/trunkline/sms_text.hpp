// How a text travels: GSM 7-bit with national tables, Latin-1 and UCS-2 (3GPP TS 23.038), and how it is cut into parts (TS
// 23.040). For carriers. Hand-written, header-only, C++20.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trunkline/error.hpp"
#include "trunkline/gsm_tables.hpp"

namespace trunkline::gsm {

/// National language identifiers. A language without a locking table of its own (Spanish) uses the default one.
enum class Language : std::uint8_t {
  kDefault = 0,
  kTurkish = 1,
  kSpanish = 2,
  kPortuguese = 3,
  kBengali = 4,
  kGujarati = 5,
  kHindi = 6,
  kKannada = 7,
  kMalayalam = 8,
  kOriya = 9,
  kPunjabi = 10,
  kTamil = 11,
  kTelugu = 12,
  kUrdu = 13,
};
inline constexpr std::uint8_t kLanguages = 14;

enum class Charset : std::uint8_t { kGsm7, kLatin1, kUcs2 };

inline constexpr char kEscape = 0x1B;
/// Octets of user data in one message on the air.
inline constexpr std::size_t kUserDataOctets = 140;

/// Takes one character off the front; nullopt, and nothing taken, where the text is not UTF-8.
inline std::optional<char32_t> take_utf8(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return std::nullopt;
  const unsigned char first = byte(0);
  if (first < 0x80) {
    text.remove_prefix(1);
    return first;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return std::nullopt;
  char32_t c = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return std::nullopt;
    c = c << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (c < kLeast[length] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return std::nullopt;
  text.remove_prefix(length);
  return c;
}

inline void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

/// The next character; throws kInvalidArgument with the target `text`. Only for a text that is not empty.
inline char32_t next_character(std::string_view& text) {
  const auto c = take_utf8(text);
  if (!c) throw Error(ErrorCode::kInvalidArgument, "text: found bytes that are not UTF-8", "text");
  return *c;
}

/// A locking and a single shift table, both ways. Immutable. [any-thread]
class Alphabet {
 public:
  /// One septet, or kShifted | one behind an escape.
  static constexpr std::uint16_t kShifted = 0x100;
  static constexpr std::uint16_t kMissing = 0xFFFF;

  explicit Alphabet(Language locking = Language::kDefault, Language single = Language::kDefault)
      : locking_(locking), single_(single) {
    low_.fill(kMissing);
    const auto& basic = *tables::kLocking[static_cast<std::size_t>(locking)];
    shifted_.fill(kNone);
    // The single shift table first: what both have costs one septet and is overwritten.
    for (const ShiftEntry& entry : tables::kShift[static_cast<std::size_t>(single)]) {
      shifted_[entry.code] = entry.character;
      put(entry.character, static_cast<std::uint16_t>(kShifted | entry.code));
    }
    for (std::size_t i = 0; i < basic.size(); ++i)
      if (basic[i] != kNone) put(basic[i], static_cast<std::uint16_t>(i));
    std::stable_sort(high_.begin(), high_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  }

  Language locking() const { return locking_; }
  Language single() const { return single_; }

  /// kMissing: the alphabet does not have it.
  std::uint16_t find(char32_t c) const {
    if (c < low_.size()) return low_[c];
    if (c > 0xFFFF) return kMissing;
    // The last of equal ones: the locking table's.
    const auto at = std::upper_bound(high_.begin(), high_.end(), static_cast<char16_t>(c),
                                     [](char16_t wanted, const auto& entry) { return wanted < entry.first; });
    return at != high_.begin() && (at - 1)->first == c ? (at - 1)->second : kMissing;
  }
  char16_t basic(std::uint8_t septet) const { return (*tables::kLocking[static_cast<std::size_t>(locking_)])[septet & 0x7F]; }
  char16_t shifted(std::uint8_t septet) const { return shifted_[septet & 0x7F]; }

  /// The alphabet without national tables.
  static const Alphabet& standard() {
    static const Alphabet alphabet;
    return alphabet;
  }

 private:
  void put(char16_t c, std::uint16_t code) {
    if (c < low_.size())
      low_[c] = code;
    else
      high_.emplace_back(c, code);
  }

  const Language locking_;
  const Language single_;
  std::array<std::uint16_t, 256> low_;
  std::array<char16_t, 128> shifted_;
  std::vector<std::pair<char16_t, std::uint16_t>> high_;
};

/// One octet a septet; false, with `out` as it was, when a character is missing. Throws kInvalidArgument for text that is not
/// UTF-8.
inline bool encode_gsm7(std::string_view text, const Alphabet& alphabet, std::string& out) {
  const std::size_t before = out.size();
  while (!text.empty()) {
    const std::uint16_t code = alphabet.find(next_character(text));
    if (code == Alphabet::kMissing) {
      out.resize(before);
      return false;
    }
    if (code & Alphabet::kShifted) out += kEscape;
    out += static_cast<char>(code & 0x7F);
  }
  return true;
}

/// The same with '?' for what the alphabet does not have.
inline void encode_gsm7_lossy(std::string_view text, const Alphabet& alphabet, std::string& out) {
  while (!text.empty()) {
    std::uint16_t code = alphabet.find(next_character(text));
    if (code == Alphabet::kMissing) code = '?';
    if (code & Alphabet::kShifted) out += kEscape;
    out += static_cast<char>(code & 0x7F);
  }
}

/// False, with `out` as it was, when a character is above U+00FF.
inline bool encode_latin1(std::string_view text, std::string& out) {
  const std::size_t before = out.size();
  while (!text.empty()) {
    const char32_t c = next_character(text);
    if (c > 0xFF) {
      out.resize(before);
      return false;
    }
    out += static_cast<char>(c);
  }
  return true;
}

/// UTF-16BE, as the air carries it.
inline void encode_ucs2(std::string_view text, std::string& out) {
  const auto unit = [&](char32_t u) {
    out += static_cast<char>(u >> 8);
    out += static_cast<char>(u & 0xFF);
  };
  while (!text.empty()) {
    const char32_t c = next_character(text);
    if (c < 0x10000) {
      unit(c);
    } else {
      unit(0xD800 | (c - 0x10000) >> 10);
      unit(0xDC00 | (c & 0x3FF));
    }
  }
}

/// Octets with one septet each. An escape in front of a place without a character gives the locking table's (TS 23.038 6.2.1.1).
inline void decode_gsm7(std::string_view septets, const Alphabet& alphabet, std::string& out) {
  for (std::size_t i = 0; i < septets.size(); ++i) {
    const auto septet = static_cast<std::uint8_t>(septets[i] & 0x7F);
    char16_t c = alphabet.basic(septet);
    if (septet == static_cast<std::uint8_t>(kEscape)) {
      if (++i == septets.size()) break;
      const auto next = static_cast<std::uint8_t>(septets[i] & 0x7F);
      c = alphabet.shifted(next);
      if (c == kNone) c = alphabet.basic(next);
      if (c == kNone) c = u' ';
    }
    append_utf8(out, c == kNone ? U'\uFFFD' : static_cast<char32_t>(c));
  }
}

inline void decode_latin1(std::string_view octets, std::string& out) {
  for (const char c : octets) append_utf8(out, static_cast<unsigned char>(c));
}

/// A lone surrogate and a lone last octet give U+FFFD.
inline void decode_ucs2(std::string_view octets, std::string& out) {
  const auto unit = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(octets[i]) << 8 | static_cast<unsigned char>(octets[i + 1]));
  };
  std::size_t i = 0;
  for (; i + 1 < octets.size(); i += 2) {
    char32_t c = unit(i);
    if (c >= 0xD800 && c < 0xDC00 && i + 3 < octets.size() && unit(i + 2) >= 0xDC00 && unit(i + 2) < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10) + (unit(i + 2) - 0xDC00);
      i += 2;
    }
    append_utf8(out, c >= 0xD800 && c < 0xE000 ? U'\uFFFD' : c);
  }
  if (i < octets.size()) append_utf8(out, U'\uFFFD');
}

/// Septets into octets, the first one beginning `fill_bits` into the first octet (behind a header: so that it ends on a septet).
inline std::string pack_septets(std::string_view septets, unsigned fill_bits = 0) {
  std::string out((septets.size() * 7 + fill_bits + 7) / 8, '\0');
  std::size_t bit = fill_bits;
  for (const char septet : septets) {
    const unsigned value = static_cast<unsigned>(septet & 0x7F) << bit % 8;
    out[bit / 8] = static_cast<char>(out[bit / 8] | static_cast<char>(value));
    if (value > 0xFF) out[bit / 8 + 1] = static_cast<char>(value >> 8);
    bit += 7;
  }
  return out;
}

/// The other way; `count` septets, fewer when the octets end.
inline std::string unpack_septets(std::string_view octets, std::size_t count, unsigned fill_bits = 0) {
  std::string out;
  out.reserve(count);
  for (std::size_t bit = fill_bits; out.size() < count && bit + 7 <= octets.size() * 8; bit += 7) {
    unsigned value = static_cast<unsigned char>(octets[bit / 8]);
    if (bit / 8 + 1 < octets.size()) value |= static_cast<unsigned>(static_cast<unsigned char>(octets[bit / 8 + 1])) << 8;
    out += static_cast<char>(value >> bit % 8 & 0x7F);
  }
  return out;
}

/// Octets, as encoded above, that fit one message beside a header of so many octets (0: none).
inline constexpr std::size_t part_octets(Charset charset, std::size_t header_octets) {
  const std::size_t left = kUserDataOctets - header_octets;
  return charset == Charset::kGsm7 ? left * 8 / 7 : charset == Charset::kUcs2 ? left & ~std::size_t{1} : left;
}

/// Where the part that begins at `begin` ends: never inside an escape pair or a surrogate pair.
inline std::size_t part_end(std::string_view octets, std::size_t begin, Charset charset, std::size_t limit) {
  const std::size_t end = begin + limit;
  if (end >= octets.size()) return octets.size();
  if (charset == Charset::kGsm7 && octets[end - 1] == kEscape) return end - 1;
  if (charset == Charset::kUcs2 && (static_cast<unsigned char>(octets[end - 2]) & 0xFC) == 0xD8) return end - 2;
  return end;
}

/// The parts of a text, as views. `single`, `many`: octets of the only part, and of each of several.
inline std::vector<std::string_view> split(std::string_view octets, Charset charset, std::size_t single, std::size_t many) {
  std::vector<std::string_view> parts;
  if (octets.size() <= single) {
    parts.push_back(octets);
    return parts;
  }
  for (std::size_t begin = 0; begin < octets.size();) {
    const std::size_t end = part_end(octets, begin, charset, many);
    parts.push_back(octets.substr(begin, end - begin));
    begin = end;
  }
  return parts;
}

/// Parts behind a header of 6 octets (8-bit reference): 160 or 153 septets, 70 or 67 units.
inline std::size_t count_parts(std::string_view octets, Charset charset) {
  constexpr std::size_t kHeader = 6;
  const std::size_t many = part_octets(charset, kHeader);
  if (octets.size() <= part_octets(charset, 0)) return 1;
  std::size_t count = 0;
  for (std::size_t begin = 0; begin < octets.size(); ++count) begin = part_end(octets, begin, charset, many);
  return count;
}

}  // namespace trunkline::gsm

#include "runtime/sms/swaps.h"

#include <algorithm>
#include <optional>

#include "runtime/base/utf8.h"

namespace trunkline {
namespace {

struct Swap {
  char32_t found;
  const char* replacement;
};

// Only what changes the look and not the meaning. Accents that GSM-7 lacks are not dropped: that would be a loss.
constexpr Swap kSwaps[] = {
    {0x00A0, " "},  {0x00AD, ""},   {0x00B4, "'"},  {0x02BC, "'"},  {0x02D0, ":"},   {0x2000, " "},   {0x2001, " "},
    {0x2002, " "},  {0x2003, " "},  {0x2004, " "},  {0x2005, " "},  {0x2006, " "},   {0x2007, " "},   {0x2008, " "},
    {0x2009, " "},  {0x200A, " "},  {0x200B, ""},   {0x2010, "-"},  {0x2011, "-"},   {0x2012, "-"},   {0x2013, "-"},
    {0x2014, "-"},  {0x2015, "-"},  {0x2018, "'"},  {0x2019, "'"},  {0x201A, "'"},   {0x201B, "'"},   {0x201C, "\""},
    {0x201D, "\""}, {0x201E, "\""}, {0x201F, "\""}, {0x2022, "-"},  {0x2024, "."},   {0x2026, "..."}, {0x2028, "\n"},
    {0x2029, "\n"}, {0x202F, " "},  {0x2032, "'"},  {0x2033, "\""}, {0x2039, "<"},   {0x203A, ">"},   {0x2043, "-"},
    {0x2044, "/"},  {0x205F, " "},  {0x2060, ""},   {0x2212, "-"},  {0x2215, "/"},   {0x2217, "*"},   {0x2236, ":"},
    {0x3000, " "},  {0xFB00, "ff"}, {0xFB01, "fi"}, {0xFB02, "fl"}, {0xFB03, "ffi"}, {0xFB04, "ffl"}, {0xFEFF, ""},
    {0x00AB, "\""}, {0x00BB, "\""}, {0x0009, " "},
};

/// A letter and a combining accent that are one character of GSM-7 (Unicode normalisation form C).
struct Composed {
  char32_t letter, accent;
  const char* one;
};
constexpr Composed kComposed[] = {
    {'e', 0x300, "è"}, {'e', 0x301, "é"}, {'u', 0x300, "ù"}, {'i', 0x300, "ì"}, {'o', 0x300, "ò"}, {'a', 0x300, "à"},
    {'C', 0x327, "Ç"}, {'A', 0x30A, "Å"}, {'a', 0x30A, "å"}, {'E', 0x301, "É"}, {'A', 0x308, "Ä"}, {'O', 0x308, "Ö"},
    {'U', 0x308, "Ü"}, {'a', 0x308, "ä"}, {'o', 0x308, "ö"}, {'u', 0x308, "ü"}, {'N', 0x303, "Ñ"}, {'n', 0x303, "ñ"},
};

const Swap* find_swap(char32_t c) {
  for (const Swap& swap : kSwaps)
    if (swap.found == c) return &swap;
  return nullptr;
}

const Composed* find_composed(char32_t letter, char32_t accent) {
  for (const Composed& composed : kComposed)
    if (composed.letter == letter && composed.accent == accent) return &composed;
  return nullptr;
}

}  // namespace

SwappedText swap_to_gsm7(std::string_view text) {
  SwappedText out;
  const auto swap = [&](std::string found, std::string replacement) {
    out.text += replacement;
    for (service::SmsSwap& known : out.swaps)
      if (known.found == found) {
        ++known.count;
        return;
      }
    service::SmsSwap& one = out.swaps.emplace_back();
    one.found = std::move(found);
    one.replacement = std::move(replacement);
    one.count = 1;
  };
  while (const auto c = take_code_point(text)) {
    std::string as_is;
    append_utf8(as_is, *c);
    std::string_view ahead = text;
    if (const auto accent = take_code_point(ahead)) {
      if (const Composed* composed = find_composed(*c, *accent)) {
        append_utf8(as_is, *accent);
        text = ahead;
        swap(std::move(as_is), composed->one);
        continue;
      }
    }
    if (const Swap* known = find_swap(*c))
      swap(std::move(as_is), known->replacement);
    else
      out.text += as_is;
  }
  return out;
}

}  // namespace trunkline

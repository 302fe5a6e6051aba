#include "runtime/base/strings.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace trunkline {
namespace {

template <class Part>
std::string join_parts(std::span<const Part> parts, std::string_view separator) {
  std::string out;
  for (const Part& part : parts) {
    if (&part != parts.data()) out += separator;
    out += part;
  }
  return out;
}

// Levenshtein distance with a swap of neighbours as one edit, case ignored.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  const auto same = [&](std::size_t i, std::size_t j) { return ascii_lower(a[i]) == ascii_lower(b[j]); };
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same(i - 1, j - 1) ? 0 : 1)});
      if (i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1)) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::size_t at = 0;
  // Eight letters at a time: paths and header fields are lowered for every request.
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = kOnes * 0x80;
  for (std::uint64_t word; out.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, out.data() + at, sizeof word);
    const std::uint64_t low = word & ~kHigh;
    const std::uint64_t upper = (low + kOnes * (0x80 - 'A')) & ~(low + kOnes * (0x7f - 'Z')) & ~word & kHigh;
    word |= upper >> 2;  // 0x80 of an upper case letter becomes 0x20
    std::memcpy(out.data() + at, &word, sizeof word);
  }
  for (; at < out.size(); ++at) out[at] = ascii_lower(out[at]);
  return out;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  const char *x = a.data(), *y = b.data();
  // Names of header fields, mostly: those that differ do so in the first letters, those that do not are written alike.
  for (const char* const end = x + a.size(); x != end; ++x, ++y)
    if (*x != *y && ascii_lower(*x) != ascii_lower(*y)) return false;
  return true;
}

bool istarts_with(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

std::size_t ifind(std::string_view text, std::string_view needle, std::size_t from) noexcept {
  if (from > text.size()) return std::string_view::npos;
  const auto at = std::search(text.begin() + from, text.end(), needle.begin(), needle.end(),
                              [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
  return at == text.end() && !needle.empty() ? std::string_view::npos : static_cast<std::size_t>(at - text.begin());
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join(std::span<const std::string> parts, std::string_view separator) { return join_parts(parts, separator); }
std::string join(std::span<const std::string_view> parts, std::string_view separator) { return join_parts(parts, separator); }

std::string_view closest_word(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  if (word.size() > 64) return best;  // nobody mistypes that; keeps the work bounded
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) best = candidate, best_distance = distance;
  }
  return best;
}

}  // namespace trunkline

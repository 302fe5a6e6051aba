// UTF-8 (C++) to UTF-16 (JavaScript) and back. What is malformed becomes U+FFFD, so both sides always count the same units.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace trunkline::node {

/// What appending a text to a packet came to.
struct Appended {
  /// Its length in UTF-16 code units, as JavaScript counts.
  std::size_t units;
  bool ascii;
};

/// Appends `text` to `out` as valid UTF-8.
Appended append_utf8(std::string& out, std::string_view text);

/// `text` as UTF-8; lone surrogates become U+FFFD.
std::string to_utf8(std::u16string_view text);

}  // namespace trunkline::node

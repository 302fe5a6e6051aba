#include "runtime/diagnostics/redact.h"

#include <algorithm>
#include <array>

#include "runtime/base/strings.h"

namespace trunkline {
namespace {

constexpr std::array<std::string_view, 9> kSecretWords{"accesskey", "authorization",    "token",  "password",  "passphrase",
                                                       "secret",    "connectionstring", "apikey", "privatekey"};
// All end in '=' or ' ': append_redacted looks for those first.
constexpr std::array<std::string_view, 8> kMarkers{
    "accesskey=", "signature=", "password=", "token=", "secret=", "sharedaccesskey=", "sig=", "bearer "};

constexpr bool ends_secret(char c) { return is_space(c) || c == ';' || c == '&' || c == ',' || c == '"' || c == '\''; }

// The marker that ends at the end of `text`, as a whole word for the short one.
bool ends_with_marker(std::string_view text) {
  return std::any_of(kMarkers.begin(), kMarkers.end(), [&](std::string_view marker) {
    if (text.size() < marker.size() || !iequals(text.substr(text.size() - marker.size()), marker)) return false;
    if (marker != "sig=" || text.size() == marker.size()) return true;
    const char before = text[text.size() - marker.size() - 1];
    return before == '?' || before == '&' || before == ';' || is_space(before);
  });
}

}  // namespace

bool names_secret(std::string_view key) noexcept {
  std::array<char, 64> plain;  // longer keys are compared by their beginning
  std::size_t size = 0;
  for (const char c : key) {
    if (c == '_' || c == '-' || c == '.' || c == ' ') continue;
    if (size == plain.size()) break;
    plain[size++] = ascii_lower(c);
  }
  const std::string_view name(plain.data(), size);
  return std::any_of(kSecretWords.begin(), kSecretWords.end(),
                     [&](std::string_view word) { return name.find(word) != name.npos; });
}

void append_redacted(std::string& out, std::string_view text) {
  std::size_t copied = 0;
  for (std::size_t at = text.find_first_of("= "); at != text.npos; at = text.find_first_of("= ", at + 1)) {
    if (at < copied || !ends_with_marker(text.substr(0, at + 1))) continue;
    std::size_t end = at + 1;
    while (end < text.size() && !ends_secret(text[end])) ++end;
    if (end == at + 1) continue;
    out += text.substr(copied, at + 1 - copied);
    out += kRedacted;
    copied = end;
  }
  out += text.substr(copied);
}

}  // namespace trunkline

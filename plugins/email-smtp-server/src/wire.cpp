#include "wire.h"

#include <algorithm>

namespace email_smtp_server {

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

bool split_path(std::string_view rest, std::string_view keyword, std::string& address, std::string& parameters) {
  if (rest.size() <= keyword.size() || upper(rest.substr(0, keyword.size())) != keyword) return false;
  rest.remove_prefix(keyword.size());
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  const std::size_t end = rest.find('>');
  if (!rest.starts_with('<') || end == std::string_view::npos) return false;
  address = rest.substr(1, end - 1);
  parameters = rest.substr(end + 1);
  return true;
}

std::string without_stuffing(std::string_view data) {
  std::string out;
  out.reserve(data.size());
  bool line_start = true;
  for (const char c : data) {
    const bool stuffed = line_start && c == '.';
    line_start = c == '\n';
    if (!stuffed) out += c;
  }
  return out;
}

}  // namespace email_smtp_server

#include "wire.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "trunkline/sms_text.hpp"

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

std::string read_mail_parameters(std::string_view text, MailParameters& parameters) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string one(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::string name = upper(std::string_view(one).substr(0, equals));
    const std::string value = equals == one.size() ? std::string() : one.substr(equals + 1);
    if (name == "SIZE") {
      const auto read = std::from_chars(value.data(), value.data() + value.size(), parameters.size);
      if (read.ec == std::errc::result_out_of_range)
        parameters.size = SIZE_MAX;
      else if (read.ec != std::errc() || read.ptr != value.data() + value.size())
        return "501 5.5.4 SIZE wants a number";
    } else if (name == "BODY") {
      if (upper(value) != "7BIT" && upper(value) != "8BITMIME") return "501 5.5.4 BODY wants 7BIT or 8BITMIME";
    } else if (name == "SMTPUTF8" && equals == one.size()) {
      parameters.utf8 = true;
    } else if (name != "AUTH") {  // whom the client speaks for: we know who it is
      return "555 5.5.4 no such parameter";
    }
  }
  return {};
}

std::string address_fault(std::string_view address, bool allowed) {
  if (std::all_of(address.begin(), address.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return {};
  if (!allowed) return "553 5.6.7 beyond ASCII only with SMTPUTF8";
  std::string_view rest = address;
  while (!rest.empty())
    if (!trunkline::gsm::take_utf8(rest)) return "501 5.5.4 no UTF-8";
  return {};
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

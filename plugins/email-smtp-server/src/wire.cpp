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

namespace {

struct Parameter {
  std::string name;  // in capitals
  std::string value;
  bool has_value = false;
};

/// The next one, which is taken out of `text`; without a name at its end.
Parameter take_parameter(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view one = text.substr(0, end);
  text.remove_prefix(end);
  const std::size_t equals = std::min(one.find('='), one.size());
  return {upper(one.substr(0, equals)), std::string(equals == one.size() ? std::string_view() : one.substr(equals + 1)),
          equals != one.size()};
}

constexpr const char* kNoSuchParameter = "555 5.5.4 no such parameter";

}  // namespace

std::string read_recipient_parameters(std::string_view text, bool dsn, mail_reports::RecipientDsn& asked) {
  for (std::string_view rest = text;;) {
    const Parameter one = take_parameter(rest);
    if (one.name.empty() && !one.has_value) break;
    if (!dsn || (one.name != "NOTIFY" && one.name != "ORCPT")) return kNoSuchParameter;
  }
  return dsn ? mail_reports::read_recipient_dsn(text, asked) : std::string();
}

std::string read_mail_parameters(std::string_view text, bool dsn, MailParameters& parameters) {
  for (std::string_view rest = text;;) {
    const auto [name, value, has_value] = take_parameter(rest);
    if (name.empty() && !has_value) break;
    if (name == "SIZE") {
      const auto read = std::from_chars(value.data(), value.data() + value.size(), parameters.size);
      if (read.ec == std::errc::result_out_of_range)
        parameters.size = SIZE_MAX;
      else if (read.ec != std::errc() || read.ptr != value.data() + value.size())
        return "501 5.5.4 SIZE wants a number";
    } else if (name == "BODY") {
      if (upper(value) != "7BIT" && upper(value) != "8BITMIME") return "501 5.5.4 BODY wants 7BIT or 8BITMIME";
    } else if (name == "SMTPUTF8" && !has_value) {
      parameters.utf8 = true;
    } else if (name != "AUTH" && !(dsn && (name == "RET" || name == "ENVID"))) {  // AUTH: we know for whom the client speaks
      return kNoSuchParameter;
    }
  }
  return dsn ? mail_reports::read_mail_dsn(text, parameters.dsn) : std::string();
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

#include "runtime/sipsocket/sip_message.h"

#include <algorithm>
#include <array>

#include "runtime/base/strings.h"
#include "trunkline/error.hpp"

namespace trunkline::sipsocket {
namespace {

constexpr std::string_view kVersion = "SIP/2.0";

[[noreturn]] void wrong(std::string_view line, const char* why) {
  std::string shown(line.substr(0, 80));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 32 || c > 126; }, '?');
  throw Error(ErrorCode::kInvalidArgument, "the message is wrong at '" + shown + "': " + why, "message");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string full_name(std::string_view name) {
  constexpr std::array<std::pair<char, const char*>, 10> kCompact = {{{'v', "via"},
                                                                      {'f', "from"},
                                                                      {'t', "to"},
                                                                      {'i', "call-id"},
                                                                      {'m', "contact"},
                                                                      {'l', "content-length"},
                                                                      {'c', "content-type"},
                                                                      {'e', "content-encoding"},
                                                                      {'k', "supported"},
                                                                      {'r', "refer-to"}}};
  std::string lower = to_lower(name);
  if (lower.size() == 1)
    for (const auto& [letter, full] : kCompact)
      if (lower[0] == letter) return full;
  return lower;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("-.!%*_+`'~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

/// Takes a line off the front, without its end. A line that goes on in the next one is one.
std::string next_line(std::string_view& rest, bool folds) {
  std::string line;
  for (;;) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.ends_with('\r')) part.remove_suffix(1);
    line += part;
    if (!folds || line.empty() || rest.empty() || (rest.front() != ' ' && rest.front() != '\t')) return line;
  }
}

void read_first(std::string_view line, SipMessage& message) {
  const std::size_t one = line.find(' ');
  if (one == line.npos) wrong(line, "wanted a request or a response");
  const std::size_t two = line.find(' ', one + 1);
  if (line.substr(0, one) == kVersion) {
    const auto status = parse_number<int>(line.substr(one + 1, two == line.npos ? line.npos : two - one - 1));
    if (!status || *status < 100 || *status > 699) wrong(line, "the status is none");
    message.status = *status;
    if (two != line.npos) message.phrase = line.substr(two + 1);
    return;
  }
  if (two == line.npos || line.substr(two + 1) != kVersion) wrong(line, "wanted SIP/2.0");
  message.method = line.substr(0, one);
  message.uri = line.substr(one + 1, two - one - 1);
  if (!is_token(message.method) || message.uri.empty()) wrong(line, "wanted a method and an address");
}

/// Where the parameters of the header begin: behind the brackets, if there are some, and behind what is quoted.
std::size_t parameters_at(std::string_view address) {
  bool quoted = false;
  std::size_t bracket = address.npos;
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (address[i] == '\\' && quoted) {
      ++i;
    } else if (address[i] == '"') {
      quoted = !quoted;
    } else if (address[i] == '>' && !quoted) {
      bracket = i;
      break;
    }
  }
  return std::min(address.find(';', bracket == address.npos ? 0 : bracket), address.size());
}

/// Calls `fn(begin, end, name, value)` for each parameter; it ends when that says so.
template <class F>
void each_parameter(std::string_view address, F fn) {
  std::size_t at = parameters_at(address);
  while (at < address.size()) {
    bool quoted = false;
    std::size_t end = at + 1;
    for (; end < address.size() && (quoted || address[end] != ';'); ++end)
      if (address[end] == '"') quoted = !quoted;
    const std::string_view pair = address.substr(at + 1, end - at - 1);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (fn(at, end, trimmed(pair.substr(0, equals)), trimmed(pair.substr(std::min(equals + 1, pair.size()))))) return;
    at = end;
  }
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 32);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string_view SipMessage::get(std::string_view name) const {
  for (const auto& [own, value] : headers)
    if (own == name) return value;
  return {};
}

std::string SipMessage::text() const {
  std::string out =
      is_request() ? method + " " + uri + " SIP/2.0\r\n" : "SIP/2.0 " + std::to_string(status) + " " + phrase + "\r\n";
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return out + body;
}

SipMessage parse_sip(std::string_view text) {
  if (text.size() > SipMessage::kMaxBytes) wrong("", "it is longer than 65536 bytes");
  SipMessage message;
  read_first(next_line(text, false), message);
  for (;;) {
    if (text.empty()) wrong("", "wanted an empty line behind the headers");
    const std::string line = next_line(text, true);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == line.npos) wrong(line, "wanted a header");
    const std::string_view name = trimmed(std::string_view(line).substr(0, colon));
    if (!is_token(name)) wrong(line, "wanted the name of a header");
    const std::string_view value = trimmed(std::string_view(line).substr(colon + 1));
    if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 32 && c != '\t'; }))
      wrong(line, "found a character that cannot be seen");
    if (message.headers.size() == SipMessage::kMaxHeaders) wrong(line, "it has more than 100 headers");
    message.headers.emplace_back(full_name(name), value);
  }
  for (const char* wanted : {"via", "from", "to", "call-id", "cseq"})
    if (message.get(wanted).empty()) wrong(wanted, "this header is missing");
  if (const std::string_view length = message.get("content-length"); !length.empty()) {
    const auto bytes = parse_number<std::size_t>(length);
    if (!bytes || *bytes > text.size()) wrong(length, "the length is not that of the body");
    text = text.substr(0, *bytes);
  }
  std::erase_if(message.headers, [](const auto& header) { return header.first == "content-length"; });
  const auto [number, method] = parse_cseq(message.get("cseq"));
  if (message.is_request() && method != message.method) wrong(message.get("cseq"), "it names another method");
  message.body = text;
  return message;
}

std::pair<std::uint32_t, std::string> parse_cseq(std::string_view value) {
  const std::size_t space = std::min(value.find_first_of(" \t"), value.size());
  const auto number = parse_number<std::uint32_t>(value.substr(0, space));
  const std::string_view method = trimmed(value.substr(space));
  if (!number || *number > 0x7fffffffU || !is_token(method)) wrong(value, "wanted a number and a method");
  return {*number, std::string(method)};
}

std::string uri_of(std::string_view address) {
  const std::size_t end = parameters_at(address);
  std::string_view uri = address.substr(0, end);
  const std::size_t open = uri.rfind('<');
  if (open == uri.npos) return std::string(trimmed(uri));
  uri.remove_prefix(open + 1);
  return std::string(uri.substr(0, uri.find('>')));
}

std::optional<std::string> parameter_of(std::string_view address, std::string_view name) {
  std::optional<std::string> found;
  each_parameter(address, [&](std::size_t, std::size_t, std::string_view own, std::string_view value) {
    if (!iequals(own, name)) return false;
    found = value;
    return true;
  });
  return found;
}

std::string without_parameter(std::string_view address, std::string_view name) {
  std::string out(address);
  each_parameter(address, [&](std::size_t begin, std::size_t end, std::string_view own, std::string_view) {
    if (!iequals(own, name)) return false;
    out.erase(begin, end - begin);
    return true;
  });
  return out;
}

std::string user_of(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  if (colon == uri.npos) return {};
  const bool tel = iequals(uri.substr(0, colon), "tel");
  uri.remove_prefix(colon + 1);
  const std::size_t end = tel ? uri.find(';') : uri.find('@');
  if (!tel && end == uri.npos) return {};
  uri = uri.substr(0, end);
  std::string user;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    const bool escaped = uri[i] == '%' && i + 2 < uri.size() && hex(uri[i + 1]) >= 0 && hex(uri[i + 2]) >= 0;
    user.push_back(escaped ? static_cast<char>(hex(uri[i + 1]) << 4 | hex(uri[i + 2])) : uri[i]);
    if (escaped) i += 2;
  }
  // A number may be written for people.
  if (user.starts_with('+')) std::erase_if(user, [](char c) { return c == '-' || c == '.' || c == '(' || c == ')'; });
  return user;
}

}  // namespace trunkline::sipsocket

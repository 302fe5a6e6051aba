#include "runtime/sipsocket/sip_words.h"

#include <cctype>

#include "runtime/base/strings.h"
#include "runtime/base/utf8.h"

namespace trunkline::sipsocket {
namespace {

std::string escaped(std::string_view text, std::string_view plain) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || plain.find(c) != plain.npos) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  return out;
}

}  // namespace

std::string phrase_of(int status) {
  switch (status) {
    case 100:
      return "Trying";
    case 180:
      return "Ringing";
    case 183:
      return "Session Progress";
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 415:
      return "Unsupported Media Type";
    case 480:
      return "Temporarily Unavailable";
    case 481:
      return "Call Does Not Exist";
    case 486:
      return "Busy Here";
    case 487:
      return "Request Terminated";
    case 488:
      return "Not Acceptable Here";
    case 491:
      return "Request Pending";
    case 500:
      return "Server Internal Error";
    case 503:
      return "Service Unavailable";
    case 603:
      return "Decline";
    default:
      return "Failed";
  }
}

int status_of_cause(int cause) {
  switch (cause) {
    case 1:
    case 2:
    case 3:
      return 404;
    case 17:
      return 486;
    case 18:
    case 19:
    case 20:
    case 16:
      return 480;
    case 21:
      return 603;
    case 34:
    case 38:
    case 41:
    case 42:
      return 503;
    case 88:
    case 65:
      return 488;
    default:
      return 480;
  }
}

int status_of_answer(int http_status) {
  switch (http_status) {
    case 401:
    case 403:
    case 404:
      return http_status;
    case 400:
    case 413:
    case 415:
      return 400;
    case 406:
      return 488;
    case 409:
      return 480;
    case 0:
    case 410:  // the provider
    case 503:
      return 503;
    default:
      return 500;
  }
}

std::string where_of(const std::string& user) {
  for (const char* kind : {"room", "group"}) {
    const std::string prefix = std::string(kind) + ":";
    if (user.size() > prefix.size() && user.starts_with(prefix))
      return "?" + std::string(kind) + "=" + escaped(user.substr(prefix.size()), "-._~");
  }
  if (!user.starts_with('+') && !user.starts_with("8:")) return {};
  return "?to=" + escaped(user, "-._~:");
}

std::optional<char> digit_of_info(std::string_view content_type, std::string_view body) {
  const std::string type = to_lower(content_type.substr(0, content_type.find(';')));
  std::string_view signal;
  if (type == "application/dtmf") {
    signal = body;
  } else if (type == "application/dtmf-relay") {
    const std::string lower = to_lower(body);
    const std::size_t at = lower.find("signal");
    const std::size_t equals = at == lower.npos ? at : lower.find('=', at);
    if (equals == lower.npos) return std::nullopt;
    signal = body.substr(equals + 1);
  } else {
    return std::nullopt;
  }
  const std::size_t first = signal.find_first_not_of(" \t\r\n");
  if (first == signal.npos) return std::nullopt;
  const char digit = static_cast<char>(std::toupper(static_cast<unsigned char>(signal[first])));
  const bool alone = first + 1 >= signal.size() || std::string_view(" \t\r\n").find(signal[first + 1]) != std::string_view::npos;
  if (!alone || std::string_view("0123456789ABCD*#").find(digit) == std::string_view::npos) return std::nullopt;
  return digit;
}

std::string between_quotes(std::string_view text) {
  // Browsers close a socket that brings them half a character.
  const std::string whole = utf8_sanitized(text);
  const std::string_view first = std::string_view(whole).substr(0, 200);
  std::string out;
  for (const char c : first.substr(0, utf8_valid_prefix(first)))
    if (const auto byte = static_cast<unsigned char>(c); byte >= 32 && byte != 127 && c != '"' && c != '\\') out.push_back(c);
  return out;
}

std::string escaped_user(std::string_view text) { return escaped(text, "-_.!~*'()&=+$,;?/"); }

}  // namespace trunkline::sipsocket

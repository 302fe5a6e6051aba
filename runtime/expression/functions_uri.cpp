// URI functions and percent-encoding.
#include <array>
#include <optional>

#include "runtime/base/utf8.h"
#include "runtime/expression/function.h"
#include "runtime/expression/text_units.h"
#include "runtime/expression/uri_text.h"

namespace trunkline::expression {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

bool unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
         c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::optional<char> escape_at(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size() || text[at] != '%') return std::nullopt;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

void append_escaped(std::string& out, char c) {
  out += '%';
  out += kHex[static_cast<unsigned char>(c) >> 4];
  out += kHex[static_cast<unsigned char>(c) & 15];
}

struct Uri {
  std::string scheme, host, path, query;
  std::optional<std::int64_t> port;
};

std::optional<std::int64_t> default_port(std::string_view scheme) {
  struct Known {
    std::string_view scheme;
    int port;
  };
  static constexpr std::array<Known, 12> kKnown = {{{"http", 80},
                                                    {"https", 443},
                                                    {"ftp", 21},
                                                    {"ftps", 990},
                                                    {"ws", 80},
                                                    {"wss", 443},
                                                    {"ldap", 389},
                                                    {"telnet", 23},
                                                    {"nntp", 119},
                                                    {"gopher", 70},
                                                    {"net.tcp", 808},
                                                    {"mailto", 25}}};
  for (const Known& known : kKnown)
    if (known.scheme == scheme) return known.port;
  return std::nullopt;
}

bool valid_scheme(std::string_view text) {
  if (text.empty() || !((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'))) return false;
  for (const char c : text)
    if (!unreserved(c) && c != '+') return false;
  return text.find_first_of("_~") == std::string_view::npos;
}

/// An absolute URI with an authority; nullopt: none.
std::optional<Uri> parse_uri(std::string_view text) {
  text = trimmed(text);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !valid_scheme(text.substr(0, colon))) return std::nullopt;
  Uri out;
  out.scheme = to_lower(text.substr(0, colon));
  text.remove_prefix(colon + 1);
  text = text.substr(0, text.find('#'));
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const std::size_t end = std::min(text.find_first_of("/?\\"), text.size());
    std::string_view authority = text.substr(0, end);
    text.remove_prefix(end);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
    const std::size_t bracket = authority.rfind(']');
    const std::size_t port = authority.rfind(':');
    if (port != std::string_view::npos && (bracket == std::string_view::npos || port > bracket)) {
      std::int64_t number = 0;
      for (const char c : authority.substr(port + 1)) {
        if (c < '0' || c > '9' || number > 65535) return std::nullopt;
        number = number * 10 + (c - '0');
      }
      if (number > 65535) return std::nullopt;
      if (port + 1 < authority.size()) out.port = number;
      authority = authority.substr(0, port);
    }
    if (authority.empty() && out.scheme != "file") return std::nullopt;
    if (authority.find_first_of(" <>\"{}|^`") != std::string_view::npos) return std::nullopt;
    out.host = to_lower(authority);
  }
  if (!out.port) out.port = default_port(out.scheme).value_or(-1);
  const std::size_t question = std::min(text.find('?'), text.size());
  for (const char c : text.substr(0, question)) {
    if (c == ' ' || static_cast<unsigned char>(c) >= 0x80 || std::string_view("<>\"{}|^`").find(c) != std::string_view::npos)
      append_escaped(out.path, c);
    else
      out.path += c == '\\' ? '/' : c;
  }
  if (out.path.empty() && !out.host.empty()) out.path.push_back('/');
  for (const char c : text.substr(question)) {
    if (c == ' ' || static_cast<unsigned char>(c) >= 0x80 || std::string_view("<>\"{}|^`").find(c) != std::string_view::npos)
      append_escaped(out.query, c);
    else
      out.query += c;
  }
  return out;
}

Uri uri_argument(const Call& call) {
  auto out = parse_uri(call.text(0));
  if (!out) call.fail("expects its parameter to be an absolute URI. The provided value is '" + call.text(0) + "'.", 0);
  return *std::move(out);
}

Operand uri_host(Call& call) { return Operand::text(uri_argument(call).host); }
Operand uri_path(Call& call) { return Operand::text(uri_argument(call).path); }
Operand uri_path_and_query(Call& call) {
  const Uri uri = uri_argument(call);
  return Operand::text(uri.path + (uri.query == "?" ? std::string() : uri.query));
}
Operand uri_port(Call& call) { return Value(*uri_argument(call).port); }
Operand uri_query(Call& call) {
  const Uri uri = uri_argument(call);
  return Operand::text(uri.query == "?" ? std::string() : uri.query);
}
Operand uri_scheme(Call& call) { return Operand::text(uri_argument(call).scheme); }

constexpr FunctionInfo kUriFunctions[] = {
    {"uriHost", 1, 1, uri_host}, {"uriPath", 1, 1, uri_path},   {"uriPathAndQuery", 1, 1, uri_path_and_query},
    {"uriPort", 1, 1, uri_port}, {"uriQuery", 1, 1, uri_query}, {"uriScheme", 1, 1, uri_scheme},
};

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved(c))
      out += c;
    else
      append_escaped(out, c);
  }
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = escape_at(text, i);
    out += byte.value_or(text[i]);
    if (byte) i += 2;
  }
  return out;
}

std::string percent_decoded_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::string run;  // bytes of neighbouring escapes
  for (std::size_t i = 0; i < text.size();) {
    if (const auto byte = escape_at(text, i)) {
      run.clear();
      for (auto next = byte; next; next = escape_at(text, i)) {
        run += *next;
        i += 3;
      }
      std::string_view rest = run;
      while (!rest.empty()) {
        if (const auto point = take_code_point(rest)) {
          append_utf8(out, *point);
        } else {
          append_escaped(out, rest.front());
          rest.remove_prefix(1);
        }
      }
    } else {
      out += text[i++];
    }
  }
  return out;
}

std::span<const FunctionInfo> uri_functions() { return kUriFunctions; }

}  // namespace trunkline::expression

#include "runtime/server/access_key.h"

#include <algorithm>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"

namespace trunkline::server {
namespace {

constexpr std::string_view kScheme = "HMAC-SHA256";
constexpr std::size_t kMaxSignedHeaders = 16;
constexpr std::size_t kMaxKeyLength = 2048;

void append_form(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const char l = ascii_lower(c);
    if ((l >= 'a' && l <= 'z') || is_digit(c) || c == '*' || c == '-' || c == '.' || c == '_') {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      const auto u = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[u >> 4]);
      out.push_back(kHex[u & 15]);
    }
  }
}

std::string form_decode(std::string_view text) { return net::percent_decode(text, true).value_or(std::string(text)); }

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

bool AccessKeyAuthorization::signs(std::string_view header) const {
  return std::any_of(signed_headers.begin(), signed_headers.end(), [&](std::string_view name) { return iequals(name, header); });
}

std::optional<AccessKeyAuthorization> parse_access_key_authorization(std::string_view value, std::string& problem) {
  const auto bad = [&](const char* what) {
    problem = what;
    return std::nullopt;
  };
  if (value.size() > kMaxKeyLength) return bad("longer than 2048 characters");
  value = trim(value);
  if (!istarts_with(value, kScheme)) return bad("the scheme is not HMAC-SHA256");
  value.remove_prefix(kScheme.size());
  if (value.empty() || !is_space(value.front())) return bad("nothing follows the scheme");
  AccessKeyAuthorization out;
  bool has_headers = false;
  bool has_signature = false;
  // Takes what comes before the separator off `text`.
  const auto take = [](std::string_view& text, char separator) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
  };
  out.signed_headers.reserve(4);
  value = trim(value);
  bool more = true;
  while (more) {
    more = value.find('&') != std::string_view::npos;
    const std::string_view part = take(value, '&');
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) return bad("a part without '='");
    const std::string_view name = trim(part.substr(0, equals));
    std::string_view text = trim(part.substr(equals + 1));
    if (iequals(name, "SignedHeaders")) {
      if (std::exchange(has_headers, true)) return bad("SignedHeaders twice");
      if (text.empty() || text.back() == ';') return bad("an empty name in SignedHeaders");
      while (!text.empty()) {
        const std::string_view header = take(text, ';');
        if (header.empty()) return bad("an empty name in SignedHeaders");
        if (out.signed_headers.size() == kMaxSignedHeaders) return bad("more than 16 SignedHeaders");
        out.signed_headers.push_back(header);
      }
    } else if (iequals(name, "Signature")) {
      if (std::exchange(has_signature, true)) return bad("Signature twice");
      auto signature = base64_decode(text);
      if (!signature || signature->size() != sizeof(crypto::Digest)) return bad("Signature is not the base64 of 32 bytes");
      out.signature = *std::move(signature);
    } else {
      return bad("a part that is neither SignedHeaders nor Signature");
    }
  }
  if (!has_headers) return bad("no SignedHeaders");
  if (!has_signature) return bad("no Signature");
  return out;
}

std::string reencode_query(std::string_view query) {
  std::string out;
  out.reserve(query.size() + 16);
  for (const std::string_view pair : split(query, '&')) {
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    if (!out.empty()) out.push_back('&');
    append_form(out, form_decode(pair.substr(0, equals)));
    out.push_back('=');
    if (equals != std::string_view::npos) append_form(out, form_decode(pair.substr(equals + 1)));
  }
  return out;
}

std::vector<std::string> signed_target_candidates(const net::Request& request) {
  std::vector<std::string> out;
  const auto add = [&](std::string candidate) {
    if (std::find(out.begin(), out.end(), candidate) == out.end()) out.push_back(std::move(candidate));
  };
  add(request.target);
  if (const std::string_view query = request.query(); !query.empty()) {
    std::string reencoded(request.path());
    reencoded.push_back('?');
    add(reencoded + reencode_query(query));
  }
  if (request.headers.has("x-ms-host")) add(std::string(request.path()));
  // A decoded line break could move the border between target and headers: never accepted.
  const auto decoded = net::percent_decode(request.target);
  const bool usable = decoded && !has_control(*decoded);
  if (request.target.starts_with('/')) {
    add(request.target.substr(1));
    if (usable) add(decoded->substr(1));
  }
  if (usable) add(*decoded);
  return out;
}

std::string signed_tail(const net::Request& request, const AccessKeyAuthorization& authorization, std::string_view host) {
  std::string out;
  out.reserve(160);
  out.push_back('\n');
  for (std::size_t i = 0; i < authorization.signed_headers.size(); ++i) {
    if (i > 0) out.push_back(';');
    const std::string_view name = authorization.signed_headers[i];
    out += iequals(name, "host") ? host : trim(request.headers.get(name));
  }
  return out;
}

}  // namespace trunkline::server

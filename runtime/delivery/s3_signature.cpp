#include "runtime/delivery/s3_signature.h"

#include <chrono>
#include <cstdio>
#include <map>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/crypto/hash.h"
#include "runtime/net/url.h"

namespace trunkline::delivery {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kService = "s3";
constexpr std::string_view kEnd = "aws4_request";

std::string hex(const crypto::Digest& digest) { return hex_encode(digest); }

crypto::Digest mac(std::string_view key, std::string_view text) { return crypto::HmacSha256(key).sign(text); }

bool is_hex(char c) { return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f'); }

int hex_digit(char c) { return is_digit(c) ? c - '0' : ascii_lower(c) - 'a' + 10; }

/// A path as the service writes it before it checks the signature: each octet escaped once, in capitals, that is neither a
/// separator nor unreserved (RFC 3986), however it was written.
std::string escaped_path(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    const bool was_escaped = c == '%' && i + 2 < path.size() && is_hex(path[i + 1]) && is_hex(path[i + 2]);
    if (was_escaped) {
      c = static_cast<char>(hex_digit(path[i + 1]) * 16 + hex_digit(path[i + 2]));
      i += 2;
    }
    const char low = ascii_lower(c);
    const bool plain = is_digit(c) || (low >= 'a' && low <= 'z') || std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain || (c == '/' && !was_escaped)) {
      out.push_back(c);
      continue;
    }
    char text[4];
    std::snprintf(text, sizeof text, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += text;
  }
  return out;
}

/// As the header `Host` will say it.
std::string host_of(const net::Url& url) {
  std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  const bool usual = url.port.empty() || url.port == (url.scheme == "https" ? "443" : "80");
  return usual ? host : host + ":" + url.port;
}

}  // namespace

void sign_s3(net::ClientRequest& request, const S3Credentials& credentials, Time now) {
  const auto url = net::parse_url(request.url);
  if (!url) throw Error(ErrorCode::kInvalidArgument, "is no URL", "url");
  const std::string host = host_of(*url);
  const std::string path = escaped_path(url->target);
  request.url = url->scheme + "://" + host + path;

  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - day));
  char when[32];
  std::snprintf(when, sizeof when, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  const std::string at(when), on = at.substr(0, 8);
  const std::string content = hex(crypto::sha256(request.body));
  request.headers.set("x-amz-content-sha256", content);
  request.headers.set("x-amz-date", at);
  if (!credentials.session_token.empty())
    request.headers.set("x-amz-security-token", std::string(credentials.session_token.reveal()));

  std::map<std::string, std::string> sorted{{"host", host}};
  for (const auto& [name, value] : request.headers) sorted[to_lower(name)] = trim(value);
  std::string lines, names;
  for (const auto& [name, value] : sorted) {
    lines.append(name).append(":").append(value).append("\n");
    names.append(names.empty() ? "" : ";").append(name);
  }
  const std::string canonical = request.method + "\n" + path + "\n\n" + lines + "\n" + names + "\n" + content;
  std::string scope = on;
  for (const std::string_view part : {std::string_view(credentials.region), kService, kEnd}) scope.append("/").append(part);
  std::string to_sign(kAlgorithm);
  to_sign.append("\n").append(at).append("\n").append(scope).append("\n").append(hex(crypto::sha256(canonical)));

  crypto::Digest key = mac("AWS4" + std::string(credentials.secret_access_key.reveal()), on);
  for (const std::string_view part : {std::string_view(credentials.region), kService, kEnd})
    key = mac(crypto::as_text(key), part);
  request.headers.set("Authorization", std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" + scope +
                                           ", SignedHeaders=" + names + ", Signature=" + hex(mac(crypto::as_text(key), to_sign)));
}

}  // namespace trunkline::delivery

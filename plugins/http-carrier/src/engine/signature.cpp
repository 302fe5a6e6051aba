#include "signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace http_carrier {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::HttpRequest;

namespace {

constexpr std::size_t kMaxFields = 1000;

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) << 4 | digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Calls f(name, value) for each field, decoded, until it says false.
template <class F>
void each_field(std::string_view form, F f) {
  while (!form.empty()) {
    const std::size_t end = std::min(form.find('&'), form.size());
    const std::string_view field = form.substr(0, end);
    form.remove_prefix(std::min(end + 1, form.size()));
    if (field.empty()) continue;
    const std::size_t equals = field.find('=');
    if (!f(decoded(field.substr(0, equals)),
           equals == std::string_view::npos ? std::string() : decoded(field.substr(equals + 1))))
      return;
  }
}

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::kUnauthenticated, "the callback " + what); }

}  // namespace

std::string hmac(std::string_view key, std::string_view text, bool sha1) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const EVP_MD* how = sha1 ? EVP_sha1() : EVP_sha256();
  if (!HMAC(how, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
            digest, &size))
    throw Error(ErrorCode::kInternal, "the digest cannot be made");
  return {reinterpret_cast<const char*>(digest), size};
}

std::string sha256(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

std::string hex(std::string_view bytes) {
  constexpr const char* kHex = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : bytes) out.append({kHex[c >> 4], kHex[c & 15]});
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  return out;
}

std::string from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int v = c >= 'A' && c <= 'Z'   ? c - 'A'
                  : c >= 'a' && c <= 'z' ? c - 'a' + 26
                  : c >= '0' && c <= '9' ? c - '0' + 52
                  : c == '+'             ? 62
                  : c == '/'             ? 63
                                         : -1;
    if (v < 0) continue;
    bits = bits << 6 | static_cast<std::uint32_t>(v);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xFF);
  }
  return out;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view body_of(const HttpRequest& request) {
  if (!request.body) return {};
  return {reinterpret_cast<const char*>(request.body->data()), request.body->size()};
}

std::string header_of(const HttpRequest& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string() : found->second;
}

std::string_view target_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t path = url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : url.substr(path);
}

std::string parameter(std::string_view url, std::string_view name) {
  const std::size_t query = url.find('?');
  std::string value;
  if (query == std::string_view::npos) return value;
  each_field(url.substr(query + 1), [&](const std::string& key, std::string one) {
    if (key != name) return true;
    value = std::move(one);
    return false;
  });
  return value;
}

json form_object(std::string_view form) {
  json object = json::object();
  each_field(form, [&](const std::string& name, std::string value) {
    if (object.size() >= kMaxFields) throw Error(ErrorCode::kInvalidArgument, "body: found more than 1000 fields", "body");
    object[name] = std::move(value);
    return true;
  });
  return object;
}

void verify(const Verification& v, const HttpRequest& request, const SecretOf& secret) {
  if (v.kind == Verification::Kind::kNone) return;
  const std::string key = v.secret.fill({}, secret);
  if (key.empty()) refuse("cannot be checked: its secret is empty");
  if (v.kind == Verification::Kind::kBasic) {
    if (!same(header_of(request, "authorization"), "Basic " + base64(key))) refuse("has no valid authorization");
    return;
  }
  const std::string found = v.header.empty() ? parameter(request.url, v.query) : header_of(request, v.header);
  const std::string where = v.header.empty() ? v.query : v.header;
  if (found.empty()) refuse("has no " + where);
  std::string wanted = key;
  if (v.kind == Verification::Kind::kHmac) {
    const std::string digest = hmac(key, body_of(request), v.sha1);
    wanted = v.prefix + (v.base64 ? base64(digest) : hex(digest));
  }
  if (!same(found, wanted)) refuse("has a wrong " + where);
}

}  // namespace http_carrier

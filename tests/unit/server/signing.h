// Signs requests as the official clients do, written from the description of the scheme and not from the code under test.
#pragma once
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <string>

#include "runtime/base/encoding.h"
#include "runtime/net/http.h"

namespace trunkline::testing {

inline std::string sha256_base64(std::string_view body) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest);
  return base64_encode(std::string_view(reinterpret_cast<char*>(digest), sizeof digest));
}

inline std::string hmac_base64(std::string_view key_base64, std::string_view text) {
  const std::string key = base64_decode(key_base64).value();
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       mac, &size);
  return base64_encode(std::string_view(reinterpret_cast<char*>(mac), size));
}

struct Signed {
  std::string method = "POST";
  std::string target = "/things?api-version=2024-01-01";
  std::string body;
  std::string host = "127.0.0.1:4600";
  std::string date = "Thu, 01 Jan 2026 00:00:00 GMT";
  std::string key;
  // What is signed where it differs from what is sent.
  std::string signed_target;
  std::string signed_host;
  std::string signed_headers = "x-ms-date;host;x-ms-content-sha256";

  net::Request request() const {
    net::Request out;
    out.method = method;
    out.target = target;
    out.body = body;
    out.remote = "127.0.0.1";
    const std::string hash = sha256_base64(body);
    out.headers.add("Host", host);
    const bool plain_date = signed_headers.starts_with("date");
    out.headers.add(plain_date ? "Date" : "x-ms-date", date);
    out.headers.add("x-ms-content-sha256", hash);
    if (!body.empty()) out.headers.add("Content-Type", "application/json");
    const std::string the_host = signed_host.empty() ? host : signed_host;
    std::string values;
    std::string rest = signed_headers + ";";
    while (!rest.empty()) {
      const std::string name = rest.substr(0, rest.find(';'));
      rest.erase(0, name.size() + 1);
      if (!values.empty()) values += ";";
      values += name == "host"                          ? the_host
                : name == "x-ms-content-sha256"         ? hash
                : name == "date" || name == "x-ms-date" ? date
                                                        : std::string(out.headers.get(name));
    }
    const std::string text = method + "\n" + (signed_target.empty() ? target : signed_target) + "\n" + values;
    out.headers.add("Authorization", "HMAC-SHA256 SignedHeaders=" + signed_headers + "&Signature=" + hmac_base64(key, text));
    return out;
  }
};

}  // namespace trunkline::testing

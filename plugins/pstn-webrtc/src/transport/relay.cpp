#include "transport/relay.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "trunkline/error.hpp"

namespace pstn_webrtc {
namespace {

constexpr std::size_t kMaxServerUrl = 256, kMaxUser = 128;

bool begins(std::string_view text, std::string_view scheme) { return text.size() > scheme.size() && text.starts_with(scheme); }

/// What stands in its way neither in the name nor in a log of the TURN server.
std::string plain_user(std::string_view user) {
  std::string out(user.substr(0, kMaxUser));
  for (char& c : out) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!fine) c = '-';
  }
  return out;
}

std::string signature(std::string_view name, std::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (!HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(name.data()),
            name.size(), digest.data(), &size))
    throw trunkline::Error(trunkline::ErrorCode::kInternal, "credentials for TURN could not be made", "ice_servers");
  std::array<unsigned char, 64> text{};
  const int written = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(written)};
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace

bool is_turn_url(std::string_view url) { return begins(url, "turn:") || begins(url, "turns:"); }

bool is_relay_url(std::string_view url) {
  if (url.size() > kMaxServerUrl || !(is_turn_url(url) || begins(url, "stun:") || begins(url, "stuns:"))) return false;
  // Nothing that would end it in a header.
  return std::all_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) > 32 && static_cast<unsigned char>(c) < 127 && c != '<' && c != '>' && c != '"' &&
           c != ',' && c != '@';
  });
}

RelayAccess relay_access(const RelayServer& server, std::string_view user, std::int64_t expires_unix_seconds) {
  RelayAccess access;
  access.urls = server.urls;
  if (!server.relays()) return access;
  if (!server.username.empty()) {
    access.username = server.username;
    access.credential = server.secret;
    return access;
  }
  access.username = std::to_string(expires_unix_seconds) + ":" + plain_user(user);
  access.credential = signature(access.username, server.secret);
  return access;
}

std::string relay_links(const std::vector<RelayAccess>& all) {
  std::string out;
  for (const RelayAccess& one : all) {
    for (const std::string& url : one.urls) {
      out += (out.empty() ? "<" : ", <") + url + ">; rel=\"ice-server\"";
      if (one.username.empty() || !is_turn_url(url)) continue;
      out += "; username=" + quoted(one.username) + "; credential=" + quoted(one.credential) + "; credential-type=\"password\"";
    }
  }
  return out;
}

}  // namespace pstn_webrtc

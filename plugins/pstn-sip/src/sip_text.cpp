#include "sip_text.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "trunkline/error.hpp"

namespace pstn_sip {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;

constexpr std::size_t kMaxHeaders = 32;
constexpr std::size_t kMaxHeader = 1024;
constexpr std::string_view kUserToUser = "User-To-User";

bool is_number_digit(char c) { return c >= '0' && c <= '9'; }
char lower_of(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower_of(x) == lower_of(y); });
}

bool is_custom(std::string_view name) {
  const auto fine = [](char c) {
    return (lower_of(c) >= 'a' && lower_of(c) <= 'z') || is_number_digit(c) || c == '-' || c == '_';
  };
  if (!std::all_of(name.begin(), name.end(), fine)) return false;
  return same_word(name, kUserToUser) || (name.size() > 2 && same_word(name.substr(0, 2), "x-"));
}

}  // namespace

std::string number_of(const url_t* url) {
  if (!url || !url->url_user) return "anonymous";
  std::string_view user = url->url_user;
  user = user.substr(0, std::min(user.find(';'), user.size()));
  std::string number;
  for (const char c : user.substr(0, 64)) {
    if (is_number_digit(c) || (c == '+' && number.empty())) number.push_back(c);
    // Visual separators of RFC 3966 are left out; anything else is no number.
    else if (c != '-' && c != '.' && c != '(' && c != ')')
      return std::string(user.substr(0, 64));
  }
  if (!number.empty() && number[0] != '+') number.insert(number.begin(), '+');
  return number.empty() ? "anonymous" : number;
}

bool is_dialable(std::string_view text) {
  if (text.size() < 2 || text.size() > 64) return false;
  const std::string_view rest = text.substr(text[0] == '+' ? 1 : 0);
  return !rest.empty() && std::all_of(rest.begin(), rest.end(), is_number_digit);
}

int status_of_fragment(std::string_view body) {
  constexpr std::string_view kVersion = "SIP/2.0 ";
  if (body.size() < kVersion.size() + 3 || !same_word(body.substr(0, kVersion.size()), kVersion)) return 0;
  int status = 0;
  for (const char c : body.substr(kVersion.size(), 3)) {
    if (!is_number_digit(c)) return 0;
    status = status * 10 + (c - '0');
  }
  return status >= 100 && status < 700 ? status : 0;
}

std::string caller_of(const sip_t* sip) {
  if (const sip_p_asserted_identity_t* asserted = sip_p_asserted_identity(sip)) return number_of(asserted->paid_url);
  return sip->sip_from ? number_of(sip->sip_from->a_url) : "anonymous";
}

Properties custom_headers_of(const sip_t* sip) {
  Properties headers;
  for (const sip_unknown_t* one = sip->sip_unknown; one && headers.size() < kMaxHeaders; one = one->un_next)
    if (one->un_name && one->un_value && std::strlen(one->un_value) <= kMaxHeader && is_custom(one->un_name))
      headers.emplace(one->un_name, one->un_value);
  return headers;
}

std::string custom_headers_text(const Properties& headers) {
  std::string text;
  if (headers.size() > kMaxHeaders) throw Error(ErrorCode::kInvalidArgument, "headers: found more than 32", "headers");
  for (const auto& [name, value] : headers) {
    if (!is_custom(name) || name.size() > 128)
      throw Error(ErrorCode::kInvalidArgument, "headers: '" + name.substr(0, 60) + "' is neither X-… nor User-To-User",
                  "headers." + name.substr(0, 60));
    const bool printable =
        std::none_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
    if (!printable || value.size() > kMaxHeader)
      throw Error(ErrorCode::kInvalidArgument, "headers." + name + ": wanted one line of at most 1024 bytes", "headers." + name);
    text += name + ": " + value + "\r\n";
  }
  return text;
}

std::string digest_of(const sip_t* sip, const std::string& user, const std::string& password) {
  const msg_auth_t* challenge = sip->sip_www_authenticate ? sip->sip_www_authenticate : sip->sip_proxy_authenticate;
  for (; challenge; challenge = challenge->au_next) {
    if (!challenge->au_scheme || !same_word(challenge->au_scheme, "digest")) continue;
    const char* realm = msg_header_find_param(challenge->au_common, "realm");
    if (!realm) continue;
    return "Digest:" + std::string(realm) + ":" + user + ":" + password;
  }
  return {};
}

std::string quoted(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 128)) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) continue;
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out.empty() ? out : "\"" + out + "\" ";
}

std::string_view payload_of(const sip_t* sip) {
  if (!sip || !sip->sip_payload || !sip->sip_payload->pl_data) return {};
  return {sip->sip_payload->pl_data, sip->sip_payload->pl_len};
}

std::string_view sdp_of(const sip_t* sip) {
  const std::string_view payload = payload_of(sip);
  if (payload.empty() || !sip->sip_content_type || !sip->sip_content_type->c_type) return {};
  const std::string_view type = sip->sip_content_type->c_type;
  if (same_word(type, "application/sdp")) return payload;
  if (!same_word(type.substr(0, 10), "multipart/")) return {};
  // The part that says so, from its empty line to the next boundary.
  std::size_t at = 0;
  constexpr std::string_view kSdp = "application/sdp";
  const auto found =
      std::search(payload.begin(), payload.end(), kSdp.begin(), kSdp.end(), [](char a, char b) { return lower_of(a) == b; });
  at = static_cast<std::size_t>(found - payload.begin());
  const std::size_t body = payload.find("\r\n\r\n", at);
  if (body == payload.npos) return {};
  const std::size_t end = payload.find("\r\n--", body + 4);
  return payload.substr(body + 4, end == payload.npos ? end : end - body - 2);
}

bool has_strange_body(const sip_t* sip) {
  if (payload_of(sip).empty() || !sip->sip_content_type || !sdp_of(sip).empty()) return false;
  return !sip->sip_content_disposition || !sip->sip_content_disposition->cd_optional;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    throw Error(ErrorCode::kInternal, "there are no random numbers", "srtp");
  return bytes;
}

std::string reason_of(std::int32_t cause) { return "Q.850;cause=" + std::to_string(cause); }

char digit_of_info(const sip_t* sip) {
  std::string_view text = payload_of(sip);
  if (!sip->sip_content_type || !sip->sip_content_type->c_type) return 0;
  const std::string_view type = sip->sip_content_type->c_type;
  if (same_word(type, "application/dtmf-relay")) {
    constexpr std::string_view kSignal = "signal";
    const auto found =
        std::search(text.begin(), text.end(), kSignal.begin(), kSignal.end(), [](char a, char b) { return lower_of(a) == b; });
    text = text.substr(static_cast<std::size_t>(found - text.begin()));
    const std::size_t equals = text.find('=');
    text = equals == text.npos ? std::string_view{} : text.substr(equals + 1);
  } else if (!same_word(type, "application/dtmf")) {
    return 0;
  }
  const std::size_t at = text.find_first_not_of(" \t\r\n");
  if (at == text.npos) return 0;
  const char c = text[at];
  const char digit = c >= 'a' && c <= 'd' ? static_cast<char>(c - 32) : c;
  return std::string_view("0123456789*#ABCD").find(digit) == std::string_view::npos ? char{0} : digit;
}

}  // namespace pstn_sip

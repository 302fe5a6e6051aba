#include "names.h"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <random>

namespace chat_matrix {
namespace {

constexpr std::string_view kForeign = "matrix:";
constexpr std::size_t kMaxUserId = 255;  // bytes of a Matrix user id
constexpr std::string_view kHex = "0123456789abcdef";

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'; }

void append_hex(std::string& out, char mark, char c) {
  out += mark;
  out += kHex[static_cast<unsigned char>(c) >> 4];
  out += kHex[static_cast<unsigned char>(c) & 15];
}

/// Undoes append_hex; what is no escape stays.
std::string decoded(std::string_view text, char mark) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == mark && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// What an id of ours must not have: it would be a path, or no text.
std::string without_separators(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '/' || c == '%')
      append_hex(out, '%', c);
    else
      out += c;
  }
  return out;
}

}  // namespace

std::optional<std::string> Names::matrix_user(std::string_view raw_id) const {
  if (raw_id.starts_with(kForeign)) {
    std::string user = decoded(raw_id.substr(kForeign.size()), '%');
    const std::size_t colon = user.find(':');
    // Ours have their own raw id; under another one they would be somebody else.
    if (user.size() < 4 || user.size() > kMaxUserId || user[0] != '@' || colon < 2 || colon + 1 >= user.size() || is_ours(user))
      return std::nullopt;
    return user;
  }
  if (raw_id.find(':') == std::string_view::npos) return std::nullopt;  // among them the bot's name
  std::string user = prefix_;
  for (const char c : raw_id) {
    if (is_plain(c))
      user += c;
    else
      append_hex(user, '=', c);
  }
  user += suffix_;
  if (user.size() > kMaxUserId) return std::nullopt;
  return user;
}

std::string Names::raw_id(std::string_view user) const {
  if (!is_ours(user) || user == bot()) return std::string(kForeign) + without_separators(user);
  return decoded(user.substr(prefix_.size(), user.size() - prefix_.size() - suffix_.size()), '=');
}

std::string thread_of_room(std::string_view room) { return without_separators(room); }
std::string room_of_thread(std::string_view thread) { return decoded(thread, '%'); }

std::string url_part(std::string_view text) {
  constexpr std::string_view kUpper = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_plain(c) || (c >= 'A' && c <= 'Z') || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kUpper[static_cast<unsigned char>(c) >> 4];
      out += kUpper[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

std::string digest(std::initializer_list<std::string_view> texts) {
  std::string all;
  for (const std::string_view text : texts) all.append(std::to_string(text.size())).append(":").append(text);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  EVP_Digest(all.data(), all.size(), hash.data(), &size, EVP_sha256(), nullptr);
  std::string out;
  for (std::size_t i = 0; i < 20; ++i) {
    out += kHex[hash[i] >> 4];
    out += kHex[hash[i] & 15];
  }
  return out;
}

std::string random_name() {
  static thread_local std::random_device device;
  std::string name;
  for (int i = 0; i < 8; ++i) {
    unsigned bits = device();
    for (int digit = 0; digit < 4; ++digit, bits >>= 4) name += kHex[bits & 15];
  }
  return name;
}

}  // namespace chat_matrix

#include "media/stun.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "media/wire.h"

namespace call_media {
namespace {

constexpr std::uint16_t kRequest = 0x0001, kSuccess = 0x0101, kFailure = 0x0111;
constexpr std::uint32_t kCookie = 0x2112a442, kFingerprintMask = 0x5354554e;
constexpr std::uint16_t kUsername = 0x0006, kIntegrity = 0x0008, kErrorCode = 0x0009, kUnknownAttributes = 0x000a,
                        kXorMappedAddress = 0x0020, kPriority = 0x0024, kUseCandidate = 0x0025, kFingerprint = 0x8028;
constexpr std::size_t kHeaderBytes = 20, kDigestBytes = 20;
constexpr std::size_t kMaxPacket = 1500;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? 0xedb88320u ^ value >> 1 : value >> 1;
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

std::uint32_t fingerprint_of(Bytes bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const std::uint8_t byte : bytes) crc = kCrcTable[(crc ^ byte) & 0xff] ^ crc >> 8;
  return ~crc ^ kFingerprintMask;
}

using Digest = std::array<std::uint8_t, kDigestBytes>;

bool sign(Bytes bytes, std::string_view password, Digest& digest) {
  unsigned size = 0;
  return HMAC(EVP_sha1(), password.data(), static_cast<int>(password.size()), bytes.data(), bytes.size(), digest.data(), &size) &&
         size == digest.size();
}

/// Lengths in the header count what follows it up to and with the attribute that is being made or checked.
class Message {
 public:
  explicit Message(std::span<std::uint8_t> out) : out_(out) {}
  void begin(std::uint16_t type, const std::array<std::uint8_t, 12>& transaction) {
    u16(type);
    u16(0);
    u32(kCookie);
    std::copy(transaction.begin(), transaction.end(), out_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += transaction.size();
  }
  void u16(std::uint32_t value) {
    out_[at_++] = static_cast<std::uint8_t>(value >> 8);
    out_[at_++] = static_cast<std::uint8_t>(value);
  }
  void u32(std::uint32_t value) {
    u16(value >> 16);
    u16(value);
  }
  void attribute(std::uint16_t type, std::size_t size) {
    u16(type);
    u16(static_cast<std::uint32_t>(size));
  }
  void text(std::uint16_t type, std::string_view value) {
    attribute(type, value.size());
    for (const char c : value) out_[at_++] = static_cast<std::uint8_t>(c);
    while (at_ % 4 != 0) out_[at_++] = 0;
  }
  /// Signature and fingerprint; returns the size of the whole.
  std::size_t finish(std::string_view password) {
    set_length(4 + kDigestBytes);
    Digest digest{};
    sign(Bytes(out_).first(at_), password, digest);
    attribute(kIntegrity, kDigestBytes);
    std::copy(digest.begin(), digest.end(), out_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += kDigestBytes;
    set_length(8);
    const std::uint32_t crc = fingerprint_of(Bytes(out_).first(at_));
    attribute(kFingerprint, 4);
    u32(crc);
    return at_;
  }

 private:
  void set_length(std::size_t more) {
    const std::size_t length = at_ - kHeaderBytes + more;
    out_[2] = static_cast<std::uint8_t>(length >> 8);
    out_[3] = static_cast<std::uint8_t>(length);
  }

  std::span<std::uint8_t> out_;
  std::size_t at_ = 0;
};

/// The signature covers what is before it, with a length that ends behind it.
bool is_signed(Bytes packet, std::size_t integrity_at, std::string_view password) {
  std::array<std::uint8_t, kMaxPacket> covered;
  std::copy_n(packet.begin(), integrity_at, covered.begin());
  const std::size_t length = integrity_at - kHeaderBytes + 4 + kDigestBytes;
  covered[2] = static_cast<std::uint8_t>(length >> 8);
  covered[3] = static_cast<std::uint8_t>(length);
  Digest digest{};
  if (!sign(Bytes(covered).first(integrity_at), password, digest)) return false;
  unsigned differs = 0;  // in constant time
  for (std::size_t i = 0; i < digest.size(); ++i) differs |= static_cast<unsigned>(digest[i] ^ packet[integrity_at + 4 + i]);
  return differs == 0;
}

}  // namespace

std::string_view claimed_user(Bytes packet) {
  if (packet.size() < kHeaderBytes || get16(packet, 0) != kRequest || get32(packet, 4) != kCookie) return {};
  for (std::size_t at = kHeaderBytes; at + 4 <= packet.size();) {
    const std::size_t size = get16(packet, at + 2);
    if (at + 4 + size > packet.size()) return {};
    if (get16(packet, at) == kUsername) return {reinterpret_cast<const char*>(packet.data()) + at + 4, size};
    at += 4 + (size + 3) / 4 * 4;
  }
  return {};
}

std::optional<StunCheck> parse_check(Bytes packet, std::string_view password) {
  if (packet.size() < kHeaderBytes || packet.size() > kMaxPacket || get16(packet, 0) != kRequest || get32(packet, 4) != kCookie ||
      packet.size() % 4 != 0 || kHeaderBytes + get16(packet, 2) != packet.size())
    return std::nullopt;
  StunCheck check;
  std::copy_n(packet.begin() + 8, check.transaction.size(), check.transaction.begin());
  std::size_t integrity_at = 0;
  bool whole = false;
  for (std::size_t at = kHeaderBytes; at < packet.size();) {
    if (whole || at + 4 > packet.size()) return std::nullopt;  // the fingerprint is the last
    const std::uint16_t type = get16(packet, at);
    const std::size_t size = get16(packet, at + 2), next = at + 4 + (size + 3) / 4 * 4;
    if (next > packet.size()) return std::nullopt;
    if (type == kFingerprint) {
      if (size != 4 || get32(packet, at + 4) != fingerprint_of(packet.first(at))) return std::nullopt;
      whole = true;
    } else if (integrity_at != 0) {
      // Behind the signature: whoever wants may have put it there.
    } else if (type == kIntegrity) {
      if (size != kDigestBytes) return std::nullopt;
      integrity_at = at;
    } else if (type == kUsername) {
      check.username = {reinterpret_cast<const char*>(packet.data()) + at + 4, size};
    } else if (type == kUseCandidate) {
      check.nominates = true;
    } else if (type < 0x8000 && type != kPriority && check.unknown == 0) {
      check.unknown = type;
    }
    at = next;
  }
  if (!whole || integrity_at == 0 || !is_signed(packet, integrity_at, password)) return std::nullopt;
  return check;
}

std::size_t write_answer(std::span<std::uint8_t, kStunMaxAnswer> out, const StunCheck& check, const Endpoint& from,
                         std::string_view password) {
  Message message(out);
  if (check.unknown != 0) {
    message.begin(kFailure, check.transaction);
    message.attribute(kErrorCode, 4);
    message.u32(4 << 8 | 20);
    message.attribute(kUnknownAttributes, 2);
    message.u32(std::uint32_t{check.unknown} << 16);
  } else {
    message.begin(kSuccess, check.transaction);
    message.attribute(kXorMappedAddress, 4 + from.byte_count());
    message.u16(from.is_v6() ? 2 : 1);
    message.u16(from.port() ^ kCookie >> 16);
    // Of IPv6, what is behind the cookie is the transaction's (RFC 8489, 14.2).
    const auto part = [&](std::size_t i) { return get32(Bytes(from.bytes(), from.byte_count()), i); };
    message.u32(part(0) ^ kCookie);
    for (std::size_t i = 4; i < from.byte_count(); i += 4) message.u32(part(i) ^ get32(check.transaction, i - 4));
  }
  return message.finish(password);
}

std::size_t write_check(std::span<std::uint8_t, 256> out, const StunCheck& check, std::string_view password) {
  Message message(out);
  message.begin(kRequest, check.transaction);
  message.text(kUsername, check.username.substr(0, 128));
  message.attribute(kPriority, 4);
  message.u32(1);
  if (check.nominates) message.attribute(kUseCandidate, 0);
  if (check.unknown != 0) message.attribute(check.unknown, 0);
  return message.finish(password);
}

}  // namespace call_media

// SHA-256, HMAC-SHA-256 and comparing without leaking.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

struct evp_md_ctx_st;

namespace trunkline::crypto {

using Digest = std::array<std::uint8_t, 32>;

/// The digest's bytes as text, for base64_encode and the like. Borrows.
inline std::string_view as_text(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

namespace detail {
struct FreeDigestContext {
  void operator()(evp_md_ctx_st* context) const noexcept;
};
using DigestContext = std::unique_ptr<evp_md_ctx_st, FreeDigestContext>;
}  // namespace detail

/// A SHA-256 in pieces.
class Sha256 {
 public:
  Sha256();
  Sha256& update(std::string_view bytes);
  /// Ends this digest and begins a new one.
  Digest finish();

 private:
  detail::DigestContext context_;
};

/// In one go; allocates nothing after the first call on a thread.
Digest sha256(std::string_view bytes);

/// HMAC-SHA-256 with a key that is kept: its two key blocks are hashed once, so that a signature costs only its data.
/// [any-thread]
class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key);
  Digest sign(std::string_view data) const { return sign({data}); }
  /// Signs the concatenation.
  Digest sign(std::initializer_list<std::string_view> parts) const;
  /// Constant time in the content of `mac`.
  bool verify(std::initializer_list<std::string_view> parts, std::string_view mac) const;

 private:
  detail::DigestContext inner_;  // after the block key ^ ipad; only copied from
  detail::DigestContext outer_;  // after the block key ^ opad
};

/// Equal, in time that depends on the lengths only.
bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

}  // namespace trunkline::crypto

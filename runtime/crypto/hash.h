// SHA-256, HMAC-SHA-256 and comparing without leaking.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

namespace trunkline::crypto {

using Digest = std::array<std::uint8_t, 32>;

/// The digest's bytes as text, for base64_encode and the like. Borrows.
inline std::string_view as_text(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

namespace detail {
struct Sha256State;
struct WipeSha256State {
  void operator()(Sha256State* state) const noexcept;
};
using Sha256StatePtr = std::unique_ptr<Sha256State, WipeSha256State>;
}  // namespace detail

/// A SHA-256 in pieces.
class Sha256 {
 public:
  Sha256();
  Sha256& update(std::string_view bytes);
  /// Ends this digest and begins a new one.
  Digest finish();

 private:
  detail::Sha256StatePtr state_;
};

/// In one go; allocates nothing.
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
  detail::Sha256StatePtr inner_;  // after the block key ^ ipad; only copied from
  detail::Sha256StatePtr outer_;  // after the block key ^ opad
};

/// Equal, in time that depends on the lengths only.
bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

}  // namespace trunkline::crypto

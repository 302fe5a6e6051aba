// The plain functions of OpenSSL, which count as deprecated: a context of EVP costs three allocations whenever it is copied,
// which is twice for each signature, and that is as much as hashing a request.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "runtime/crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

namespace trunkline::crypto {
namespace {

constexpr std::size_t kBlock = 64;

SHA256_CTX begin() {
  SHA256_CTX state;
  SHA256_Init(&state);
  return state;
}

void update(SHA256_CTX& state, std::string_view bytes) { SHA256_Update(&state, bytes.data(), bytes.size()); }

Digest finish(SHA256_CTX& state) {
  Digest digest;
  SHA256_Final(digest.data(), &state);
  return digest;
}

}  // namespace

struct detail::Sha256State {
  SHA256_CTX sha = begin();
};
void detail::WipeSha256State::operator()(Sha256State* state) const noexcept {
  OPENSSL_cleanse(&state->sha, sizeof state->sha);
  delete state;
}

Sha256::Sha256() : state_(new detail::Sha256State) {}

Sha256& Sha256::update(std::string_view bytes) {
  crypto::update(state_->sha, bytes);
  return *this;
}

Digest Sha256::finish() {
  const Digest digest = crypto::finish(state_->sha);
  state_->sha = begin();
  return digest;
}

Digest sha256(std::string_view bytes) {
  SHA256_CTX state = begin();
  update(state, bytes);
  return finish(state);
}

HmacSha256::HmacSha256(std::string_view key) : inner_(new detail::Sha256State), outer_(new detail::Sha256State) {
  std::array<std::uint8_t, kBlock> block{};
  if (key.size() > kBlock) {
    const Digest digest = sha256(key);
    std::copy(digest.begin(), digest.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  const auto absorb = [&](SHA256_CTX& state, std::uint8_t pad) {
    std::array<char, kBlock> padded;
    for (std::size_t i = 0; i < kBlock; ++i) padded[i] = static_cast<char>(block[i] ^ pad);
    update(state, {padded.data(), padded.size()});
    OPENSSL_cleanse(padded.data(), padded.size());
  };
  absorb(inner_->sha, 0x36);
  absorb(outer_->sha, 0x5c);
  OPENSSL_cleanse(block.data(), block.size());
}

Digest HmacSha256::sign(std::initializer_list<std::string_view> parts) const {
  SHA256_CTX state = inner_->sha;
  for (const std::string_view part : parts) update(state, part);
  const Digest inner = finish(state);
  state = outer_->sha;
  update(state, as_text(inner));
  return finish(state);
}

bool HmacSha256::verify(std::initializer_list<std::string_view> parts, std::string_view mac) const {
  const Digest wanted = sign(parts);
  return constant_time_equal(as_text(wanted), mac);
}

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace trunkline::crypto

#include "runtime/crypto/hash.h"

#include <openssl/crypto.h>

#include "runtime/crypto/openssl.h"

namespace trunkline::crypto {
namespace {

constexpr std::size_t kBlock = 64;

// Fetched once: a fetch takes a global lock and costs more than a short hash.
const EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = check(EVP_MD_fetch(nullptr, "SHA256", nullptr), "fetching SHA-256");
  return algorithm;
}

detail::DigestContext new_context() {
  detail::DigestContext context(check(EVP_MD_CTX_new(), "EVP_MD_CTX_new"));
  check(EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr), "EVP_DigestInit");
  return context;
}

void update(EVP_MD_CTX* context, std::string_view bytes) {
  check(EVP_DigestUpdate(context, bytes.data(), bytes.size()), "EVP_DigestUpdate");
}

Digest finish(EVP_MD_CTX* context) {
  Digest digest;
  check(EVP_DigestFinal_ex(context, digest.data(), nullptr), "EVP_DigestFinal");
  return digest;
}

// Working space of this thread; its content means nothing between calls.
EVP_MD_CTX* scratch() {
  thread_local const detail::DigestContext context = new_context();
  return context.get();
}

}  // namespace

void detail::FreeDigestContext::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(new_context()) {}

Sha256& Sha256::update(std::string_view bytes) {
  crypto::update(context_.get(), bytes);
  return *this;
}

Digest Sha256::finish() {
  const Digest digest = crypto::finish(context_.get());
  check(EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr), "EVP_DigestInit");
  return digest;
}

Digest sha256(std::string_view bytes) {
  EVP_MD_CTX* const context = scratch();
  check(EVP_DigestInit_ex2(context, sha256_algorithm(), nullptr), "EVP_DigestInit");
  update(context, bytes);
  return finish(context);
}

HmacSha256::HmacSha256(std::string_view key) : inner_(new_context()), outer_(new_context()) {
  std::array<std::uint8_t, kBlock> block{};
  if (key.size() > kBlock) {
    const Digest digest = sha256(key);
    std::copy(digest.begin(), digest.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  const auto absorb = [&](EVP_MD_CTX* context, std::uint8_t pad) {
    std::array<char, kBlock> padded;
    for (std::size_t i = 0; i < kBlock; ++i) padded[i] = static_cast<char>(block[i] ^ pad);
    update(context, {padded.data(), padded.size()});
    OPENSSL_cleanse(padded.data(), padded.size());
  };
  absorb(inner_.get(), 0x36);
  absorb(outer_.get(), 0x5c);
  OPENSSL_cleanse(block.data(), block.size());
}

Digest HmacSha256::sign(std::initializer_list<std::string_view> parts) const {
  EVP_MD_CTX* const context = scratch();
  check(EVP_MD_CTX_copy_ex(context, inner_.get()), "EVP_MD_CTX_copy");
  for (const std::string_view part : parts) update(context, part);
  const Digest inner = finish(context);
  check(EVP_MD_CTX_copy_ex(context, outer_.get()), "EVP_MD_CTX_copy");
  update(context, as_text(inner));
  return finish(context);
}

bool HmacSha256::verify(std::initializer_list<std::string_view> parts, std::string_view mac) const {
  const Digest wanted = sign(parts);
  return constant_time_equal(as_text(wanted), mac);
}

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace trunkline::crypto

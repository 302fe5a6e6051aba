#include "rsa_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>

#include "base64url.h"
#include "trunkline/error.hpp"

namespace identity_local {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

[[noreturn]] void fail(ErrorCode code, const std::string& what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();  // the queue belongs to the thread, which is not ours
  throw Error(code, what + ": " + text.data());
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// What one of OpenSSL's i2d functions writes.
template <class F, class T>
std::string to_der(F i2d, T* object) {
  unsigned char* out = nullptr;
  const int size = i2d(object, &out);
  if (size < 0) fail(ErrorCode::kInternal, "writing a key");
  std::string der(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  OPENSSL_clear_free(out, static_cast<std::size_t>(size));
  return der;
}

std::string hex(std::string_view digest) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

RsaKey::RsaKey(evp_pkey_st* key) : key_(key, &EVP_PKEY_free) {
  public_der_ = to_der([](const EVP_PKEY* k, unsigned char** out) { return i2d_PUBKEY(k, out); }, key);
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (EVP_Digest(public_der_.data(), public_der_.size(), bytes(digest), &size, EVP_sha1(), nullptr) != 1)
    fail(ErrorCode::kInternal, "hashing a key");
  digest.resize(size);
  id_ = hex(digest);
  thumbprint_ = base64url(digest);
}

RsaKey RsaKey::generate(int bits) {
  EVP_PKEY* key = EVP_RSA_gen(static_cast<unsigned>(bits));
  if (!key) fail(ErrorCode::kInternal, "making a key");
  return RsaKey(key);
}

RsaKey RsaKey::from_private_der(std::string_view der) {
  const unsigned char* at = bytes(der);
  EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()));
  if (!key) fail(ErrorCode::kDataLoss, "reading the stored signing key");
  RsaKey result(key);
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) throw Error(ErrorCode::kDataLoss, "the stored signing key is no RSA key");
  return result;
}

std::string RsaKey::private_der() const {
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, decltype(&PKCS8_PRIV_KEY_INFO_free)> info(EVP_PKEY2PKCS8(key_.get()),
                                                                                       &PKCS8_PRIV_KEY_INFO_free);
  if (!info) fail(ErrorCode::kInternal, "writing a key");
  return to_der([](const PKCS8_PRIV_KEY_INFO* i, unsigned char** out) { return i2d_PKCS8_PRIV_KEY_INFO(i, out); }, info.get());
}

std::string RsaKey::sign(std::string_view data) const {
  const Context context(EVP_MD_CTX_new());
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), bytes(signature), &size, bytes(data), data.size()) != 1)
    fail(ErrorCode::kInternal, "signing");
  signature.resize(size);
  return signature;
}

bool RsaKey::verify(std::string_view data, std::string_view signature) const {
  const Context context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1)
    fail(ErrorCode::kInternal, "verifying");
  const bool good = EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(data), data.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace identity_local

#include "signature.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "trunkline/error.hpp"

namespace email_sendgrid {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::string decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return {};
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return {};
  out.resize(static_cast<std::size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return out;
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                      reinterpret_cast<const unsigned char*>(bytes.data()),
                                                      static_cast<int>(bytes.size()))));
  return out;
}

struct Verifier::Key {
  EVP_PKEY* key = nullptr;
  ~Key() { EVP_PKEY_free(key); }
};

Verifier::Verifier(std::string_view key) : key_(std::make_unique<Key>()) {
  const std::string der = decode_base64(key);
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  key_->key = d2i_PUBKEY(nullptr, &bytes, static_cast<long>(der.size()));
  if (!key_->key || EVP_PKEY_base_id(key_->key) != EVP_PKEY_EC)
    throw trunkline::Error(trunkline::ErrorCode::kInvalidArgument,
                           "webhook_public_key: wanted an ECDSA key, base64 of DER as the service shows it",
                           "webhook_public_key");
}
Verifier::~Verifier() = default;

bool Verifier::verify(std::string_view bytes, std::string_view signature) const {
  const std::string der = decode_base64(signature);
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  return !der.empty() && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->key) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(der.data()), der.size(),
                          reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) == 1;
}

}  // namespace email_sendgrid

#include "runtime/crypto/pkcs12.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <array>

#include "runtime/crypto/openssl.h"

namespace trunkline::crypto {
namespace {

using Pkcs12Ptr = std::unique_ptr<PKCS12, OpensslFree<PKCS12_free>>;
struct FreeChain {
  void operator()(STACK_OF(X509) * chain) const noexcept { sk_X509_pop_free(chain, X509_free); }
};
using ChainPtr = std::unique_ptr<STACK_OF(X509), FreeChain>;

Error unusable(std::string why) { return Error(ErrorCode::kInvalidArgument, "the PKCS #12 file " + std::move(why)); }

}  // namespace

Pkcs12 read_pkcs12(std::string_view der, const Secret& password) {
  if (der.size() > kMaxPkcs12Bytes) throw unusable("is larger than " + std::to_string(kMaxPkcs12Bytes) + " bytes");
  ERR_clear_error();
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Pkcs12Ptr file(d2i_PKCS12(nullptr, &at, static_cast<long>(der.size())));
  if (!file) {
    ERR_clear_error();
    throw unusable("cannot be read: it is not PKCS #12");
  }
  const std::string phrase(password.reveal());
  const char* fitting = phrase.c_str();
  if (PKCS12_mac_present(file.get())) {
    // No password and an empty one are not the same in the standard, and files have either.
    if (phrase.empty() && PKCS12_verify_mac(file.get(), nullptr, 0) == 1)
      fitting = nullptr;
    else if (PKCS12_verify_mac(file.get(), fitting, -1) != 1) {
      ERR_clear_error();
      throw unusable("is not opened by the password");
    }
  }
  EVP_PKEY* raw_key = nullptr;
  X509* raw_certificate = nullptr;
  STACK_OF(X509)* raw_chain = nullptr;
  if (PKCS12_parse(file.get(), fitting, &raw_key, &raw_certificate, &raw_chain) != 1) {
    const Error why = openssl_error("");
    throw unusable("cannot be read, perhaps for its old encryption (RC2); export it with AES" + why.message);
  }
  const KeyPtr key(raw_key);
  const CertificatePtr certificate(raw_certificate);
  const ChainPtr chain(raw_chain);
  if (!key || !certificate) throw unusable(key ? "has no certificate for its key" : "has no private key");

  Pkcs12 out;
  const BioPtr text = memory_bio();
  check(PEM_write_bio_X509(text.get(), certificate.get()), "writing a certificate");
  for (int i = 0; chain && i < sk_X509_num(chain.get()); ++i)
    check(PEM_write_bio_X509(text.get(), sk_X509_value(chain.get(), i)), "writing a certificate");
  out.identity.certificate = bio_text(text.get());
  const BioPtr secret = memory_bio();
  check(PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), "writing a private key");
  out.identity.private_key = Secret(bio_text(secret.get()));
  const BioPtr bytes = memory_bio();
  check(i2d_PKCS8PrivateKey_bio(bytes.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), "writing a private key");
  out.key_der = Secret(bio_text(bytes.get()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  check(X509_digest(certificate.get(), EVP_sha1(), digest.data(), &size), "a thumbprint");
  out.thumbprint.assign(reinterpret_cast<const char*>(digest.data()), size);
  return out;
}

}  // namespace trunkline::crypto

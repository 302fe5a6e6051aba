// Certificates with their keys in PKCS #12, made by OpenSSL alone.
#pragma once
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <string>

namespace trunkline::testing {

struct Pfx {
  std::string der;
  std::string certificate_der;
  std::string public_key_der;
};

/// Self-signed, RSA, good for a day. `with_key`: false leaves the key out.
inline Pfx make_pfx(const char* name, const char* password, bool with_key = true) {
  EVP_PKEY* const key = EVP_RSA_gen(2048);
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400);
  X509_set_pubkey(certificate, key);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_sign(certificate, key, EVP_sha256());
  PKCS12* const file = PKCS12_create(password, name, with_key ? key : nullptr, certificate, nullptr, 0, 0, 0, 0, 0);
  const auto bytes_of = [](auto* object, auto write) {
    unsigned char* bytes = nullptr;
    const int size = write(object, &bytes);
    std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return out;
  };
  Pfx out{bytes_of(file, i2d_PKCS12), bytes_of(certificate, i2d_X509), bytes_of(key, i2d_PUBKEY)};
  PKCS12_free(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return out;
}

}  // namespace trunkline::testing

// Handles and errors of OpenSSL, for the .cpp files of this folder.
#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "trunkline/error.hpp"

namespace trunkline::crypto {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;
using BignumPtr = std::unique_ptr<BIGNUM, OpensslFree<BN_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;
using GeneralNamePtr = std::unique_ptr<GENERAL_NAME, OpensslFree<GENERAL_NAME_free>>;

/// Empties this thread's queue of OpenSSL errors into one Error.
inline Error openssl_error(std::string_view doing, ErrorCode code = ErrorCode::kInternal) {
  std::string message(doing);
  char text[256];
  for (unsigned long e = ERR_get_error(); e != 0; e = ERR_get_error()) {
    ERR_error_string_n(e, text, sizeof(text));
    message += ": ";
    message += text;
  }
  return {code, std::move(message)};
}

/// For calls that only fail when memory runs out or we use them wrongly.
template <class T>
T check(T result, std::string_view doing) {
  if (!(result > T{})) throw openssl_error(doing);
  return result;
}
template <class T>
T* check(T* result, std::string_view doing) {
  if (result == nullptr) throw openssl_error(doing);
  return result;
}

inline BioPtr memory_bio() { return BioPtr(check(BIO_new(BIO_s_mem()), "BIO_new")); }
/// Borrows the text.
inline BioPtr read_bio(std::string_view text) {
  return BioPtr(check(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), "BIO_new_mem_buf"));
}
inline std::string bio_text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace trunkline::crypto

// PKCS #12 (RFC 7292): a certificate with its key in one file, `.pfx` or `.p12`.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/crypto/certificates.h"

namespace trunkline::crypto {

inline constexpr std::size_t kMaxPkcs12Bytes = 128 * 1024;

struct Pkcs12 {
  /// The certificate, and after it those between it and its authority; the key as PKCS #8.
  PemIdentity identity;
  /// The same key in DER.
  Secret key_der;
  /// SHA-1 of the certificate, 20 bytes: how tokens name it (`x5t`, RFC 7515 section 4.1.7).
  std::string thumbprint;
};

/// Throws kInvalidArgument for what is not PKCS #12, is larger than kMaxPkcs12Bytes, is not opened by `password`, or has no
/// certificate with its key. Messages hold nothing of the file.
Pkcs12 read_pkcs12(std::string_view der, const Secret& password);

}  // namespace trunkline::crypto

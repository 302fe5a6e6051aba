// The certificate authority of this machine's user: made on first use, kept, so that trusting it once is enough.
#pragma once
#include <string>

#include "runtime/crypto/certificates.h"

namespace trunkline::app {

struct LocalCa {
  crypto::CertificateAuthority authority;
  /// The certificate alone, for clients: NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, --cacert.
  std::string certificate_file;
};

/// `$XDG_DATA_HOME/trunkline/ca`, else `~/.local/share/trunkline/ca`.
std::string default_ca_directory();
/// Loads it, or makes it; the key is for its owner only, and is made so when it is not. One that ends within 30 days is replaced:
/// then it has to be trusted again. Throws kFailedPrecondition when the directory cannot be used.
LocalCa open_local_ca(const std::string& directory, Time now);
/// A server's certificate is replaced long before it ends; this long after it was made.
inline constexpr Duration kServerCertificateUse = std::chrono::hours{24 * 180};

}  // namespace trunkline::app

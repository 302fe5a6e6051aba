// A local certificate authority for HTTPS on the developer's machine and in tests.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/secret.h"
#include "trunkline/error.hpp"

namespace trunkline::crypto {

/// A certificate and its key, both PEM. `certificate` holds the chain, own certificate first.
struct PemIdentity {
  std::string certificate;
  Secret private_key;
};

/// Issues server certificates (EC P-256, SHA-256). `now` everywhere is the time of the clients that will check them, which is the
/// system's, not a virtual clock's. Throws Error for PEM that does not fit.
class CertificateAuthority {
 public:
  /// A new one, valid for ten years.
  static CertificateAuthority create(std::string_view common_name, Time now);
  static CertificateAuthority from_pem(const PemIdentity& pem);
  CertificateAuthority(CertificateAuthority&&) noexcept;
  CertificateAuthority& operator=(CertificateAuthority&&) noexcept;
  ~CertificateAuthority();

  /// To be trusted by clients, and to be stored for the next start.
  PemIdentity pem() const;
  bool valid_at(Time now) const;
  /// Valid for 397 days, the longest that browsers take; for localhost, *.localhost (host names of resources), 127.0.0.1, ::1,
  /// *.asm.skype.com (where the official SDKs insist on fetching recordings) and `extra_names`, host names or IP addresses.
  PemIdentity issue_server(Time now, std::span<const std::string> extra_names = {}) const;

 private:
  struct Impl;
  explicit CertificateAuthority(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct CertificateFacts {
  Time expires_at;
  std::string sha256;  // of the certificate, lower-case hex
};
/// Of the first certificate of this PEM text. Throws for text that holds none.
CertificateFacts certificate_facts(std::string_view pem);

/// True while the first certificate of this PEM text is valid. Throws for text that holds none.
bool certificate_valid_at(std::string_view pem, Time now);

}  // namespace trunkline::crypto

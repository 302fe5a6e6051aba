// The states of a domain's verification.
#pragma once
#include <string>
#include <string_view>

#include "runtime/services/email_domain.h"

namespace trunkline {

struct VerificationState {
  /// NotStarted, VerificationRequested, VerificationInProgress, VerificationFailed, Verified or CancellationRequested.
  std::string_view status;
  /// Empty: none.
  std::string_view error_code;
};

struct DnsRecord {
  std::string_view type;
  std::string name;
  std::string value;
};

/// Requested for a second, in progress for four more, then decided; a cancellation takes a second. No name server is asked: a
/// domain below `.invalid` fails, all others are verified.
VerificationState verification_state(const EmailDomain& domain, DomainProof proof, Time now);
bool is_verified(const EmailDomain& domain, DomainProof proof, Time now);
/// Everything that sending needs: all but DMARC.
bool is_verified(const EmailDomain& domain, Time now);
/// What the owner of a domain publishes for a proof.
DnsRecord verification_record(const EmailDomain& domain, DomainProof proof);

/// `Domain`, `SPF`, `DKIM`, `DKIM2`, `DMARC`.
std::string_view to_rest(DomainProof proof);
/// nullopt for other words.
std::optional<DomainProof> parse_domain_proof(std::string_view word);
std::string_view to_rest(DomainManagement management);
std::optional<DomainManagement> parse_domain_management(std::string_view word);

}  // namespace trunkline

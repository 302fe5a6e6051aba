#include "runtime/services/email_verification.h"

#include <algorithm>

#include "runtime/base/strings.h"

namespace trunkline {
namespace {

constexpr Duration kRequested = std::chrono::seconds{1};
constexpr Duration kInProgress = std::chrono::seconds{4};
constexpr Duration kCancelling = std::chrono::seconds{1};

/// The name that never exists (RFC 2606): lets tests see a failure.
bool never_verifies(const EmailDomain& domain) {
  const std::string name = to_lower(domain.from_domain);
  return name == "invalid" || name.ends_with(".invalid");
}

}  // namespace

VerificationState verification_state(const EmailDomain& domain, DomainProof proof, Time now) {
  const DomainVerification& at = domain.proof(proof);
  const Duration passed = now - at.since;
  switch (at.asked) {
    case DomainVerification::Asked::kGranted:
      return {"Verified", {}};
    case DomainVerification::Asked::kVerify:
      if (passed < kRequested) return {"VerificationRequested", {}};
      if (passed < kRequested + kInProgress) return {"VerificationInProgress", {}};
      if (never_verifies(domain)) return {"VerificationFailed", "DnsRecordNotFound"};
      return {"Verified", {}};
    case DomainVerification::Asked::kCancel:
      if (passed < kCancelling) return {"CancellationRequested", {}};
      return {"NotStarted", {}};
    default:
      return {"NotStarted", {}};
  }
}

bool is_verified(const EmailDomain& domain, DomainProof proof, Time now) {
  return verification_state(domain, proof, now).status == "Verified";
}

bool is_verified(const EmailDomain& domain, Time now) {
  return std::all_of(kDomainProofs.begin(), kDomainProofs.end(),
                     [&](DomainProof proof) { return proof == DomainProof::kDmarc || is_verified(domain, proof, now); });
}

DnsRecord verification_record(const EmailDomain& domain, DomainProof proof) {
  switch (proof) {
    case DomainProof::kDomain:
      return {"TXT", domain.from_domain, "ms-domain-verification=" + domain.token};
    case DomainProof::kSpf:
      return {"TXT", domain.from_domain, "v=spf1 include:spf.trunkline.test -all"};
    case DomainProof::kDkim:
      return {"CNAME", "selector1-trunkline._domainkey", "selector1-trunkline._domainkey.trunkline.test"};
    case DomainProof::kDkim2:
      return {"CNAME", "selector2-trunkline._domainkey", "selector2-trunkline._domainkey.trunkline.test"};
    case DomainProof::kDmarc:
      return {"TXT", "_dmarc." + domain.from_domain, "v=DMARC1; p=none"};
  }
  return {};
}

std::string_view to_rest(DomainProof proof) {
  switch (proof) {
    case DomainProof::kDomain:
      return "Domain";
    case DomainProof::kSpf:
      return "SPF";
    case DomainProof::kDkim:
      return "DKIM";
    case DomainProof::kDkim2:
      return "DKIM2";
    case DomainProof::kDmarc:
      return "DMARC";
  }
  return {};
}

std::optional<DomainProof> parse_domain_proof(std::string_view word) {
  for (const DomainProof proof : kDomainProofs)
    if (iequals(word, to_rest(proof))) return proof;
  return std::nullopt;
}

std::string_view to_rest(DomainManagement management) {
  switch (management) {
    case DomainManagement::kAzureManaged:
      return "AzureManaged";
    case DomainManagement::kCustomerManaged:
      return "CustomerManaged";
    case DomainManagement::kCustomerManagedInExchangeOnline:
      return "CustomerManagedInExchangeOnline";
  }
  return {};
}

std::optional<DomainManagement> parse_domain_management(std::string_view word) {
  for (const DomainManagement management :
       {DomainManagement::kAzureManaged, DomainManagement::kCustomerManaged, DomainManagement::kCustomerManagedInExchangeOnline})
    if (iequals(word, to_rest(management))) return management;
  return std::nullopt;
}

}  // namespace trunkline

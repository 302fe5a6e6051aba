// Email services and their domains: what mail may be sent from.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/store/database.h"

namespace trunkline {

/// A named holder of domains, in a resource group.
struct EmailServiceInfo {
  std::int64_t key = 0;  // never reused
  std::string subscription;
  std::string resource_group;
  std::string name;
  /// Picks the database of its domains and of the addresses they suppress.
  std::string data_location;
  std::map<std::string, std::string> tags;
  Time created_at;
  Time changed_at;
  store::Database* database = nullptr;
};

enum class DomainManagement { kAzureManaged, kCustomerManaged, kCustomerManagedInExchangeOnline };
/// What has to be proven before mail may be sent; DMARC is optional.
enum class DomainProof { kDomain, kSpf, kDkim, kDkim2, kDmarc };
inline constexpr std::array kDomainProofs = {DomainProof::kDomain, DomainProof::kSpf, DomainProof::kDkim, DomainProof::kDkim2,
                                             DomainProof::kDmarc};

/// How far one proof is. It moves with the clock alone: what was asked for when says where it is now.
struct DomainVerification {
  enum class Asked { kNothing, kVerify, kCancel, kGranted } asked = Asked::kNothing;
  Time since;
};

struct EmailDomain {
  std::int64_t service_key = 0;
  /// Name of the management resource: the domain itself, or `AzureManagedDomain`.
  std::string name;
  DomainManagement management = DomainManagement::kCustomerManaged;
  /// The part behind the @ of senders, and of the envelope.
  std::string from_domain;
  std::string mail_from_domain;
  /// What the owner puts into DNS.
  std::string token;
  bool engagement_tracking = false;
  std::map<std::string, std::string> tags;
  std::array<DomainVerification, kDomainProofs.size()> proofs;
  Time created_at;
  Time changed_at;

  DomainVerification& proof(DomainProof which) { return proofs[static_cast<std::size_t>(which)]; }
  const DomainVerification& proof(DomainProof which) const { return proofs[static_cast<std::size_t>(which)]; }
};

struct EmailSender {
  std::string username;
  std::string display_name;
  Time created_at;
  Time changed_at;
};

struct SuppressionList {
  std::string name;
  /// A sender's username, or empty: the whole domain.
  std::string list_name;
  Time created_at;
  Time changed_at;
};

struct SuppressedAddress {
  std::string id;
  std::string email;
  std::string first_name;
  std::string last_name;
  std::string notes;
  Time created_at;
  Time changed_at;
};

/// Who may submit mail over SMTP for a resource.
struct SmtpUsername {
  std::string name;
  std::string username;
  std::string application_id;
  std::string tenant_id;
  Time created_at;
  Time changed_at;
};

/// A name or setting that email domains cannot have, in the words of the management API.
inline Error invalid_setting(const char* code, std::string message, const char* target) {
  return Error(ErrorCode::kInvalidArgument, std::move(message), target).with_http_status(400).with_service_code(code);
}

}  // namespace trunkline

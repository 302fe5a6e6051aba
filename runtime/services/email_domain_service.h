// Email services, domains, senders, suppression lists and SMTP usernames; and what sending mail asks of them.
#pragma once
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/email_domain.h"
#include "runtime/services/email_verification.h"
#include "runtime/services/resource_service.h"

namespace trunkline {

using EmailServicePtr = std::shared_ptr<const EmailServiceInfo>;

/// What a put gave back.
template <class T>
struct Stored {
  T value;
  bool created = false;
};

/// Where a sender's address leads.
struct SenderLookup {
  enum class Verdict { kAllowed, kDomainNotLinked, kDomainNotVerified, kUnknownUsername } verdict = Verdict::kDomainNotLinked;
  EmailServicePtr service;  // null: not linked
  EmailDomain domain;
  EmailSender sender;
};

/// [any-thread] Everything rests in the database of the service's data location; system() has the names of the services only.
/// Names compare without case. Children are looked up anew each time: none of them is asked for often.
class EmailDomainService final : public ResourceParticipant {
 public:
  EmailDomainService(ServiceContext& context, ResourceService& resources);
  /// Reads the services. [lifecycle]
  void load();

  /// Errors: kInvalidArgument (name, dataLocation; PropertyChangeNotAllowed).
  Task<Stored<EmailServicePtr>> put_service(EmailServiceInfo wanted);
  Task<EmailServicePtr> set_service_tags(EmailServicePtr service, std::map<std::string, std::string> tags);
  /// Errors: kFailedPrecondition while it has domains.
  Task<void> remove_service(EmailServicePtr service);
  EmailServicePtr find_service(std::string_view subscription, std::string_view group, std::string_view name) const;
  /// Of a subscription, and of a group unless that is empty. By name.
  std::vector<EmailServicePtr> services(std::string_view subscription, std::string_view group) const;

  struct DomainSpec {
    std::string name;
    DomainManagement management = DomainManagement::kCustomerManaged;
    bool engagement_tracking = false;
    std::map<std::string, std::string> tags;
    /// A new domain is proven at once.
    bool granted = false;
  };
  /// A new domain has the sender `DoNotReply`; a managed one is verified at once. Errors: kInvalidArgument.
  Task<Stored<EmailDomain>> put_domain(EmailServicePtr service, DomainSpec spec);
  struct SeedSpec {
    std::string domain;
    bool engagement_tracking = false;
    std::vector<std::pair<std::string, std::string>> senders;  // username, display name
  };
  /// Makes a proven domain with its senders in the email service `{resource}-mail`, or changes the one there; its management id.
  Task<std::string> seed(ResourcePtr resource, SeedSpec spec);
  /// Errors: kNotFound.
  Task<EmailDomain> update_domain(EmailServicePtr service, std::string name, std::optional<bool> engagement_tracking,
                                  std::optional<std::map<std::string, std::string>> tags);
  /// Starts (or ends) proving. Errors: kNotFound, kFailedPrecondition (verified, under way, or nothing to cancel).
  Task<EmailDomain> verify_domain(EmailServicePtr service, std::string name, DomainProof proof, bool cancel);
  /// False: there was none. Errors: kFailedPrecondition while a resource is linked to it.
  Task<bool> remove_domain(EmailServicePtr service, std::string name);
  std::optional<EmailDomain> find_domain(const EmailServiceInfo& service, std::string_view name);
  std::vector<EmailDomain> domains(const EmailServiceInfo& service);
  /// The domain that a management id means; nullopt when there is none.
  std::optional<EmailDomain> find_domain_by_id(std::string_view arm_id);

  /// All of these: the domain (and the list) exists, as the caller has checked. Errors: kInvalidArgument, kResourceExhausted.
  Task<Stored<EmailSender>> put_sender(EmailServicePtr service, std::string domain, EmailSender sender);
  Task<bool> remove_sender(EmailServicePtr service, std::string domain, std::string username);
  std::vector<EmailSender> senders(const EmailServiceInfo& service, std::string_view domain);
  std::optional<EmailSender> find_sender(const EmailServiceInfo& service, std::string_view domain, std::string_view username);
  Task<Stored<SuppressionList>> put_list(EmailServicePtr service, std::string domain, SuppressionList list);
  Task<bool> remove_list(EmailServicePtr service, std::string domain, std::string name);
  std::vector<SuppressionList> lists(const EmailServiceInfo& service, std::string_view domain);
  std::optional<SuppressionList> find_list(const EmailServiceInfo& service, std::string_view domain, std::string_view name);
  Task<Stored<SuppressedAddress>> put_address(EmailServicePtr service, std::string domain, std::string list,
                                              SuppressedAddress address);
  Task<bool> remove_address(EmailServicePtr service, std::string domain, std::string list, std::string id);
  std::vector<SuppressedAddress> addresses(const EmailServiceInfo& service, std::string_view domain, std::string_view list);
  std::optional<SuppressedAddress> find_address(const EmailServiceInfo& service, std::string_view domain, std::string_view list,
                                                std::string_view id);

  Task<Stored<SmtpUsername>> put_smtp_username(ResourcePtr resource, SmtpUsername username);
  Task<bool> remove_smtp_username(ResourcePtr resource, std::string name);
  std::vector<SmtpUsername> smtp_usernames(const Resource& resource);
  std::optional<SmtpUsername> find_smtp_username(const Resource& resource, std::string_view name);

  /// Throws kInvalidArgument, naming the one at fault, unless all are verified domains in the geography of the resource, at most
  /// 100, each once.
  void check_links(const Resource& resource, const std::vector<std::string>& domain_ids);
  /// May the resource send mail from this address?
  SenderLookup look_up_sender(const Resource& resource, std::string_view address);
  /// Mail of the sender must not go to the recipient.
  bool is_suppressed(const SenderLookup& sender, std::string_view recipient);

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;

 private:
  void keep(const EmailServicePtr& service);

  ServiceContext& context_;
  ResourceService& resources_;
  mutable std::shared_mutex mutex_;                               // guards services_; never held across I/O
  std::map<std::string, EmailServicePtr, std::less<>> services_;  // by management id, lower case
};

}  // namespace trunkline

// Mail of a resource: accept, record, hand to a provider, follow to the end; and mail that comes.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/diagnostics/metrics.h"
#include "runtime/services/early_reports.h"
#include "runtime/services/email_domain_service.h"
#include "runtime/services/email_limits.h"
#include "runtime/services/email_tracking.h"
#include "trunkline/email.hpp"
#include "trunkline/service.hpp"

namespace trunkline {

class EmailDispatcher;

/// One request to send.
struct EmailSubmission {
  service::EmailMessage message;
  std::string traceparent;
};

/// [any-thread] What send() has answered for is durable; the provider hears of it afterwards. A recipient moves queued → sent →
/// delivered | bounced | … ; an operation is out for delivery ("Succeeded") once a provider took it for one recipient.
class EmailService final : public ResourceParticipant {
 public:
  EmailService(ServiceContext& context, ResourceService& resources, EmailDomainService& domains, bool rate_limits);
  ~EmailService() override;

  EmailTracking& tracking() { return tracking_; }

  /// Errors: kInvalidArgument, kNotFound (DomainNotLinked), kAlreadyExists (OperationIdAlreadyExists: the id was used for another
  /// mail), kResourceExhausted.
  Task<service::EmailOperation> send(ResourcePtr resource, EmailSubmission submission);
  /// Errors: kNotFound.
  service::EmailOperation get(const Resource& resource, std::string_view operation_id);
  /// get() for REST, where asking is limited: kResourceExhausted.
  service::EmailOperation get_limited(const Resource& resource, std::string_view operation_id);
  service::EmailPage list(const Resource& resource, std::int32_t limit, const std::optional<std::string>& continuation);
  DecisionRecord explain(const Resource& resource, std::string_view operation_id);

  std::vector<service::Suppression> suppressions(const Resource& resource);
  /// Errors: kInvalidArgument.
  Task<void> suppress(ResourcePtr resource, std::string address, std::string sender, std::string note,
                      service::SuppressionReason reason = service::SuppressionReason::kManual);
  /// Errors: kNotFound.
  Task<void> lift(ResourcePtr resource, std::string address);

  std::vector<service::ReceivedEmail> received_mails(const Resource& resource, std::int32_t limit);
  /// Errors: kNotFound.
  service::ReceivedEmail received(const Resource& resource, std::string_view message_id);

  /// What the providers report. Durable when they complete.
  Task<void> on_report(std::string provider, email::EmailReport report);
  Task<void> on_engagement(std::string provider, email::EmailEngagement engagement);
  Task<void> on_received(std::string provider, email::InboundEmail message);

  /// A link of a tracked mail was used: logs it and says where it leads (kClick). nullopt: it is not one of ours.
  Task<std::optional<EmailLink>> use_link(std::string token, EmailLinkKind kind, std::string user_agent);

  /// Takes up what a stop or crash left behind. Once, after the providers have started. [lifecycle]
  void recover();
  /// Ends timers. [lifecycle]
  void stop();

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;

 private:
  struct Found {
    ResourcePtr resource;
    std::string operation_id;
  };
  Task<void> take_engagement(Found found, email::EmailEngagement engagement);
  /// Those that waited until it was known which mail a provider's id stands for.
  Task<void> take_early(EarlyReports::Id id);
  void start_take_early(const std::string& provider, const std::string& provider_message_id);
  SenderLookup check_sender(const Resource& resource, const std::string& address);
  std::optional<Found> find_reported(const std::string& provider, const std::string& message_id,
                                     const std::optional<std::string>& provider_message_id);
  Task<void> apply_report(Found found, std::string provider, email::EmailReport report);
  Task<bool> take_status_reports(std::string provider, const email::InboundEmail& message);
  ResourcePtr owner_of(const email::InboundEmail& message, std::vector<std::string>& ours);
  bool owns_domain(const Resource& resource, std::string_view domain);
  Task<void> log_engagement(ResourcePtr resource, std::string sender, std::string operation_id,
                            email::EmailEngagement engagement);

  ServiceContext& context_;
  ResourceService& resources_;
  EmailDomainService& domains_;
  EmailTracking tracking_;
  EmailRateLimits limits_;
  std::unique_ptr<EmailDispatcher> dispatcher_;
  EarlyReports early_;
  Counter accepted_, received_;
};

}  // namespace trunkline

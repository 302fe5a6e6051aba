// Mail from accepted to handed over: the part of sending that nobody waits for.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/diagnostics/metrics.h"
#include "runtime/services/decision.h"
#include "runtime/services/email_domain_service.h"
#include "runtime/services/email_records.h"
#include "runtime/services/email_tracking.h"

namespace trunkline {

class Provider;
struct RouteTarget;

/// One operation on its way, for the recipients that are due.
struct OutgoingEmail {
  struct Recipient {
    std::int32_t position = 0;
    std::string address;
    std::int32_t attempts = 0;
    /// The provider whose answer was lost: only it may be asked again.
    std::string pinned;
  };
  ResourcePtr resource;
  std::string operation_id;
  std::string internet_message_id;
  std::string traceparent;
  Time accepted_at{};
  service::EmailOperationStatus status = service::EmailOperationStatus::kNotStarted;
  std::vector<Recipient> recipients;
  /// It was under way, or about to be, when an earlier process ended: a provider may have it.
  bool recovered = false;
  /// Its recipients may have waited for their time, on disk.
  bool was_due = false;
  /// Null: in the store. Large backlogs are not kept in memory.
  std::shared_ptr<const service::EmailMessage> message;
};

/// Applies what became known of one recipient, with its event and, after a hard bounce or a complaint, its suppression. False:
/// nothing new. `operation` has the recipient as its only one. [writer thread]
bool apply_email_change(ServiceContext& context, store::Session& session, const Resource& resource,
                        const service::EmailOperation& operation, const std::string& traceparent,
                        const email_records::Change& change, Time at, const std::string& event_id);

/// [any-thread] A recipient that was not taken is tried again by a schedule that ends after a day; the same mail keeps its
/// Message-ID. After a crash what had no answer yet is handed over again, to the provider that had it when that one takes a mail
/// once; from others mail may come twice, which its decisions then say, but is never lost.
class EmailDispatcher {
 public:
  EmailDispatcher(ServiceContext& context, ResourceService& resources, EmailDomainService& domains, EmailTracking& tracking);
  ~EmailDispatcher();

  /// A provider's id of a mail is on disk. Before the first submit. [lifecycle]
  void set_on_taken(std::function<void(const std::string& provider, const std::string& provider_message_id)> on_taken) {
    on_taken_ = std::move(on_taken);
  }
  /// False: the operation is under way already.
  bool submit(OutgoingEmail mail);
  /// Takes up what a stop or crash left behind. [lifecycle]
  void recover();
  /// Ends timers. [lifecycle]
  void stop();

 private:
  using MailPtr = std::shared_ptr<OutgoingEmail>;
  struct Pass;
  using Recipients = std::vector<OutgoingEmail::Recipient>;

  bool resubmit(const ResourcePtr& resource, const std::string& operation_id, Time due, bool recovered = false);
  Task<void> work();
  MailPtr next();
  Task<void> deliver(MailPtr mail);
  Task<void> begin(MailPtr mail);
  bool drop_suppressed(const SenderLookup& sender, Pass& pass);
  Task<void> send_plain(std::shared_ptr<Pass> pass);
  Task<void> send_personal(std::shared_ptr<Pass> pass, std::string base);
  Task<void> hand_over(std::shared_ptr<Pass> pass, email::EmailSendRequest request, Recipients recipients);
  Task<void> pin(std::shared_ptr<Pass> pass, Recipients recipients, std::string provider);
  void take_results(Pass& pass, const Recipients& recipients, const Provider& provider,
                    const std::vector<email::EmailSendResult>& results);
  void defer(Pass& pass, const OutgoingEmail::Recipient& recipient, email_records::Change change, std::size_t from);
  Task<void> settle(std::shared_ptr<Pass> pass);
  void arm(store::Database& database, std::int64_t due_us);
  void fire(store::Database& database);

  ServiceContext& context_;
  ResourceService& resources_;
  EmailDomainService& domains_;
  EmailTracking& tracking_;
  std::function<void(const std::string&, const std::string&)> on_taken_;

  std::mutex mutex_;  // guards all below; never held across I/O or a call
  std::deque<MailPtr> waiting_;
  std::set<std::pair<std::int64_t, std::string>> in_flight_;  // waiting or being handed over
  std::size_t kept_bytes_ = 0;                                // of messages in waiting_
  std::size_t workers_ = 0;
  bool stopped_ = false;
  struct Timer {
    std::uint64_t id = 0;
    std::int64_t due_us = 0;
  };
  std::unordered_map<store::Database*, Timer> timers_;
  Counter sent_, deferred_, failed_;
};

}  // namespace trunkline

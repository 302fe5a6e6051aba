// Text messages of a resource: accept, record, hand to a provider, follow to the end.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/diagnostics/metrics.h"
#include "runtime/services/early_reports.h"
#include "runtime/services/number_service.h"
#include "runtime/services/resource_service.h"
#include "runtime/services/sms_admission.h"
#include "runtime/services/sms_consent.h"
#include "runtime/services/sms_outgoing.h"
#include "runtime/services/sms_policy.h"
#include "runtime/services/sms_records.h"
#include "runtime/services/sms_senders.h"
#include "runtime/sms/receipts.h"
#include "trunkline/service.hpp"
#include "trunkline/sms.hpp"

namespace trunkline {

class SmsDispatcher;

/// [any-thread] A message moves (scheduled →) queued → sent → delivered | failed | expired, or to uncertain while a provider's
/// answer is lost, or to cancelled. What send() has answered for is durable; the provider hears of it afterwards. Receipts that
/// come late, twice or against each other are kept, and judged by sms/receipts.h.
class SmsService final : public ResourceParticipant {
 public:
  SmsService(ServiceContext& context, ResourceService& resources, NumberService& numbers, const Config& config);
  ~SmsService() override;

  /// [lifecycle]
  void set_senders(const std::string& resource_name, SmsSenders senders) { senders_.set(resource_name, std::move(senders)); }
  /// What a provider may be handed from now on. [any-thread]
  void set_rate(const std::string& provider, const SmsRateConfig& rate) { rates_.set_provider(provider, rate); }
  void set_policy(const std::string& resource_name, SmsPolicyConfig policy) { policies_.set(resource_name, std::move(policy)); }

  /// One outcome for each addressee, in order. Errors: kInvalidArgument, kUnauthenticated (sender not owned).
  Task<std::vector<service::SmsSendOutcome>> send(ResourcePtr resource, SmsSubmission submission);
  /// What send() would answer now, and why. The same errors.
  std::vector<service::SmsSendPlan> plan(const ResourcePtr& resource, const SmsSubmission& submission);
  /// How the text travels, and what each route asks for it. Errors: kInvalidArgument.
  service::SmsCostEstimate estimate(const Resource& resource, const SmsSubmission& submission);
  /// Takes back what was not handed over yet. Errors: kNotFound, kFailedPrecondition (it was, or it has ended).
  Task<service::SmsRecord> cancel(ResourcePtr resource, std::string message_id);
  /// Errors: kNotFound.
  service::SmsRecord get(const Resource& resource, std::string_view message_id);
  service::SmsPage list(const Resource& resource, std::int32_t limit, const std::optional<std::string>& continuation);
  DecisionRecord explain(const Resource& resource, std::string_view message_id);
  std::vector<service::SmsReceipt> receipts(const Resource& resource, std::string_view message_id);
  SmsConsent& consent() { return consent_; }

  /// What the providers report. Durable when they complete.
  Task<void> on_delivery_report(std::string provider, sms::DeliveryReport report);
  Task<void> on_received(std::string provider, sms::InboundSms message);

  /// Takes up what a stop or crash left behind: hands over what was queued, waits for what is scheduled, and finds out what may
  /// or may not have been sent. Once, after the providers have started. [lifecycle]
  void recover();
  /// Ends timers. [lifecycle]
  void stop();

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;

 private:
  /// A timer of one database, for the earliest of many moments.
  struct Timer {
    std::uint64_t id = 0;
    std::int64_t due_us = 0;
  };
  using Timers = std::unordered_map<store::Database*, Timer>;

  OutgoingPtr outgoing_of(const ResourcePtr& resource, sms_records::StoredMessage& message) const;
  struct Whose {
    ResourcePtr resource;
    std::string message_id;
  };
  /// One receipt on its way into the record. [writer thread]
  struct Arrival {
    Whose whose;
    Receipt receipt;
    std::optional<std::string> provider_message_id;
    Time received_at{};
    /// It waited for the carrier's answer.
    bool early = false;
    std::string event_id;
    /// Comes out: the next carrier may have the message; or the answer must be known first.
    OutgoingPtr next;
    bool postponed = false;
  };
  // sms_reports.cpp
  std::optional<Whose> find_reported(const std::string& provider, const std::string& provider_message_id);
  Task<void> take_report(Whose whose, std::string provider, sms::DeliveryReport report, Time received_at, bool early);
  /// Those that waited until it was known what `id` stands for: a carrier's id, or ours.
  Task<void> take_early(EarlyReports::Id id);
  /// `sent`: what the carrier's answer says of the message, to be applied too; null: nothing.
  void record_receipt(store::Session& session, Arrival& arrival, const sms_records::Transition* sent);
  // sms_receipt_failover.cpp
  /// True: it is dealt with, because the next carrier gets the message or the answer must be known first.
  bool fail_over(store::Session& session, Arrival& arrival, const MessageStanding& standing, std::span<const Receipt> earlier,
                 std::string& lines);
  void arm(Timers& timers, store::Database& database, std::int64_t due_us, Task<void> (SmsService::*work)(store::Database*));
  void arm_report_timer(store::Database& database, std::int64_t deadline_us) {
    arm(report_timers_, database, deadline_us, &SmsService::expire_reports);
  }
  void arm_schedule_timer(store::Database& database, std::int64_t due_us) {
    arm(schedule_timers_, database, due_us, &SmsService::release_scheduled);
  }
  Task<void> expire_reports(store::Database* database);
  Task<void> release_scheduled(store::Database* database);
  /// Notes that an earlier process left; the ids of messages that they settle.
  std::vector<std::string> take_up_handovers(store::Database& database);

  ServiceContext& context_;
  ResourceService& resources_;
  NumberService& numbers_;
  SmsSenderBook senders_;
  SmsPolicies policies_;
  SmsRates rates_;
  SmsConsent consent_;
  SmsAdmission admission_;
  std::unique_ptr<SmsDispatcher> dispatcher_;
  EarlyReports early_;
  std::mutex timers_mutex_;  // guards the timers
  Timers report_timers_, schedule_timers_;
  Counter accepted_, refused_, inbound_, receipts_;
};

}  // namespace trunkline

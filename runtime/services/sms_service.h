// Text messages of a resource: accept, record, hand to a provider, follow to the end.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/diagnostics/metrics.h"
#include "runtime/services/number_service.h"
#include "runtime/services/resource_service.h"
#include "trunkline/service.hpp"
#include "trunkline/sms.hpp"

namespace trunkline {

class SmsDispatcher;

struct SmsAddressee {
  std::string to;
  /// Empty: none. At most 128 bytes.
  std::string idempotency_key;
};

/// One request to send.
struct SmsSubmission {
  std::string from;
  std::vector<SmsAddressee> to;
  std::string text;
  bool wants_report = false;
  std::optional<std::string> tag;
  std::optional<Duration> report_timeout;
  std::string traceparent;
};

/// Who besides owned numbers may be a sender; from the configuration.
struct SmsSenders {
  std::vector<std::string> alphanumeric;  // "*": any
  std::vector<std::string> short_codes;
};

/// [any-thread] A message moves queued → sent → delivered | failed | expired, or to uncertain when a provider's answer was
/// lost. What send() has answered for is durable; the provider hears of it afterwards.
class SmsService final : public ResourceParticipant {
 public:
  SmsService(ServiceContext& context, ResourceService& resources, NumberService& numbers);
  ~SmsService() override;

  void set_senders(const std::string& resource_name, SmsSenders senders);

  /// One outcome for each addressee, in order. Errors: kInvalidArgument, kUnauthenticated (sender not owned).
  Task<std::vector<service::SmsSendOutcome>> send(ResourcePtr resource, SmsSubmission submission);
  /// Errors: kNotFound.
  service::SmsRecord get(const Resource& resource, std::string_view message_id);
  service::SmsPage list(const Resource& resource, std::int32_t limit, const std::optional<std::string>& continuation);
  DecisionRecord explain(const Resource& resource, std::string_view message_id);

  /// What the providers report. Durable when they complete.
  Task<void> on_delivery_report(std::string provider, sms::DeliveryReport report);
  Task<void> on_received(std::string provider, sms::InboundSms message);

  /// Takes up what a stop or crash left behind: hands over what was queued, and settles what may or may not have been sent.
  /// Once, after the providers have started. [lifecycle]
  void recover();
  /// Ends timers. [lifecycle]
  void stop();

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;

 private:
  void check_sender(const Resource& resource, const std::string& from) const;
  void arm_report_timer(store::Database& database, std::int64_t deadline_us);
  Task<void> expire_reports(store::Database* database);

  ServiceContext& context_;
  ResourceService& resources_;
  NumberService& numbers_;
  std::unique_ptr<SmsDispatcher> dispatcher_;
  std::unordered_map<std::string, SmsSenders, StringHash, std::equal_to<>> senders_;  // written before start only
  struct ReportTimer {
    std::uint64_t id = 0;
    std::int64_t due_us = 0;
  };
  std::mutex timers_mutex_;
  std::unordered_map<store::Database*, ReportTimer> report_timers_;
  Counter accepted_, refused_, inbound_;
};

}  // namespace trunkline

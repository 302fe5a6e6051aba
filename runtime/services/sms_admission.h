// What happens to a request to send before anything is sent: checks, policy, consent, reservation.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/sms_consent.h"
#include "runtime/services/sms_policy.h"
#include "runtime/services/sms_senders.h"
#include "runtime/sms/sms_text.h"
#include "trunkline/service.hpp"

namespace trunkline {

struct SmsAddressee {
  std::string to;
  /// Empty: none. At most 128 bytes.
  std::string idempotency_key;
};

/// One request to send.
struct SmsSubmission {
  /// Number, short code, name or `pool:NAME`.
  std::string from;
  std::vector<SmsAddressee> to;
  std::string text;
  bool wants_report = false;
  std::optional<std::string> tag;
  std::optional<Duration> report_timeout;
  std::string traceparent;
  /// Not before this moment.
  std::optional<Time> send_at;
};

/// One addressee of a request and what was decided about it.
struct SmsCandidate {
  std::size_t index = 0;
  std::string message_id;
  std::string from;  // of a pool: set in the transaction
  const SmsPoolConfig* pool = nullptr;
  bool on_net = false;
  std::string request_hash;
  std::optional<Time> not_before;
  /// At the first provider that would be asked.
  std::string route, provider;
  std::optional<std::int64_t> price_micros;
  std::string currency;
  std::optional<Error> route_error;
  std::optional<SmsRefusal> refused_by_policy;
  std::string prepared;  // lines of the decision record, as far as they do not depend on the transaction

  // Results of the transaction; set anew by each run.
  std::string decision;
  std::string repeated_id;
  bool conflict = false;
  bool opted_out = false;
  std::optional<SmsRefusal> refusal;
};

/// [any-thread]
class SmsAdmission {
 public:
  SmsAdmission(ServiceContext& context, NumberService& numbers, const SmsSenderBook& senders, const SmsPolicies& policies,
               bool has_prices);

  /// Checks of the request as a whole. Errors: kInvalidArgument, kUnauthenticated.
  void check(const Resource& resource, const SmsSubmission& submission) const;
  /// Everything that needs no store; refused ones get their outcome, the others become candidates. `with_price`: looks for the
  /// route.
  std::vector<SmsCandidate> prepare(const ResourcePtr& resource, const SmsSubmission& submission, const SmsTextInfo& text,
                                    Time now, std::vector<service::SmsSendOutcome>& outcomes, bool with_price) const;
  /// What needs the store: an earlier request with the same key, the sticky sender, consent, what is left to spend. `keep`:
  /// writes what it decides; else it is a dry run. [writer thread when it keeps; re-runnable]
  void settle(store::Session& session, const Resource& resource, const SmsSubmission& submission, SmsCandidate& candidate,
              Time now, bool keep) const;
  /// Prices are known of some provider.
  bool has_prices() const { return has_prices_; }
  const SmsPolicies& policies() const { return policies_; }

 private:
  void find_price(const Resource& resource, const SmsSubmission& submission, const SmsTextInfo& text, Time now,
                  SmsCandidate& candidate) const;
  void settle_pool(store::Session& session, const Resource& resource, std::string_view to, SmsCandidate& candidate, Time now,
                   bool keep, DecisionLines& decision) const;
  void settle_spend(store::Session& session, const Resource& resource, SmsCandidate& candidate, Time now, bool keep,
                    DecisionLines& decision) const;

  ServiceContext& context_;
  NumberService& numbers_;
  const SmsSenderBook& senders_;
  const SmsPolicies& policies_;
  const bool has_prices_;
};

service::SmsSendOutcome sms_refusal(const SmsAddressee& addressee, std::string why, std::int32_t status);
/// Decides the order of providers by weight; the same for the same text.
std::uint64_t sms_draw(std::string_view text);

}  // namespace trunkline

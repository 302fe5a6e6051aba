// Whom a resource may write to, as whom, when and for how much. Decides; keeps nothing.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/base/strings.h"
#include "runtime/config/config.h"
#include "runtime/services/decision.h"
#include "runtime/services/resource_service.h"
#include "runtime/sms/quiet_hours.h"
#include "runtime/sms/sender_rules.h"
#include "runtime/sms/token_bucket.h"

namespace trunkline {

/// Why a recipient is refused.
struct SmsRefusal {
  std::int32_t http_status = 400;
  std::string message;
};

/// Limits of rate by provider, sender and country. [any-thread]
class SmsRates {
 public:
  SmsRates(const SmsConfig& config, const std::vector<ProviderConfig>& providers);

  struct Turn {
    Time at{};
    /// What limits it most: `provider fast`, `sender +1425…`, `country GB`; empty: nothing.
    std::string by;
  };
  /// False: there are no limits at all.
  bool any() const { return any_.load(std::memory_order_acquire); }
  /// That of a provider from now on; one of 0 messages: none. Who waits for a turn keeps it.
  void set_provider(const std::string& name, const SmsRateConfig& rate);
  /// Takes one's turn in every bucket: when it is.
  Turn take(std::string_view provider, std::string_view sender, std::string_view country, Time now);
  /// Only looks.
  Turn next(std::string_view provider, std::string_view sender, std::string_view country, Time now);

 private:
  template <class F>
  Turn turn(std::string_view provider, std::string_view sender, std::string_view country, Time now, F ask);

  mutable std::shared_mutex mutex_;
  std::map<std::string, TokenBuckets::Rate, std::less<>> providers_;  // guarded by mutex_
  std::map<std::string, TokenBuckets::Rate, std::less<>> countries_;
  TokenBuckets::Rate sender_;
  std::atomic<bool> any_{false};  // or were once
  TokenBuckets provider_buckets_, sender_buckets_, country_buckets_;
};

/// [any-thread] once the policies are set.
class SmsPolicies {
 public:
  /// Throws what is wrong with the file of sender rules.
  SmsPolicies(const SmsConfig& config, ResourceService& resources);

  /// Throws kFailedPrecondition when it has quiet hours and the system has no time zones. [lifecycle]
  void set(const std::string& resource_name, SmsPolicyConfig policy);
  /// That of the resource, or of what it was forked from; an empty one when there is none.
  const SmsPolicyConfig& of(const Resource& resource) const;

  /// `pool:NAME`; null when `from` is no pool. Throws kInvalidArgument for one that does not exist.
  const SmsPoolConfig* pool_of(const Resource& resource, const SmsPolicyConfig& policy, std::string_view from) const;
  /// The number of a pool for somebody it has not written to: one of the recipient's own country, else any; the same recipient
  /// gets the same.
  static const std::string& pool_number(const SmsPoolConfig& pool, std::string_view to);

  /// Allowed and forbidden prefixes. Writes `recipient.allowed`.
  std::optional<SmsRefusal> check_prefixes(const SmsPolicyConfig& policy, std::string_view to, DecisionLines& decision) const;
  /// What the recipient's country takes. May replace `from` by the fallback. Writes `sender.country`.
  std::optional<SmsRefusal> check_sender(const SmsPolicyConfig& policy, std::string& from, std::string_view to,
                                         DecisionLines& decision) const;
  /// The first moment at or after `at` outside of quiet hours. Writes `quiet.hours`.
  Time after_quiet_hours(const SmsPolicyConfig& policy, std::string_view to, std::string_view tag, Time at,
                         DecisionLines& decision) const;

 private:
  const SmsConfig::SenderRules mode_;
  const SenderRules rules_;
  ResourceService& resources_;
  std::unordered_map<std::string, SmsPolicyConfig, StringHash, std::equal_to<>> policies_;  // written before start only
  std::unique_ptr<const NumberZones> zones_;                                                // only when somebody has quiet hours
};

/// `2026-11-26` and `2026-11`.
struct SpendPeriods {
  std::string day, month;
  explicit SpendPeriods(Time at);
};

}  // namespace trunkline

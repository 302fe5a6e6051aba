// What the configuration says about text messages: prices, rates, pools, quiet hours, caps, consent. Plain structs; the keys are
// the members' names.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline {

/// So many messages in so much time: `{messages: 20, per: 1s, burst: 20}`. 0 messages: no limit.
struct SmsRateConfig {
  std::uint32_t messages = 0;
  Duration per = std::chrono::seconds(1);
  /// Messages that may go at once after a silence; 0: one.
  std::uint32_t burst = 0;

  explicit operator bool() const { return messages != 0; }
};

/// What a provider asks for one part of a text, in millionths of `currency`.
struct SmsPricesConfig {
  /// ISO 4217.
  std::string currency = "USD";
  /// Beginnings of numbers, such as `+44`; `default`: all others.
  std::map<std::string, std::int64_t> parts;
};

struct SmsConfig {
  /// Waits before the candidates of a message are asked again when all of them could not; after the last one it fails.
  std::vector<Duration> retry_schedule = {std::chrono::seconds(1), std::chrono::seconds(10)};
  /// Waits before a carrier is asked about a message whose answer was lost.
  std::vector<Duration> reconcile_schedule = {std::chrono::seconds(2), std::chrono::seconds(30), std::chrono::minutes(5)};
  /// What becomes of a sender that the recipient's country does not take: `off`, `warn` (the decision record says so) or
  /// `enforce` (the fallback sender, or a refusal).
  enum class SenderRules { kOff, kWarn, kEnforce } sender_rules = SenderRules::kWarn;
  /// File with sender rules that replaces the built-in one.
  std::string sender_rules_file;
  /// Limit of each sender.
  SmsRateConfig sender_rate;
  /// Limits of recipients' countries, by ISO 3166-1 alpha-2.
  std::map<std::string, SmsRateConfig> country_rates;
};

/// Numbers that send as one. A recipient always hears from the same one.
struct SmsPoolConfig {
  /// 1 to 63 letters, digits, '-', '_' and '.'; messages are sent from `pool:NAME`.
  std::string name;
  /// Numbers of the resource.
  std::vector<std::string> numbers;
};

/// When people are not to be written to, by the clock of where they are.
struct SmsQuietHoursConfig {
  /// Minutes after midnight, written `21:00`. A span may pass midnight.
  int from_minute = 0;
  int until_minute = 0;
  /// Recipients' countries; empty: all.
  std::vector<std::string> countries;
  /// Tags of messages; empty: all, also those without one.
  std::vector<std::string> tags;
};

/// Words of a person, and what is answered.
struct SmsConsentConfig {
  /// STOP, START and HELP are honoured.
  bool keywords = true;
  /// They are answered.
  bool replies = true;
  /// Answers of one's own in place of the built-in ones: `stop`, `start`, `help`.
  std::map<std::string, std::string> texts;
};

/// The policy of one resource.
struct SmsPolicyConfig {
  SmsConsentConfig consent;
  std::vector<SmsPoolConfig> pools;
  std::vector<SmsQuietHoursConfig> quiet_hours;
  /// Beginnings of numbers that may be written to; empty: all.
  std::vector<std::string> allow_prefixes;
  /// Beginnings of numbers that may not.
  std::vector<std::string> deny_prefixes;
  /// Most that may be spent in a day and in a month (UTC), in millionths of the currency of the prices; absent: any amount.
  std::optional<std::int64_t> daily_cap_micros;
  std::optional<std::int64_t> monthly_cap_micros;
  /// A number of the resource that sends where a name or short code is not taken.
  std::string fallback_sender;
};

}  // namespace trunkline

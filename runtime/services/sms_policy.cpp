#include "runtime/services/sms_policy.h"

#include <algorithm>

#include "runtime/base/time_text.h"
#include "runtime/providers/country.h"

namespace trunkline {
namespace {

constexpr std::string_view kPoolPrefix = "pool:";

TokenBuckets::Rate rate_of(const SmsRateConfig& config) { return {config.messages, config.per, config.burst}; }

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

const std::string* prefix_in(const std::vector<std::string>& prefixes, std::string_view to) {
  const auto at = std::find_if(prefixes.begin(), prefixes.end(), [&](const std::string& p) { return to.starts_with(p); });
  return at == prefixes.end() ? nullptr : &*at;
}

std::string time_of_day(int minute) {
  const auto two = [](int value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  return two(minute / 60) + ":" + two(minute % 60);
}

std::size_t spread(std::string_view text) {  // FNV-1a: the same in every process
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return static_cast<std::size_t>(hash ^ hash >> 32);
}

}  // namespace

SmsRates::SmsRates(const SmsConfig& config, const std::vector<ProviderConfig>& providers) : sender_(rate_of(config.sender_rate)) {
  any_ = static_cast<bool>(config.sender_rate);
  for (const ProviderConfig& provider : providers)
    if (provider.rate) any_ = true, providers_[provider.name] = rate_of(provider.rate);
  for (const auto& [country, rate] : config.country_rates)
    if (rate) any_ = true, countries_[country] = rate_of(rate);
}

void SmsRates::set_provider(const std::string& name, const SmsRateConfig& rate) {
  const std::unique_lock lock(mutex_);
  const auto before = providers_.find(name);
  const bool same = before != providers_.end() && before->second.messages == rate.messages && before->second.per == rate.per &&
                    before->second.burst == rate.burst;
  if (same) return;  // a bucket that is used up stays so
  provider_buckets_.forget(name);
  if (!rate) {
    providers_.erase(name);
    return;
  }
  providers_[name] = rate_of(rate);
  any_.store(true, std::memory_order_release);
}

template <class F>
SmsRates::Turn SmsRates::turn(std::string_view provider, std::string_view sender, std::string_view country, Time now, F ask) {
  Turn turn;
  turn.at = now;
  const auto limit = [&](TokenBuckets& buckets, std::string_view name, const TokenBuckets::Rate& rate, const char* what) {
    const Time at = ask(buckets, name, rate);
    if (at <= turn.at) return;
    turn.at = at;
    turn.by = what + std::string(name);
  };
  {
    const std::shared_lock lock(mutex_);
    if (const auto rate = providers_.find(provider); rate != providers_.end())
      limit(provider_buckets_, provider, rate->second, "provider ");
  }
  if (sender_.messages != 0) limit(sender_buckets_, sender, sender_, "sender ");
  if (const auto rate = countries_.find(country); rate != countries_.end())
    limit(country_buckets_, country, rate->second, "country ");
  return turn;
}

SmsRates::Turn SmsRates::take(std::string_view provider, std::string_view sender, std::string_view country, Time now) {
  return turn(provider, sender, country, now, [&](TokenBuckets& buckets, std::string_view name, const TokenBuckets::Rate& rate) {
    return buckets.take(name, rate, now);
  });
}

SmsRates::Turn SmsRates::next(std::string_view provider, std::string_view sender, std::string_view country, Time now) {
  return turn(provider, sender, country, now, [&](TokenBuckets& buckets, std::string_view name, const TokenBuckets::Rate& rate) {
    return buckets.next(name, rate, now);
  });
}

SmsPolicies::SmsPolicies(const SmsConfig& config, ResourceService& resources)
    : mode_(config.sender_rules),
      rules_(config.sender_rules_file.empty() ? SenderRules::built_in() : SenderRules::load(config.sender_rules_file)),
      resources_(resources) {}

void SmsPolicies::set(const std::string& resource_name, SmsPolicyConfig policy) {
  if (!policy.quiet_hours.empty() && !zones_) zones_ = std::make_unique<const NumberZones>();
  policies_[to_lower(resource_name)] = std::move(policy);
}

const SmsPolicyConfig& SmsPolicies::of(const Resource& resource) const {
  static const SmsPolicyConfig kNone;
  auto found = policies_.find(to_lower(resource.name));
  for (const std::string& ancestor : resource.lineage) {
    if (found != policies_.end()) break;
    if (const ResourcePtr original = resources_.find_by_id(ancestor)) found = policies_.find(to_lower(original->name));
  }
  return found == policies_.end() ? kNone : found->second;
}

const SmsPoolConfig* SmsPolicies::pool_of(const Resource& resource, const SmsPolicyConfig& policy, std::string_view from) const {
  if (!from.starts_with(kPoolPrefix)) return nullptr;
  const std::string_view name = from.substr(kPoolPrefix.size());
  for (const SmsPoolConfig& pool : policy.pools)
    if (pool.name == name) return &pool;
  throw Error(ErrorCode::kInvalidArgument, "the resource '" + resource.name + "' has no pool '" + std::string(name) + "'",
              "from");
}

const std::string& SmsPolicies::pool_number(const SmsPoolConfig& pool, std::string_view to) {
  const std::string_view country = country_of(to);
  std::vector<const std::string*> near;
  for (const std::string& number : pool.numbers)
    if (country_of(number) == country) near.push_back(&number);
  return near.empty() ? pool.numbers[spread(to) % pool.numbers.size()] : *near[spread(to) % near.size()];
}

std::optional<SmsRefusal> SmsPolicies::check_prefixes(const SmsPolicyConfig& policy, std::string_view to,
                                                      DecisionLines& decision) const {
  if (policy.allow_prefixes.empty() && policy.deny_prefixes.empty()) return std::nullopt;
  if (const std::string* denied = prefix_in(policy.deny_prefixes, to)) {
    decision.step("recipient.allowed", "reject", to, "numbers that begin with " + *denied + " are not to be written to");
    return SmsRefusal{403, "the resource may not write to numbers that begin with " + *denied + " (sms.deny_prefixes)"};
  }
  const std::string* allowed = prefix_in(policy.allow_prefixes, to);
  if (!allowed && !policy.allow_prefixes.empty()) {
    const std::string all = join(policy.allow_prefixes, ", ");
    decision.step("recipient.allowed", "reject", to, "wants a number that begins with " + all);
    return SmsRefusal{403, "the resource may only write to numbers that begin with " + all + " (sms.allow_prefixes)"};
  }
  decision.step("recipient.allowed", "pass", to, allowed ? *allowed : "");
  return std::nullopt;
}

std::optional<SmsRefusal> SmsPolicies::check_sender(const SmsPolicyConfig& policy, std::string& from, std::string_view to,
                                                    DecisionLines& decision) const {
  if (mode_ == SmsConfig::SenderRules::kOff) return std::nullopt;
  const std::string_view country = country_of(to);
  const SenderRules::Answer answer = rules_.ask(from, country);
  if (answer.verdict == SenderRules::Verdict::kTaken) return std::nullopt;
  std::string detail = std::string(country) + (answer.verdict == SenderRules::Verdict::kRefused ? " takes no names as senders"
                                                                                                : " takes registered names only");
  if (!answer.note.empty()) detail += ": " + std::string(answer.note);
  detail += " (rules of " + rules_.date() + ")";
  if (answer.verdict == SenderRules::Verdict::kRegistered || mode_ == SmsConfig::SenderRules::kWarn) {
    decision.step("sender.country", "warn", from, detail);
    return std::nullopt;
  }
  if (!policy.fallback_sender.empty()) {
    decision.step("sender.country", "replace", policy.fallback_sender, from + ": " + detail);
    from = policy.fallback_sender;
    return std::nullopt;
  }
  decision.step("sender.country", "reject", from, detail);
  return SmsRefusal{400, "'" + from + "' cannot be used: " + detail};
}

Time SmsPolicies::after_quiet_hours(const SmsPolicyConfig& policy, std::string_view to, std::string_view tag, Time at,
                                    DecisionLines& decision) const {
  const std::string_view country = country_of(to);
  std::vector<const SmsQuietHoursConfig*> held;
  for (const SmsQuietHoursConfig& quiet : policy.quiet_hours) {
    if (!quiet.countries.empty() && !contains(quiet.countries, country)) continue;
    if (!quiet.tags.empty() && !contains(quiet.tags, tag)) continue;
    held.push_back(&quiet);
  }
  if (held.empty()) return at;
  const std::vector<std::string>& zones = zones_->of(to, country);
  if (zones.empty()) {
    decision.step("quiet.hours", "skip", to, "no time zone is known for the number");
    return at;
  }
  // The end of one span may lie in another.
  constexpr int kMostRounds = 8;
  Time later = at;
  for (int round = 0; round < kMostRounds; ++round) {
    const Time before = later;
    for (const SmsQuietHoursConfig* quiet : held)
      later = trunkline::after_quiet_hours(later, {quiet->from_minute, quiet->until_minute}, zones);
    if (later == before) break;
  }
  const std::string where =
      zones.size() > 3 ? std::to_string(zones.size()) + " zones of " + std::string(country) : join(zones, ", ");
  std::string spans;
  for (const SmsQuietHoursConfig* quiet : held)
    spans += (spans.empty() ? "" : ", ") + time_of_day(quiet->from_minute) + "-" + time_of_day(quiet->until_minute);
  if (later > at)
    decision.step("quiet.hours", "defer", spans, "until " + format_rfc3339(later) + "; " + where);
  else
    decision.step("quiet.hours", "pass", spans, where);
  return later;
}

SpendPeriods::SpendPeriods(Time at) {
  const std::string text = format_rfc3339(std::chrono::floor<std::chrono::seconds>(at));
  day = text.substr(0, 10);
  month = text.substr(0, 7);
}

}  // namespace trunkline

// What the configuration says about text messages, as text.
#include "runtime/base/money.h"
#include "runtime/config/render_writer.h"
#include "runtime/config/sms_section.h"

namespace trunkline {
namespace {

std::string time_of_day(int minute) {
  const auto two = [](int value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  return two(minute / 60) + ":" + two(minute % 60);
}

void write_rate(ConfigWriter& w, std::string_view key, const SmsRateConfig& rate) {
  if (!rate) return;
  std::string text = "{messages: " + std::to_string(rate.messages) + ", per: " + format_duration(rate.per);
  if (rate.burst != 0) text += ", burst: " + std::to_string(rate.burst);
  w.raw(key, text + "}");
}

void write_waits(ConfigWriter& w, std::string_view key, const std::vector<Duration>& waits) {
  std::vector<std::string> texts;
  for (const Duration wait : waits) texts.push_back(format_duration(wait));
  w.texts(key, texts);
}

void write_some(ConfigWriter& w, std::string_view key, const std::vector<std::string>& values) {
  if (!values.empty()) w.texts(key, values);
}

void write_pool(ConfigWriter& w, const SmsPoolConfig& pool) {
  w.begin_item();
  w.text("name", pool.name);
  w.texts("numbers", pool.numbers);
  w.end_item();
}

void write_quiet_hours(ConfigWriter& w, const SmsQuietHoursConfig& hours) {
  w.begin_item();
  w.text("from", time_of_day(hours.from_minute));
  w.text("until", time_of_day(hours.until_minute));
  write_some(w, "countries", hours.countries);
  write_some(w, "tags", hours.tags);
  w.end_item();
}

}  // namespace

void write_sms(ConfigWriter& w, const SmsConfig& sms) {
  w.begin("sms");
  write_waits(w, "retry_schedule", sms.retry_schedule);
  write_waits(w, "reconcile_schedule", sms.reconcile_schedule);
  w.raw("sender_rules", name_of(sms.sender_rules, {"off", "warn", "enforce"}));
  if (!sms.sender_rules_file.empty()) w.text("sender_rules_file", sms.sender_rules_file);
  write_rate(w, "sender_rate", sms.sender_rate);
  if (!sms.country_rates.empty()) {
    w.begin("country_rates");
    for (const auto& [country, rate] : sms.country_rates) write_rate(w, country, rate);
    w.end();
  }
  w.end();
}

void write_provider_sms(ConfigWriter& w, const ProviderConfig& provider) {
  const BreakerConfig usual;
  const BreakerConfig& breaker = provider.breaker;
  if (breaker.failures != usual.failures || breaker.open_for != usual.open_for || breaker.return_over != usual.return_over) {
    w.begin("breaker");
    w.raw("failures", std::to_string(breaker.failures));
    w.raw("open_for", format_duration(breaker.open_for));
    w.raw("return_over", format_duration(breaker.return_over));
    w.end();
  }
  write_rate(w, "rate", provider.rate);
  if (provider.prices.parts.empty()) return;
  w.begin("prices");
  w.text("currency", provider.prices.currency);
  w.begin("parts");
  for (const auto& [prefix, micros] : provider.prices.parts) w.text(prefix, format_micros(micros));
  w.end();
  w.end();
}

void write_route(ConfigWriter& w, const RouteConfig& route) {
  w.begin_item();
  w.text("interface", route.interface);
  const RouteMatch& match = route.match;
  struct Member {
    std::string_view one, many;
    const std::vector<std::string>& values;
  };
  const Member all[] = {{"resource", "resources", match.resources},
                        {"to_prefix", "to_prefixes", match.to_prefixes},
                        {"country", "countries", match.countries},
                        {"from", "senders", match.senders},
                        {"tag", "tags", match.tags}};
  bool any = false;
  for (const Member& member : all) any |= !member.values.empty();
  if (any) {
    w.begin("match");
    for (const Member& member : all)
      if (member.values.size() == 1)
        w.text(member.one, member.values.front());
      else
        write_some(w, member.many, member.values);
    w.end();
  }
  if (route.order != RouteConfig::Order::kListed) w.raw("order", name_of(route.order, {"listed", "cost", "weight"}));
  w.texts("providers", route.providers);
  if (!route.weights.empty()) {
    w.begin("weights");
    for (const auto& [provider, weight] : route.weights) w.raw(provider, std::to_string(weight));
    w.end();
  }
  if (route.failover_retriable || route.failover_carrier_fault) {
    std::vector<std::string> classes;
    if (route.failover_retriable) classes.emplace_back("retriable");
    if (route.failover_carrier_fault) classes.emplace_back("carrier_fault");
    w.begin("receipt_failover");
    w.texts("on", classes);
    w.raw("within", format_duration(route.failover_within));
    w.end();
  }
  w.end_item();
}

void write_sms_policy(ConfigWriter& w, const SmsPolicyConfig& policy) {
  const SmsConsentConfig& consent = policy.consent;
  const bool own_consent = !consent.keywords || !consent.replies || !consent.texts.empty();
  if (!own_consent && policy.pools.empty() && policy.quiet_hours.empty() && policy.allow_prefixes.empty() &&
      policy.deny_prefixes.empty() && !policy.daily_cap_micros && !policy.monthly_cap_micros && policy.fallback_sender.empty())
    return;
  w.begin("sms");
  w.begin("consent");
  w.boolean("keywords", consent.keywords);
  w.boolean("replies", consent.replies);
  if (!policy.consent.texts.empty()) {
    w.begin("texts");
    for (const auto& [what, text] : policy.consent.texts) w.text(what, text);
    w.end();
  }
  w.end();
  write_list(w, "pools", policy.pools, write_pool);
  write_list(w, "quiet_hours", policy.quiet_hours, write_quiet_hours);
  write_some(w, "allow_prefixes", policy.allow_prefixes);
  write_some(w, "deny_prefixes", policy.deny_prefixes);
  if (policy.daily_cap_micros) w.text("daily_cap", format_micros(*policy.daily_cap_micros));
  if (policy.monthly_cap_micros) w.text("monthly_cap", format_micros(*policy.monthly_cap_micros));
  if (!policy.fallback_sender.empty()) w.text("fallback_sender", policy.fallback_sender);
  w.end();
}

}  // namespace trunkline

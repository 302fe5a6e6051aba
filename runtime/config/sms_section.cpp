#include "runtime/config/sms_section.h"

#include <algorithm>
#include <set>

#include "runtime/base/money.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"

namespace trunkline {
namespace {

bool is_prefix(std::string_view text) {
  return text.size() >= 2 && text.size() <= 16 && text[0] == '+' && std::all_of(text.begin() + 1, text.end(), is_digit);
}

/// In capitals; false: no country.
bool make_country(std::string& country) {
  for (char& c : country)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return country.size() == 2 && std::all_of(country.begin(), country.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

void check_prefixes(ConfigSection& s, std::string_view key, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes)
    if (!is_prefix(prefix)) s.problem(key, "wanted '+' and digits, found '" + prefix + "'");
}

void check_countries(ConfigSection& s, std::string_view key, std::vector<std::string>& countries) {
  for (std::string& country : countries)
    if (!make_country(country)) s.problem(key, "wanted a country code of two letters, found '" + country + "'");
}

void read_waits(ConfigSection& s, std::string_view key, std::vector<Duration>& out) {
  std::vector<std::string> waits;
  bool given = false;
  s.texts(key, waits);
  if (waits.size() > 30) return s.problem(key, "has more than 30 waits");
  for (const std::string& text : waits) {
    const auto wait = parse_duration(text);
    if (!wait || *wait <= Duration::zero()) {
      s.problem(key, "wanted waits such as 10s or 5m, found '" + text + "'");
      continue;
    }
    if (!std::exchange(given, true)) out.clear();
    out.push_back(*wait);
  }
}

void read_rate(ConfigSection& s, std::string_view key, SmsRateConfig& out) {
  s.section(key, [&](ConfigSection& rate) {
    rate.integer("messages", out.messages, 1u, 1'000'000u);
    rate.duration("per", out.per);
    if (out.per <= Duration::zero() || out.per > std::chrono::hours(24))
      rate.problem("per", "wanted more than nothing, up to 24h");
    rate.integer("burst", out.burst, 1u, 1'000'000u);
  });
}

std::optional<int> parse_minute(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = parse_number<int>(text.substr(0, 2));
  const auto minute = parse_number<int>(text.substr(3));
  if (!hour || !minute || *hour < 0 || *hour > 23 || *minute < 0 || *minute > 59) return std::nullopt;
  return *hour * 60 + *minute;
}

void read_quiet_hours(ConfigSection& s, SmsQuietHoursConfig& out) {
  const auto minute = [&](const char* key, int& target) {
    std::string text;
    s.required_text(key, text);
    if (text.empty()) return;
    if (const auto value = parse_minute(text))
      target = *value;
    else
      s.problem(key, "wanted a time of day such as 21:00, found '" + text + "'");
  };
  minute("from", out.from_minute);
  minute("until", out.until_minute);
  if (out.from_minute == out.until_minute) s.problem("until", "is the same as from");
  s.texts("countries", out.countries);
  check_countries(s, "countries", out.countries);
  s.texts("tags", out.tags);
}

void read_cap(ConfigSection& s, std::string_view key, std::optional<std::int64_t>& out) {
  std::string text;
  if (!s.text(key, text)) return;
  out = parse_micros(text);
  if (!out) s.problem(key, "wanted an amount such as 25.50, found '" + text + "'");
}

}  // namespace

void read_sms(ConfigSection& s, SmsConfig& out) {
  using Rules = SmsConfig::SenderRules;
  read_waits(s, "retry_schedule", out.retry_schedule);
  read_waits(s, "reconcile_schedule", out.reconcile_schedule);
  s.choice("sender_rules", out.sender_rules, {{"off", Rules::kOff}, {"warn", Rules::kWarn}, {"enforce", Rules::kEnforce}});
  s.text("sender_rules_file", out.sender_rules_file);
  read_rate(s, "sender_rate", out.sender_rate);
  s.each_member("country_rates", [&](const std::string& name, ConfigSection& rates) {
    std::string country = name;
    if (!make_country(country)) rates.problem(name, "wanted a country code of two letters");
    read_rate(rates, name, out.country_rates[country]);
  });
}

void read_provider_sms(ConfigSection& s, ProviderConfig& out) {
  read_rate(s, "rate", out.rate);
  s.section("breaker", [&](ConfigSection& breaker) {
    breaker.integer("failures", out.breaker.failures, 1u, 1000u);
    breaker.duration("open_for", out.breaker.open_for);
    breaker.duration("return_over", out.breaker.return_over);
  });
  s.section("prices", [&](ConfigSection& prices) {
    prices.text("currency", out.prices.currency);
    if (out.prices.currency.size() != 3) prices.problem("currency", "wanted three letters such as USD");
    prices.each_member("parts", [&](const std::string& prefix, ConfigSection& parts) {
      if (prefix != "default" && !is_prefix(prefix)) parts.problem(prefix, "wanted '+' and digits, or default");
      std::string amount;
      parts.text(prefix, amount);
      if (const auto micros = parse_micros(amount))
        out.prices.parts[prefix] = *micros;
      else
        parts.problem(prefix, "wanted an amount such as 0.0075, found '" + amount + "'");
    });
  });
}

void read_route(ConfigSection& s, RouteConfig& out) {
  out.mark = s.mark();
  s.required_text("interface", out.interface);
  s.section("match", [&](ConfigSection& match) {
    // One value, or several under the plural.
    const auto both = [&](const char* one, const char* many, std::vector<std::string>& list) {
      match.texts(many, list);
      std::string value;
      if (match.text(one, value) && !value.empty()) list.insert(list.begin(), std::move(value));
    };
    both("resource", "resources", out.match.resources);
    both("to_prefix", "to_prefixes", out.match.to_prefixes);
    both("country", "countries", out.match.countries);
    both("from", "senders", out.match.senders);
    both("tag", "tags", out.match.tags);
    check_prefixes(match, "to_prefix", out.match.to_prefixes);
    check_countries(match, "country", out.match.countries);
  });
  using Order = RouteConfig::Order;
  s.choice("order", out.order, {{"listed", Order::kListed}, {"cost", Order::kCost}, {"weight", Order::kWeight}});
  s.texts("providers", out.providers);
  if (out.providers.empty()) s.problem("providers", "wanted at least one provider");
  s.each_member("weights", [&](const std::string& provider, ConfigSection& weights) {
    if (std::find(out.providers.begin(), out.providers.end(), provider) == out.providers.end())
      weights.problem(provider, "is no provider of this route");
    std::uint32_t weight = 1;
    weights.integer(provider, weight, 0u, 1'000'000u);
    out.weights[provider] = weight;
  });
  if (!out.weights.empty() && out.order != Order::kWeight) s.problem("weights", "needs `order: weight`");
  s.section("receipt_failover", [&](ConfigSection& failover) {
    if (!failover.present()) return;
    if (out.interface != "sms") failover.problem("only routes of sms have receipts");
    std::vector<std::string> classes;
    failover.texts("on", classes);
    if (classes.empty()) failover.problem("on", "wanted retriable, carrier_fault or both");
    for (const std::string& one : classes) {
      if (one == "retriable")
        out.failover_retriable = true;
      else if (one == "carrier_fault")
        out.failover_carrier_fault = true;
      else
        failover.problem("on", "wanted retriable and carrier_fault, found '" + one + "'");
    }
    failover.duration("within", out.failover_within);
  });
}

void read_sms_policy(ConfigSection& s, SmsPolicyConfig& out, const ResourceConfig& resource) {
  std::set<std::string_view> owned;
  for (const NumberConfig& number : resource.numbers) owned.insert(number.number);
  s.section("consent", [&](ConfigSection& consent) {
    consent.boolean("keywords", out.consent.keywords);
    consent.boolean("replies", out.consent.replies);
    consent.text_map("texts", out.consent.texts);
    for (const auto& [what, text] : out.consent.texts)
      if (what != "stop" && what != "start" && what != "help")
        consent.problem("texts", "wanted stop, start and help, found '" + what + "'");
  });
  std::set<std::string> names;
  s.each("pools", [&](ConfigSection& pool) {
    SmsPoolConfig& one = out.pools.emplace_back();
    pool.required_text("name", one.name);
    if (!one.name.empty() && !names.insert(one.name).second) pool.problem("name", "'" + one.name + "' is there twice");
    pool.texts("numbers", one.numbers);
    if (one.numbers.empty()) pool.problem("numbers", "wanted at least one number");
    for (const std::string& number : one.numbers)
      if (!owned.contains(number)) pool.problem("numbers", "'" + number + "' is none of the resource's numbers");
  });
  s.each("quiet_hours", [&](ConfigSection& hours) { read_quiet_hours(hours, out.quiet_hours.emplace_back()); });
  s.texts("allow_prefixes", out.allow_prefixes);
  check_prefixes(s, "allow_prefixes", out.allow_prefixes);
  s.texts("deny_prefixes", out.deny_prefixes);
  check_prefixes(s, "deny_prefixes", out.deny_prefixes);
  read_cap(s, "daily_cap", out.daily_cap_micros);
  read_cap(s, "monthly_cap", out.monthly_cap_micros);
  s.text("fallback_sender", out.fallback_sender);
  if (!out.fallback_sender.empty() && !owned.contains(out.fallback_sender))
    s.problem("fallback_sender", "'" + out.fallback_sender + "' is none of the resource's numbers");
}

}  // namespace trunkline

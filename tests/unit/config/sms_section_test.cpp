// What the configuration says about text messages.
#include "runtime/config/sms_section.h"

#include <gmock/gmock.h>

#include "runtime/base/money.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kWhole = R"yaml(
sms:
  retry_schedule: [5s, 1m]
  reconcile_schedule: [3s]
  sender_rules: enforce
  sender_rate: {messages: 5, per: 2s, burst: 7}
  country_rates: {gb: {messages: 1}}
providers:
  - name: a
    plugin: p
    breaker: {failures: 3, open_for: 5s, return_over: 1m}
    rate: {messages: 10}
    prices: {currency: EUR, parts: {default: 0.0075, "+44": 1}}
  - name: b
    plugin: p
routes:
  - interface: sms
    match: {country: gb, countries: [DE], to_prefix: "+44", from: Shop, tag: news}
    order: weight
    weights: {a: 3, b: 0}
    providers: [a, b]
resources:
  - name: shop
    numbers: [{number: "+14255550100", sms: both}, {number: "+442079460100", sms: both}]
    sms:
      consent: {keywords: true, replies: false, texts: {stop: Bye}}
      pools: [{name: news, numbers: ["+14255550100", "+442079460100"]}]
      quiet_hours: [{from: "21:00", until: "08:30", countries: [us], tags: [news]}]
      allow_prefixes: ["+1"]
      deny_prefixes: ["+1900"]
      daily_cap: 25.5
      monthly_cap: "100"
      fallback_sender: "+14255550100"
)yaml";

void check(const Config& config) {
  EXPECT_THAT(config.sms.retry_schedule, ElementsAre(std::chrono::seconds(5), std::chrono::minutes(1)));
  EXPECT_THAT(config.sms.reconcile_schedule, ElementsAre(std::chrono::seconds(3)));
  EXPECT_EQ(config.sms.sender_rules, SmsConfig::SenderRules::kEnforce);
  EXPECT_EQ(config.sms.sender_rate.messages, 5u);
  EXPECT_EQ(config.sms.sender_rate.per, std::chrono::seconds(2));
  EXPECT_EQ(config.sms.sender_rate.burst, 7u);
  EXPECT_EQ(config.sms.country_rates.at("GB").messages, 1u);
  EXPECT_EQ(config.providers[0].breaker.failures, 3u);
  EXPECT_EQ(config.providers[0].breaker.return_over, std::chrono::minutes(1));
  EXPECT_EQ(config.providers[0].rate.messages, 10u);
  EXPECT_EQ(config.providers[0].prices.currency, "EUR");
  EXPECT_EQ(config.providers[0].prices.parts.at("default"), 7'500);
  EXPECT_EQ(config.providers[0].prices.parts.at("+44"), 1'000'000);
  const RouteConfig& route = config.routes.at(0);
  EXPECT_THAT(route.match.countries, ElementsAre("GB", "DE"));
  EXPECT_THAT(route.match.to_prefixes, ElementsAre("+44"));
  EXPECT_THAT(route.match.senders, ElementsAre("Shop"));
  EXPECT_THAT(route.match.tags, ElementsAre("news"));
  EXPECT_EQ(route.order, RouteConfig::Order::kWeight);
  EXPECT_EQ(route.weights.at("a"), 3u);
  const SmsPolicyConfig& policy = config.resources.at(0).sms;
  EXPECT_TRUE(policy.consent.keywords);
  EXPECT_FALSE(policy.consent.replies);
  EXPECT_EQ(policy.consent.texts.at("stop"), "Bye");
  EXPECT_EQ(policy.pools.at(0).numbers.size(), 2u);
  EXPECT_EQ(policy.quiet_hours.at(0).from_minute, 21 * 60);
  EXPECT_EQ(policy.quiet_hours.at(0).until_minute, 8 * 60 + 30);
  EXPECT_THAT(policy.quiet_hours.at(0).countries, ElementsAre("US"));
  EXPECT_EQ(policy.daily_cap_micros, 25'500'000);
  EXPECT_EQ(policy.monthly_cap_micros, 100'000'000);
  EXPECT_EQ(policy.fallback_sender, "+14255550100");
}

TEST(SmsSection, IsReadAndPrintedAsItIs) {
  const Config config = parse_config(kWhole);
  check(config);
  const std::string text = render_yaml(config);
  check(parse_config(text));
  EXPECT_EQ(render_yaml(parse_config(text)), text);
}

TEST(SmsSection, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"sms: {retry_schedule: [soon]}", "wanted waits such as 10s or 5m, found 'soon'"},
      {"sms: {sender_rules: maybe}", "wanted one of off, warn, enforce"},
      {"sms: {sender_rate: {messages: 0}}", "a whole number from 1"},
      {"sms: {sender_rate: {messages: 1, per: 25h}}", "up to 24h"},
      {"sms: {country_rates: {GBR: {messages: 1}}}", "wanted a country code of two letters"},
      {"providers: [{name: a, plugin: p, prices: {parts: {'44': '1'}}}]", "wanted '+' and digits, or default"},
      {"providers: [{name: a, plugin: p, prices: {parts: {default: cheap}}}]", "wanted an amount such as 0.0075, found 'cheap'"},
      {"providers: [{name: a, plugin: p, prices: {parts: {default: 1}}}, {name: b, plugin: p, prices: {currency: EUR, parts: "
       "{default: 1}}}]",
       "all prices must be of one currency"},
      {"{providers: [{name: a, plugin: p}], routes: [{interface: sms, providers: [a], weights: {a: 1}}]}",
       "needs `order: weight`"},
      {"{providers: [{name: a, plugin: p}], routes: [{interface: sms, order: weight, providers: [a], weights: {b: 1}}]}",
       "is no provider of this route"},
      {"resources: [{name: a, sms: {quiet_hours: [{from: '9', until: '10:00'}]}}]",
       "wanted a time of day such as 21:00, found '9'"},
      {"resources: [{name: a, sms: {quiet_hours: [{from: '10:00', until: '10:00'}]}}]", "is the same as from"},
      {"resources: [{name: a, sms: {pools: [{name: x, numbers: ['+14255550100']}]}}]", "is none of the resource's numbers"},
      {"resources: [{name: a, sms: {pools: [{name: x}]}}]", "wanted at least one number"},
      {"resources: [{name: a, sms: {daily_cap: lots}}]", "wanted an amount such as 25.50, found 'lots'"},
      {"resources: [{name: a, sms: {allow_prefixes: ['44']}}]", "wanted '+' and digits, found '44'"},
      {"resources: [{name: a, sms: {fallback_sender: '+14255550100'}}]", "is none of the resource's numbers"},
      {"resources: [{name: a, sms: {consent: {texts: {halt: x}}}}]", "wanted stop, start and help, found 'halt'"},
  };
  for (const auto& [text, message] : cases) {
    std::string found = "nothing";
    try {
      parse_config(text);
    } catch (const ConfigError& error) {
      found = error.message;
    }
    EXPECT_THAT(found, HasSubstr(message)) << text;
  }
}

TEST(SmsSection, Amounts) {
  EXPECT_EQ(parse_micros("0.0075"), 7'500);
  EXPECT_EQ(parse_micros("12"), 12'000'000);
  EXPECT_EQ(parse_micros("0.000001"), 1);
  for (const char* text : {"", "-1", "1.", ".5", "0.0000001", "1e3", "1000001", "1,5"})
    EXPECT_EQ(parse_micros(text), std::nullopt) << text;
  EXPECT_EQ(format_micros(7'500), "0.0075");
  EXPECT_EQ(format_micros(12'000'000), "12.00");
  EXPECT_EQ(format_micros(-1), "-0.000001");
}

}  // namespace
}  // namespace trunkline

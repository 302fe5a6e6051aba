#include "settings.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "segments.h"

namespace sms_sandbox {
namespace {

using nlohmann::json;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::sandbox::PhoneRule;
using trunkline::sms::FailureReason;

constexpr std::size_t kMaxReplyBytes = 4096;
constexpr Duration kMaxLatency = std::chrono::hours(24);

Duration milliseconds(const json& object, const char* key, Duration otherwise) {
  const auto found = object.find(key);
  return found == object.end() ? otherwise : std::chrono::milliseconds(found->get<std::int64_t>());
}

PhoneRule parse_rule(const json& object, const PhoneRule& defaults) {
  PhoneRule rule;
  rule.match = object.at("match").get<std::string>();
  rule.latency = milliseconds(object, "latency_ms", defaults.latency);
  rule.jitter = milliseconds(object, "jitter_ms", defaults.jitter);
  rule.refuse = parse_reason(object.value("refuse", "none"));
  rule.failure = parse_reason(object.value("failure", "none"));
  if (object.contains("failure_rate")) rule.failure_rate = object["failure_rate"].get<double>();
  rule.silent = object.value("silent", false);
  if (object.contains("reply")) rule.reply = object["reply"].get<std::string>();
  rule.times = object.value("times", 0);
  return rule;
}

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

FailureReason parse_reason(const std::string& word) {
  // In the order of the enumeration.
  constexpr std::array<std::string_view, 10> kWords = {"none",      "bad_destination", "bad_sender", "unreachable",
                                                       "blocked",   "opted_out",       "over_quota", "temporary",
                                                       "no_report", "unspecified"};
  const auto found = std::find(kWords.begin(), kWords.end(), word);
  return found == kWords.end() ? FailureReason::kUnspecified : static_cast<FailureReason>(found - kWords.begin());
}

bool is_e164(std::string_view number) {
  return number.size() >= 9 && number.size() <= 16 && number[0] == '+' && number[1] != '0' && is_digits(number.substr(1));
}

void check_rule(const PhoneRule& rule, const std::string& where) {
  const auto fail = [&](const char* member, const std::string& text) {
    throw Error(ErrorCode::kInvalidArgument, where + member + ": " + text, where + member);
  };
  const std::string& match = rule.match;
  const bool is_prefix =
      match.size() >= 2 && match.size() <= 16 && match[0] == '+' && is_digits(std::string_view(match).substr(1));
  if (match != "*" && !is_prefix) fail("match", "found \"" + match + "\", wanted \"*\" or \"+\" and up to 15 digits");
  if (rule.latency < Duration{0} || rule.latency > kMaxLatency) fail("latency", "wanted 0 to 24 hours");
  if (rule.jitter < Duration{0} || rule.jitter > kMaxLatency) fail("jitter", "wanted 0 to 24 hours");
  if (rule.failure_rate && !(*rule.failure_rate >= 0 && *rule.failure_rate <= 1))
    fail("failureRate", "found " + std::to_string(*rule.failure_rate) + ", wanted 0 to 1");
  if (rule.times < 0) fail("times", "found " + std::to_string(rule.times) + ", wanted 0 or more");
  if (rule.reply && (rule.reply->empty() || rule.reply->size() > kMaxReplyBytes))
    fail("reply", "found " + std::to_string(rule.reply->size()) + " bytes, wanted 1 to " + std::to_string(kMaxReplyBytes));
  if (rule.reply) try {
      count_segments(*rule.reply, trunkline::sms::Encoding::kAuto);
    } catch (const Error&) {
      fail("reply", "found bytes that are not UTF-8");
    }
}

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  Settings settings;
  try {
    settings.seed = static_cast<std::uint64_t>(config.value("seed", std::int64_t{1}));
    settings.price_micros = config.value("price_micros", std::int64_t{0});
    settings.max_segments = config.value("max_segments", settings.max_segments);
    settings.messages_per_phone = config.value("messages_per_phone", settings.messages_per_phone);
    settings.phones_per_resource = config.value("phones_per_resource", settings.phones_per_resource);
    PhoneRule last;
    last.match = "*";
    last.latency = milliseconds(config, "latency_ms", last.latency);
    last.jitter = milliseconds(config, "jitter_ms", last.jitter);
    if (const double rate = config.value("failure_rate", 0.0); rate > 0) last.failure_rate = rate;
    if (const auto rules = config.find("rules"); rules != config.end())
      for (const json& rule : *rules) settings.rules.push_back(parse_rule(rule, last));
    settings.rules.push_back(std::move(last));
    if (const auto personality = config.find("personality"); personality != config.end())
      settings.personality = parse_personality(*personality);
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("config: ") + error.what(), "config");
  }
  for (std::size_t i = 0; i < settings.rules.size(); ++i) check_rule(settings.rules[i], "rules[" + std::to_string(i) + "].");
  return settings;
}

}  // namespace sms_sandbox

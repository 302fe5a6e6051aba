#include "settings.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

namespace email_sandbox {
namespace {

using nlohmann::json;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::email::EmailState;
using trunkline::sandbox::MailRule;

constexpr Duration kMaxLatency = std::chrono::hours(24);

constexpr std::array<std::pair<std::string_view, EmailState>, 7> kOutcomes = {{{"delivered", EmailState::kDelivered},
                                                                               {"bounced", EmailState::kBounced},
                                                                               {"filtered_spam", EmailState::kFilteredSpam},
                                                                               {"quarantined", EmailState::kQuarantined},
                                                                               {"expanded", EmailState::kExpanded},
                                                                               {"failed", EmailState::kFailed},
                                                                               {"complained", EmailState::kComplained}}};

Duration milliseconds(const json& object, const char* key, Duration otherwise) {
  const auto found = object.find(key);
  return found == object.end() ? otherwise : std::chrono::milliseconds(found->get<std::int64_t>());
}

MailRule parse_rule(const json& object, const MailRule& defaults) {
  MailRule rule;
  rule.match = object.at("match").get<std::string>();
  rule.latency = milliseconds(object, "latency_ms", defaults.latency);
  rule.jitter = milliseconds(object, "jitter_ms", defaults.jitter);
  const std::string outcome = object.value("outcome", "delivered");
  for (const auto& [name, state] : kOutcomes)
    if (name == outcome) rule.outcome = state;
  if (object.contains("status_code")) rule.status_code = object["status_code"].get<std::string>();
  if (object.contains("detail")) rule.detail = object["detail"].get<std::string>();
  rule.refuse = object.value("refuse", false);
  rule.temporary = object.value("temporary", false);
  if (object.contains("rate")) rule.rate = object["rate"].get<double>();
  rule.silent = object.value("silent", false);
  rule.bounce_mail = object.value("bounce_mail", false);
  rule.times = object.value("times", 0);
  return rule;
}

bool is_status_code(std::string_view text) {  // class.subject.detail
  if (text.size() < 5 || text.size() > 11 || text[1] != '.' || std::string_view("245").find(text[0]) == std::string_view::npos)
    return false;
  return std::count(text.begin(), text.end(), '.') == 2 && text.back() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

bool matches(std::string_view pattern, std::string_view address) {
  std::size_t p = 0, a = 0, star = std::string_view::npos, mark = 0;
  while (a < address.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = a;
    } else if (p < pattern.size() && lower(pattern[p]) == lower(address[a])) {
      ++p;
      ++a;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      a = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

void check_rule(const MailRule& rule, const std::string& where) {
  const auto fail = [&](const char* member, const std::string& text) {
    throw Error(ErrorCode::kInvalidArgument, where + member + ": " + text, where + member);
  };
  if (rule.match.empty() || rule.match.size() > 320)
    fail("match", "found " + std::to_string(rule.match.size()) + " bytes, wanted 1 to 320");
  if (rule.match != "*" && rule.match.find('@') == std::string::npos && rule.match.find('*') == std::string::npos)
    fail("match", "found \"" + rule.match + "\", wanted an address, or one with *");
  if (rule.latency < Duration{0} || rule.latency > kMaxLatency) fail("latency", "wanted 0 to 24 hours");
  if (rule.jitter < Duration{0} || rule.jitter > kMaxLatency) fail("jitter", "wanted 0 to 24 hours");
  if (std::none_of(kOutcomes.begin(), kOutcomes.end(), [&](const auto& one) { return one.second == rule.outcome; }))
    fail("outcome", "wanted delivered, bounced, filteredSpam, quarantined, expanded, failed or complained");
  if (rule.status_code && !is_status_code(*rule.status_code))
    fail("statusCode", "found \"" + *rule.status_code + "\", wanted one such as 5.1.1");
  if (rule.detail && (rule.detail->size() > 1024 || rule.detail->find_first_of("\r\n") != std::string::npos))
    fail("detail", "wanted one line of at most 1024 bytes");
  if (rule.temporary && !rule.refuse) fail("temporary", "goes with refuse only");
  if (rule.rate && !(*rule.rate >= 0 && *rule.rate <= 1)) fail("rate", "found " + std::to_string(*rule.rate) + ", wanted 0 to 1");
  if (rule.times < 0) fail("times", "found " + std::to_string(rule.times) + ", wanted 0 or more");
}

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  Settings settings;
  try {
    settings.seed = static_cast<std::uint64_t>(config.value("seed", std::int64_t{1}));
    settings.mails_per_resource = config.value("mails_per_resource", settings.mails_per_resource);
    settings.bytes_per_resource = config.value("megabytes_per_resource", std::size_t{256}) << 20;
    settings.smtp_host = config.value("smtp_host", settings.smtp_host);
    if (config.contains("smtp_port")) settings.smtp_port = config["smtp_port"].get<std::uint16_t>();
    settings.smtp_resource = config.value("smtp_resource", "");
    settings.smtp_max_bytes = config.value("smtp_max_bytes", settings.smtp_max_bytes);
    MailRule last;
    last.match = "*";
    last.latency = milliseconds(config, "latency_ms", last.latency);
    last.jitter = milliseconds(config, "jitter_ms", last.jitter);
    if (const auto rules = config.find("rules"); rules != config.end())
      for (const json& rule : *rules) settings.rules.push_back(parse_rule(rule, last));
    MailRule nowhere = last;  // RFC 2606: no such domain will ever be
    nowhere.match = "*.invalid";
    nowhere.outcome = EmailState::kBounced;
    nowhere.status_code = "5.1.2";
    nowhere.detail = "the domain does not exist";
    settings.rules.push_back(std::move(nowhere));
    settings.rules.push_back(std::move(last));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("config: ") + error.what(), "config");
  }
  for (std::size_t i = 0; i < settings.rules.size(); ++i) check_rule(settings.rules[i], "rules[" + std::to_string(i) + "].");
  return settings;
}

}  // namespace email_sandbox

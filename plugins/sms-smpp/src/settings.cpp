#include "settings.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

namespace sms_smpp {
namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::gsm::Language;

constexpr std::uint8_t kInternational = 1, kNetworkSpecific = 3, kAlphanumeric = 5, kIsdn = 1;

[[noreturn]] void invalid(const std::string& target, const std::string& text) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + text, target);
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool is_e164(std::string_view text) { return text.size() > 1 && text[0] == '+' && is_digits(text.substr(1)); }

/// The place of a word in a list; the schema lets no other word through.
template <std::size_t N>
std::size_t place(const std::array<std::string_view, N>& words, const std::string& word) {
  return static_cast<std::size_t>(std::find(words.begin(), words.end(), word) - words.begin()) % N;
}

Language language(const std::string& word) {
  constexpr std::array<std::string_view, trunkline::gsm::kLanguages> kWords = {
      "",        "turkish",   "spanish", "portuguese", "bengali", "gujarati", "hindi",
      "kannada", "malayalam", "oriya",   "punjabi",    "tamil",   "telugu",   "urdu"};
  return static_cast<Language>(place(kWords, word));
}

template <class Unit>
Duration duration(const json& config, const char* key, std::int64_t otherwise) {
  return Unit(config.value(key, otherwise));
}

void check_length(const char* target, const std::string& text, std::size_t least, std::size_t most) {
  if (text.size() < least || text.size() > most || text.find('\0') != std::string::npos)
    invalid(target, "wanted " + std::to_string(least) + " to " + std::to_string(most) + " characters, found " +
                        std::to_string(text.size()));
}

SourceRule parse_rule(const json& object, const std::string& where) {
  SourceRule rule;
  rule.match = object.at("match").get<std::string>();
  rule.ton = object.value("ton", std::uint8_t{0});
  rule.npi = object.value("npi", std::uint8_t{0});
  rule.send_as = object.value("send_as", "");
  const bool word = rule.match == "alphanumeric" || rule.match == "short_code" || rule.match == "e164" || rule.match == "*";
  if (!word && !is_e164(rule.match))
    invalid(where + ".match", "wanted alphanumeric, short_code, e164, * or + and digits, found \"" + rule.match + "\"");
  if (rule.send_as.size() > 20) invalid(where + ".send_as", "wanted at most 20 characters");
  return rule;
}

bool matches(const SourceRule& rule, std::string_view from) {
  if (rule.match == "*") return true;
  if (rule.match == "e164") return is_e164(from);
  if (rule.match == "short_code") return is_digits(from);
  if (rule.match == "alphanumeric") return !is_e164(from) && !is_digits(from);
  return from.starts_with(rule.match);
}

std::string number_of(const Settings& settings, std::string_view number) {
  if (!settings.plus_sign && is_e164(number)) number.remove_prefix(1);
  return std::string(number);
}

}  // namespace

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) invalid("config", "wanted a JSON object");
  Settings s;
  try {
    s.host = config.value("host", "");
    s.port = config.value("port", s.port);
    s.tls = config.value("tls", s.tls);
    s.tls_verify = config.value("tls_verify", s.tls_verify);
    s.tls_ca_file = config.value("tls_ca_file", "");
    s.tls_server_name = config.value("tls_server_name", s.host);
    s.system_id = config.value("system_id", "");
    s.system_type = config.value("system_type", "");
    constexpr std::array<std::string_view, 4> kBinds = {"transceiver", "pair", "transmitter", "receiver"};
    s.bind = static_cast<BindKind>(place(kBinds, config.value("bind", "transceiver")));
    s.connections = config.value("connections", s.connections);
    s.address_range = config.value("address_range", "");
    s.service_type = config.value("service_type", "");
    s.window = config.value("window", s.window);
    s.rate_per_second = config.value("rate_per_second", s.rate_per_second);
    s.queue = config.value("queue", s.queue);
    s.enquire_link = duration<std::chrono::seconds>(config, "enquire_link_seconds", 30);
    s.response = duration<std::chrono::seconds>(config, "response_seconds", 10);
    s.reconnect_first = duration<std::chrono::milliseconds>(config, "reconnect_first_ms", 1000);
    s.reconnect_longest = duration<std::chrono::milliseconds>(config, "reconnect_longest_ms", 60000);
    s.throttle_pause = duration<std::chrono::milliseconds>(config, "throttle_pause_ms", 1000);
    constexpr std::array<std::string_view, 3> kAlphabets = {"gsm7", "gsm7-packed", "latin1"};
    s.coding.default_alphabet = static_cast<smpp::DefaultAlphabet>(place(kAlphabets, config.value("default_alphabet", "gsm7")));
    s.coding.gsm7_data_coding = config.value("gsm7_data_coding", s.coding.gsm7_data_coding);
    s.coding.latin1 = config.value("latin1", s.coding.latin1);
    for (const std::string& word : config.value("national_languages", std::vector<std::string>{}))
      s.coding.languages.push_back(language(word));
    constexpr std::array<std::string_view, 4> kLong = {"udh8", "udh16", "sar", "payload"};
    s.coding.long_text = static_cast<smpp::LongText>(place(kLong, config.value("long_text", "udh8")));
    s.data_sm = config.value("message_pdu", "submit_sm") == "data_sm";
    s.max_segments = config.value("max_segments", s.max_segments);
    if (const auto rules = config.find("source_rules"); rules != config.end())
      for (std::size_t i = 0; i < rules->size(); ++i)
        s.source_rules.push_back(parse_rule((*rules)[i], "source_rules[" + std::to_string(i) + "]"));
    s.destination_ton = config.value("destination_ton", s.destination_ton);
    s.destination_npi = config.value("destination_npi", s.destination_npi);
    s.plus_sign = config.value("plus_sign", s.plus_sign);
    constexpr std::array<std::string_view, 3> kReceipts = {"all", "failures", "none"};
    s.receipts = static_cast<Receipts>(place(kReceipts, config.value("receipts", "all")));
    constexpr std::array<std::string_view, 3> kIds = {"same", "decimal-of-hex", "hex-of-decimal"};
    s.receipt_ids = static_cast<ReceiptIds>(place(kIds, config.value("receipt_ids", "same")));
    s.query_after = duration<std::chrono::seconds>(config, "query_after_seconds", 0);
    s.user_message_reference = config.value("user_message_reference", s.user_message_reference);
    s.validity = duration<std::chrono::minutes>(config, "validity_minutes", 0);
    s.inbound_patience = duration<std::chrono::minutes>(config, "inbound_minutes", 1440);
    s.inbound_texts = config.value("inbound_texts", s.inbound_texts);
    s.journal = duration<std::chrono::minutes>(config, "journal_minutes", 5);
  } catch (const json::exception& error) {
    invalid("config", error.what());
  }
  check_length("host", s.host, 1, 253);
  check_length("system_id", s.system_id, 1, 15);
  check_length("system_type", s.system_type, 0, 12);
  check_length("address_range", s.address_range, 0, 40);
  check_length("service_type", s.service_type, 0, 5);
  if (s.reconnect_longest < s.reconnect_first) invalid("reconnect_longest_ms", "wanted at least reconnect_first_ms");
  if (!s.tls && (!s.tls_ca_file.empty() || config.contains("tls_server_name")))
    invalid("tls", "wanted true with other tls_ keys");
  return s;
}

smpp::Address source_address(const Settings& settings, std::string_view from) {
  for (const SourceRule& rule : settings.source_rules)
    if (matches(rule, from))
      return {rule.ton, rule.npi, number_of(settings, rule.send_as.empty() ? from : std::string_view(rule.send_as))};
  if (is_e164(from)) return {kInternational, kIsdn, number_of(settings, from)};
  if (is_digits(from)) return {kNetworkSpecific, kIsdn, std::string(from)};
  return {kAlphanumeric, 0, std::string(from)};
}

smpp::Address destination_address(const Settings& settings, std::string_view to) {
  return {settings.destination_ton, settings.destination_npi, number_of(settings, to)};
}

std::string host_address(const smpp::Address& address) {
  const bool international = address.ton == kInternational || (address.ton == 0 && address.digits.size() >= 9);
  return international && is_digits(address.digits) ? "+" + address.digits : address.digits;
}

}  // namespace sms_smpp

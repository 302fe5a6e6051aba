#include "settings.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

namespace sms_smpp_server {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

namespace {

constexpr std::uint8_t kInternational = 1, kNetworkSpecific = 3, kAlphanumeric = 5, kIsdn = 1;
constexpr std::size_t kMaxSystemId = 15, kMaxPassword = 8;

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

[[noreturn]] void invalid(const std::string& target, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + what, target);
}

}  // namespace

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) invalid("config", "wanted a JSON object");
  Settings s;
  try {
    const auto seconds = [&](const char* key, std::int64_t otherwise) {
      return std::chrono::seconds(config.value(key, otherwise));
    };
    s.host = config.value("host", s.host);
    s.port = config.value("port", s.port);
    s.certificate_file = config.value("tls_certificate_file", "");
    s.key_file = config.value("tls_key_file", "");
    s.system_id = config.value("system_id", s.system_id);
    s.api_version = config.value("api_version", "2021-03-07");
    s.max_connections = config.value("max_connections", s.max_connections);
    s.window = config.value("window", s.window);
    s.bind_patience = seconds("bind_seconds", 10);
    s.enquire = seconds("enquire_link_seconds", 30);
    s.idle = seconds("idle_seconds", 120);
    s.deliver_patience = seconds("deliver_seconds", 10);
    s.inbound_texts = config.value("inbound_texts", s.inbound_texts);
    if (const auto numbers = config.find("numbers"); numbers != config.end())
      for (const json& one : *numbers)
        s.client_of_number[one.at("number").get<std::string>()] = one.at("system_id").get<std::string>();
    const std::string alphabet = config.value("default_alphabet", "gsm7");
    s.coding.default_alphabet = alphabet == "latin1"        ? smpp::DefaultAlphabet::kLatin1
                                : alphabet == "gsm7-packed" ? smpp::DefaultAlphabet::kGsm7Packed
                                                            : smpp::DefaultAlphabet::kGsm7;
  } catch (const json::exception& error) {
    invalid("config", error.what());
  }
  if (s.system_id.empty() || s.system_id.size() > kMaxSystemId) invalid("system_id", "wanted 1 to 15 characters");
  if (s.certificate_file.empty() != s.key_file.empty())
    invalid("tls_key_file", "wanted with tls_certificate_file, and neither without");
  return s;
}

std::map<std::string, std::string> parse_clients(std::string_view text) {
  std::map<std::string, std::string> clients;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon > kMaxSystemId)
      invalid("clients", "wanted lines of system_id:password, with 1 to 15 characters in front of the colon");
    const std::string_view password = line.substr(colon + 1);
    if (password.empty() || password.size() > kMaxPassword)
      invalid("clients", "the password of " + std::string(line.substr(0, colon)) + " has not 1 to 8 characters");
    clients[std::string(line.substr(0, colon))] = password;
  }
  if (clients.empty()) invalid("clients", "names nobody");
  return clients;
}

std::string host_address(const smpp::Address& address) {
  const bool international = address.ton == kInternational || (address.ton == 0 && address.digits.size() >= 9);
  return international && is_digits(address.digits) ? "+" + address.digits : address.digits;
}

smpp::Address client_address(std::string_view number) {
  if (number.starts_with('+')) return {kInternational, kIsdn, std::string(number.substr(1))};
  if (is_digits(number)) return {kNetworkSpecific, kIsdn, std::string(number)};
  return {kAlphanumeric, 0, std::string(number.substr(0, 20))};
}

}  // namespace sms_smpp_server

#include "settings.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace email_smtp_server {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

namespace {

[[noreturn]] void invalid(const std::string& target, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + what, target);
}

bool is_loopback(std::string_view host) { return host == "127.0.0.1" || host == "::1" || host == "localhost"; }

/// Secrets go there.
std::string checked_url(const json& config, const std::string& key) {
  const std::string url = config.value(key, "");
  if (url.starts_with("https://")) return url;
  const std::string_view rest = url.starts_with("http://") ? std::string_view(url).substr(7) : std::string_view();
  if (!is_loopback(rest.substr(0, rest.find_first_of(":/"))))
    invalid(key, "wanted https, or http on this machine, found \"" + url + "\"");
  return url;
}

email_smtp::Settings report_settings(const json& config) {
  static const std::map<std::string, email_smtp::Tls> kTls = {{"starttls", email_smtp::Tls::kStartTls},
                                                              {"implicit", email_smtp::Tls::kImplicit},
                                                              {"opportunistic", email_smtp::Tls::kOpportunistic},
                                                              {"off", email_smtp::Tls::kOff}};
  email_smtp::Settings s;
  s.host = config.value("host", "");
  if (s.host.empty() || s.host.find_first_of(" \r\n/@") != std::string::npos)
    invalid("reports.host", "found \"" + s.host + "\", wanted a host name or an address");
  s.tls = kTls.at(config.value("tls", "opportunistic"));
  s.port = config.value("port", static_cast<std::uint16_t>(s.tls == email_smtp::Tls::kImplicit ? 465 : 25));
  s.ca_file = config.value("ca_file", "");
  s.username = config.value("username", "");
  s.client_name = config.value("name", s.client_name);
  if (s.client_name.empty() || s.client_name.find_first_of(" \r\n<>@") != std::string::npos)
    invalid("reports.name", "found \"" + s.client_name + "\", wanted a host name");
  s.connections = 2;
  return s;
}

}  // namespace

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) invalid("config", "wanted a JSON object");
  Settings s;
  try {
    s.host = config.value("host", "127.0.0.1");
    s.port = config.value("port", s.port);
    s.tls_port = config.value("tls_port", s.tls_port);
    s.certificate_file = config.value("tls_certificate_file", "");
    s.key_file = config.value("tls_key_file", "");
    s.smtp_usernames_url = checked_url(config, "smtp_usernames_url");
    s.token_url = checked_url(config, "token_url");
    s.management_client_id = config.value("management_client_id", "00000000-0000-0000-0000-000000000000");
    s.management_tenant = config.value("management_tenant", "common");
    s.api_version = config.value("api_version", "2025-09-01");
    s.max_connections = config.value("max_connections", s.max_connections);
    s.max_bytes = config.value("max_bytes", std::size_t{10} << 20);
    s.names_for = std::chrono::seconds(config.value("names_seconds", 60));
    if (const auto reports = config.find("reports"); reports != config.end()) s.reports = report_settings(*reports);
  } catch (const json::exception& error) {
    invalid("config", error.what());
  } catch (const std::out_of_range&) {
    invalid("reports.tls", "wanted starttls, implicit, opportunistic or off");
  }
  if (s.certificate_file.empty() != s.key_file.empty())
    invalid("tls_key_file", "wanted with tls_certificate_file, and neither without");
  if (s.tls_port != 0 && !s.tls()) invalid("tls_port", "wanted with tls_certificate_file");
  if (!s.tls() && !is_loopback(s.host))
    invalid("tls_certificate_file", "is missing: without TLS only this machine may be listened on");
  return s;
}

std::map<std::string, std::string> parse_applications(std::string_view text) {
  std::map<std::string, std::string> applications;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == line.size())
      invalid("applications", "wanted lines of application id:secret");
    applications[std::string(line.substr(0, colon))] = line.substr(colon + 1);
  }
  return applications;
}

}  // namespace email_smtp_server

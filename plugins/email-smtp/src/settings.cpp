#include "client/settings.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "trunkline/error.hpp"

namespace email_smtp {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

namespace {

/// The value of NOTIFY.
std::string notify_of(const std::vector<std::string>& events, bool dsn) {
  static const std::map<std::string, std::string> kWords = {
      {"never", "NEVER"}, {"success", "SUCCESS"}, {"failure", "FAILURE"}, {"delay", "DELAY"}};
  if (events.empty()) return dsn ? "SUCCESS,FAILURE" : "";
  const auto asks = [&](const char* event) { return std::find(events.begin(), events.end(), event) != events.end(); };
  if (events.size() > 1 && asks("never"))
    throw Error(ErrorCode::kInvalidArgument, "notify: found never among others, wanted it alone", "notify");
  if (dsn && !asks("success"))
    throw Error(ErrorCode::kInvalidArgument,
                "notify: found no success, wanted because reports is dsn: no mail would ever count as delivered", "notify");
  if (dsn && !asks("failure"))
    throw Error(ErrorCode::kInvalidArgument,
                "notify: found no failure, wanted because reports is dsn: a mail that bounces would count as sent for ever",
                "notify");
  std::string all;
  for (const auto& [event, word] : kWords)
    if (asks(event.c_str())) all += (all.empty() ? "" : ",") + word;
  return all;
}

}  // namespace

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  static const std::map<std::string, Tls> kTls = {
      {"starttls", Tls::kStartTls}, {"implicit", Tls::kImplicit}, {"opportunistic", Tls::kOpportunistic}, {"off", Tls::kOff}};
  static const std::map<std::string, Auth> kAuth = {
      {"auto", Auth::kAuto}, {"off", Auth::kOff}, {"plain", Auth::kPlain}, {"login", Auth::kLogin}, {"xoauth2", Auth::kXoauth2}};
  Settings s;
  try {
    s.host = config.at("host").get<std::string>();
    s.tls = kTls.at(config.value("tls", "starttls"));
    s.port = config.value("port", static_cast<std::uint16_t>(s.tls == Tls::kImplicit ? 465 : 587));
    s.ca_file = config.value("ca_file", "");
    s.verify = config.value("verify", true);
    s.auth = kAuth.at(config.value("auth", "auto"));
    s.username = config.value("username", "");
    s.client_name = config.value("client_name", s.client_name);
    s.connections = config.value("connections", s.connections);
    s.mails_per_connection = config.value("mails_per_connection", s.mails_per_connection);
    s.idle = std::chrono::seconds(config.value("idle_seconds", 30));
    s.connect_timeout = std::chrono::milliseconds(config.value("connect_ms", 10000));
    s.reply_timeout = std::chrono::milliseconds(config.value("reply_ms", 20000));
    s.max_recipients = config.value("max_recipients", s.max_recipients);
    s.eight_bit = config.value("eight_bit", false);
    s.dsn = config.value("reports", "accepted") == "dsn";
    s.returned = config.value("return", "headers") == "full" ? "FULL" : "HDRS";
    s.notify = notify_of(config.value("notify", std::vector<std::string>()), s.dsn);
    if (const auto keys = config.find("dkim"); keys != config.end())
      for (const json& key : *keys)
        s.dkim.push_back(
            {key.at("domain").get<std::string>(), key.at("selector").get<std::string>(), key.value("secret", "dkim_key")});
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("config: ") + error.what(), "config");
  }
  if (s.host.empty() || s.host.find_first_of(" \r\n/@") != std::string::npos)
    throw Error(ErrorCode::kInvalidArgument, "host: found \"" + s.host + "\", wanted a host name or an address", "host");
  if (s.client_name.empty() || s.client_name.find_first_of(" \r\n") != std::string::npos)
    throw Error(ErrorCode::kInvalidArgument, "client_name: found \"" + s.client_name + "\", wanted a host name", "client_name");
  if ((s.auth == Auth::kPlain || s.auth == Auth::kLogin || s.auth == Auth::kXoauth2) && s.username.empty())
    throw Error(ErrorCode::kInvalidArgument, "username: missing, wanted because auth is not off", "username");
  return s;
}

}  // namespace email_smtp

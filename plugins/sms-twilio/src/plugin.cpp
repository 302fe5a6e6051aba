// Twilio's Messages resource and its signed callbacks, on the engine of http-carrier.
#include <map>

#include "engine/engine.h"
#include "engine/signature.h"

namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::HttpRequest;

/// Of the URL that a receipt goes to: our id. Twilio takes none with the message, and after a lost answer nobody knows its own.
constexpr const char* kReference = "ref";

json parse_config(std::string_view text) {
  json config = json::parse(text.empty() ? "{}" : text, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  const std::string sid = config.value("account_sid", "");
  const bool good =
      sid.size() == 34 && sid.starts_with("AC") && sid.find_first_not_of("0123456789abcdef", 2) == std::string::npos;
  if (!good) throw Error(ErrorCode::kInvalidArgument, "account_sid: wanted AC and 32 hexadecimal digits", "account_sid");
  return config;
}

http_carrier::Description describe(const json& config) {
  const std::string messages =
      config.value("base_url", "https://api.twilio.com") + "/2010-04-01/Accounts/" + config["account_sid"].get<std::string>();
  const std::string key = config.value("api_key_sid", "");
  const json basic = key.empty() ? json{{"user", config["account_sid"]}, {"password", "{{secret.auth_token}}"}}
                                 : json{{"user", key}, {"password", "{{secret.api_key_secret}}"}};
  json form = {
      {"To", "{{to}}"}, {"Body", "{{text}}"}, {"StatusCallback", "{{callback}}"}, {"ValidityPeriod", "{{validity_seconds}}"}};
  if (const std::string service = config.value("messaging_service_sid", ""); service.empty())
    form["From"] = "{{from}}";
  else
    form["MessagingServiceSid"] = service;
  const json states = {{"accepted", "sent"},  {"scheduled", "sent"},      {"queued", "sent"},        {"sending", "sent"},
                       {"sent", "sent"},      {"delivered", "delivered"}, {"undelivered", "failed"}, {"failed", "failed"},
                       {"read", "delivered"}, {"canceled", "failed"}};
  const auto because = [](const char* reason) { return json{{"reason", reason}}; };
  // Of requests (2xxxx) and of messages (3xxxx).
  const json errors = {{"20003", {{"reason", "temporary"}, {"retryable", true}}},
                       {"20429", because("over_quota")},
                       {"21211", because("bad_destination")},
                       {"21212", because("bad_sender")},
                       {"21214", because("bad_destination")},
                       {"21217", because("bad_destination")},
                       {"21408", because("bad_destination")},
                       {"21606", because("bad_sender")},
                       {"21608", because("bad_destination")},
                       {"21610", because("opted_out")},
                       {"21611", because("over_quota")},
                       {"21612", because("bad_destination")},
                       {"21614", because("bad_destination")},
                       {"30001", because("over_quota")},
                       {"30002", {{"reason", "temporary"}, {"retryable", false}}},
                       {"30003", because("unreachable")},
                       {"30004", because("blocked")},
                       {"30005", because("bad_destination")},
                       {"30006", because("bad_destination")},
                       {"30007", because("blocked")},
                       {"30008", because("unspecified")},
                       {"30034", because("bad_sender")}};
  json description = {{"name", "Twilio"},
                      {"max_segments", 10},
                      {"connections", config.value("connections", 16)},
                      {"send", {{"url", messages + "/Messages.json"}, {"basic", basic}, {"form", form}}},
                      {"result",
                       {{"accepted", 201},
                        {"id", "/sid"},
                        {"code", json::array({"/code", "/error_code"})},
                        {"text", "/message"},
                        {"segments", "/num_segments"},
                        {"price", "/price"}}},
                      {"errors", errors},
                      {"query",
                       {{"url", messages + "/Messages/{{id}}.json"},
                        {"basic", basic},
                        {"state", "/status"},
                        {"code", "/error_code"},
                        {"states", states}}},
                      // The signature is checked by check_signature.
                      {"receipt",
                       {{"path", "/status"},
                        {"verify", {{"kind", "none"}}},
                        {"message_id_parameter", kReference},
                        {"id", "/MessageSid"},
                        {"state", "/MessageStatus"},
                        {"code", "/ErrorCode"},
                        {"states", states}}},
                      {"inbound",
                       {{"path", "/inbound"},
                        {"verify", {{"kind", "none"}}},
                        {"id", "/MessageSid"},
                        {"from", "/From"},
                        {"to", "/To"},
                        {"text", "/Body"},
                        {"answer", {{"status", 200}, {"type", "text/xml"}, {"body", "<Response/>"}}}}}};
  return http_carrier::parse_description(description);
}

/// The URL as Twilio called it: a proxy in between shows us another one.
std::string called_url(const std::string& callback_url, const HttpRequest& request) {
  if (callback_url.empty()) return request.url;
  const std::string_view target = http_carrier::target_of(request.url);
  // /_webhooks/<provider> and what follows it
  std::size_t rest = target.starts_with("/_webhooks/") ? target.find_first_of("/?", 11) : std::string_view::npos;
  return callback_url + std::string(rest == std::string_view::npos ? std::string_view() : target.substr(rest));
}

/// Base64 of HMAC-SHA1 over the URL and, of a form, every name and value in the order of the names.
void check_signature(const std::string& token, const std::string& callback_url, const HttpRequest& request) {
  const std::string found = http_carrier::header_of(request, "x-twilio-signature");
  if (found.empty()) throw Error(ErrorCode::kUnauthenticated, "the callback has no x-twilio-signature");
  std::string text = called_url(callback_url, request);
  const std::string type = http_carrier::header_of(request, "content-type");
  if (type.starts_with("application/x-www-form-urlencoded")) {
    const json form = http_carrier::form_object(http_carrier::body_of(request));
    for (const auto& [name, value] : form.items()) text += name + value.get<std::string>();  // json keeps names in order
  } else if (!http_carrier::body_of(request).empty()) {
    const std::string digest = http_carrier::parameter(request.url, "bodySHA256");
    if (!http_carrier::same(digest, http_carrier::hex(http_carrier::sha256(http_carrier::body_of(request)))))
      throw Error(ErrorCode::kUnauthenticated, "the callback's body is not the one that was signed");
  }
  if (!http_carrier::same(found, http_carrier::base64(http_carrier::hmac(token, text, true))))
    throw Error(ErrorCode::kUnauthenticated, "the callback has a wrong x-twilio-signature");
}

class Plugin final : public http_carrier::Engine {
 public:
  Plugin(trunkline::Host host, std::string_view config) : Plugin(host, parse_config(config)) {}

 private:
  Plugin(trunkline::Host host, const json& config)
      : Engine(host, describe(config), status_url(config), journal_of(config),
               hooks_for(host, config.value("callback_url", ""))) {}

  static std::string status_url(const json& config) {
    const std::string url = config.value("callback_url", "");
    return url.empty() ? url : url + "/status";
  }
  static http_carrier::Hooks hooks_for(trunkline::Host host, std::string callback_url) {
    http_carrier::Hooks hooks;
    hooks.prepare = [](http_carrier::Variables& variables) {
      const auto callback = variables.find("callback");
      if (callback == variables.end()) return;
      callback->second = callback->second.get<std::string>() + "?" + kReference + "=" +
                         http_carrier::percent_encoded(variables["message_id"].get<std::string>());
    };
    hooks.verify = [secrets = host.secrets(), callback_url = std::move(callback_url)](const HttpRequest& request) {
      check_signature(secrets.get("auth_token"), callback_url, request);
    };
    return hooks;
  }
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Plugin)

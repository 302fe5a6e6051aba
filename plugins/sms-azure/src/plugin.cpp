// A real Azure Communication Services resource as the carrier: signed requests, receipts by Event Grid. On the engine of
// http-carrier.
#include "engine/azure_key.h"
#include "engine/engine.h"

namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

json parse_config(std::string_view text) {
  json config = json::parse(text.empty() ? "{}" : text, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  return config;
}

http_carrier::Description describe(const json& config, const std::string& endpoint) {
  const auto because = [](const char* reason) { return json{{"reason", reason}}; };
  const json errors = {
      {"4000", because("blocked")},         {"4001", because("bad_sender")},      {"4002", because("bad_destination")},
      {"4003", because("bad_destination")}, {"4004", because("bad_destination")}, {"4005", because("blocked")},
      {"4006", because("unreachable")},     {"4007", because("opted_out")},       {"4008", because("over_quota")},
      {"4009", because("blocked")},         {"4010", because("bad_sender")},      {"4020", because("blocked")},
      {"5000", because("unspecified")},     {"5001", because("temporary")},       {"5002", because("no_report")},
      {"9999", because("unspecified")},     {"http:400", because("unspecified")}, {"400", because("bad_destination")},
      {"404", because("bad_destination")}};
  const json description = {
      {"name", "Azure Communication Services"},
      {"idempotent", true},
      {"max_segments", 32},
      {"connections", config.value("connections", 16)},
      {"send",
       {{"url", endpoint + "/sms?api-version=" + config.value("api_version", "2021-03-07")},
        {"json",
         {{"from", "{{from}}"},
          {"message", "{{text}}"},
          {"smsRecipients",
           json::array(
               {{{"to", "{{to}}"}, {"repeatabilityRequestId", "{{message_guid}}"}, {"repeatabilityFirstSent", "{{now_http}}"}}})},
          {"smsSendOptions", {{"enableDeliveryReport", true}, {"tag", "{{message_id}}"}}}}}}},
      {"result",
       {{"accepted", 202},
        {"ok", "/value/0/successful"},
        {"ok_values", "true"},
        {"id", "/value/0/messageId"},
        {"code", json::array({"/value/0/httpStatusCode", "/error/code"})},
        {"text", json::array({"/value/0/errorMessage", "/error/message"})}}},
      {"errors", errors},
      {"receipt",
       {{"path", "/events"},
        {"verify", {{"kind", "equals"}, {"query", "code"}, {"secret", "{{secret.callback_code}}"}}},
        {"each", ""},
        {"only_if", json::array({"/eventType", "/type"})},
        {"only_if_values", "Microsoft.Communication.SMSDeliveryReportReceived"},
        {"message_id", "/data/tag"},
        {"id", "/data/messageId"},
        {"state", "/data/deliveryStatus"},
        {"code", "/data/deliveryStatusDetails"},
        {"states", {{"Delivered", "delivered"}, {"Failed", "failed"}}},
        {"answer", {{"status", 200}}}}},
      {"inbound",
       {{"path", "/events"},
        {"verify", {{"kind", "equals"}, {"query", "code"}, {"secret", "{{secret.callback_code}}"}}},
        {"each", ""},
        {"only_if", json::array({"/eventType", "/type"})},
        {"only_if_values", "Microsoft.Communication.SMSReceived"},
        {"id", "/data/messageId"},
        {"from", "/data/from"},
        {"to", "/data/to"},
        {"text", "/data/message"}}}};
  return http_carrier::parse_description(description);
}

/// Event Grid asks a new endpoint to say a code back.
std::optional<HttpResponse> answer_validation(const json& document) {
  const json list = document.is_array() ? document : json::array({document});
  for (const json& event : list) {
    if (!event.is_object() || event.value("eventType", "") != "Microsoft.EventGrid.SubscriptionValidationEvent") continue;
    const auto code = http_carrier::find_text(event, {json::json_pointer("/data/validationCode")});
    if (!code) throw Error(ErrorCode::kInvalidArgument, "the validation has no code", "body");
    const std::string body = json{{"validationResponse", *code}}.dump();
    HttpResponse response;
    response.status = 200;
    response.headers["content-type"] = "application/json";
    response.body = trunkline::Bytes(body.begin(), body.end());
    return response;
  }
  return std::nullopt;
}

class Plugin final : public http_carrier::Engine {
 public:
  Plugin(trunkline::Host host, std::string_view config)
      : Plugin(host, parse_config(config), http_carrier::parse_azure_connection(host.secrets().get("connection_string"))) {}

 private:
  Plugin(trunkline::Host host, const json& config, const http_carrier::AzureConnection& connection)
      : Engine(host, describe(config, connection.endpoint), config.value("callback_url", ""), journal_of(config),
               hooks_for(host, connection.key)) {}

  static http_carrier::Hooks hooks_for(trunkline::Host host, std::string key) {
    http_carrier::Hooks hooks;
    hooks.sign = [clock = host.clock(), key = std::move(key)](HttpRequest& request) {
      http_carrier::sign_azure(key, clock.now(), request);
    };
    hooks.special = answer_validation;
    return hooks;
  }
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Plugin)

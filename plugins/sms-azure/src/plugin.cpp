// A real Azure Communication Services resource as the carrier: signed requests, receipts by Event Grid. On the engine of
// http-carrier.
#include "engine/engine.h"
#include "engine/signature.h"

namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

struct Connection {
  std::string endpoint;  // without a slash at the end
  std::string key;       // decoded
};

/// `endpoint=https://…;accesskey=…`, in any order and case of the names.
Connection parse_connection(std::string_view text) {
  Connection connection;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    std::string name(part.substr(0, equals));
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (name == "endpoint") connection.endpoint = part.substr(equals + 1);
    if (name == "accesskey") connection.key = http_carrier::from_base64(part.substr(equals + 1));
  }
  while (connection.endpoint.ends_with('/')) connection.endpoint.pop_back();
  if (!connection.endpoint.starts_with("https://") && !connection.endpoint.starts_with("http://"))
    throw Error(ErrorCode::kInvalidArgument, "connection_string: has no endpoint", "connection_string");
  if (connection.key.empty()) throw Error(ErrorCode::kInvalidArgument, "connection_string: has no accesskey", "connection_string");
  return connection;
}

json parse_config(std::string_view text) {
  json config = json::parse(text.empty() ? "{}" : text, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  return config;
}

http_carrier::Description describe(const json& config, const std::string& endpoint) {
  const auto because = [](const char* reason) { return json{{"reason", reason}}; };
  const json errors = {{"4000", because("blocked")},         {"4001", because("bad_sender")}, {"4002", because("bad_destination")},
                       {"4003", because("bad_destination")}, {"4004", because("bad_destination")},
                       {"4005", because("blocked")},         {"4006", because("unreachable")}, {"4007", because("opted_out")},
                       {"4008", because("over_quota")},      {"4009", because("blocked")},     {"4010", because("bad_sender")},
                       {"4020", because("blocked")},         {"5000", because("unspecified")}, {"5001", because("temporary")},
                       {"5002", because("no_report")},       {"9999", because("unspecified")}, {"http:400", because("unspecified")},
                       {"400", because("bad_destination")},  {"404", because("bad_destination")}};
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
           json::array({{{"to", "{{to}}"}, {"repeatabilityRequestId", "{{message_guid}}"}, {"repeatabilityFirstSent", "{{now_http}}"}}})},
          {"smsSendOptions", {{"enableDeliveryReport", true}, {"tag", "{{message_id}}"}}}}}}},
      {"result",
       {{"accepted", 202}, {"ok", "/value/0/successful"}, {"ok_values", "true"}, {"id", "/value/0/messageId"},
        {"code", json::array({"/value/0/httpStatusCode", "/error/code"})},
        {"text", json::array({"/value/0/errorMessage", "/error/message"})}}},
      {"errors", errors},
      {"receipt",
       {{"path", "/events"}, {"verify", {{"kind", "equals"}, {"query", "code"}, {"secret", "{{secret.callback_code}}"}}}, {"each", ""},
        {"only_if", json::array({"/eventType", "/type"})}, {"only_if_values", "Microsoft.Communication.SMSDeliveryReportReceived"},
        {"message_id", "/data/tag"}, {"id", "/data/messageId"}, {"state", "/data/deliveryStatus"}, {"code", "/data/deliveryStatusDetails"},
        {"states", {{"Delivered", "delivered"}, {"Failed", "failed"}}}, {"answer", {{"status", 200}}}}},
      {"inbound",
       {{"path", "/events"}, {"verify", {{"kind", "equals"}, {"query", "code"}, {"secret", "{{secret.callback_code}}"}}}, {"each", ""},
        {"only_if", json::array({"/eventType", "/type"})}, {"only_if_values", "Microsoft.Communication.SMSReceived"},
        {"id", "/data/messageId"}, {"from", "/data/from"}, {"to", "/data/to"}, {"text", "/data/message"}}}};
  return http_carrier::parse_description(description);
}

std::string http_date(trunkline::Time time) {
  using namespace std::chrono;
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  char text[48];
  std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[weekday(day).c_encoding()],
                static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

/// HMAC-SHA256 over method, path with query, date, host and the digest of the body.
void sign(const std::string& key, trunkline::Time now, HttpRequest& request) {
  const std::string target(http_carrier::target_of(request.url));
  const std::size_t begin = request.url.find("://") + 3;
  const std::string host = request.url.substr(begin, request.url.find('/', begin) - begin);
  const std::string date = http_date(now);
  const std::string digest = http_carrier::base64(http_carrier::sha256(http_carrier::body_of(request)));
  const std::string text = request.method + "\n" + target + "\n" + date + ";" + host + ";" + digest;
  request.headers["x-ms-date"] = date;
  request.headers["x-ms-content-sha256"] = digest;
  request.headers["authorization"] =
      "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + http_carrier::base64(http_carrier::hmac(key, text));
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
      : Plugin(host, parse_config(config), parse_connection(host.secrets().get("connection_string"))) {}

 private:
  Plugin(trunkline::Host host, const json& config, const Connection& connection)
      : Engine(host, describe(config, connection.endpoint), config.value("callback_url", ""), hooks_for(host, connection.key)) {}

  static http_carrier::Hooks hooks_for(trunkline::Host host, std::string key) {
    http_carrier::Hooks hooks;
    hooks.sign = [clock = host.clock(), key = std::move(key)](HttpRequest& request) { sign(key, clock.now(), request); };
    hooks.special = answer_validation;
    return hooks;
  }
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Plugin)

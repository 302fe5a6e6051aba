// Vonage's SMS API and its signed callbacks, on the engine of http-carrier.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <charconv>

#include "engine/engine.h"
#include "engine/signature.h"

namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::HttpRequest;

/// How far the time of a signed callback may be off.
constexpr std::chrono::minutes kSkew{5};

json parse_config(std::string_view text) {
  json config = json::parse(text.empty() ? "{}" : text, nullptr, false);
  if (!config.is_object()) throw Error(ErrorCode::kInvalidArgument, "config: wanted a JSON object", "config");
  if (config.value("api_key", "").empty()) throw Error(ErrorCode::kInvalidArgument, "api_key: is missing", "api_key");
  return config;
}

http_carrier::Description describe(const json& config) {
  const auto because = [](const char* reason) { return json{{"reason", reason}}; };
  // Of answers (status) and of receipts (err-code): their numbers mean different things, so the receipts' stand behind "err-".
  const json errors = {
      {"1", because("over_quota")},          {"2", because("unspecified")},      {"3", because("unspecified")},
      {"4", because("temporary")},           {"5", because("temporary")},        {"6", because("unspecified")},
      {"7", because("bad_destination")},     {"8", because("temporary")},        {"9", because("over_quota")},
      {"15", because("bad_sender")},         {"22", because("unreachable")},     {"29", because("bad_destination")},
      {"33", because("bad_destination")},    {"err-1", because("unspecified")},  {"err-2", because("unreachable")},
      {"err-3", because("bad_destination")}, {"err-4", because("blocked")},      {"err-5", because("bad_destination")},
      {"err-6", because("blocked")},         {"err-7", because("unreachable")},  {"err-8", because("temporary")},
      {"err-9", because("bad_destination")}, {"err-10", because("unspecified")}, {"err-11", because("bad_destination")},
      {"err-12", because("unreachable")},    {"err-13", because("blocked")},     {"err-14", because("blocked")},
      {"err-15", because("unreachable")},    {"err-39", because("bad_sender")},  {"err-50", because("blocked")},
      {"err-51", because("bad_sender")},     {"err-52", because("blocked")},     {"err-53", because("opted_out")},
      {"err-54", because("blocked")},        {"err-99", because("unspecified")}};
  const json description = {{"name", "Vonage"},
                            {"max_segments", 10},
                            {"connections", config.value("connections", 16)},
                            {"send",
                             {{"url", config.value("base_url", "https://rest.nexmo.com") + "/sms/json"},
                              {"json",
                               {{"api_key", config["api_key"]},
                                {"api_secret", "{{secret.api_secret}}"},
                                {"from", "{{from_digits}}"},
                                {"to", "{{to_digits}}"},
                                {"text", "{{text}}"},
                                {"type", "{{property.vonage_type}}"},
                                {"client-ref", "{{message_id}}"},
                                {"callback", "{{callback}}"},
                                {"ttl", "{{property.vonage_ttl}}"}}}}},
                            // 200 in any case: the status within tells.
                            {"result",
                             {{"accepted", 200},
                              {"ok", "/messages/0/status"},
                              {"ok_values", "0"},
                              {"id", "/messages/0/message-id"},
                              {"code", "/messages/0/status"},
                              {"text", "/messages/0/error-text"},
                              {"segments", "/message-count"},
                              {"price", "/messages/0/message-price"}}},
                            {"errors", errors},
                            // The signature is checked by check_signature.
                            {"receipt",
                             {{"path", "/status"},
                              {"verify", {{"kind", "none"}}},
                              {"message_id", "/client-ref"},
                              {"id", json::array({"/messageId", "/message-id"})},
                              {"state", "/status"},
                              {"code", "/err-code"},
                              {"states",
                               {{"delivered", "delivered"},
                                {"accepted", "sent"},
                                {"buffered", "sent"},
                                {"expired", "expired"},
                                {"failed", "failed"},
                                {"rejected", "failed"},
                                {"unknown", "failed"}}},
                              {"answer", {{"status", 200}}}}},
                            {"inbound",
                             {{"path", "/inbound"},
                              {"verify", {{"kind", "none"}}},
                              {"only_if", "/text"},
                              {"id", json::array({"/messageId", "/message-id"})},
                              {"from", "/msisdn"},
                              {"to", "/to"},
                              {"text", "/text"},
                              {"answer", {{"status", 200}}}}}};
  return http_carrier::parse_description(description);
}

const EVP_MD* digest_of(const std::string& method) {
  return method == "sha512" ? EVP_sha512() : method == "sha256" ? EVP_sha256() : method == "sha1" ? EVP_sha1() : EVP_md5();
}

/// What is signed: every parameter but `sig`, in the order of the names, as `&name=value` with & and = in values replaced.
std::string signed_text(const json& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters.items()) {
    if (name == "sig") continue;
    std::string plain = value.is_string() ? value.get<std::string>() : value.dump();
    std::replace_if(
        plain.begin(), plain.end(), [](char c) { return c == '&' || c == '='; }, '_');
    text += "&" + name + "=" + plain;
  }
  return text;
}

std::string signature_of(const std::string& method, const std::string& secret, const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (method == "md5hash") {
    const std::string all = text + secret;
    EVP_Digest(all.data(), all.size(), digest, &size, EVP_md5(), nullptr);
  } else {
    HMAC(digest_of(method), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), digest, &size);
  }
  return http_carrier::hex({reinterpret_cast<const char*>(digest), size});
}

json parameters_of(const HttpRequest& request) {
  if (request.method == "GET") {
    const std::size_t query = request.url.find('?');
    return http_carrier::form_object(query == std::string::npos ? std::string_view()
                                                                : std::string_view(request.url).substr(query + 1));
  }
  if (http_carrier::header_of(request, "content-type").starts_with("application/x-www-form-urlencoded"))
    return http_carrier::form_object(http_carrier::body_of(request));
  json document = json::parse(http_carrier::body_of(request), nullptr, false);
  if (!document.is_object()) throw Error(ErrorCode::kInvalidArgument, "body: wanted a JSON object", "body");
  return document;
}

void check_signature(const std::string& method, const std::string& secret, const HttpRequest& request, trunkline::Time now) {
  const json parameters = parameters_of(request);
  const auto text_of = [&](const char* name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->is_string() ? found->get<std::string>() : found->dump();
  };
  std::string found = text_of("sig");
  if (found.empty()) throw Error(ErrorCode::kUnauthenticated, "the callback has no sig");
  std::transform(found.begin(), found.end(), found.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (!http_carrier::same(found, signature_of(method, secret, signed_text(parameters))))
    throw Error(ErrorCode::kUnauthenticated, "the callback has a wrong sig");
  std::int64_t seconds = 0;
  const std::string when = text_of("timestamp");
  const auto read = std::from_chars(when.data(), when.data() + when.size(), seconds);
  const trunkline::Time then{std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, 9'000'000'000))};
  if (read.ec != std::errc() || then < now - kSkew || then > now + kSkew)
    throw Error(ErrorCode::kUnauthenticated, "the callback's timestamp is not of now");
}

class Plugin final : public http_carrier::Engine {
 public:
  Plugin(trunkline::Host host, std::string_view config) : Plugin(host, parse_config(config)) {}

 private:
  Plugin(trunkline::Host host, const json& config)
      : Engine(host, describe(config), status_url(config), journal_of(config), hooks_for(host, config)) {}

  static std::string status_url(const json& config) {
    const std::string url = config.value("callback_url", "");
    return url.empty() ? url : url + "/status";
  }
  static http_carrier::Hooks hooks_for(trunkline::Host host, const json& config) {
    http_carrier::Hooks hooks;
    hooks.code = [](const http_carrier::CallbackMap&, const std::string& code) { return "err-" + code; };
    hooks.prepare = [](http_carrier::Variables& variables) {
      if (variables["unicode"] == true) variables["property.vonage_type"] = "unicode";
      if (const auto left = variables.find("validity_seconds"); left != variables.end())
        variables["property.vonage_ttl"] = left->second.get<std::int64_t>() * 1000;
    };
    if (config.value("unsigned_callbacks", false)) return hooks;
    hooks.verify = [secrets = host.secrets(), clock = host.clock(),
                    method = config.value("signature_method", "sha256")](const HttpRequest& request) {
      check_signature(method, secrets.get("signature_secret"), request, clock.now());
    };
    return hooks;
  }
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Plugin)

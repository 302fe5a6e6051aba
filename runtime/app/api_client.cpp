#include "runtime/app/api_client.h"

#include <curl/curl.h>

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/clock/system_time.h"
#include "runtime/config/config.h"
#include "runtime/crypto/hash.h"

namespace trunkline::app {
namespace {

constexpr std::size_t kMaxAnswerBytes = 16U << 20;
constexpr long kTimeoutMs = 60'000;
constexpr long kStallSeconds = 60;  // a download may take as long as it moves

/// The authority of an endpoint, as the Host header carries it.
std::string host_of(std::string_view endpoint) {
  const auto at = endpoint.find("://");
  return std::string(at == std::string_view::npos ? endpoint : endpoint.substr(at + 3));
}

}  // namespace

Connection Connection::resolve(const std::string& given) {
  std::string text = given;
  if (text.empty())
    if (const char* from_environment = std::getenv("TRUNKLINE_CONNECTION_STRING")) text = from_environment;
  Connection connection;
  if (text.empty()) {
    connection.endpoint = "http://127.0.0.1:4600";
    connection.access_key = kDevelopmentAccessKey;
    return connection;
  }
  for (const std::string_view part : split(text, ';')) {
    if (istarts_with(part, "endpoint="))
      connection.endpoint = part.substr(9);
    else if (istarts_with(part, "accesskey="))
      connection.access_key = part.substr(10);
    else if (!trim(part).empty())
      throw Error(ErrorCode::kInvalidArgument, "a connection string has the form endpoint=…;accesskey=…; this part is neither: " +
                                                   std::string(part.substr(0, part.find('='))));
  }
  while (!connection.endpoint.empty() && connection.endpoint.back() == '/') connection.endpoint.pop_back();
  if (!istarts_with(connection.endpoint, "http://") && !istarts_with(connection.endpoint, "https://"))
    throw Error(ErrorCode::kInvalidArgument, "the connection string has no endpoint with http:// or https://");
  if (!base64_decode(connection.access_key))
    throw Error(ErrorCode::kInvalidArgument, "the access key of the connection string is not base64");
  return connection;
}

/// What came. `take`: who gets the body of a success; refusals are kept.
struct ApiClient::Answer {
  CURL* curl = nullptr;
  std::string body;
  std::function<void(std::string_view)> take;

  static std::size_t append(char* data, std::size_t size, std::size_t count, void* self) {
    auto& answer = *static_cast<Answer*>(self);
    long status = 0;
    curl_easy_getinfo(answer.curl, CURLINFO_RESPONSE_CODE, &status);
    if (answer.take && status < 300) {
      answer.take({data, size * count});
      return size * count;
    }
    if (answer.body.size() + size * count > kMaxAnswerBytes) return 0;
    answer.body.append(data, size * count);
    return size * count;
  }
};

struct ApiClient::Impl {
  CURL* curl = curl_easy_init();
  ~Impl() { curl_easy_cleanup(curl); }
};

ApiClient::ApiClient(Connection connection) : connection_(std::move(connection)), impl_(std::make_unique<Impl>()) {}
ApiClient::~ApiClient() = default;

nlohmann::json ApiClient::get(const std::string& path_and_query) { return request("GET", path_and_query, {}); }
nlohmann::json ApiClient::post(const std::string& path_and_query, const nlohmann::json& body) {
  return request("POST", path_and_query, body.dump());
}
nlohmann::json ApiClient::put(const std::string& path_and_query, const nlohmann::json& body) {
  return request("PUT", path_and_query, body.dump());
}
nlohmann::json ApiClient::post_text(const std::string& path_and_query, std::string body) {
  return request("POST", path_and_query, std::move(body));
}
nlohmann::json ApiClient::put_text(const std::string& path_and_query, std::string body) {
  return request("PUT", path_and_query, std::move(body));
}
nlohmann::json ApiClient::patch(const std::string& path_and_query, const nlohmann::json& body) {
  return request("PATCH", path_and_query, body.dump());
}
nlohmann::json ApiClient::remove(const std::string& path_and_query) { return request("DELETE", path_and_query, {}); }

nlohmann::json ApiClient::request(const std::string& method, const std::string& path_and_query, std::string body) {
  Answer answer;
  perform(method, path_and_query, body, answer);
  return answer.body.empty() ? nlohmann::json::object() : parse_json(answer.body);
}

void ApiClient::download(const std::string& path_and_query, std::function<void(std::string_view)> take) {
  Answer answer;
  answer.take = std::move(take);
  perform("GET", path_and_query, {}, answer);
}

void ApiClient::perform(const std::string& method, const std::string& path_and_query, const std::string& body, Answer& answer) {
  const std::string host = host_of(connection_.endpoint);
  const std::string date = format_http_date(system_time_now());
  const std::string hash = base64_encode(crypto::as_text(crypto::sha256(body)));
  const std::string text = method + "\n" + path_and_query + "\n" + date + ";" + host + ";" + hash;
  const std::string signature =
      base64_encode(crypto::as_text(crypto::HmacSha256(*base64_decode(connection_.access_key)).sign(text)));

  curl_slist* headers = nullptr;
  for (const std::string& header :
       {"x-ms-date: " + date, "x-ms-content-sha256: " + hash, std::string("Content-Type: application/json"),
        std::string("Expect:"),
        "Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + signature})
    headers = curl_slist_append(headers, header.c_str());
  CURL* curl = answer.curl = impl_->curl;
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, (connection_.endpoint + path_and_query).c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Answer::append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  if (answer.take) {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  } else {
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kTimeoutMs);
  }
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  if (method.starts_with('P')) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  if (const char* ca = std::getenv("TRUNKLINE_CA_FILE")) curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
  const CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  if (code != CURLE_OK)
    throw Error(ErrorCode::kUnavailable,
                "no answer from " + connection_.endpoint + ": " + curl_easy_strerror(code) + ". Is 'trunkline dev' running?");
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status < 300) return;

  Error error(ErrorCode::kUnknown, "the server answered " + std::to_string(status));
  error.http_status = static_cast<std::int32_t>(status);
  error.code = status == 404   ? ErrorCode::kNotFound
               : status == 401 ? ErrorCode::kUnauthenticated
               : status < 500  ? ErrorCode::kInvalidArgument
                               : ErrorCode::kInternal;
  const nlohmann::json parsed = nlohmann::json::parse(answer.body, nullptr, false);
  if (parsed.is_object() && parsed.contains("error") && parsed["error"].is_object()) {
    error.message = parsed["error"].value("message", error.message);
    error.service_code = parsed["error"].value("code", "");
    error.target = parsed["error"].value("target", "");
  }
  throw error;
}

}  // namespace trunkline::app

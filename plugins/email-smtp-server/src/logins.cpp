#include "logins.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/signature.h"
#include "engine/template.h"

namespace email_smtp_server {

using nlohmann::json;
using trunkline::Bytes;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

namespace {

constexpr const char* kManagementScope = "https://management.azure.com/.default";
constexpr const char* kSendScope = "https://communication.azure.com/.default";
constexpr std::size_t kMostNames = 10'000;

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

json document_of(const HttpResponse& response) {
  json document = response.body ? json::parse(response.body->begin(), response.body->end(), nullptr, false) : json();
  return document.is_object() ? document : json::object();
}

std::string member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string secret_or_nothing(const trunkline::host::SecretsClient& secrets, const char* name) {
  try {
    return secrets.get(name);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
    return {};
  }
}

}  // namespace

Logins::Logins(trunkline::Host host, const Settings& settings)
    : settings_(settings),
      http_(host.http()),
      clock_(host.clock()),
      applications_(parse_applications(secret_or_nothing(host.secrets(), "applications"))),
      management_secret_(secret_or_nothing(host.secrets(), "management_secret")) {}

Task<std::optional<std::string>> Logins::token(std::string tenant, std::string client_id, std::string secret, std::string scope) {
  HttpRequest request;
  request.method = "POST";
  request.url = settings_.token_url;
  constexpr std::string_view kTenant = "{tenant}";
  if (const auto at = request.url.find(kTenant); at != std::string::npos)
    request.url.replace(at, kTenant.size(), http_carrier::percent_encoded(tenant));
  request.headers["content-type"] = "application/x-www-form-urlencoded";
  const std::string form = "grant_type=client_credentials&client_id=" + http_carrier::percent_encoded(client_id) +
                           "&client_secret=" + http_carrier::percent_encoded(secret) +
                           "&scope=" + http_carrier::percent_encoded(scope);
  request.body = Bytes(form.begin(), form.end());
  const HttpResponse response = co_await http_.send(std::move(request));
  if (response.status == 400 || response.status == 401) co_return std::nullopt;
  std::string found = member(document_of(response), "access_token");
  if (response.status != 200 || found.empty())
    throw Error(ErrorCode::kUnavailable, "the token endpoint answered " + std::to_string(response.status));
  co_return std::optional<std::string>(std::move(found));
}

Task<std::vector<Logins::Name>> Logins::names() {
  {
    const std::lock_guard lock(mutex_);
    if (clock_.now() < known_until_) co_return known_;
  }
  const auto bearer =
      co_await token(settings_.management_tenant, settings_.management_client_id, management_secret_, kManagementScope);
  if (!bearer) throw Error(ErrorCode::kUnavailable, "the token endpoint refuses management_client_id");
  std::vector<Name> all;
  std::string url = settings_.smtp_usernames_url;
  while (!url.empty()) {
    HttpRequest request;
    request.method = "GET";
    request.url = url;
    request.headers["authorization"] = "Bearer " + *bearer;
    const HttpResponse response = co_await http_.send(std::move(request));
    if (response.status != 200)
      throw Error(ErrorCode::kUnavailable, "the list of smtpUsernames was answered with " + std::to_string(response.status));
    const json page = document_of(response);
    if (const auto values = page.find("value"); values != page.end() && values->is_array())
      for (const json& one : *values) {
        if (!one.is_object() || !one.contains("properties") || !one["properties"].is_object()) continue;
        const json& p = one["properties"];
        all.push_back({lower(member(p, "username")), member(p, "entraApplicationId"), member(p, "tenantId")});
      }
    url = member(page, "nextLink");
    // The bearer goes nowhere else.
    const std::string origin = settings_.smtp_usernames_url.substr(0, settings_.smtp_usernames_url.find('/', 8));
    if (!url.starts_with(origin + "/") || all.size() > kMostNames) break;
  }
  const std::lock_guard lock(mutex_);
  known_ = all;
  known_until_ = clock_.now() + settings_.names_for;
  co_return all;
}

Task<bool> Logins::check(std::string username, std::string password) {
  const std::vector<Name> all = co_await names();
  const std::string wanted = lower(std::move(username));
  const auto name =
      std::find_if(all.begin(), all.end(), [&](const Name& one) { return !wanted.empty() && one.username == wanted; });
  if (name == all.end() || password.empty()) co_return false;
  if (!applications_.empty()) {
    const auto secret = applications_.find(name->application_id);
    co_return secret != applications_.end() && http_carrier::same(secret->second, password);
  }
  const auto given = co_await token(name->tenant_id, name->application_id, std::move(password), kSendScope);
  co_return given.has_value();
}

}  // namespace email_smtp_server

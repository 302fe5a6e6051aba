// Identities and their tokens (2021-03-07 to 2025-06-30).
#include "runtime/api/identity_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/oidc/issuer_set.h"
#include "runtime/services/identity_service.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr std::int64_t kDefaultMinutes = 1440;

std::vector<identity::TokenScope> parse_scopes(const JsonRef& scopes) {
  std::vector<identity::TokenScope> out;
  for (std::size_t i = 0, n = scopes.array_size(); i < n; ++i) {
    const auto scope = parse_token_scope(scopes[i].text());
    if (!scope) throw scopes[i].error("'" + std::string(scopes[i].text()) + "' is no token scope");
    out.push_back(*scope);
  }
  return out;
}

/// The member came with 2022-10-01; before, whatever a client sent was ignored.
Duration parse_lifetime(const JsonRef& request, std::string_view api_version) {
  if (api_version < "2022-06-01") return std::chrono::minutes{kDefaultMinutes};
  const std::int64_t minutes = request.integer_or("expiresInMinutes", kDefaultMinutes);
  // The service checks the range; here only what minutes cannot be.
  return std::chrono::minutes{std::clamp<std::int64_t>(minutes, -1'000'000, 1'000'000)};
}

json to_json(const identity::AccessToken& token) {
  json out;
  out["token"] = token.token;
  out["expiresOn"] = format_rfc3339(token.expires_at);
  return out;
}

json to_json(const identity::UserIdentity& user) {
  json out;
  out["id"] = user.id;
  if (user.custom_id) out["customId"] = *user.custom_id;
  if (user.last_token_issued_at) out["lastTokenIssuedAt"] = format_rfc3339(*user.last_token_issued_at);
  return out;
}

json to_json(const service::UserWithToken& created) {
  json who;
  who["id"] = created.user.id;
  if (created.user.custom_id) who["customId"] = *created.user.custom_id;
  json out;
  out["identity"] = std::move(who);
  if (created.token) out["accessToken"] = to_json(*created.token);
  return out;
}

server::Route route(const char* method, const char* path, server::BodyRule body) {
  server::Route r;
  r.method = method;
  r.path = path;
  r.auth = server::Auth::kAccessKey;
  r.body = body;
  r.versions = versions({"2021-03-07", "2022-06-01", "2022-10-01", "2023-10-01", "2025-03-02-preview", "2025-06-30"});
  return r;
}

}  // namespace

void add_identity_routes(std::vector<server::Route>& routes, IdentityService& identities) {
  server::Route create = route("POST", "/identities", server::BodyRule::kJson);
  create.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    std::vector<identity::TokenScope> scopes;
    std::optional<std::string> custom_id;
    Duration lifetime = std::chrono::minutes{kDefaultMinutes};
    if (!context.request.body.empty()) {
      const json body = parse_body(context);
      const JsonRef request(body);
      if (const auto wanted = request.find("createTokenWithScopes")) scopes = parse_scopes(*wanted);
      if (const auto id = request.find("customId")) custom_id = std::string(id->text());
      lifetime = parse_lifetime(request, context.api_version);
    }
    const service::UserWithToken created =
        co_await identities.create_user(resource_of(context), std::move(scopes), std::move(custom_id), lifetime);
    co_return json_response(201, to_json(created));
  };
  routes.push_back(std::move(create));

  server::Route issue = route("POST", "/identities/{id}/:issueAccessToken", server::BodyRule::kJson);
  issue.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    std::vector<identity::TokenScope> scopes = parse_scopes(request.at("scopes"));
    std::string id(context.param("id"));
    const identity::AccessToken token = co_await identities.issue_token(resource_of(context), std::move(id), std::move(scopes),
                                                                        parse_lifetime(request, context.api_version));
    co_return json_response(200, to_json(token));
  };
  routes.push_back(std::move(issue));

  server::Route revoke = route("POST", "/identities/{id}/:revokeAccessTokens", server::BodyRule::kAny);
  revoke.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    std::string id(context.param("id"));
    co_await identities.revoke_tokens(resource_of(context), std::move(id));
    co_return empty_response(204);
  };
  routes.push_back(std::move(revoke));

  server::Route remove = route("DELETE", "/identities/{id}", server::BodyRule::kAny);
  remove.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    std::string id(context.param("id"));
    co_await identities.delete_user(resource_of(context), std::move(id));
    co_return empty_response(204);
  };
  routes.push_back(std::move(remove));

  server::Route get = route("GET", "/identities/{id}", server::BodyRule::kNone);
  get.versions = versions({"2025-03-02-preview", "2025-06-30"});
  get.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    std::string id(context.param("id"));
    const identity::UserIdentity user = co_await identities.get_user(resource_of(context), std::move(id));
    co_return json_response(200, to_json(user));
  };
  routes.push_back(std::move(get));

  server::Route teams = route("POST", "/teamsUser/:exchangeAccessToken", server::BodyRule::kJson);
  teams.versions = versions({"2022-06-01", "2022-10-01", "2023-10-01", "2025-03-02-preview", "2025-06-30"});
  teams.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    std::string token(request.at("token").text()), app(request.at("appId").text()), user(request.at("userId").text());
    const identity::AccessToken issued =
        co_await identities.exchange_teams_token(resource_of(context), std::move(token), std::move(app), std::move(user));
    co_return json_response(200, to_json(issued));
  };
  routes.push_back(std::move(teams));

  // A person's own Entra token for a user access token; what AzureCommunicationTokenCredential asks for.
  server::Route entra = route("POST", "/access/entra/:exchangeAccessToken", server::BodyRule::kAny);
  entra.versions = versions({"2025-03-02-preview", "2025-06-30"});
  entra.auth = server::Auth::kPersonToken;
  entra.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    const auto who = std::static_pointer_cast<const oidc::Principal>(context.caller.principal);
    const service::UserWithToken created = co_await identities.exchange_person(resource_of(context), *who);
    co_return json_response(200, to_json(created));
  };
  routes.push_back(std::move(entra));
}

}  // namespace trunkline::api

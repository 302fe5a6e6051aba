// Identities and their tokens (2021-03-07 to 2025-06-30).
#include "runtime/api/identity_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/clock/clock.h"
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

Duration parse_lifetime(const JsonRef& request) {
  return std::chrono::minutes{request.integer_or("expiresInMinutes", kDefaultMinutes)};
}

json to_json(const identity::AccessToken& token) {
  json out;
  out["token"] = token.token;
  out["expiresOn"] = format_rfc3339(token.expires_at);
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
      lifetime = parse_lifetime(request);
    }
    const service::UserWithToken created =
        co_await identities.create_user(resource_of(context), std::move(scopes), std::move(custom_id), lifetime);
    json who;
    who["id"] = created.user.id;
    if (created.user.custom_id) who["customId"] = *created.user.custom_id;
    json answer;
    answer["identity"] = std::move(who);
    if (created.token) answer["accessToken"] = to_json(*created.token);
    co_return json_response(201, answer);
  };
  routes.push_back(std::move(create));

  server::Route issue = route("POST", "/identities/{id}/:issueAccessToken", server::BodyRule::kJson);
  issue.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    std::vector<identity::TokenScope> scopes = parse_scopes(request.at("scopes"));
    std::string id(context.param("id"));
    const identity::AccessToken token =
        co_await identities.issue_token(resource_of(context), std::move(id), std::move(scopes), parse_lifetime(request));
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
}

}  // namespace trunkline::api

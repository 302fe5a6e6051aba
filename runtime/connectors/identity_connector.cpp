// Azure Communication Services Identity.
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/connectors/connector.h"
#include "runtime/services/identity_service.h"

namespace trunkline::connectors {
namespace {

using nlohmann::json;

constexpr Duration kTokenLife = std::chrono::hours{24};

std::vector<identity::TokenScope> scopes_of(const JsonRef& list) {
  std::vector<identity::TokenScope> out;
  for (std::size_t i = 0, n = list.array_size(); i < n; ++i) {
    const auto scope = parse_token_scope(list[i].text());
    if (!scope) throw list[i].error("'" + std::string(list[i].text()) + "' is no token scope");
    out.push_back(*scope);
  }
  return out;
}

json token_json(const identity::AccessToken& token) {
  json out;
  out["token"] = token.token;
  out["expiresOn"] = format_rfc3339(token.expires_at);
  return out;
}

Task<ConnectorResponse> create(ConnectorServices services, ConnectorRequest request) {
  std::vector<identity::TokenScope> scopes;
  if (request.body.is_object())
    if (const auto wanted = JsonRef(request.body).find("createTokenWithScopes")) scopes = scopes_of(*wanted);
  const service::UserWithToken made =
      co_await services.identity->create_user(std::move(request.resource), std::move(scopes), std::nullopt, kTokenLife);
  ConnectorResponse response;
  response.status = 201;
  response.body["identity"]["id"] = made.user.id;
  if (made.token) response.body["accessToken"] = token_json(*made.token);
  co_return response;
}

Task<ConnectorResponse> remove(ConnectorServices services, ConnectorRequest request) {
  co_await services.identity->delete_user(std::move(request.resource), std::move(request.arguments[0]));
  ConnectorResponse response;
  response.status = 204;
  co_return response;
}

Task<ConnectorResponse> issue(ConnectorServices services, ConnectorRequest request) {
  std::vector<identity::TokenScope> scopes = scopes_of(JsonRef(request.body).at("scopes"));
  const identity::AccessToken token = co_await services.identity->issue_token(
      std::move(request.resource), std::move(request.arguments[0]), std::move(scopes), kTokenLife);
  ConnectorResponse response;
  response.body = token_json(token);
  co_return response;
}

Task<ConnectorResponse> revoke(ConnectorServices services, ConnectorRequest request) {
  co_await services.identity->revoke_tokens(std::move(request.resource), std::move(request.arguments[0]));
  ConnectorResponse response;
  response.status = 204;
  co_return response;
}

constexpr ConnectorOperation kIdentityOperations[] = {
    {"POST", "/identities", false, create},
    {"DELETE", "/identities/{}", true, remove},
    {"POST", "/identities/{}/:issueAccessToken", true, issue},
    {"POST", "/identities/{}/:revokeAccessTokens", true, revoke},
};

}  // namespace

std::span<const ConnectorOperation> identity_operations() { return kIdentityOperations; }

}  // namespace trunkline::connectors

#include "runtime/api/oidc_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/clock/system_time.h"
#include "runtime/crypto/jwt.h"
#include "runtime/oidc/development_issuer.h"
#include "runtime/server/authenticator.h"
#include "runtime/services/identity_service.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr std::size_t kMaxForm = 16 * 1024;

server::Route open_route(const char* method, std::string path) {
  server::Route route;
  route.method = method;
  route.path = std::move(path);
  route.auth = server::Auth::kNone;
  route.body = server::BodyRule::kAny;
  route.max_body_bytes = kMaxForm;
  return route;
}

/// As the caller reached us.
std::string origin_of(const RouteContext& context) {
  std::string origin = context.request.tls ? "https://" : "http://";
  return origin.append(context.request.headers.get("Host"));
}

net::Response cacheable(net::Response response) {
  response.headers.add("Cache-Control", "public, max-age=300");
  return response;
}

void only_this_machine(const RouteContext& context) {
  if (server::is_loopback(context.request.remote)) return;
  throw Error(ErrorCode::kPermissionDenied, "The development issuer answers on the loopback interface only.");
}

// --- the form of a token request (RFC 6749) ---------------------------------------------------------------------------------

net::Response oauth_error(const char* code, const std::string& description) {
  json body;
  body["error"] = code;
  body["error_description"] = description;
  return json_response(400, body);
}

std::string form_value(const RouteContext& context, const char* name) {
  return net::query_parameter(context.request.body, name).value_or("");
}

/// `client_id` of the form, or of HTTP Basic.
std::string client_id_of(const RouteContext& context) {
  if (std::string id = form_value(context, "client_id"); !id.empty()) return id;
  const std::string_view header = context.request.headers.get("Authorization");
  if (!istarts_with(header, "Basic ")) return {};
  const std::string plain = base64_decode(trim(header.substr(6))).value_or("");
  return net::percent_decode(plain.substr(0, plain.find(':')), true).value_or("");
}

net::Response answer_token(const oidc::DevelopmentIssuer& issuer, const RouteContext& context, const std::string& name,
                           std::string tenant) {
  const std::string grant_type = form_value(context, "grant_type");
  if (grant_type != "client_credentials" && grant_type != "password")
    return oauth_error("unsupported_grant_type",
                       "wanted client_credentials, or password with the person's object id as the user name");
  oidc::DevelopmentGrant grant;
  if (std::string id = client_id_of(context); !id.empty()) grant.client_id = std::move(id);
  grant.tenant_id = std::move(tenant);
  grant.object_id = grant_type == "password" ? form_value(context, "username") : form_value(context, "oid");
  if (std::string scope = form_value(context, "scope"); !scope.empty()) grant.scope = std::move(scope);
  if (std::string resource = form_value(context, "resource"); !resource.empty()) grant.scope = std::move(resource);
  for (const std::string_view role : split(form_value(context, "roles"), ' '))
    if (!role.empty()) grant.roles.emplace_back(role);
  json body;
  body["token_type"] = "Bearer";
  body["expires_in"] = std::chrono::duration_cast<std::chrono::seconds>(grant.lifetime).count();
  body["ext_expires_in"] = body["expires_in"];
  body["scope"] = grant.scope;
  body["access_token"] = issuer.issue(grant, name, system_time_now());
  net::Response response = json_response(200, body);
  response.headers.add("Cache-Control", "no-store");
  return response;
}

/// One issuer at `prefix` (with `{tenant}` or without), its documents at `documents` below it.
void add_issuer(std::vector<server::Route>& routes, const oidc::DevelopmentIssuer& issuer, const std::string& prefix,
                const char* issuer_path, const char* token_path, const char* keys_path) {
  const bool with_tenant = prefix.find("{tenant}") != prefix.npos;
  const auto base = [with_tenant, prefix](const RouteContext& context) {
    return origin_of(context) + (with_tenant ? "/" + context.param("tenant") : prefix);
  };
  server::Route discovery = open_route("GET", prefix + issuer_path + "/.well-known/openid-configuration");
  discovery.handler = [=](RouteContext& context) -> Task<net::Response> {
    only_this_machine(context);
    const std::string root = base(context);
    json out;
    out["issuer"] = root + issuer_path;
    out["token_endpoint"] = root + token_path;
    out["authorization_endpoint"] = root + token_path;  // clients insist on one; nobody signs in here
    out["jwks_uri"] = root + keys_path;
    out["response_types_supported"] = {"token"};
    out["subject_types_supported"] = {"pairwise"};
    out["id_token_signing_alg_values_supported"] = {"ES256"};
    out["grant_types_supported"] = {"client_credentials", "password"};
    co_return json_response(200, out);
  };
  routes.push_back(std::move(discovery));

  server::Route keys = open_route("GET", prefix + keys_path);
  keys.handler = [&issuer](RouteContext& context) -> Task<net::Response> {
    only_this_machine(context);
    json out;
    out["keys"] = json::array({crypto::to_jwk(issuer.keys()[0])});
    co_return json_response(200, out);
  };
  routes.push_back(std::move(keys));

  server::Route token = open_route("POST", prefix + token_path);
  token.handler = [=, &issuer](RouteContext& context) -> Task<net::Response> {
    only_this_machine(context);
    std::string tenant;
    if (with_tenant) tenant = context.param("tenant");
    const std::string name = base(context) + issuer_path;
    co_return answer_token(issuer, context, name, std::move(tenant));
  };
  routes.push_back(std::move(token));
}

}  // namespace

void add_key_routes(std::vector<server::Route>& routes, IdentityService& identities) {
  server::Route keys = open_route("GET", "/.well-known/jwks.json");
  keys.handler = [&identities](RouteContext&) -> Task<net::Response> {
    const std::vector<identity::SigningKey> all = co_await identities.signing_keys();
    json list = json::array();
    for (const identity::SigningKey& key : all) {
      const std::string der(key.public_key.begin(), key.public_key.end());
      list.push_back(crypto::to_jwk({key.key_id, jose::PublicKey::from_der(der)}));
    }
    json out;
    out["keys"] = std::move(list);
    co_return cacheable(json_response(200, out));
  };
  routes.push_back(std::move(keys));

  server::Route discovery = open_route("GET", "/.well-known/openid-configuration");
  discovery.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    const std::string origin = origin_of(context);
    const std::string configured = identities.token_issuer();
    json out;
    out["issuer"] = configured.empty() ? origin : configured;
    out["jwks_uri"] = origin + "/.well-known/jwks.json";
    out["token_endpoint"] = origin + "/identities/{id}/:issueAccessToken";
    out["response_types_supported"] = {"token"};
    out["subject_types_supported"] = {"public"};
    out["id_token_signing_alg_values_supported"] = {"ES256", "RS256"};
    out["scopes_supported"] = {"chat", "chat.join", "chat.join.limited", "voip", "voip.join"};
    out["claims_supported"] = {"skypeid", "acsScope", "resourceId", "resourceLocation", "iat", "exp"};
    co_return cacheable(json_response(200, out));
  };
  routes.push_back(std::move(discovery));
}

void add_development_issuer_routes(std::vector<server::Route>& routes, const oidc::DevelopmentIssuer& issuer) {
  add_issuer(routes, issuer, "/_dev/oidc", "", "/token", "/jwks");
  add_issuer(routes, issuer, "/{tenant}", "/v2.0", "/oauth2/v2.0/token", "/discovery/v2.0/keys");
}

}  // namespace trunkline::api

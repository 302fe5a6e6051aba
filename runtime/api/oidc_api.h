// Where others find the keys that verify our tokens, and the issuer of development.
#pragma once
#include <vector>

namespace trunkline {
class IdentityService;
namespace oidc {
class DevelopmentIssuer;
}
namespace server {
struct Route;
}
namespace api {

/// `/.well-known/openid-configuration` and `/.well-known/jwks.json`: the keys of user access tokens.
void add_key_routes(std::vector<server::Route>& routes, IdentityService& identities);
/// `/_dev/oidc`, and the same under the paths of Microsoft Entra, so that its client libraries can be pointed here. Answers this
/// machine only.
void add_development_issuer_routes(std::vector<server::Route>& routes, const oidc::DevelopmentIssuer& issuer);

}  // namespace api
}  // namespace trunkline

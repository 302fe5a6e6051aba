// Of HTTP actions: what proves who we are.
#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/crypto/hash.h"
#include "runtime/crypto/pkcs12.h"
#include "runtime/flows/http_actions.h"
#include "runtime/flows/http_content.h"
#include "runtime/flows/member_text.h"
#include "trunkline/jose.hpp"

namespace trunkline::flows {

struct HttpActions::ClientCertificate {
  net::TlsIdentity tls;
  Secret key_der;
  std::string thumbprint;  // as tokens write it: `x5t`
};

namespace {

/// Opening one takes a few milliseconds on purpose, and a definition has few.
constexpr std::size_t kKeptCertificates = 64;
constexpr auto kAssertionLife = std::chrono::minutes{10};

/// Who we are, signed with our certificate's key (RFC 7523), as Microsoft Entra wants it.
std::string assertion_of(const Secret& key_der, const std::string& thumbprint, const std::string& client,
                         const std::string& audience, Time now) {
  const jose::PrivateKey key = jose::PrivateKey::from_der(key_der.reveal());
  if (key.algorithm() != jose::Algorithm::kRs256)
    throw Error(ErrorCode::kInvalidArgument, "a directory takes certificates with RSA keys only", "authentication.pfx");
  Uuid id;
  random_bytes(id.bytes);
  const auto seconds = [](Time time) { return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count(); };
  const nlohmann::json header{{"alg", "RS256"}, {"typ", "JWT"}, {"x5t", thumbprint}};
  const nlohmann::json claims{{"aud", audience}, {"iss", client},       {"sub", client},
                              {"jti", id.str()}, {"nbf", seconds(now)}, {"exp", seconds(now + kAssertionLife)}};
  std::string token = jose::base64url(header.dump());
  token += '.';
  jose::append_base64url(token, claims.dump());
  key.append_signature(token);
  return token;
}

}  // namespace

Task<void> HttpActions::authorize(const Value& inputs, net::ClientRequest& request) {
  const auto found = inputs.find("authentication");
  if (found == inputs.end() || !found->is_object()) co_return;
  const Value authentication = *found;
  const std::string type = text_of(authentication, "type");
  if (type.empty() || iequals(type, "None")) co_return;
  std::string header;
  if (iequals(type, "Basic")) {
    header = "Basic " + base64_encode(text_of(authentication, "username") + ":" + text_of(authentication, "password"));
  } else if (iequals(type, "Raw")) {
    header = text_of(authentication, "value");
  } else if (iequals(type, "ActiveDirectoryOAuth")) {
    const std::string token = co_await directory_token(authentication);
    header = "Bearer " + token;
  } else if (iequals(type, "ManagedServiceIdentity")) {
    if (!options_.managed_identity)
      throw Error(ErrorCode::kInvalidArgument, "there is no managed identity here; use another authentication", "authentication")
          .with_service_code("ManagedIdentityNotAvailable");
    std::string audience = text_of(authentication, "audience"), identity = text_of(authentication, "identity");
    const std::string token = co_await options_.managed_identity(std::move(audience), std::move(identity));
    header = "Bearer " + token;
  } else if (iequals(type, "ClientCertificate")) {
    const std::shared_ptr<const ClientCertificate> certificate = client_certificate(authentication);
    request.identity = std::shared_ptr<const net::TlsIdentity>(certificate, &certificate->tls);
    co_return;
  } else {
    throw Error(ErrorCode::kInvalidArgument, "'" + type.substr(0, 40) + "' is no type of authentication", "authentication");
  }
  request.headers.set("Authorization", std::move(header));
}

Task<std::string> HttpActions::directory_token(Value authentication) {
  std::string authority = text_of(authentication, "authority");
  if (authority.empty()) authority = "https://login.microsoftonline.com";
  while (authority.ends_with('/')) authority.pop_back();
  const std::string tenant = text_of(authentication, "tenant"), audience = text_of(authentication, "audience"),
                    client = text_of(authentication, "clientId"), secret = text_of(authentication, "secret");
  std::shared_ptr<const ClientCertificate> certificate;
  if (secret.empty()) {
    if (text_of(authentication, "pfx").empty())
      throw Error(ErrorCode::kInvalidArgument, "ActiveDirectoryOAuth needs a 'secret', or a 'pfx' with its 'password'",
                  "authentication");
    certificate = client_certificate(authentication);
  }
  const std::string key = authority + "\n" + tenant + "\n" + client + "\n" + audience + "\n" +
                          (certificate ? "certificate " + certificate->thumbprint : secret);
  {
    const std::lock_guard lock(mutex_);
    const auto known = tokens_.find(key);
    if (known != tokens_.end() && known->second.ends > clock_.now()) co_return known->second.text;
  }
  net::ClientRequest request;
  request.method = "POST";
  request.url = authority + "/" + net::percent_encode(tenant) + "/oauth2/token";
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.body = "grant_type=client_credentials&client_id=" + net::percent_encode(client);
  if (certificate)
    request.body += "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=" +
                    assertion_of(certificate->key_der, certificate->thumbprint, client, request.url, clock_.now());
  else
    request.body += "&client_secret=" + net::percent_encode(secret);
  request.body += "&resource=" + net::percent_encode(audience);
  request.timeout = options_.timeout;
  const net::ClientResponse response = co_await start(std::move(request));
  const Value body = body_value("application/json", response.body);
  const std::string token = text_of(body, "access_token");
  if (response.status != 200 || token.empty())
    throw Error(ErrorCode::kInvalidArgument,
                "the token request to '" + authority + "' was answered with " + std::to_string(response.status), "authentication")
        .with_service_code("AuthorizationFailed");
  const auto seconds = parse_number<std::int64_t>(text_of(body, "expires_in")).value_or(300);
  const std::lock_guard lock(mutex_);
  constexpr std::int64_t kEarly_s = 60;  // renewed before it ends on the way
  tokens_[key] = {token, clock_.now() + std::chrono::seconds{std::max<std::int64_t>(seconds - kEarly_s, 0)}};
  co_return token;
}

std::shared_ptr<const HttpActions::ClientCertificate> HttpActions::client_certificate(const Value& authentication) {
  const std::string text = text_of(authentication, "pfx"), password = text_of(authentication, "password");
  const std::optional<std::string> der =
      text.size() > 2 * crypto::kMaxPkcs12Bytes ? std::nullopt : base64_decode(std::string(trim(text)));
  if (!der || der->empty())
    throw Error(ErrorCode::kInvalidArgument, "'pfx' is no PKCS #12 file in base64", "authentication.pfx")
        .with_service_code("InvalidClientCertificate");
  const crypto::Digest key = crypto::Sha256().update(*der).update("\n").update(password).finish();
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = certificates_.find(key); known != certificates_.end()) return known->second;
  }
  auto made = std::make_shared<ClientCertificate>();
  try {
    crypto::Pkcs12 opened = crypto::read_pkcs12(*der, Secret(password));
    made->tls = {std::move(opened.identity.certificate), std::move(opened.identity.private_key)};
    made->key_der = std::move(opened.key_der);
    made->thumbprint = base64url_encode(opened.thumbprint);
  } catch (const Error& error) {
    throw Error(error.code, error.message, "authentication.pfx").with_service_code("InvalidClientCertificate");
  }
  const std::lock_guard lock(mutex_);
  if (certificates_.size() >= kKeptCertificates) certificates_.clear();
  certificates_.emplace(key, made);
  return made;
}

}  // namespace trunkline::flows

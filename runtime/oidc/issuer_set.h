// Tokens of others: Microsoft Entra and any other issuer that is configured, and the development issuer.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/config.h"
#include "runtime/crypto/jwt.h"
#include "trunkline/task.hpp"

namespace trunkline {
class Log;
namespace net {
class HttpClient;
}

namespace oidc {

class DevelopmentIssuer;

/// What a token is shown for; each has its own audiences.
enum class Purpose {
  kData,        // in place of an access key
  kManagement,  // the management plane
  kUser,        // a person's, to be exchanged for a user access token
};

/// Who a verified token is of. Texts are empty where the token says nothing.
struct Principal {
  std::string issuer;
  std::string subject;  // `sub`
  std::string app_id;   // `appid`, `azp` or `client_id`
  std::string object_id;
  std::string tenant_id;
  std::vector<std::string> roles;
  std::vector<std::string> scopes;
};

struct IssuerSetOptions {
  /// The time of the issuers, which does not follow a virtual clock.
  std::function<Time()> now;
  /// Keys are fetched again when they are older than this, …
  Duration refresh = std::chrono::hours{12};
  /// … or when a token names one that is not among them, though not more often than this.
  Duration shortest_refetch = std::chrono::seconds{30};
};

/// Keeps the keys of each issuer, fetched when they are first needed. [any-thread]
class IssuerSet {
 public:
  /// `development` may be null. What it is given outlives it.
  IssuerSet(std::vector<IssuerConfig> issuers, const DevelopmentIssuer* development, net::HttpClient& http, Log& log,
            IssuerSetOptions options);
  ~IssuerSet();

  /// Throws kUnauthenticated, with a message that is fit for the wire; kPermissionDenied for a valid token of an application that
  /// may not call; kUnavailable when the issuer's keys cannot be had.
  Task<Principal> verify(std::string token, Purpose purpose);

 private:
  struct Entry;
  Task<void> fetch(Entry& entry);
  Task<std::shared_ptr<const std::vector<crypto::JwtKey>>> keys_for(Entry& entry, std::string key_id);
  Task<std::string> get(std::string url);

  const DevelopmentIssuer* const development_;
  net::HttpClient& http_;
  Log& log_;
  const IssuerSetOptions options_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace oidc
}  // namespace trunkline

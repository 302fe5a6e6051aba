// Who is calling: access keys, bearer tokens, and the control token.
#pragma once
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/server/rejections.h"
#include "runtime/server/resource_directory.h"
#include "runtime/server/route.h"

namespace trunkline::server {

enum class BearerKind {
  kUser,    // a communication user, kUserToken routes
  kEntra,   // an application, kAccessKey routes
  kArm,     // the management plane
  kPerson,  // a person of an issuer elsewhere, kPersonToken routes
};

struct BearerClaims {
  std::string resource_id;  // empty: the resource that the host name means, else the default one
  std::string user_id;
  std::vector<std::string> scopes;
  /// What the verifier knows beyond that; handed through to the handler.
  std::shared_ptr<const void> principal;
  std::optional<Time> expires_at;
};

/// This machine's own address.
bool is_loopback(std::string_view address);

/// `addressed`: the resource that the host name means, else the default one; may be null. Throws Error kUnauthenticated for a
/// token that does not open this door. [any-thread]
using BearerVerifier =
    UniqueFunction<Task<BearerClaims>(BearerKind kind, std::string token, std::shared_ptr<const ResourceKeys> addressed)>;

/// Prefix of the WebSocket subprotocol that carries a bearer token.
inline constexpr std::string_view kTokenProtocol = "bearer.";

struct AuthOptions {
  /// False: access key and control routes take every request as signed. For a machine of one's own only.
  bool enabled = true;
  /// How far a signed date may be off; zero: dates are not compared.
  Duration clock_skew = std::chrono::minutes{5};
  /// The time that clients sign with; empty: the runtime's clock. A runtime whose clock is virtual or was advanced must set it,
  /// since the clients' dates do not follow that clock.
  UniqueFunction<Time()> client_time;
  /// Refuses a second request with the same signature once the first was answered for good. Off by default: the official clients
  /// sign once and send the same signature again in retries, and two equal requests within one second are signed alike
  /// (creating two identities). On, answers 408, 429 and 5xx may still be retried, and GET, HEAD, PUT and DELETE are never
  /// refused.
  bool replay_guard = false;
  /// Opens control routes as a bearer token; empty: none does.
  Secret control_token;
  /// Control routes also for callers beyond the loopback interface.
  bool remote_control = false;
  /// Empty: bearer tokens open nothing but control routes.
  BearerVerifier verify_bearer;
};

/// Throws Error with http_status 401 whose message is fit for the wire; what exactly was wrong goes to the log, without secrets.
/// [any-thread]
class Authenticator {
 public:
  Authenticator(Clock& clock, Log& log, const ResourceDirectory& directory, AuthOptions options);
  ~Authenticator();

  Task<Caller> authenticate(net::Request& request, const Route& route);
  /// The access key scheme alone; does not suspend.
  Caller check_access_key(net::Request& request);
  /// Tells the replay guard how the request was answered.
  void answered(const net::Request& request, const Caller& caller, int status);
  /// Notes a request that was turned away after it had been authenticated: the caller may not do this.
  void denied(const net::Request& request, const Caller& caller, const Error& error);
  /// Notes a request whose credential a route of its own accord did not take.
  void refused(const net::Request& request, const Error& error);
  const Rejections& rejections() const { return rejections_; }

 private:
  struct Entry;
  struct Remembered;
  struct Table;

  static std::string find_token(const net::Request& request, const Route& route);
  std::shared_ptr<const Table> table();
  std::shared_ptr<const ResourceKeys> resource_for(const net::Request& request, const BearerClaims& claims);
  void check_date(const net::Request& request, std::string_view header);
  void check_replay(const net::Request& request);
  /// What signed dates are compared with.
  Time now();
  Error refuse(const net::Request& request, std::string_view code, std::string message, std::string_view reason,
               std::string_view found = {}, std::string_view wanted = {});

  Clock& clock_;
  Log& log_;
  const ResourceDirectory& directory_;
  AuthOptions options_;
  Rejections rejections_;

  std::shared_mutex table_mutex_;
  std::shared_ptr<const Table> table_;

  // Two generations, each one window long: what is in neither is too old to pass the date check.
  mutable std::mutex replay_mutex_;
  std::unordered_set<std::string> seen_[2];
  Time generation_start_{};
};

}  // namespace trunkline::server

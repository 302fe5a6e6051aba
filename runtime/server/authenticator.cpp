#include "runtime/server/authenticator.h"

#include <optional>
#include <unordered_map>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/crypto/hash.h"
#include "runtime/net/websocket.h"
#include "runtime/server/access_key.h"

namespace trunkline::server {
namespace {

constexpr std::string_view kDateHeader = "x-ms-date";
constexpr std::string_view kHashHeader = "x-ms-content-sha256";
constexpr std::string_view kUnauthorized = "Unauthorized";
constexpr std::string_view kDenied = "Denied";

std::optional<crypto::HmacSha256> key_from(const Secret& base64) {
  if (base64.empty()) return std::nullopt;
  const auto bytes = base64_decode(base64.reveal());
  if (!bytes) return std::nullopt;
  return crypto::HmacSha256(*bytes);
}

/// `name` of `name.localhost` and `name.communication.azure.com`; empty for other hosts.
std::string_view resource_of_host(std::string_view host) {
  const auto dot = host.find('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view domain = host.substr(dot + 1);
  return iequals(domain, "localhost") || istarts_with(domain, "communication.") ? host.substr(0, dot) : std::string_view{};
}

std::string_view without_port(std::string_view host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return host;
  return host.substr(0, colon);
}

std::string_view bearer_token(std::string_view authorization) {
  if (!istarts_with(authorization, "Bearer ")) return {};
  return trim(authorization.substr(7));
}

bool idempotent(std::string_view method) { return method != "POST" && method != "PATCH"; }

/// Requests of one second carry one date; each thread keeps the last that it read.
std::optional<Time> read_http_date(std::string_view text) {
  thread_local std::string last_text;
  thread_local std::optional<Time> last;
  if (text != last_text) {
    last = parse_http_date(text);
    last_text.assign(text.substr(0, 64));  // a longer one is no date, and is not kept
  }
  return last;
}

}  // namespace

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

struct Authenticator::Entry {
  explicit Entry(std::shared_ptr<const ResourceKeys> k)
      : keys(std::move(k)), primary(key_from(keys->primary_key)), secondary(key_from(keys->secondary_key)) {}

  std::shared_ptr<const ResourceKeys> keys;
  std::optional<crypto::HmacSha256> primary;
  std::optional<crypto::HmacSha256> secondary;
};

// What a connection used before. Good for as long as nothing about the resources changes and it names the same host.
struct Authenticator::Remembered {
  std::shared_ptr<const Entry> entry;
  std::string host;
  std::uint64_t version = 0;  // of the table
};

// Built anew when the directory changes; entries of unchanged resources move over with their prepared keys.
struct Authenticator::Table {
  std::uint64_t version = 0;
  std::vector<std::shared_ptr<const Entry>> entries;                                                          // default first
  std::unordered_map<std::string, const std::shared_ptr<const Entry>*, StringHash, std::equal_to<>> by_host;  // lower case
  std::unordered_map<std::string, const std::shared_ptr<const Entry>*, StringHash, std::equal_to<>> by_id;    // lower case

  /// Null: the host names no resource.
  const std::shared_ptr<const Entry>* named(std::string_view host) const {
    const std::string full = to_lower(host);
    const std::string_view name = without_port(full);
    // A port of its own means a resource whatever the name is.
    for (const std::string_view key :
         {std::string_view(full), std::string_view(full).substr(name.size()), name, resource_of_host(name)}) {
      if (key.empty()) continue;
      if (const auto found = by_host.find(key); found != by_host.end()) return found->second;
    }
    return nullptr;
  }
};

Authenticator::Authenticator(Clock& clock, Log& log, const ResourceDirectory& directory, AuthOptions options)
    : clock_(clock), log_(log), directory_(directory), options_(std::move(options)) {}

Authenticator::~Authenticator() = default;

std::shared_ptr<const Authenticator::Table> Authenticator::table() {
  const std::uint64_t version = directory_.version();
  {
    const std::shared_lock lock(table_mutex_);
    if (table_ && table_->version == version) return table_;
  }
  const std::lock_guard lock(table_mutex_);
  if (table_ && table_->version == version) return table_;
  auto next = std::make_shared<Table>();
  next->version = version;
  std::unordered_map<const ResourceKeys*, std::shared_ptr<const Entry>> before;
  if (table_)
    for (const auto& entry : table_->entries) before.emplace(entry->keys.get(), entry);
  for (auto& keys : directory_.list()) {
    const auto known = before.find(keys.get());
    if (known != before.end()) {
      next->entries.push_back(std::move(known->second));
      before.erase(known);
    } else {
      next->entries.push_back(std::make_shared<Entry>(std::move(keys)));
    }
  }
  for (const auto& entry : next->entries) {
    next->by_host.emplace(to_lower(entry->keys->name), &entry);
    next->by_id.emplace(to_lower(entry->keys->id), &entry);
    for (const std::string& host : entry->keys->hosts) next->by_host.insert_or_assign(to_lower(host), &entry);
  }
  return table_ = std::move(next);
}

Error Authenticator::refuse(const net::Request& request, std::string_view code, std::string message, std::string_view reason,
                            std::string_view found, std::string_view wanted) {
  log_.warning("auth", "request refused",
               {{"reason", reason},
                {"found", found},
                {"wanted", wanted},
                {"method", request.method},
                {"path", request.path()},
                {"remote", request.remote}});
  Rejection rejection;
  rejection.at = now();
  rejection.method = request.method;
  rejection.path = std::string(request.path());
  rejection.remote = request.remote;
  rejection.reason = reason;
  rejection.found = found;
  rejection.wanted = wanted;
  rejections_.add(std::move(rejection));
  return Error(ErrorCode::kUnauthenticated, std::move(message)).with_http_status(401).with_service_code(std::string(code));
}

void Authenticator::denied(const net::Request& request, const Caller& caller, const Error& error) {
  const std::string who = caller.user_id.empty() ? caller.credential : caller.user_id + " with " + join(caller.scopes, ",");
  log_.warning("auth", "request denied",
               {{"reason", error.message},
                {"found", who},
                {"method", request.method},
                {"path", request.path()},
                {"remote", request.remote}});
  Rejection rejection;
  rejection.at = now();
  rejection.status = 403;
  rejection.method = request.method;
  rejection.path = std::string(request.path());
  rejection.remote = request.remote;
  rejection.reason = error.message;
  rejection.found = who;
  rejections_.add(std::move(rejection));
}

void Authenticator::refused(const net::Request& request, const Error& error) {
  refuse(request, kUnauthorized, {}, error.message, error.target.empty() ? "no credential" : error.target);
}

Time Authenticator::now() { return options_.client_time ? options_.client_time() : clock_.now(); }

void Authenticator::check_date(const net::Request& request, std::string_view header) {
  const std::string_view text = request.headers.get(header);
  const auto named = [&](const char* problem) {
    std::string out("The '");
    return out.append(header).append("' header ").append(problem);
  };
  if (text.empty()) throw refuse(request, kUnauthorized, named("is missing."), "a signed header is missing", "nothing", header);
  const auto date = read_http_date(text);
  if (!date)
    throw refuse(request, kUnauthorized, named("is not an RFC 1123 date."), "the date is malformed", text,
                 "a date such as Tue, 26 Mar 2019 16:06:51 GMT");
  if (options_.clock_skew == Duration::zero()) return;
  const Time now = this->now();
  if (*date > now - options_.clock_skew && *date < now + options_.clock_skew) return;
  throw refuse(request, kUnauthorized, named("is too far from the time of the server."), "the signed date is stale", text,
               "within " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(options_.clock_skew).count()) +
                   " s of " + format_http_date(now));
}

Caller Authenticator::check_access_key(net::Request& request) {
  const net::Headers& headers = request.headers;
  const std::string_view header = headers.get("Authorization");
  if (header.empty())
    throw refuse(request, kUnauthorized, "The request has no Authorization header.", "no Authorization header", "nothing",
                 "HMAC-SHA256 or Bearer");
  std::string problem;
  const auto authorization = parse_access_key_authorization(header, problem);
  if (!authorization)
    throw refuse(request, kUnauthorized, "The Authorization header is malformed.", "malformed Authorization header", problem,
                 "HMAC-SHA256 SignedHeaders=...&Signature=...");

  const bool has_ms_date = authorization->signs(kDateHeader);
  for (const std::string_view wanted : {std::string_view("host"), kHashHeader})
    if (!authorization->signs(wanted))
      throw refuse(request, kUnauthorized, "The signature must cover '" + std::string(wanted) + "'.",
                   "a required header is not signed", join(authorization->signed_headers, ";"), wanted);
  if (!has_ms_date && !authorization->signs("date"))
    throw refuse(request, kUnauthorized, "The signature must cover 'x-ms-date' or 'date'.", "no date is signed",
                 join(authorization->signed_headers, ";"), kDateHeader);

  const std::string_view hash = headers.get(kHashHeader);
  if (hash.empty())
    throw refuse(request, kUnauthorized, "The 'x-ms-content-sha256' header is missing.", "a signed header is missing", "nothing",
                 kHashHeader);
  const std::string actual = base64_encode(crypto::as_text(crypto::sha256(request.body)));
  if (hash != actual)
    throw refuse(request, kDenied, "The 'x-ms-content-sha256' header differs from the hash of the request body.",
                 "the body does not match x-ms-content-sha256", hash, actual);
  check_date(request, has_ms_date ? kDateHeader : std::string_view("date"));

  const std::string_view host = headers.get("Host");
  const std::string_view other_host = headers.get("x-ms-host");
  const auto matches = [&](const Entry& entry, std::string_view target, std::string_view tail) -> const char* {
    for (const auto& [key, name] : {std::pair(&entry.primary, "primary"), std::pair(&entry.secondary, "secondary")})
      if (*key && (*key)->verify({request.method, "\n", target, tail}, authorization->signature)) return name;
    return nullptr;
  };
  const auto accept = [&](const Entry& entry, const char* credential) {
    if (!entry.keys->local_auth)
      throw refuse(request, kUnauthorized, "Access keys are turned off for this resource.", "local authentication is disabled",
                   entry.keys->name, "a bearer token");
    Caller caller;
    caller.resource = entry.keys;
    caller.credential = credential;
    return caller;
  };

  // The usual case first, without looking for the resource and without building the other candidates.
  std::string usual_tail = signed_tail(request, *authorization, host);
  if (const auto remembered = std::static_pointer_cast<const Remembered>(request.connection_state);
      remembered && remembered->version == directory_.version() && remembered->host == host && other_host.empty())
    if (const char* credential = matches(*remembered->entry, request.target, usual_tail))
      return accept(*remembered->entry, credential);

  const auto keys = table();
  const auto* named = keys->named(host);
  std::vector<std::string> tails{std::move(usual_tail)};
  if (!other_host.empty()) {
    tails.push_back(signed_tail(request, *authorization, other_host));
    if (!named) named = keys->named(other_host);
  }
  const auto remember = [&](const std::shared_ptr<const Entry>& entry, const char* credential) {
    Caller caller = accept(*entry, credential);
    request.connection_state = std::make_shared<const Remembered>(Remembered{entry, std::string(host), keys->version});
    return caller;
  };
  const std::vector<std::string> targets = signed_target_candidates(request);
  for (const std::string& target : targets)
    for (const std::string& tail : tails) {
      if (named) {
        if (const char* credential = matches(**named, target, tail)) return remember(*named, credential);
        continue;
      }
      for (const auto& entry : keys->entries)
        if (const char* credential = matches(*entry, target, tail)) return remember(entry, credential);
    }
  const std::string expected = request.method + "\\n" + request.target + "\\n" + tails[0].substr(1);
  throw refuse(request, kUnauthorized, "The signature of the request is not valid.",
               named ? "no key of resource '" + (*named)->keys->name + "' gives this signature"
                     : "no key of the " + std::to_string(keys->entries.size()) + " resources gives this signature",
               "a signature over something else or with another key", "a signature over: " + expected);
}

void Authenticator::check_replay(const net::Request& request) {
  if (!options_.replay_guard || idempotent(request.method)) return;
  const std::string signature(request.headers.get("Authorization"));
  const std::lock_guard lock(replay_mutex_);
  if (seen_[0].contains(signature) || seen_[1].contains(signature))
    throw refuse(request, kDenied, "The request has been answered already.", "the signature was used before",
                 "a repeated signature", "a new x-ms-date");
}

void Authenticator::answered(const net::Request& request, const Caller& caller, int status) {
  if (!options_.replay_guard || idempotent(request.method) ||
      (caller.credential != "primary" && caller.credential != "secondary"))
    return;
  if (status >= 500 || status == 429 || status == 408) return;  // the clients try again, with the same signature
  const Time now = clock_.now();
  const Duration window = 2 * std::max(options_.clock_skew, Duration{std::chrono::minutes{1}});
  const std::lock_guard lock(replay_mutex_);
  if (now - generation_start_ > window) {
    seen_[1] = std::move(seen_[0]);
    seen_[0].clear();
    generation_start_ = now;
  }
  seen_[0].emplace(request.headers.get("Authorization"));
}

std::shared_ptr<const ResourceKeys> Authenticator::resource_for(const net::Request& request, const BearerClaims& claims) {
  const auto keys = table();
  if (!claims.resource_id.empty()) {
    const auto found = keys->by_id.find(to_lower(claims.resource_id));
    return found == keys->by_id.end() ? nullptr : (*found->second)->keys;
  }
  if (const auto* named = keys->named(request.headers.get("Host"))) return (*named)->keys;
  return keys->entries.empty() ? nullptr : keys->entries.front()->keys;
}

// Only the Authorization header can hold a signature; a token may come in other places where the route says so.
std::string Authenticator::find_token(const net::Request& request, const Route& route) {
  if (const std::string_view token = bearer_token(request.headers.get("Authorization")); !token.empty())
    return std::string(token);
  if (!route.token_header.empty())
    if (const std::string_view token = request.headers.get(route.token_header); !token.empty()) return std::string(trim(token));
  if (!route.websocket && !route.stream) return {};
  if (auto token = net::query_parameter(request.query(), "access_token"); token && !token->empty()) return *std::move(token);
  for (const std::string_view protocol : net::offered_protocols(request))
    if (protocol.starts_with(kTokenProtocol)) return std::string(protocol.substr(kTokenProtocol.size()));
  return {};
}

Task<Caller> Authenticator::authenticate(net::Request& request, const Route& route) {
  const Auth auth = route.auth;
  Caller caller;
  if (auth == Auth::kNone) co_return caller;
  const std::string_view authorization = request.headers.get("Authorization");
  std::string token = find_token(request, route);
  if (auth == Auth::kControl) {
    if (!options_.remote_control && !is_loopback(request.remote))
      throw refuse(request, kDenied, "The control API answers on the loopback interface only.",
                   "a control request from another machine", request.remote, "127.0.0.1 or ::1");
    if (!token.empty()) {
      if (options_.control_token.empty() || !crypto::constant_time_equal(token, options_.control_token.reveal()))
        throw refuse(request, kUnauthorized, "The control token is not valid.", "wrong control token", "another token",
                     options_.control_token.empty() ? "no token: none is configured" : "the configured token");
      caller.resource = resource_for(request, {});
      caller.credential = "control";
      co_return caller;
    }
  }
  if (auth == Auth::kObserver && !token.empty() && !options_.control_token.empty() &&
      crypto::constant_time_equal(token, options_.control_token.reveal()) &&
      (options_.remote_control || is_loopback(request.remote))) {
    caller.resource = resource_for(request, {});
    caller.credential = "control";
    co_return caller;
  }
  if (auth == Auth::kControl || ((auth == Auth::kAccessKey || auth == Auth::kObserver) && token.empty())) {
    if (!options_.enabled) {
      caller.resource = resource_for(request, {});
      caller.credential = "off";
      co_return caller;
    }
    caller = check_access_key(request);
    check_replay(request);
    co_return caller;
  }
  if (token.empty())
    throw refuse(request, kUnauthorized,
                 authorization.empty() ? "The request has no Authorization header." : "This operation takes a bearer token.",
                 "no bearer token", authorization.empty() ? "nothing" : "another scheme", "Bearer <token>");
  if (!options_.verify_bearer)
    throw refuse(request, kUnauthorized, "Bearer tokens are not accepted.", "no verifier of bearer tokens is configured",
                 "Bearer", "HMAC-SHA256");
  const BearerKind kind = auth == Auth::kUserToken     ? BearerKind::kUser
                          : auth == Auth::kArmBearer   ? BearerKind::kArm
                          : auth == Auth::kPersonToken ? BearerKind::kPerson
                                                       : BearerKind::kEntra;
  BearerClaims claims;
  std::optional<Error> failure;
  const std::uint64_t version = directory_.version();
  const std::shared_ptr<const ResourceKeys> addressed = resource_for(request, claims);
  try {
    claims = co_await options_.verify_bearer(kind, token, addressed);
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) {
    if (failure->code == ErrorCode::kPermissionDenied) denied(request, caller, *failure);
    if (failure->code != ErrorCode::kUnauthenticated) throw *failure;
    // Whether it has expired, was revoked or is forged is nothing for the wire.
    throw refuse(request, failure->service_code.empty() ? kUnauthorized : std::string_view(failure->service_code),
                 "The access token is not valid, has expired or was revoked.", "the bearer token was refused", failure->message,
                 "a valid token");
  }
  if (addressed && iequals(addressed->id, claims.resource_id) && directory_.version() == version) {
    caller.resource = addressed;  // as usual, the token's resource is the one that was addressed
  } else {
    caller.resource = resource_for(request, claims);
    if (!caller.resource && !claims.resource_id.empty())
      throw refuse(request, kUnauthorized, "The token belongs to a resource that does not exist.",
                   "unknown resource in a bearer token", claims.resource_id, "a resource of this runtime");
    if (!claims.resource_id.empty())
      if (const auto* named = table()->named(request.headers.get("Host")); named && (*named)->keys != caller.resource)
        throw refuse(request, kUnauthorized, "The access token belongs to another resource.",
                     "a token of another resource than the host name's", caller.resource->name, (*named)->keys->name);
  }
  caller.credential = "bearer";
  caller.user_id = std::move(claims.user_id);
  caller.scopes = std::move(claims.scopes);
  caller.principal = std::move(claims.principal);
  caller.token = Secret(std::move(token));
  caller.expires_at = claims.expires_at;
  co_return caller;
}

}  // namespace trunkline::server

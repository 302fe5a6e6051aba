#include "runtime/oidc/issuer_set.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/diagnostics/log.h"
#include "runtime/net/http_client.h"
#include "runtime/oidc/development_issuer.h"

namespace trunkline::oidc {
namespace {

using nlohmann::json;
using Keys = std::vector<crypto::JwtKey>;
using KeysPtr = std::shared_ptr<const Keys>;

constexpr std::size_t kMaxDocument = 512 * 1024;
constexpr Duration kFetchTimeout = std::chrono::seconds{10};

const std::vector<std::string>& audiences_of(const IssuerConfig& config, Purpose purpose) {
  switch (purpose) {
    case Purpose::kManagement:
      return config.management_audiences;
    case Purpose::kUser:
      return config.user_audiences;
    case Purpose::kData:
      break;
  }
  return config.audiences;
}

std::string text_claim(const JsonRef& claims, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto claim = claims.find(name); claim && claim->json().is_string()) return std::string(claim->text());
  return {};
}

std::vector<std::string> words_claim(const JsonRef& claims, const char* name) {
  std::vector<std::string> out;
  const auto claim = claims.find(name);
  if (!claim) return out;
  if (claim->json().is_string()) {
    for (const std::string_view word : split(claim->text(), ' '))
      if (!word.empty()) out.emplace_back(word);
  } else if (claim->json().is_array()) {
    for (std::size_t i = 0, n = claim->array_size(); i < n; ++i)
      if ((*claim)[i].json().is_string()) out.emplace_back((*claim)[i].text());
  }
  return out;
}

Principal principal_of(const json& object) {
  const JsonRef claims(object);
  Principal out;
  out.issuer = text_claim(claims, {"iss"});
  out.subject = text_claim(claims, {"sub"});
  out.app_id = text_claim(claims, {"appid", "azp", "client_id"});
  out.object_id = text_claim(claims, {"oid"});
  out.tenant_id = text_claim(claims, {"tid"});
  out.roles = words_claim(claims, "roles");
  out.scopes = words_claim(claims, "scp");
  return out;
}

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& one) { return iequals(one, word); });
}

void check_permission(const IssuerConfig& config, const Principal& who, Purpose purpose) {
  const auto denied = [](const char* why) { return Error(ErrorCode::kPermissionDenied, why, "authorization"); };
  if (!config.applications.empty() && !contains(config.applications, who.app_id))
    throw denied("The application of the token may not call this service.");
  if (purpose == Purpose::kUser || config.roles.empty()) return;
  for (const std::string& role : who.roles)
    if (contains(config.roles, role)) return;
  throw denied("The token has none of the roles that this service asks for.");
}

}  // namespace

struct IssuerSet::Entry {
  IssuerConfig config;
  std::mutex mutex;
  KeysPtr keys;         // null: not fetched yet
  Time fetched_at{};    // of `keys`
  Time attempted_at{};  // of the last fetch, good or bad
  bool attempted = false;
  std::string jwks_url;  // found by discovery, or configured
  // One fetch at a time; who comes meanwhile waits for it.
  bool fetching = false;
  std::vector<std::function<void()>> waiting;
};

IssuerSet::IssuerSet(std::vector<IssuerConfig> issuers, const DevelopmentIssuer* development, net::HttpClient& http, Log& log,
                     IssuerSetOptions options)
    : development_(development), http_(http), log_(log), options_(std::move(options)) {
  for (IssuerConfig& config : issuers) {
    auto entry = std::make_unique<Entry>();
    entry->jwks_url = config.jwks_url;
    entry->config = std::move(config);
    entries_.push_back(std::move(entry));
  }
}

IssuerSet::~IssuerSet() = default;

Task<std::string> IssuerSet::get(std::string url) {
  net::ClientRequest request;
  request.url = url;
  request.timeout = kFetchTimeout;
  request.max_response_bytes = kMaxDocument;
  request.headers.add("Accept", "application/json");
  const net::ClientResponse response = co_await http_.send(std::move(request));
  if (response.status != 200) throw Error(ErrorCode::kUnavailable, url + " answered " + std::to_string(response.status));
  co_return response.body;
}

Task<void> IssuerSet::fetch(Entry& entry) {
  std::string url;
  {
    const std::lock_guard lock(entry.mutex);
    url = entry.jwks_url;
  }
  if (url.empty()) {
    std::string where = entry.config.issuer;
    while (where.ends_with('/')) where.pop_back();
    where += "/.well-known/openid-configuration";
    const std::string text = co_await get(std::move(where));
    const json document = parse_json(text, {.max_bytes = kMaxDocument, .max_depth = 16});
    const JsonRef ref(document);
    // Another issuer's document would lend its keys to this one (OpenID Connect Discovery, section 4.3).
    if (ref.at("issuer").text() != entry.config.issuer)
      throw ref.at("issuer").error("is another one than '" + entry.config.issuer + "'");
    url = ref.at("jwks_uri").text();
  }
  const std::string text = co_await get(url);
  auto keys = std::make_shared<const Keys>(crypto::parse_jwks(text));
  const std::size_t count = keys->size();
  {
    const std::lock_guard lock(entry.mutex);
    entry.keys = std::move(keys);
    entry.fetched_at = options_.now();
  }
  log_.info("auth", "fetched the keys of an issuer", {{"issuer", entry.config.issuer}, {"url", url}, {"keys", count}});
}

Task<KeysPtr> IssuerSet::keys_for(Entry& entry, std::string key_id) {
  for (;;) {
    bool mine = false;
    {
      const std::lock_guard lock(entry.mutex);
      const Time now = options_.now();
      const bool known = entry.keys && (key_id.empty() || std::any_of(entry.keys->begin(), entry.keys->end(),
                                                                      [&](const auto& key) { return key.id == key_id; }));
      const bool fresh = known && now - entry.fetched_at < options_.refresh;
      const bool too_soon = entry.attempted && now - entry.attempted_at < options_.shortest_refetch;
      if (fresh || (too_soon && !entry.fetching)) {
        if (entry.keys) co_return entry.keys;
        throw Error(ErrorCode::kUnavailable, "The keys of the token's issuer cannot be had at the moment.", "authorization")
            .with_retry(options_.shortest_refetch);
      }
      if (!entry.fetching) {
        mine = entry.fetching = entry.attempted = true;
        entry.attempted_at = now;
      }
    }
    if (mine) {
      try {
        co_await fetch(entry);
      } catch (const Error& error) {
        log_.warning("auth", "the keys of an issuer cannot be fetched",
                     {{"issuer", entry.config.issuer}, {"reason", error.message}});
      }
      std::vector<std::function<void()>> waiting;
      {
        const std::lock_guard lock(entry.mutex);
        entry.fetching = false;
        waiting = std::move(entry.waiting);
        entry.waiting.clear();
      }
      for (const auto& resume : waiting) resume();
      continue;  // whatever came of it, the attempt was just now
    }
    auto wait = [&entry](auto done) {
      {
        const std::lock_guard lock(entry.mutex);
        if (entry.fetching) {
          entry.waiting.emplace_back([done]() mutable { done(Result<void>{}); });
          return;
        }
      }
      done(Result<void>{});
    };
    co_await from_callback<void>(wait);
  }
}

Task<Principal> IssuerSet::verify(std::string token, Purpose purpose) {
  const crypto::JwtHint hint = crypto::peek_jwt(token);
  crypto::JwtChecks checks;
  checks.now = options_.now();
  if (development_ && hint.key_id == development_->keys()[0].id) {
    const json claims = crypto::verify_jwt(development_->keys(), token, checks);
    co_return principal_of(claims);
  }
  for (const auto& entry : entries_) {
    if (entry->config.issuer != hint.issuer) continue;
    checks.issuer = entry->config.issuer;
    checks.audiences = audiences_of(entry->config, purpose);
    const KeysPtr keys = co_await keys_for(*entry, hint.key_id);
    const json claims = crypto::verify_jwt(*keys, token, checks);
    Principal who = principal_of(claims);
    check_permission(entry->config, who, purpose);
    co_return who;
  }
  throw Error(ErrorCode::kUnauthenticated, "The token is of an issuer that is not accepted here.", "authorization");
}

}  // namespace trunkline::oidc

#include "key_set.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "limited_json.h"

namespace identity_oidc {

using nlohmann::json;
using trunkline::AsyncMutex;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;
using trunkline::Time;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;
namespace jose = trunkline::jose;

namespace {

constexpr std::size_t kMaxDocument = 256 * 1024;
constexpr std::size_t kMaxKeys = 200;
constexpr Duration kShortestRefetch = std::chrono::seconds(30);
constexpr Duration kTimeout = std::chrono::seconds(10);

std::string number(const json& jwk, const char* name) {
  auto bytes = jose::from_base64url(jwk.at(name).get<std::string>());
  if (!bytes) throw Error(ErrorCode::kInvalidArgument, "a number of a key is not base64url");
  return std::move(*bytes);
}

}  // namespace

KeySet::Keys parse_jwks(std::string_view text) {
  const json document = parse_limited(text, kMaxDocument, 8);
  const auto list = document.find("keys");
  if (list == document.end() || !list->is_array() || list->size() > kMaxKeys)
    throw Error(ErrorCode::kInvalidArgument, "wanted a key set with at most 200 keys");
  KeySet::Keys keys;
  for (const json& jwk : *list) {
    try {
      if (jwk.value("use", "sig") != "sig") continue;
      const std::string kind = jwk.at("kty").get<std::string>();
      if (kind == "RSA") {
        keys.push_back({jwk.value("kid", ""), jose::PublicKey::from_rsa(number(jwk, "n"), number(jwk, "e"))});
      } else if (kind == "EC" && jwk.at("crv") == "P-256") {
        keys.push_back({jwk.value("kid", ""), jose::PublicKey::from_p256(number(jwk, "x"), number(jwk, "y"))});
      }
    } catch (const json::exception&) {
      // Issuers list keys for other purposes as well.
    } catch (const Error&) {
    }
  }
  return keys;
}

bool KeySet::settled(const std::string& key_id, Time now) const {
  if (state_.attempted && now - state_.attempted_at < kShortestRefetch) return true;
  if (!state_.keys || now - state_.fetched_at >= settings_.refresh) return false;
  return key_id.empty() ||
         std::any_of(state_.keys->begin(), state_.keys->end(), [&](const Key& key) { return key.id == key_id; });
}

Task<KeySet::Ptr> KeySet::keys_for(std::string key_id) {
  const auto have = [this]() -> Ptr {
    if (state_.keys) return state_.keys;
    throw Error(ErrorCode::kUnavailable, "the keys of the issuer cannot be had at the moment").with_retry(kShortestRefetch);
  };
  {
    const std::lock_guard guard(mutex_);
    if (settled(key_id, clock_.now())) co_return have();
  }
  const AsyncMutex::Lock lock = co_await fetching_.lock();
  {
    const std::lock_guard guard(mutex_);
    const Time now = clock_.now();
    if (settled(key_id, now)) co_return have();  // by whoever held the lock
    state_.attempted = true;
    state_.attempted_at = now;
  }
  std::string problem;
  try {
    const Ptr keys = co_await fetch();
    const std::lock_guard guard(mutex_);
    state_.keys = keys;
    state_.fetched_at = clock_.now();
  } catch (const Error& error) {
    problem = error.message;
  }
  if (!problem.empty())
    log_.write(trunkline::host::LogLevel::kWarning, "the keys of the issuer cannot be fetched",
               trunkline::Properties{{"issuer", settings_.issuer}, {"reason", problem}});
  const std::lock_guard guard(mutex_);
  co_return have();
}

Task<KeySet::Ptr> KeySet::fetch() {
  std::string url = settings_.jwks_url;
  if (url.empty()) {
    std::string where = settings_.issuer;
    while (where.ends_with('/')) where.pop_back();
    const std::string text = co_await get(where + "/.well-known/openid-configuration");
    const json document = parse_limited(text, kMaxDocument, 16);
    // Another issuer's document would lend its keys to this one (OpenID Connect Discovery, section 4.3).
    if (document.value("issuer", "") != settings_.issuer)
      throw Error(ErrorCode::kInvalidArgument, "the issuer's document is another issuer's");
    const auto keys_at = document.find("jwks_uri");
    if (keys_at == document.end() || !keys_at->is_string())
      throw Error(ErrorCode::kInvalidArgument, "the issuer's document says nothing of keys");
    url = keys_at->get<std::string>();
  }
  const std::string text = co_await get(std::move(url));
  co_return std::make_shared<const Keys>(parse_jwks(text));
}

Task<std::string> KeySet::get(std::string url) {
  HttpRequest request;
  request.method = "GET";
  request.url = url;
  request.headers = {{"accept", "application/json"}};
  request.timeout = kTimeout;
  const HttpResponse response = co_await http_.send(std::move(request));
  if (response.status != 200) throw Error(ErrorCode::kUnavailable, url + " answered " + std::to_string(response.status));
  std::string body;
  if (response.body) body.assign(response.body->begin(), response.body->end());
  co_return body;
}

}  // namespace identity_oidc

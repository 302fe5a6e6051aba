#include "key_ring.h"

#include <openssl/evp.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace identity_local {

using trunkline::AsyncMutex;
using nlohmann::json;
using trunkline::Bytes;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;
using trunkline::Time;
using trunkline::host::StoreEntry;
namespace jose = trunkline::jose;

namespace {

constexpr const char* kPrefix = "key/";
constexpr std::int32_t kMaxKeys = 1000;
constexpr Time kNever = Time::max();

std::string sha1(std::string_view bytes) {
  std::string digest(20, '\0');
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha1(), nullptr) != 1)
    throw Error(ErrorCode::kInternal, "hashing a key");
  return digest;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

RingKey make_ring_key(jose::PrivateKey key, Time created_at) {
  const std::string thumbprint = sha1(key.der());
  std::string id = hex(thumbprint);
  std::string header = R"({"alg":")" + std::string(jose::name_of(key.algorithm())) + R"(","kid":")" + id + R"(","x5t":")" +
                       jose::base64url(thumbprint) + R"(","typ":"JWT"})";
  // Keys come back from the storage in the order of their names.
  std::string stored_as = std::to_string(created_at.time_since_epoch().count());
  stored_as.insert(0, 20 - std::min<std::size_t>(20, stored_as.size()), '0');
  return {std::move(key), id, jose::base64url(header) + '.', created_at, std::nullopt, kPrefix + stored_as + '/' + id};
}

Bytes to_bytes(const RingKey& key) {
  json object = {{"created_ns", key.created_at.time_since_epoch().count()}, {"pkcs8", jose::base64url(key.key.private_der())}};
  if (key.retires_at) object["retires_ns"] = key.retires_at->time_since_epoch().count();
  const std::string text = object.dump();
  return {text.begin(), text.end()};
}

RingKey from_entry(const StoreEntry& entry) {
  try {
    const json object = json::parse(entry.value);
    const auto der = jose::from_base64url(object.at("pkcs8").get<std::string>());
    if (!der) throw Error(ErrorCode::kInvalidArgument, "not base64url");
    RingKey key = make_ring_key(jose::PrivateKey::from_der(*der), Time{Duration{object.at("created_ns").get<std::int64_t>()}});
    if (const auto at = object.find("retires_ns"); at != object.end()) key.retires_at = Time{Duration{at->get<std::int64_t>()}};
    key.stored_as = entry.key;
    return key;
  } catch (const json::exception&) {
    throw Error(ErrorCode::kDataLoss, "the stored signing key " + entry.key + " cannot be read");
  } catch (const Error& error) {
    throw Error(ErrorCode::kDataLoss, "the stored signing key " + entry.key + " cannot be read: " + error.message);
  }
}

}  // namespace

KeyRing::KeyRing(trunkline::Host host, KeyRingSettings settings)
    : store_(host.store()), executor_(host.executor()), settings_(settings) {}

KeyRing::KeysPtr KeyRing::ready(Time now) const {
  const std::lock_guard lock(mutex_);
  return now < next_change_ ? keys_ : nullptr;
}

Task<KeyRing::KeysPtr> KeyRing::keys(Time now) {
  if (KeysPtr keys = ready(now)) co_return keys;
  co_return co_await change(now, false, false);
}

Task<KeyRing::KeysPtr> KeyRing::rotate(Time now, bool drop_others) { co_return co_await change(now, true, drop_others); }

bool KeyRing::is_due(const Keys& keys, Time now) const {
  if (keys.empty()) return true;
  const RingKey& newest = keys.front();
  // The configuration asks for another kind of key than the one that signs.
  if (newest.retires_at || newest.key.algorithm() != settings_.algorithm) return true;
  return settings_.rotate_every > Duration::zero() && now >= newest.created_at + settings_.rotate_every;
}

Task<KeyRing::Keys> KeyRing::load() {
  Keys keys;
  const std::vector<StoreEntry> stored = co_await store_.list(kPrefix, kMaxKeys);
  for (const StoreEntry& entry : stored) keys.push_back(from_entry(entry));
  std::reverse(keys.begin(), keys.end());
  co_return keys;
}

Task<KeyRing::KeysPtr> KeyRing::change(Time now, bool force, bool drop_others) {
  const AsyncMutex::Lock lock = co_await changing_.lock();
  KeysPtr before;
  {
    const std::lock_guard guard(mutex_);
    before = keys_;
    if (!force && before && now < next_change_) co_return before;
  }
  auto next = std::make_shared<Keys>();
  if (before)
    *next = *before;
  else
    *next = co_await load();
  if (force || is_due(*next, now)) {
    co_await executor_.yield();  // making a key may take long; not on the thread that completed the read
    RingKey made = make_ring_key(jose::PrivateKey::generate(settings_.algorithm, settings_.rsa_bits), now);
    Bytes bytes = to_bytes(made);
    co_await store_.put(made.stored_as, std::move(bytes));  // first: a token must never be signed with a key that can be lost
    for (RingKey& old : *next) {
      if (old.retires_at) continue;
      old.retires_at = now + settings_.longest_token;
      Bytes retired = to_bytes(old);
      co_await store_.put(old.stored_as, std::move(retired));
    }
    next->insert(next->begin(), std::move(made));
  }
  for (std::size_t i = next->size(); i-- > 1;) {
    if (!drop_others && now < (*next)[i].retires_at.value_or(kNever)) continue;
    co_await store_.remove((*next)[i].stored_as);
    next->erase(next->begin() + static_cast<std::ptrdiff_t>(i));
  }
  Time next_change = kNever;
  if (settings_.rotate_every > Duration::zero()) next_change = next->front().created_at + settings_.rotate_every;
  for (const RingKey& key : *next) next_change = std::min(next_change, key.retires_at.value_or(kNever));
  const std::lock_guard guard(mutex_);
  keys_ = next;
  next_change_ = next_change;
  co_return next;
}

}  // namespace identity_local

#include "user_store.h"

#include <nlohmann/json.hpp>

namespace identity_local {

using nlohmann::json;
using trunkline::Bytes;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;
using trunkline::Time;

namespace {

std::string store_key(const std::string& id) { return "user/" + id; }

Bytes to_bytes(const User& user) {
  json object = {{"created_ns", user.created_at.time_since_epoch().count()}, {"generation", user.generation}};
  if (user.custom_id) object["custom_id"] = *user.custom_id;
  // A custom id that is not UTF-8 is only shown wrongly: the user id is made from its bytes.
  const std::string text = object.dump(-1, ' ', false, json::error_handler_t::replace);
  return {text.begin(), text.end()};
}

User from_bytes(const std::string& id, const Bytes& bytes) {
  try {
    const json object = json::parse(bytes);
    User user;
    user.id = id;
    user.created_at = Time{Duration{object.at("created_ns").get<std::int64_t>()}};
    user.generation = object.at("generation").get<std::int64_t>();
    if (const auto custom = object.find("custom_id"); custom != object.end()) user.custom_id = custom->get<std::string>();
    return user;
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kDataLoss, "the stored user " + id + " cannot be read: " + error.what());
  }
}

}  // namespace

Task<std::optional<User>> UserStore::find(std::string id) {
  std::uint64_t writes = 0;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = cache_.find(id); found != cache_.end()) {
      by_use_.splice(by_use_.begin(), by_use_, found->second.use);
      co_return found->second.user;
    }
    writes = writes_;
  }
  std::optional<User> user;
  try {
    user = from_bytes(id, co_await store_.get(store_key(id)));
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
    co_return std::nullopt;
  }
  const std::lock_guard lock(mutex_);
  // Something was written meanwhile: what was read may be old, and a revocation must not be forgotten.
  if (writes == writes_) keep(*user);
  co_return user;
}

Task<void> UserStore::put(User user) {
  co_await store_.put(store_key(user.id), to_bytes(user));
  const std::lock_guard lock(mutex_);
  ++writes_;
  drop(user.id);
  keep(user);
}

Task<void> UserStore::remove(std::string id) {
  co_await store_.remove(store_key(id));
  const std::lock_guard lock(mutex_);
  ++writes_;
  drop(id);
}

void UserStore::keep(const User& user) {
  const auto [at, is_new] = cache_.try_emplace(user.id);
  if (!is_new) return;  // two finds met; both read the same
  at->second.user = user;
  at->second.use = by_use_.insert(by_use_.begin(), at->first);
  if (cache_.size() > cached_users_) drop(std::string(by_use_.back()));
}

void UserStore::drop(const std::string& id) {
  const auto found = cache_.find(id);
  if (found == cache_.end()) return;
  by_use_.erase(found->second.use);
  cache_.erase(found);
}

}  // namespace identity_local

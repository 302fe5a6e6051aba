#include "user_store.h"

#include <nlohmann/json.hpp>

namespace identity_local {

using trunkline::AsyncMutex;
using nlohmann::json;
using trunkline::Bytes;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Task;
using trunkline::Time;
using trunkline::host::StoreBatch;
using trunkline::host::StoreEntry;
using trunkline::host::StoreRange;

namespace {

constexpr std::string_view kUsers = "user/";
constexpr std::string_view kUsersEnd = "user0";  // behind the last of them
constexpr std::string_view kCustomIds = "custom/";
constexpr std::string_view kLastTokens = "token/";
/// How much the stored time of the last token may lag behind.
constexpr Duration kTouchEvery = std::chrono::minutes(1);

std::string key(std::string_view prefix, std::string_view id) { return std::string(prefix).append(id); }

Bytes to_bytes(std::string_view text) { return {text.begin(), text.end()}; }

Bytes to_bytes(const User& user) {
  json object = {{"created_ns", user.created_at.time_since_epoch().count()}, {"generation", user.generation}};
  if (user.custom_id) object["custom_id"] = *user.custom_id;
  return to_bytes(object.dump());
}

std::shared_ptr<User> from_bytes(std::string_view id, const Bytes& bytes) {
  try {
    const json object = json::parse(bytes);
    auto user = std::make_shared<User>();
    user->id = id;
    user->created_at = Time{Duration{object.at("created_ns").get<std::int64_t>()}};
    user->generation = object.at("generation").get<std::int64_t>();
    if (const auto custom = object.find("custom_id"); custom != object.end()) user->custom_id = custom->get<std::string>();
    return user;
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kDataLoss, "the stored user " + std::string(id) + " cannot be read: " + error.what());
  }
}

}  // namespace

void UserStore::Shard::keep(const std::string& resource_id, const UserPtr& user, std::int64_t epoch, std::size_t limit) {
  drop({resource_id, user->id});
  const auto at = users.emplace(Key{resource_id, user->id}, Entry{user, epoch, {}}).first;
  at->second.use = by_use.insert(by_use.begin(), &at->first);
  if (users.size() > limit) drop(*by_use.back());
}

void UserStore::Shard::drop(const KeyView& key) {
  const auto found = users.find(key);
  if (found == users.end()) return;
  by_use.erase(found->second.use);
  users.erase(found);
}

Task<AsyncMutex::Lock> UserStore::lock(std::string_view resource_id, std::string_view id) {
  return locks_[Hash()(KeyView(resource_id, id)) % locks_.size()].lock();
}

UserStore::Found UserStore::look_up(const std::string& resource_id, std::string_view user_id) {
  // Before the look-up: rows that change after this belong to another epoch.
  Found result;
  result.epoch = store_.epoch(resource_id);
  Shard& in = shard(resource_id, user_id);
  const std::lock_guard guard(in.mutex);
  result.writes = in.writes;
  const auto found = in.users.find(KeyView(resource_id, user_id));
  if (found == in.users.end() || found->second.epoch != result.epoch) return result;
  in.by_use.splice(in.by_use.begin(), in.by_use, found->second.use);
  result.user = found->second.user;
  return result;
}

Task<UserPtr> UserStore::find(std::string resource_id, std::string user_id) {
  try {
    const Found found = look_up(resource_id, user_id);
    if (found.user) co_return found.user;
    const std::string user_key = key(kUsers, user_id);
    const Bytes bytes = co_await store_.get(resource_id, user_key);
    const std::shared_ptr<User> user = from_bytes(user_id, bytes);
    StoreRange range;
    range.from = key(kLastTokens, user_id);
    range.to = range.from + '\0';
    range.limit = 1;
    const std::vector<StoreEntry> touched = co_await store_.scan(resource_id, range);
    if (!touched.empty())
      user->last_token_ns = std::strtoll(std::string(touched[0].value.begin(), touched[0].value.end()).c_str(), nullptr, 10);
    Shard& in = shard(resource_id, user_id);
    const std::lock_guard guard(in.mutex);
    // Something was written meanwhile: what was read may be old, and a revocation must not be forgotten.
    if (in.writes == found.writes) in.keep(resource_id, user, found.epoch, cached_per_shard_);
    co_return user;
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
  }
  co_return nullptr;
}

Task<UserPtr> UserStore::find_custom(std::string resource_id, std::string custom_id) {
  std::string user_id;
  try {
    const std::string custom_key = key(kCustomIds, custom_id);
    const Bytes bytes = co_await store_.get(resource_id, custom_key);
    user_id.assign(bytes.begin(), bytes.end());
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
    co_return nullptr;
  }
  co_return co_await find(std::move(resource_id), std::move(user_id));
}

Task<std::vector<UserPtr>> UserStore::list(std::string resource_id, std::string after, std::int32_t limit) {
  StoreRange range;
  range.from = after.empty() ? std::string(kUsers) : key(kUsers, after) + '\0';
  range.to = std::string(kUsersEnd);
  range.limit = limit;
  const std::vector<StoreEntry> entries = co_await store_.scan(resource_id, range);
  std::vector<UserPtr> users;
  for (const StoreEntry& entry : entries)
    users.push_back(from_bytes(std::string_view(entry.key).substr(kUsers.size()), entry.value));
  co_return users;
}

Task<void> UserStore::put(std::string resource_id, UserPtr user) {
  StoreBatch batch;
  batch.puts.push_back({key(kUsers, user->id), to_bytes(*user)});
  if (user->custom_id) batch.puts.push_back({key(kCustomIds, *user->custom_id), to_bytes(user->id)});
  const std::int64_t epoch = store_.epoch(resource_id);
  co_await store_.commit(resource_id, std::move(batch));
  Shard& in = shard(resource_id, user->id);
  const std::lock_guard guard(in.mutex);
  ++in.writes;
  in.keep(resource_id, user, epoch, cached_per_shard_);
}

Task<void> UserStore::remove(std::string resource_id, UserPtr user) {
  StoreBatch batch;
  batch.removes = {key(kUsers, user->id), key(kLastTokens, user->id)};
  if (user->custom_id) batch.removes.push_back(key(kCustomIds, *user->custom_id));
  co_await store_.commit(resource_id, std::move(batch));
  Shard& in = shard(resource_id, user->id);
  const std::lock_guard guard(in.mutex);
  ++in.writes;
  in.drop({resource_id, user->id});
}

void UserStore::touch(const std::string& resource_id, const UserPtr& user, Time now) {
  const std::int64_t ns = now.time_since_epoch().count();
  std::int64_t before = user->last_token_ns.load(std::memory_order_relaxed);
  if (ns - before < kTouchEvery.count()) return;
  if (!user->last_token_ns.compare_exchange_strong(before, ns, std::memory_order_relaxed)) return;
  StoreBatch batch;
  batch.puts.push_back({key(kLastTokens, user->id), to_bytes(std::to_string(ns))});
  // A row too old, or one too many after a deletion, harms nobody.
  store_.start_commit(resource_id, std::move(batch), {}, [](const Result<void>&) {});
}

}  // namespace identity_local

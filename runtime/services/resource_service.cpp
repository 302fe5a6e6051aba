#include "runtime/services/resource_service.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"

namespace trunkline {
namespace {

using store::Row;
using store::Session;
using store::Statement;

constexpr std::string_view kSubscription = "00000000-0000-0000-0000-000000000001";
constexpr std::string_view kResourceGroup = "trunkline";

constexpr std::array<std::string_view, 17> kDataLocations = {
    "Africa", "Asia Pacific", "Australia", "Brazil", "Canada",      "Europe", "France", "Germany",      "India",
    "Japan",  "Korea",        "Norway",    "Sweden", "Switzerland", "UAE",    "UK",     "United States"};

const Statement kSelectAll{
    "SELECT resource_key, name, resource_id, data_location, primary_key, secondary_key, tags, created_unix_us FROM resources "
    "ORDER BY resource_key"};
const Statement kInsert{
    "INSERT INTO resources (resource_key, name, resource_id, data_location, primary_key, secondary_key, tags, created_unix_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kDelete{"DELETE FROM resources WHERE resource_key = ?"};
const Statement kHighest{"SELECT COALESCE(MAX(resource_key), 0) FROM resources"};
const Statement kRaiseSequence{"UPDATE resource_sequence SET last_key = ? WHERE last_key < ?"};
const Statement kSequence{"SELECT last_key FROM resource_sequence"};

std::string arm_id_of(std::string_view name) {
  return "/subscriptions/" + std::string(kSubscription) + "/resourceGroups/" + std::string(kResourceGroup) +
         "/providers/Microsoft.Communication/communicationServices/" + std::string(name);
}

bool is_resource_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

/// Never from the seeded source: keys must not be guessed.
Secret random_key() {
  std::array<std::uint8_t, 64> bytes;
  random_bytes(bytes);
  return Secret(base64_encode(bytes));
}

void check_key(const Secret& key, const char* field) {
  const auto bytes = base64_decode(key.reveal());
  if (!bytes || bytes->size() < 16)
    throw Error(ErrorCode::kInvalidArgument, std::string(field) + " must be base64 of at least 16 bytes", field);
}

}  // namespace

bool is_data_location(std::string_view name) {
  return std::find(kDataLocations.begin(), kDataLocations.end(), name) != kDataLocations.end();
}

std::string data_location_claim(std::string_view name) {
  std::string claim;
  for (const char c : name)
    if (c != ' ') claim.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  return claim;
}

ResourceService::ResourceService(ServiceContext& context) : context_(context) {}

void ResourceService::load() {
  std::vector<ResourcePtr> found;
  context_.store.system().read([&](Session& session) {
    session.query(kSelectAll, {}, [&](const Row& row) {
      auto resource = std::make_shared<Resource>();
      resource->key = row.integer(0);
      resource->name = row.text(1);
      resource->id = row.text(2);
      resource->data_location = row.text(3);
      resource->primary_key = Secret(std::string(row.text(4)));
      resource->secondary_key = Secret(std::string(row.text(5)));
      resource->tags = nlohmann::json::parse(row.text(6)).get<std::map<std::string, std::string>>();
      resource->created_at = Time{std::chrono::microseconds{row.integer(7)}};
      resource->arm_id = arm_id_of(resource->name);
      resource->database = &context_.store.of_location(resource->data_location);
      found.push_back(std::move(resource));
    });
    session.query(kSequence, {}, [&](const Row& row) { next_key_ = row.integer(0) + 1; });
  });
  for (const auto& resource : found) {
    insert(resource);
    for (auto* participant : participants_) participant->on_added(resource, nullptr);
  }
}

void ResourceService::insert(const ResourcePtr& resource) {
  const std::unique_lock lock(mutex_);
  by_name_[resource->name] = resource;
  by_key_[resource->key] = resource;
  by_id_[resource->id] = resource;
  reserved_.erase(resource->name);
  version_.fetch_add(1, std::memory_order_acq_rel);
}

void ResourceService::reserve_name(const std::string& name) {
  const std::unique_lock lock(mutex_);
  if (by_name_.contains(name) || !reserved_.emplace(name, true).second)
    throw Error(ErrorCode::kAlreadyExists, "a resource named '" + name + "' exists already", "name");
}

void ResourceService::release_name(const std::string& name) {
  const std::unique_lock lock(mutex_);
  reserved_.erase(name);
}

ResourcePtr ResourceService::build(ResourceSpec spec) {
  if (!is_resource_name(spec.name))
    throw Error(ErrorCode::kInvalidArgument, "'" + spec.name + "' is no resource name: 1 to 63 letters, digits, '-' or '_'",
                "name");
  if (!is_data_location(spec.data_location))
    throw Error(ErrorCode::kInvalidArgument, "'" + spec.data_location + "' is no published data location", "dataLocation");
  if (spec.id.empty()) spec.id = context_.ids.uuid4().str();
  if (!Uuid::parse(spec.id)) throw Error(ErrorCode::kInvalidArgument, "'" + spec.id + "' is no GUID", "id");
  if (find_by_id(spec.id)) throw Error(ErrorCode::kAlreadyExists, "a resource with the id " + spec.id + " exists already", "id");
  if (spec.primary_key.empty()) spec.primary_key = random_key();
  if (spec.secondary_key.empty()) spec.secondary_key = random_key();
  check_key(spec.primary_key, "primary_key");
  check_key(spec.secondary_key, "secondary_key");

  auto resource = std::make_shared<Resource>();
  resource->key = next_key_.fetch_add(1);
  resource->name = std::move(spec.name);
  resource->id = std::move(spec.id);
  resource->data_location = std::move(spec.data_location);
  resource->primary_key = std::move(spec.primary_key);
  resource->secondary_key = std::move(spec.secondary_key);
  resource->tags = std::move(spec.tags);
  resource->lineage = std::move(spec.lineage);
  resource->created_at = context_.clock.now();
  resource->arm_id = arm_id_of(resource->name);
  resource->database = &context_.store.of_location(resource->data_location);
  return resource;
}

Task<void> ResourceService::save(ResourcePtr resource) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource](Session& session) {
    const std::string tags = nlohmann::json(resource->tags).dump();
    const std::int64_t created =
        std::chrono::duration_cast<std::chrono::microseconds>(resource->created_at.time_since_epoch()).count();
    session.execute(kInsert, {resource->key, resource->name, resource->id, resource->data_location,
                              resource->primary_key.reveal(), resource->secondary_key.reveal(), tags, created});
    session.execute(kRaiseSequence, {resource->key, resource->key});
  };
  co_await context_.store.system().write(std::move(work));
}

Task<ResourcePtr> ResourceService::create(ResourceSpec spec) {
  const std::string name = spec.name;
  ResourcePtr resource = build(std::move(spec));
  reserve_name(name);
  std::exception_ptr failure;
  try {
    co_await save(resource);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    release_name(name);
    std::rethrow_exception(failure);
  }
  insert(resource);
  for (auto* participant : participants_) participant->on_added(resource, nullptr);
  context_.log.debug("resources", "created", {{"resource", resource->name}, {"data_location", resource->data_location}});
  co_return resource;
}

Task<ResourcePtr> ResourceService::ensure(ResourceSpec spec) {
  if (ResourcePtr existing = find(spec.name)) co_return existing;
  co_return co_await create(std::move(spec));
}

Task<ResourcePtr> ResourceService::fork(std::string name, std::string new_name) {
  const ResourcePtr from = get(name);
  ResourceSpec spec;
  spec.name = new_name;
  spec.data_location = from->data_location;
  spec.tags = from->tags;
  spec.lineage = from->lineage;
  spec.lineage.insert(spec.lineage.begin(), from->id);
  ResourcePtr to = build(std::move(spec));
  reserve_name(new_name);
  std::exception_ptr failure;
  try {
    // The rows first: rows of a key that the registry does not know are unreachable, a resource without its rows is not.
    // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
    auto work2 = [this, from, to](Session& session) {
      for (auto* participant : participants_) participant->copy_rows(session, *from, *to);
    };
    co_await from->database->write(std::move(work2));
    co_await save(to);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    release_name(new_name);
    std::rethrow_exception(failure);
  }
  insert(to);
  for (auto* participant : participants_) participant->on_added(to, from);
  co_return to;
}

Task<void> ResourceService::drop(std::string name) {
  const ResourcePtr resource = get(name);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work3 = [resource](Session& session) { session.execute(kDelete, {resource->key}); };
  co_await context_.store.system().write(std::move(work3));
  {
    const std::unique_lock lock(mutex_);
    by_name_.erase(resource->name);
    by_key_.erase(resource->key);
    by_id_.erase(resource->id);
    version_.fetch_add(1, std::memory_order_acq_rel);
  }
  for (auto* participant : participants_) participant->on_dropped(resource);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work4 = [this, resource](Session& session) {
    for (auto* participant : participants_) participant->drop_rows(session, *resource);
  };
  co_await resource->database->write(std::move(work4));
}

ResourcePtr ResourceService::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

ResourcePtr ResourceService::find_by_key(std::int64_t key) const {
  const std::shared_lock lock(mutex_);
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? nullptr : it->second;
}

ResourcePtr ResourceService::find_by_id(std::string_view id) const {
  const std::shared_lock lock(mutex_);
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

ResourcePtr ResourceService::get(std::string_view name) const {
  if (ResourcePtr resource = find(name)) return resource;
  throw Error(ErrorCode::kNotFound, "there is no resource named '" + std::string(name) + "'", "resource");
}

std::vector<ResourcePtr> ResourceService::list() const {
  const std::shared_lock lock(mutex_);
  std::vector<ResourcePtr> all;
  all.reserve(by_name_.size());
  for (const auto& [name, resource] : by_name_) all.push_back(resource);
  return all;
}

ResourcePtr ResourceService::default_resource() const {
  const std::shared_lock lock(mutex_);
  ResourcePtr first;
  for (const auto& [key, resource] : by_key_)
    if (!first || key < first->key) first = resource;
  return first;
}

}  // namespace trunkline

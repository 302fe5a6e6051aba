#include "runtime/services/resource_service.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/services/arm_id.h"
#include "runtime/services/resource_hold.h"
#include "runtime/services/resource_records.h"
#include "runtime/services/token_watch.h"

namespace trunkline {
namespace {

using store::Session;

constexpr std::size_t kMaxName = 63;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), [](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' || c == '_';
  });
}

/// Never from the seeded source: keys must not be guessed.
Secret random_key() {
  std::array<std::uint8_t, 64> bytes;
  random_bytes(bytes);
  return Secret(base64_encode(bytes));
}

/// The limits of the management plane, wherever tags come from.
void check_tags(const std::map<std::string, std::string>& tags) {
  const auto bad = [](std::string message) { return Error(ErrorCode::kInvalidArgument, std::move(message), "tags"); };
  if (tags.size() > 50) throw bad("a resource has at most 50 tags, not " + std::to_string(tags.size()));
  for (const auto& [name, value] : tags) {
    if (name.empty() || name.size() > 512)
      throw bad("the name of a tag has 1 to 512 characters, not " + std::to_string(name.size()));
    if (value.size() > 256)
      throw bad("the value of tag '" + name + "' has at most 256 characters, not " + std::to_string(value.size()));
  }
}

void check_key(const Secret& key, const char* field) {
  const auto bytes = base64_decode(key.reveal());
  if (!bytes || bytes->size() < 16)
    throw Error(ErrorCode::kInvalidArgument, std::string(field) + " must be base64 of at least 16 bytes", field);
}

std::string arm_id_of(const Resource& resource) {
  return arm_id(resource.arm.subscription, resource.arm.resource_group, "Microsoft.Communication",
                {{"communicationServices", resource.name}})
      .str();
}

}  // namespace

void check_resource_name(std::string_view name, const char* what) {
  if (is_name(name)) return;
  throw Error(ErrorCode::kInvalidArgument,
              "'" + std::string(name.substr(0, 80)) + "' is no " + what + " name: wanted 1 to 63 letters, digits, '-' or '_'",
              "name");
}

bool Resource::is_or_descends_from(std::string_view resource_id) const {
  return iequals(id, resource_id) ||
         std::any_of(lineage.begin(), lineage.end(), [&](const std::string& other) { return iequals(other, resource_id); });
}

ResourceService::ResourceService(ServiceContext& context) : context_(context) {}

void ResourceService::load() {
  resource_records::Registry registry;
  context_.store.system().read([&](Session& session) { registry = resource_records::load(session); });
  next_key_ = registry.last_key + 1;
  for (const auto& resource : registry.resources) {
    // Rows of the first version, which did not say where a resource lives.
    if (resource->arm.subscription.empty()) resource->arm.subscription = kDefaultSubscription;
    if (resource->arm.resource_group.empty()) resource->arm.resource_group = kDefaultResourceGroup;
    resource->arm_id = arm_id_of(*resource);
    resource->database = &context_.store.of_location(resource->data_location);
    insert(resource);
  }
  for (ResourceSnapshot& snapshot : registry.snapshots) snapshots_[snapshot.resource_key].push_back(std::move(snapshot));
  for (const auto& leftover : registry.leftovers) {
    auto nobody = std::make_shared<Resource>();
    nobody->data_location = leftover.data_location;
    nobody->database = &context_.store.of_location(leftover.data_location);
    sync_wait(drop_rows_of(std::move(nobody), {leftover.key}));
    context_.log.info("resources", "swept rows that an earlier run left behind", {{"data_location", leftover.data_location}});
  }
  for (const auto& resource : registry.resources)
    for (auto* participant : participants_) participant->on_added(resource, nullptr);
}

void ResourceService::insert(const ResourcePtr& resource) {
  const std::unique_lock lock(mutex_);
  by_name_[to_lower(resource->name)] = resource;
  by_key_[resource->key] = resource;
  by_id_[to_lower(resource->id)] = resource;
  version_.fetch_add(1, std::memory_order_acq_rel);
}

std::shared_ptr<Resource> ResourceService::build(ResourceSpec spec) {
  check_resource_name(spec.name, "resource");
  const auto location = find_data_location(spec.data_location);
  if (!location)
    throw Error(
        ErrorCode::kInvalidArgument,
        "'" + spec.data_location.substr(0, 80) + "' is no published data location; wanted one of " + join(data_locations(), ", "),
        "dataLocation");
  if (spec.id.empty()) spec.id = context_.ids.uuid4().str();
  if (!Uuid::parse(spec.id)) throw Error(ErrorCode::kInvalidArgument, "'" + spec.id + "' is no GUID", "id");
  if (find_by_id(spec.id)) throw Error(ErrorCode::kAlreadyExists, "a resource with the id " + spec.id + " exists already", "id");
  if (spec.primary_key.empty()) spec.primary_key = random_key();
  if (spec.secondary_key.empty()) spec.secondary_key = random_key();
  check_key(spec.primary_key, "primary_key");
  check_key(spec.secondary_key, "secondary_key");
  check_tags(spec.tags);

  auto resource = std::make_shared<Resource>();
  resource->key = next_key_.fetch_add(1);
  resource->name = std::move(spec.name);
  resource->id = std::move(spec.id);
  resource->data_location = *location;
  resource->primary_key = std::move(spec.primary_key);
  resource->secondary_key = std::move(spec.secondary_key);
  resource->local_auth = spec.local_auth;
  resource->tags = std::move(spec.tags);
  resource->arm = std::move(spec.arm);
  if (resource->arm.subscription.empty()) resource->arm.subscription = kDefaultSubscription;
  if (resource->arm.resource_group.empty()) resource->arm.resource_group = kDefaultResourceGroup;
  resource->created_at = resource->changed_at = context_.clock.now();
  resource->arm_id = arm_id_of(*resource);
  resource->database = &context_.store.of_location(resource->data_location);
  return resource;
}

Task<ResourcePtr> ResourceService::create(ResourceSpec spec) {
  const ResourcePtr resource = build(std::move(spec));
  const Hold hold(*this, resource->name, Hold::Kind::kName);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource](Session& session) { resource_records::insert(session, *resource); };
  co_await context_.store.system().write(std::move(work));
  insert(resource);
  for (auto* participant : participants_) participant->on_added(resource, nullptr);
  context_.log.debug("resources", "created", {{"resource", resource->name}, {"data_location", resource->data_location}});
  co_return resource;
}

Task<ResourcePtr> ResourceService::ensure(ResourceSpec spec) {
  const ResourcePtr existing = find(spec.name);
  if (!existing) co_return co_await create(std::move(spec));
  const auto differs = [&](const char* what, const std::string& found, const std::string& wanted) {
    return Error(ErrorCode::kFailedPrecondition,
                 "the resource '" + existing->name + "' exists with another " + what + ": found '" + found + "', wanted '" +
                     wanted + "'; neither id nor data location of a resource can change",
                 what);
  };
  if (!spec.id.empty() && !iequals(spec.id, existing->id)) throw differs("id", existing->id, spec.id);
  if (data_location_claim(spec.data_location) != data_location_claim(existing->data_location))
    throw differs("data_location", existing->data_location, spec.data_location);
  co_return existing;
}

Task<ResourcePtr> ResourceService::regenerate_key(std::string name, KeyKind kind) {
  UniqueFunction<void(Resource&)> change = [kind](Resource& resource) {
    (kind == KeyKind::kPrimary ? resource.primary_key : resource.secondary_key) = random_key();
  };
  co_return co_await update(std::move(name), std::move(change));
}

Task<ResourcePtr> ResourceService::update(std::string name, UniqueFunction<void(Resource&)> change) {
  const Hold hold(*this, name, Hold::Kind::kChange);
  auto next = std::make_shared<Resource>(*hold.resource());
  change(*next);
  check_tags(next->tags);
  next->changed_at = context_.clock.now();
  const ResourcePtr changed = std::move(next);
  auto work = [changed](Session& session) { resource_records::update(session, *changed); };
  co_await context_.store.system().write(std::move(work));
  insert(changed);
  end_dead_keys(*hold.resource(), *changed);
  co_return changed;
}

/// What was opened with a key that is no key any more.
void ResourceService::end_dead_keys(const Resource& before, const Resource& now) {
  const bool shut = before.local_auth && !now.local_auth;
  if (shut || before.primary_key.reveal() != now.primary_key.reveal())
    context_.tokens.ended(now.key, TokenWatch::holder_of_key("primary"));
  if (shut || before.secondary_key.reveal() != now.secondary_key.reveal())
    context_.tokens.ended(now.key, TokenWatch::holder_of_key("secondary"));
}

ResourcePtr ResourceService::find(std::string_view name) const {
  const std::string folded = to_lower(name);
  const std::shared_lock lock(mutex_);
  const auto it = by_name_.find(folded);
  return it == by_name_.end() ? nullptr : it->second;
}

ResourcePtr ResourceService::find_by_key(std::int64_t key) const {
  const std::shared_lock lock(mutex_);
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? nullptr : it->second;
}

ResourcePtr ResourceService::find_by_id(std::string_view id) const {
  const std::string folded = to_lower(id);
  const std::shared_lock lock(mutex_);
  const auto it = by_id_.find(folded);
  return it == by_id_.end() ? nullptr : it->second;
}

ResourcePtr ResourceService::get(std::string_view name) const {
  if (ResourcePtr resource = find(name)) return resource;
  throw Hold::missing(name);
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

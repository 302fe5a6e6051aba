#include "runtime/core/resource_objects.h"

#include "runtime/core/runtime.h"
#include "runtime/services/resource_service.h"

namespace trunkline {
namespace {

service::ResourceSnapshot describe(const ResourceSnapshot& snapshot) {
  service::ResourceSnapshot out;
  out.name = snapshot.name;
  out.created_at = snapshot.created_at;
  return out;
}

}  // namespace

Task<service::ResourceInfo> ResourcesObject::create(Call, std::string name, std::string data_location,
                                                    std::optional<Properties> tags) {
  ResourceSpec spec;
  spec.name = std::move(name);
  spec.data_location = std::move(data_location);
  if (tags) spec.tags = *std::move(tags);
  const ResourcePtr resource = co_await runtime_.resources().create(std::move(spec));
  co_return runtime_.describe(*resource);
}

Task<service::ResourceInfo> ResourcesObject::get(Call, std::string name) {
  co_return runtime_.describe(*runtime_.resources().get(name));
}

Task<std::vector<service::ResourceInfo>> ResourcesObject::list(Call) {
  std::vector<service::ResourceInfo> all;
  for (const ResourcePtr& resource : runtime_.resources().list()) all.push_back(runtime_.describe(*resource));
  co_return all;
}

Task<service::ResourceInfo> ResourcesObject::fork(Call, std::string name, std::string new_name) {
  const ResourcePtr resource = co_await runtime_.resources().fork(std::move(name), std::move(new_name));
  co_return runtime_.describe(*resource);
}

Task<service::ResourceSnapshot> ResourcesObject::snapshot(Call, std::string name, std::string snapshot_name) {
  const ResourceSnapshot taken = co_await runtime_.resources().snapshot(std::move(name), std::move(snapshot_name));
  co_return describe(taken);
}

Task<std::vector<service::ResourceSnapshot>> ResourcesObject::snapshots(Call, std::string name) {
  std::vector<service::ResourceSnapshot> all;
  for (const ResourceSnapshot& snapshot : runtime_.resources().snapshots(*runtime_.resources().get(name)))
    all.push_back(describe(snapshot));
  co_return all;
}

Task<service::ResourceInfo> ResourcesObject::restore(Call, std::string name, std::string snapshot_name) {
  const ResourcePtr resource = co_await runtime_.resources().restore(std::move(name), std::move(snapshot_name));
  co_return runtime_.describe(*resource);
}

Task<void> ResourcesObject::drop_snapshot(Call, std::string name, std::string snapshot_name) {
  co_await runtime_.resources().drop_snapshot(std::move(name), std::move(snapshot_name));
}

Task<void> ResourcesObject::drop(Call, std::string name) { co_await runtime_.resources().drop(std::move(name)); }

Task<service::ResourceInfo> ResourcesObject::regenerate_key(Call, std::string name, service::KeyKind kind) {
  if (kind != service::KeyKind::kPrimary && kind != service::KeyKind::kSecondary)
    throw Error(ErrorCode::kInvalidArgument, "kind must be primary or secondary", "kind");
  const KeyKind wanted = kind == service::KeyKind::kPrimary ? KeyKind::kPrimary : KeyKind::kSecondary;
  const ResourcePtr resource = co_await runtime_.resources().regenerate_key(std::move(name), wanted);
  co_return runtime_.describe(*resource);
}

Task<service::ResourceInfo> ResourcesObject::set_tags(Call, std::string name, Properties tags) {
  UniqueFunction<void(Resource&)> change = [tags = std::move(tags)](Resource& resource) { resource.tags = tags; };
  const ResourcePtr resource = co_await runtime_.resources().update(std::move(name), std::move(change));
  co_return runtime_.describe(*resource);
}

Task<service::ResourceInfo> ResourcesObject::set_local_auth(Call, std::string name, bool enabled) {
  UniqueFunction<void(Resource&)> change = [enabled](Resource& resource) { resource.local_auth = enabled; };
  const ResourcePtr resource = co_await runtime_.resources().update(std::move(name), std::move(change));
  co_return runtime_.describe(*resource);
}

}  // namespace trunkline

// `trunkline.service.resources/1` and the part of the runtime's interface that was there before it.
#pragma once
#include "trunkline/service_provider.hpp"

namespace trunkline {

class Runtime;

/// [any-thread]
class ResourcesObject final : public service::ResourcesService {
 public:
  explicit ResourcesObject(Runtime& runtime) : runtime_(runtime) {}

  Task<service::ResourceInfo> create(Call, std::string name, std::string data_location, std::optional<Properties> tags) override;
  Task<service::ResourceInfo> get(Call, std::string name) override;
  Task<std::vector<service::ResourceInfo>> list(Call) override;
  Task<service::ResourceInfo> fork(Call, std::string name, std::string new_name) override;
  Task<service::ResourceSnapshot> snapshot(Call, std::string name, std::string snapshot_name) override;
  Task<std::vector<service::ResourceSnapshot>> snapshots(Call, std::string name) override;
  Task<service::ResourceInfo> restore(Call, std::string name, std::string snapshot_name) override;
  Task<void> drop_snapshot(Call, std::string name, std::string snapshot_name) override;
  Task<void> drop(Call, std::string name) override;
  Task<service::ResourceInfo> regenerate_key(Call, std::string name, service::KeyKind kind) override;
  Task<service::ResourceInfo> set_tags(Call, std::string name, Properties tags) override;
  Task<service::ResourceInfo> set_local_auth(Call, std::string name, bool enabled) override;

 private:
  Runtime& runtime_;
};

}  // namespace trunkline

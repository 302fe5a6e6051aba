// A plugin whose code runs in a process of its own, as a plugin like any other.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "runtime/isolation/options.h"
#include "runtime/plugin/host_context.h"
#include "runtime/plugin/loader.h"

namespace trunkline::isolation {

class IsolatedInstance;

/// The plugin of one configured provider. loaded() makes instances through PluginInstance as every other plugin does; the process
/// is started with the instance, started again when it is lost, and gone when the instance is destroyed or abandoned. Must
/// outlive its instances. [any-thread]
class IsolatedPlugin {
 public:
  /// `manifest`: of a plugin with a library; its hash has been checked. Runs nothing.
  IsolatedPlugin(plugin::Manifest manifest, std::string provider, Options options, plugin::HostContext& host);
  IsolatedPlugin(const IsolatedPlugin&) = delete;
  ~IsolatedPlugin();

  /// See IsolatedInstance::set_on_lost. Before an instance is made.
  void set_on_lost(std::function<void(const std::string& why)> hook) { on_lost_ = std::move(hook); }

  const plugin::LoadedPlugin& loaded() const { return loaded_; }
  /// `running`, `starting`, `waiting`, `quarantined`, `stopped` or nothing.
  std::string state() const;
  /// Why no process runs and none will be started, such as a quarantine; empty otherwise.
  std::string failure() const;
  /// Of the process that runs; 0: none does.
  int process_id() const;
  /// Threads of that process that are the plugin's own.
  int plugin_threads() const;

 private:
  std::int32_t create(const tl_host* host, tl_str config, tl_plugin** out, tl_error** error);

  const std::string provider_;
  const Options options_;
  plugin::HostContext& host_;
  tl_plugin_entry entry_{};
  plugin::LoadedPlugin loaded_;
  std::function<void(const std::string&)> on_lost_;
  mutable std::mutex mutex_;
  std::weak_ptr<IsolatedInstance> last_;  // guarded by mutex_
};

}  // namespace trunkline::isolation

// The host services of one plugin instance.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/function.h"
#include "runtime/base/secret.h"
#include "runtime/plugin/host_context.h"
#include "runtime/plugin/manifest.h"
#include "runtime/plugin/status_board.h"
#include "trunkline/abi.h"

namespace trunkline::plugin {

/// Owned by the PluginInstance, used by its plugin. Every call of the plugin is counted, so that the instance is not destroyed
/// under one. [any-thread] but for shutdown.
class HostServices {
 public:
  HostServices(HostContext& context, const Manifest& manifest, std::string provider, std::map<std::string, Secret> secrets,
               std::shared_ptr<StatusBoard> status);
  ~HostServices();

  /// vtbl==NULL: not offered.
  tl_iface find(std::string_view id) const;
  /// Ends the plugin's waits for the clock with kCancelled: nothing that waits for time may hold up a stop.
  void end_waits();
  /// Refuses new operations (log, secrets, metrics and status go on) and calls done once none is in flight, perhaps at once.
  /// [lifecycle]
  void shutdown(UniqueFunction<void()> done);
  /// Refuses everything from now on: the runtime goes, and the plugin may stay. [lifecycle]
  void abandon();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::plugin

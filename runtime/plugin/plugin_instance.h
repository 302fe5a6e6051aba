// One configured instance of a plugin: create, operate, stop, destroy.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/secret.h"
#include "runtime/plugin/host_services.h"
#include "runtime/plugin/loader.h"
#include "trunkline/call_table.hpp"

namespace trunkline::plugin {

struct InstanceSettings {
  std::string provider;  // name of the configured provider
  std::string config_json = "{}";
  std::map<std::string, Secret> secrets;
  /// Interface ids to use; empty: all of the manifest.
  std::vector<std::string> interfaces;
  /// The host's object behind an event interface, such as trunkline.sms.events/1.
  std::function<tl_iface(std::string_view interface_id)> event_sink;
  /// What the instance says of itself; may be read for longer than it lives.
  std::shared_ptr<StatusBoard> status = std::make_shared<StatusBoard>();
};

/// The guard around one plugin instance. Whatever the plugin does with its calls ends in one result for each caller; what the
/// ABI forbids is logged and counted in trunkline_plugin_misbehaviour_total{plugin,provider,kind}.
///
/// [lifecycle] members are called by one thread at a time, which is checked; the others are [any-thread].
class PluginInstance {
 public:
  /// Throws: kInvalidArgument with everything that is wrong with config and secrets; what the plugin's create said, with the
  /// provider's name in front; kFailedPrecondition when what it made cannot be used.
  static std::unique_ptr<PluginInstance> create(const LoadedPlugin& plugin, InstanceSettings settings, HostContext& context);
  PluginInstance(const PluginInstance&) = delete;
  /// Stops without patience when nobody has stopped it. [lifecycle]
  ~PluginInstance();

  const std::string& provider() const { return provider_; }
  const Manifest& manifest() const { return plugin_.manifest; }
  /// vtbl==NULL: not used by this instance. Checked when the instance was made.
  tl_iface interface(std::string_view id) const;
  const std::vector<std::string>& interfaces() const { return interface_ids_; }
  /// Keeps the host's calls to this instance. Deadlines in CallOptions are enforced.
  CallTable& calls() const { return *calls_; }

  /// Asks the plugin to drain; the caller has ended its own use of the instance before. [lifecycle]
  void begin_stop();
  /// Waits until it has drained, then destroys it. False: it has not drained in `patience`, and is abandoned: its memory and
  /// what it uses of the host stay for ever. Wall time even with a virtual clock, because a plugin that hangs does so in wall
  /// time. Blocks; never on a thread of the executor. [lifecycle]
  bool finish_stop(std::chrono::milliseconds patience);

 private:
  struct StopSignal;
  struct Bridge;
  class LifecycleCheck;
  enum class State { kCreated, kStopping, kStopped, kAbandoned };

  PluginInstance(const LoadedPlugin& plugin, InstanceSettings settings, HostContext& context);
  void create_plugin(const std::string& config_json);
  void find_interfaces(const std::vector<std::string>& wanted);
  void misbehaved(std::string_view kind, std::string_view operation, std::string_view detail);
  void arm_deadline(Time due);
  void destroy_plugin();
  void abandon();
  /// Nobody runs a function of the plugin any more. Blocks until then.
  bool everybody_left(std::chrono::steady_clock::time_point until) const;
  [[noreturn]] void fail(const std::string& what) const;

  const LoadedPlugin& plugin_;
  const std::string provider_;
  const std::string where_;  // `provider carrier-a (plugin sms-x)`
  HostContext& context_;
  std::unique_ptr<Bridge> bridge_;
  std::unique_ptr<CallTable> calls_;
  tl_plugin* instance_ = nullptr;
  std::vector<std::string> interface_ids_;
  std::vector<tl_iface> interfaces_;
  StopSignal* stop_signal_ = nullptr;  // never freed: a plugin may complete its stop again at any time

  struct Deadlines;
  std::shared_ptr<Deadlines> deadlines_;
  std::atomic<std::uint64_t> incidents_{0};
  State state_ = State::kCreated;
  std::atomic_flag in_lifecycle_ = ATOMIC_FLAG_INIT;
};

}  // namespace trunkline::plugin

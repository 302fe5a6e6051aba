// The configured providers of one runtime, and the routes to them.
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/config.h"
#include "runtime/isolation/isolated_plugin.h"
#include "runtime/plugin/host_context.h"
#include "runtime/plugin/loader.h"
#include "runtime/providers/country.h"
#include "runtime/providers/provider.h"
#include "runtime/providers/router.h"
#include "trunkline/service.hpp"

namespace trunkline {

/// What a configured provider's process may use; this build's program.
isolation::Options isolation_options(const IsolationConfig& config);

/// Owned by the runtime. [any-thread] but for what is marked. Between start and stop the set of providers only grows.
class ProviderRegistry {
 public:
  /// The host's object behind an event interface, for the provider of this name.
  using EventSink = std::function<tl_iface(std::string_view provider)>;

  /// Looks for plugins in the configured paths, then in `builtin`; loads none. `host` outlives the registry.
  ProviderRegistry(const Config& config, plugin::HostContext& host, std::vector<std::filesystem::path> builtin = {});
  ProviderRegistry(const ProviderRegistry&) = delete;
  ~ProviderRegistry();

  /// A plugin without a library, see PluginLoader::add_builtin. Before start. [lifecycle]
  void add_builtin(std::string_view manifest, const tl_plugin_entry* entry) { loader_.add_builtin(manifest, entry); }
  /// A plugin of the application. Before start. [lifecycle]
  void add_app(std::unique_ptr<plugin::AppPlugin> plugin) { loader_.add_app(std::move(plugin)); }
  /// What plugins get for an event interface, such as trunkline.sms.events/1. Before start. [lifecycle]
  void set_event_sink(std::string interface_id, EventSink sink) { sinks_[std::move(interface_id)] = std::move(sink); }
  /// Makes every provider and compiles the routes. When anything is wrong nothing stays started, and the error tells all of it:
  /// with one fault that fault's error, with several kFailedPrecondition. [lifecycle]
  void start();
  /// Stops all at once and waits; those that have not drained in `patience` are abandoned. Idempotent. Blocks; never on a
  /// thread of the executor. The services must not be calling any more. [lifecycle]
  void stop(std::chrono::milliseconds patience = std::chrono::seconds(10));

  /// Makes one more provider, of a plugin of the application. `first`: it is asked before the others and before the routes, and
  /// they stand in for it; else after them, where no route decides. Between start and stop. Throws as start does, and
  /// kAlreadyExists (the name). Blocks.
  void add(const ProviderConfig& config, std::unique_ptr<plugin::AppPlugin> plugin, bool first);

  /// Null when there is none.
  ProviderPtr find(std::string_view name) const;
  /// Those that offer an interface, in the order of the configuration.
  std::vector<ProviderPtr> all_of(std::string_view interface_id) const;
  /// The first of them. Throws kFailedPrecondition, naming what is there.
  ProviderPtr require(std::string_view interface_id) const;
  /// Every plugin that was found: `loaded`, `available`, or `failed` with the reason.
  std::vector<service::PluginInfo> plugins() const;

  /// As of now; what it gives is good as long as the registry.
  const Router& sms_router() const { return *now().sms_router; }
  /// By resource and sender; what a number would decide matches nothing.
  const Router& email_router() const { return *now().email_router; }
  static std::string_view country_of(std::string_view e164) { return trunkline::country_of(e164); }

 private:
  /// What there is at one time. Immutable once it is published.
  struct Set {
    std::vector<std::shared_ptr<Provider>> providers;
    std::unique_ptr<Router> sms_router;
    std::unique_ptr<Router> email_router;
  };
  const Set& now() const { return *set_.load(std::memory_order_acquire); }
  void publish(std::unique_ptr<Set> set);
  const plugin::LoadedPlugin& loaded(const ProviderConfig& config);
  std::shared_ptr<Provider> make(const ProviderConfig& config, const plugin::LoadedPlugin& loaded);
  PriceTable prices_of(std::string_view provider) const;
  /// Adds what is wrong to `errors`.
  void make_routers(Set& set, std::vector<Error>& errors) const;
  std::unique_ptr<Router> make_router(const std::string& interface, const Set& set) const;

  std::mutex changing_;  // held by start, add and stop; guards configs_, sets_ and stopped_
  std::vector<ProviderConfig> configs_;
  const std::vector<RouteConfig> routes_;
  plugin::HostContext& host_;
  plugin::PluginLoader loader_;
  mutable std::mutex isolated_mutex_;
  std::map<std::string, std::unique_ptr<isolation::IsolatedPlugin>> isolated_;  // by provider; guarded by isolated_mutex_
  std::map<std::string, EventSink, std::less<>> sinks_;                         // written before start only
  std::vector<std::unique_ptr<const Set>> sets_;  // all there ever were: who is reading one need not say so
  std::atomic<const Set*> set_{nullptr};          // the last of them
  bool started_ = false;
  bool stopped_ = false;
};

}  // namespace trunkline

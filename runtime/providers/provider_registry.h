// The configured providers of one runtime, and the routes to them.
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/config/config.h"
#include "runtime/isolation/isolated_plugin.h"
#include "runtime/plugin/host_context.h"
#include "runtime/plugin/loader.h"
#include "runtime/providers/country.h"
#include "runtime/providers/draining.h"
#include "runtime/providers/jobs.h"
#include "runtime/providers/provider.h"
#include "runtime/providers/router.h"
#include "trunkline/service.hpp"
#include "trunkline/task.hpp"

namespace trunkline {

/// What a configured provider's process may use; this build's program.
isolation::Options isolation_options(const IsolationConfig& config);

/// How another instance of a provider takes over.
struct ReloadRequest {
  std::string provider;
  /// The new build: its library, or the folder of its plugin.json. Empty: the file of the present one, as it is now.
  std::filesystem::path library;
  /// What the configuration says of it from now on; nullopt: what it says now, with the secrets read anew.
  std::optional<ProviderConfig> config;
  /// Of `config` the plugin's configuration alone counts.
  bool only_config = false;
  /// The object that takes over, for a provider of the application.
  std::shared_ptr<plugin::AppPlugin> app;
  /// How long the instance before stands by: it serves again when the new one fails within this time. On the runtime's clock.
  Duration probation = std::chrono::seconds(10);
  /// How long an instance that serves no more is still listened to. On the runtime's clock.
  Duration drain = std::chrono::seconds(10);
};

/// Owned by the runtime. [any-thread] but for what is marked.
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

  /// Makes another instance beside the one that serves, checks it and lets it take over; the one before stands by, then drains.
  /// When it cannot be made everything stays as it was: throws what start does, kNotFound, kFailedPrecondition (its interfaces
  /// cannot change hands), kResourceExhausted (too many still drain). Blocks; never on a thread of the executor.
  service::ProviderInfo reload(ReloadRequest request);
  /// The same on a thread of the registry's own.
  Task<service::ProviderInfo> reload_async(ReloadRequest request);
  /// Takes away a provider that was added while the runtime ran: nothing new is routed to it from here on, and its name is free.
  /// Completes once its calls have ended and it has stopped. Throws kNotFound, and kFailedPrecondition (one of the
  /// configuration).
  Task<void> remove(std::string name);
  std::vector<service::ProviderInfo> list() const;
  /// Throws kNotFound.
  service::ProviderInfo describe(std::string_view name) const;
  /// `fn` once the provider is not on probation, perhaps at once; by whoever ended that.
  void when_settled(std::string_view name, UniqueFunction<void()> fn);
  /// Called with what the configuration says of a provider whenever that changes while the runtime runs, and with the name alone
  /// when it was removed. Before start. [lifecycle]
  void set_on_changed(std::function<void(const std::string& name, const ProviderConfig* config)> on_changed) {
    on_changed_ = std::move(on_changed);
  }

  /// How long the calls that are under way may take when an instance is to hand over, and then its stop; of the wall. Before
  /// start. [lifecycle]
  void set_hand_over_patience(std::chrono::milliseconds patience) { hand_over_patience_ = patience; }

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
  /// Several faults as one error.
  static Error joined(std::vector<Error> errors);
  InstanceCode code_of(const ProviderConfig& config);
  std::unique_ptr<ProviderInstance> make(const ProviderConfig& config, InstanceCode code);
  std::shared_ptr<Provider> make_provider(std::unique_ptr<ProviderInstance> first);
  /// In place of the instance that serves `provider`.
  struct Candidate {
    const Provider* provider;
    const ProviderInstance* instance;
  };
  /// Adds what is wrong to `errors`.
  void make_routers(Set& set, std::vector<Error>& errors, Candidate candidate = {}) const;
  std::unique_ptr<Router> make_router(const std::string& interface, const Set& set, Candidate candidate) const;
  // provider_reload.cpp
  std::shared_ptr<Provider> running(std::string_view name, std::string_view what) const;
  InstanceCode code_of_build(const Provider& provider, const ProviderConfig& config, ReloadRequest& request);
  void check_change(const Provider& provider, const ProviderConfig& config) const;
  void put_config(const ProviderConfig& config);
  void hand_over(const std::shared_ptr<Provider>& provider, const ProviderConfig& config, InstanceCode code);
  void begin_probation(const std::shared_ptr<Provider>& provider, std::uint32_t number, Duration probation);
  void commit(const std::shared_ptr<Provider>& provider);
  void failed(const std::weak_ptr<Provider>& provider, ProviderInstance& instance, const std::string& why);
  void rolled_back(const std::shared_ptr<Provider>& provider, const std::string& why);
  void concluded(const Provider& provider, std::string_view outcome, const std::string& detail);
  void add_state(const Provider& provider, const ProviderInstance& serving, service::ProviderInfo& info) const;
  void take_away(const std::string& name, std::function<void()> ended);
  service::ProviderInfo info_of(const Provider& provider) const;
  /// Of all providers when the name is empty.
  void release_waiters(std::string_view name = {});

  std::mutex changing_;  // held by whatever changes the providers; guards added_, sets_ and stopped_
  const std::vector<ProviderConfig> configs_;
  std::set<std::string, std::less<>> added_;  // names of those that came while it ran
  const std::vector<RouteConfig> routes_;
  plugin::HostContext& host_;
  plugin::PluginLoader loader_;
  const JobsPtr jobs_;
  Draining draining_;
  std::function<void(const std::string&, const ProviderConfig*)> on_changed_;  // written before start only
  std::map<std::string, EventSink, std::less<>> sinks_;                        // written before start only
  std::vector<std::unique_ptr<const Set>> sets_;  // all there ever were: who is reading one need not say so
  std::atomic<const Set*> set_{nullptr};          // the last of them
  bool started_ = false;
  bool stopped_ = false;
  std::chrono::milliseconds hand_over_patience_{10'000};  // written before start only

  /// What became of the last reload of a provider.
  struct Reloaded {
    std::string outcome, detail;
    std::string failure;  // why nothing serves; empty: something does
    Time at{};
    bool on_probation = false;
    Clock::TimerId timer = 0;  // for the end of the probation
    Duration drain{};
    std::vector<UniqueFunction<void()>> waiting;
  };
  mutable std::mutex reloaded_mutex_;
  std::map<std::string, Reloaded, std::less<>> reloaded_;  // by provider; guarded by reloaded_mutex_
};

}  // namespace trunkline

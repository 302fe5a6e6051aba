#include "runtime/providers/provider_registry.h"

#include <algorithm>
#include <set>

#include "runtime/base/strings.h"
#include "runtime/config/secret_source.h"
#include "runtime/diagnostics/log.h"

namespace trunkline {
namespace {

plugin::LoaderOptions loader_options(const PluginsConfig& config, std::vector<std::filesystem::path> builtin) {
  plugin::LoaderOptions options;
  options.paths.assign(config.paths.begin(), config.paths.end());
  options.paths.insert(options.paths.end(), builtin.begin(), builtin.end());
  options.allow_drafts = config.allow_drafts;
  options.allow_hashes = config.allow_hashes;
  return options;
}

// `sms` of `trunkline.sms/1`.
std::string_view short_name(std::string_view interface_id) {
  constexpr std::string_view kOurs = "trunkline.";
  const std::string_view name = interface_id.substr(0, interface_id.find('/'));
  return name.starts_with(kOurs) ? name.substr(kOurs.size()) : name;
}

// The ids that a configured interface stands for; itself when it is unknown, so that the error names it.
std::vector<std::string> interface_ids(const std::vector<std::string>& configured, const plugin::Manifest& manifest) {
  std::vector<std::string> out;
  for (const std::string& wanted : configured) {
    const auto found = std::find_if(manifest.interfaces.begin(), manifest.interfaces.end(),
                                    [&](const std::string& id) { return id == wanted || short_name(id) == wanted; });
    out.push_back(found == manifest.interfaces.end() ? wanted : *found);
  }
  return out;
}

// Of a route.
constexpr std::size_t kMostInFront = 32;

std::unique_ptr<Router> no_routes(const char* interface) {
  return std::make_unique<Router>(interface, std::vector<RouteSpec>{}, std::vector<RouteTarget>{});
}

PriceTable prices_of(const SmsPricesConfig& config) {
  if (config.parts.empty()) return {};
  std::vector<PriceTable::Entry> entries;
  for (const auto& [prefix, micros] : config.parts) entries.push_back({prefix == "default" ? "" : prefix, micros});
  return PriceTable(config.currency, std::move(entries));
}

}  // namespace

Error ProviderRegistry::joined(std::vector<Error> errors) {
  if (errors.size() == 1) return std::move(errors.front());
  Error all(ErrorCode::kFailedPrecondition, std::to_string(errors.size()) + " things are wrong with the providers: ");
  for (std::size_t i = 0; i < errors.size(); ++i) all.message += (i ? "; " : "") + errors[i].message;
  all.target = errors.front().target;
  return all;
}

isolation::Options isolation_options(const IsolationConfig& config) {
  isolation::Options options;
  options.program = isolation::find_program();
  options.memory_bytes = std::size_t{config.memory_mib} << 20;
  options.open_files = config.open_files;
  options.hang_after = std::chrono::ceil<std::chrono::milliseconds>(config.hang_after);
  options.restart_after = config.restart_after;
  options.restart_at_most = config.restart_at_most;
  options.quarantine_after = config.quarantine_after;
  options.quarantine_within = config.quarantine_within;
  return options;
}

ProviderRegistry::ProviderRegistry(const Config& config, plugin::HostContext& host, std::vector<std::filesystem::path> builtin)
    : configs_(config.providers),
      routes_(config.routes),
      host_(host),
      loader_(loader_options(config.plugins, std::move(builtin))),
      jobs_(std::make_shared<Jobs>(host.executor)),
      draining_(host, jobs_) {
  auto empty = std::make_unique<Set>();
  empty->sms_router = no_routes("sms");
  empty->email_router = no_routes("email");
  publish(std::move(empty));
}

ProviderRegistry::~ProviderRegistry() { stop(); }

// With changing_ held, or in the constructor.
void ProviderRegistry::publish(std::unique_ptr<Set> set) {
  const Set* const published = set.get();
  sets_.push_back(std::move(set));
  set_.store(published, std::memory_order_release);
}

void ProviderRegistry::start() {
  std::vector<Error> errors;
  {
    const std::lock_guard lock(changing_);
    started_ = true;
    auto set = std::make_unique<Set>();
    std::set<std::string_view> names;
    for (const ProviderConfig& config : configs_) {
      if (!names.insert(config.name).second) {
        errors.emplace_back(ErrorCode::kInvalidArgument, "provider " + config.name + ": found twice, wanted once", config.name);
        continue;
      }
      try {
        set->providers.push_back(make_provider(make(config, code_of(config))));
      } catch (const Error& error) {
        errors.push_back(error);
      }
    }
    // Without all providers a route would be blamed for a provider's fault.
    if (errors.empty()) make_routers(*set, errors);
    if (!set->sms_router) set->sms_router = no_routes("sms");
    if (!set->email_router) set->email_router = no_routes("email");
    publish(std::move(set));
  }
  if (errors.empty()) return;
  stop();
  throw joined(std::move(errors));
}

void ProviderRegistry::make_routers(Set& set, std::vector<Error>& errors, Candidate candidate) const {
  std::set<std::string> interfaces{"sms", "email"};
  for (const RouteConfig& route : routes_) interfaces.insert(route.interface);
  for (const std::string& interface : interfaces) {
    try {
      auto router = make_router(interface, set, candidate);
      if (interface == "sms") set.sms_router = std::move(router);
      if (interface == "email") set.email_router = std::move(router);
    } catch (const Error& error) {
      errors.push_back(error);
    }
  }
}

void ProviderRegistry::add(const ProviderConfig& config, std::unique_ptr<plugin::AppPlugin> plugin, bool first) {
  const std::lock_guard lock(changing_);
  if (!started_ || stopped_)
    throw Error(ErrorCode::kFailedPrecondition, "provider " + config.name + ": the runtime does not run", config.name);
  if (find(config.name))
    throw Error(ErrorCode::kAlreadyExists, "provider " + config.name + ": found twice, wanted once", config.name);
  if (config.isolation.mode != IsolationConfig::Mode::kNone)
    throw Error(ErrorCode::kInvalidArgument,
                "provider " + config.name +
                    ": isolation: process is for plugins with a library; this one is an object of the "
                    "application",
                "isolation");
  InstanceCode code;
  code.loaded = &plugin->loaded();
  code.app = std::move(plugin);
  const std::string id = code.loaded->manifest.id;
  loader_.list_app(*code.loaded);
  auto set = std::make_unique<Set>();
  added_.insert(config.name);  // before the routers, which put it in front
  try {
    set->providers = now().providers;
    set->providers.insert(first ? set->providers.begin() : set->providers.end(), make_provider(make(config, std::move(code))));
    std::vector<Error> errors;
    make_routers(*set, errors);
    if (!errors.empty()) throw joined(std::move(errors));
  } catch (...) {
    set.reset();  // stops what was made
    added_.erase(config.name);
    loader_.remove_app(id);
    throw;
  }
  publish(std::move(set));
  if (on_changed_) on_changed_(config.name, &config);
}

InstanceCode ProviderRegistry::code_of(const ProviderConfig& config) {
  try {
    InstanceCode code;
    if (config.isolation.mode == IsolationConfig::Mode::kNone) {
      code.loaded = &loader_.load(config.plugin);
    } else {
      code.isolated = std::make_shared<isolation::IsolatedPlugin>(loader_.manifest_for_process(config.plugin), config.name,
                                                                  isolation_options(config.isolation), host_);
      code.loaded = &code.isolated->loaded();
    }
    return code;
  } catch (Error& error) {
    error.message = "provider " + config.name + ": " + error.message;
    throw;
  }
}

std::unique_ptr<ProviderInstance> ProviderRegistry::make(const ProviderConfig& config, InstanceCode code) {
  const plugin::LoadedPlugin& loaded = *code.loaded;
  plugin::InstanceSettings settings;
  settings.provider = config.name;
  settings.config_json = config.config_json;
  settings.interfaces = interface_ids(config.interfaces, loaded.manifest);
  const SecretSource source;
  for (const auto& [name, reference] : config.secrets) settings.secrets.emplace(name, source.resolve(reference));
  settings.event_sink = [this, provider = config.name](std::string_view id) {
    const auto sink = sinks_.find(id);
    return sink == sinks_.end() ? tl_iface{nullptr, nullptr} : sink->second(provider);
  };
  std::shared_ptr<const plugin::StatusBoard> status = settings.status;
  auto instance = plugin::PluginInstance::create(loaded, std::move(settings), host_);
  return std::make_unique<ProviderInstance>(config, std::move(code), std::move(instance), std::move(status), host_.clock.now());
}

std::shared_ptr<Provider> ProviderRegistry::make_provider(std::unique_ptr<ProviderInstance> first) {
  const ProviderConfig& config = first->config();
  auto provider = std::make_shared<Provider>(config.name, std::move(first));
  provider->on_failing_ = [this, weak = std::weak_ptr(provider)](ProviderInstance& instance, const std::string& why) {
    failed(weak, instance, why);
  };
  CircuitBreaker::Options breaker;
  breaker.failures = static_cast<int>(config.breaker.failures);
  breaker.open_for = config.breaker.open_for;
  breaker.return_over = config.breaker.return_over;
  provider->breaker_.configure(breaker);
  return provider;
}

std::unique_ptr<Router> ProviderRegistry::make_router(const std::string& interface, const Set& set, Candidate candidate) const {
  std::vector<RouteTarget> targets;
  for (const auto& provider : set.providers) {
    const ProviderInstance& instance = provider.get() == candidate.provider ? *candidate.instance : provider->current();
    const auto& ids = instance.interfaces();
    if (std::none_of(ids.begin(), ids.end(), [&](const std::string& id) { return short_name(id) == interface; })) continue;
    RouteTarget& target = targets.emplace_back();
    target.name = provider->name();
    target.provider = provider.get();
    target.breaker = &provider->breaker();
    if (interface != "sms") continue;
    const sms::SmsCapabilities& capabilities = instance.sms_capabilities();
    target.alphanumeric_sender = capabilities.alphanumeric_sender;
    target.max_segments = capabilities.max_segments;
    target.countries = capabilities.countries;
    target.prices = prices_of(instance.config().prices);
  }
  std::vector<RouteSpec> specs;
  const bool routed =
      std::any_of(routes_.begin(), routes_.end(), [&](const auto& route) { return route.interface == interface; });
  if (routed) {
    // Those that were added in front of the configured ones come before the configured routes, too; the others stand in for them.
    RouteSpec added;
    added.name = "registered";
    std::size_t in_front = 0;
    while (in_front < set.providers.size() && added_.contains(set.providers[in_front]->name())) ++in_front;
    const auto is_in_front = [&](const std::string& name) {
      return std::any_of(set.providers.begin(), set.providers.begin() + static_cast<std::ptrdiff_t>(in_front),
                         [&](const auto& provider) { return provider->name() == name; });
    };
    for (const RouteTarget& target : targets)
      if (added.providers.size() < kMostInFront) added.providers.push_back(target.name);
    if (!added.providers.empty() && is_in_front(added.providers.front())) specs.push_back(std::move(added));
  }
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const RouteConfig& route = routes_[i];
    if (route.interface != interface) continue;
    RouteSpec& spec = specs.emplace_back();
    spec.name = "routes[" + std::to_string(i) + "]";
    spec.resources = route.match.resources;
    spec.to = route.match.to_prefixes;
    spec.countries = route.match.countries;
    spec.from = route.match.senders;
    spec.tags = route.match.tags;
    spec.order = static_cast<RouteSpec::Order>(route.order);
    spec.weights = route.weights;
    spec.after_receipt = {route.failover_retriable, route.failover_carrier_fault, route.failover_within};
    spec.providers = route.providers;
  }
  return std::make_unique<Router>(interface, std::move(specs), std::move(targets));
}

void ProviderRegistry::stop(std::chrono::milliseconds patience) {
  {
    const std::lock_guard lock(changing_);
    if (std::exchange(stopped_, true)) return;
  }
  jobs_->stop();
  const std::lock_guard lock(changing_);
  const auto& providers = now().providers;
  std::vector<std::pair<Provider*, ProviderInstance*>> serving;
  for (const auto& provider : providers)
    for (ProviderInstance* const instance : provider->close()) serving.emplace_back(provider.get(), instance);
  // All drain side by side. The last to come is the first to go: later providers may lean on earlier ones.
  for (auto it = serving.rbegin(); it != serving.rend(); ++it) it->second->begin_stop();
  draining_.begin_stop();
  const auto until = std::chrono::steady_clock::now() + patience;
  for (auto it = serving.rbegin(); it != serving.rend(); ++it) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const auto end = it->second->finish_stop(std::max(left, std::chrono::milliseconds(0)), ProviderInstance::Clients::kForget);
    if (end != ProviderInstance::End::kAbandoned) continue;
    host_.log.error("providers", "a provider did not stop",
                    {{"provider", it->first->name()}, {"plugin", it->first->plugin_id()}});
  }
  draining_.finish_stop(until);
  release_waiters();
}

ProviderPtr ProviderRegistry::find(std::string_view name) const {
  for (const auto& provider : now().providers)
    if (provider->name() == name) return provider;
  return nullptr;
}

std::vector<ProviderPtr> ProviderRegistry::all_of(std::string_view interface_id) const {
  std::vector<ProviderPtr> out;
  for (const auto& provider : now().providers)
    if (provider->offers(interface_id)) out.push_back(provider);
  return out;
}

ProviderPtr ProviderRegistry::require(std::string_view interface_id) const {
  for (const auto& provider : now().providers)
    if (provider->offers(interface_id)) return provider;
  std::string found;
  for (const auto& provider : now().providers)
    found += (found.empty() ? "" : ", ") + provider->name() + " (" + join(provider->interfaces(), ", ") + ")";
  throw Error(
      ErrorCode::kFailedPrecondition,
      "no provider offers " + std::string(interface_id) + ": found " + (found.empty() ? std::string("no provider") : found),
      std::string(interface_id));
}

std::vector<service::PluginInfo> ProviderRegistry::plugins() const {
  std::vector<service::PluginInfo> out;
  for (const plugin::FoundPlugin& found : loader_.found()) {
    service::PluginInfo& info = out.emplace_back();
    info.id = found.id;
    info.path = found.path.string();
    if (found.manifest) {
      info.version = found.manifest->version;
      info.interfaces = found.manifest->interfaces;
      if (!found.manifest->library.empty()) info.path = found.manifest->library.string();
    }
    info.state = found.loaded ? "loaded" : found.error ? "failed" : "available";
    if (found.error) info.detail = found.error->message;
    for (const auto& provider : now().providers) {
      if (provider->plugin_id() != found.id) continue;
      const ProviderInstance& instance = provider->current();
      std::string text;
      if (const std::string state = instance.process_state(); !state.empty()) {
        info.state = "loaded";
        text = "in a process of its own, " + state;
      }
      if (instance.number() > 1)
        text += (text.empty() ? "" : ", ") +
                ("build " + instance.manifest().version + " from " + instance.manifest().library.string() + ", instance " +
                 std::to_string(instance.number()));
      if (text.empty()) continue;
      info.detail = info.detail.value_or("") + (info.detail ? "; " : "") + "provider " + provider->name() + ": " + text;
    }
  }
  return out;
}

}  // namespace trunkline

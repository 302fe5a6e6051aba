// A host for plugins under test: real loader, real host services, virtual clock, database in memory.
#pragma once
#include <memory>
#include <string>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/plugin/host_store.h"
#include "runtime/plugin/loader.h"
#include "runtime/plugin/plugin_instance.h"
#include "runtime/store/sqlite_database.h"

namespace trunkline::testing {

class Host {
 public:
  Host() { database.migrate(plugin::plugin_migrations()); }

  std::unique_ptr<plugin::PluginInstance> open(const std::string& id, const std::string& config = "{}", tl_iface sink = {}) {
    plugin::InstanceSettings settings;
    settings.provider = "under-test";
    settings.config_json = config;
    settings.event_sink = [sink](std::string_view) { return sink; };
    return plugin::PluginInstance::create(loader.load(id), std::move(settings), context);
  }

  Log log{LogOptions{LogLevel::kError, false, ""}};
  Metrics metrics;
  Executor executor{2};
  Clock clock{executor, Clock::Mode::kVirtual};
  store::SqliteDatabase database{{.name = "test", .path = ""}, log, metrics, executor, clock};
  plugin::PluginLoader loader{plugin::LoaderOptions{{PLUGINS_DIR}, false, {}}};
  plugin::HostContext context{executor, clock, log, metrics, &database, nullptr, {}};
};

inline CallOptions on_behalf_of(std::string resource) {
  CallOptions options;
  options.resource = std::move(resource);
  return options;
}

/// The code of the error that f throws; its target goes to `target`.
template <class F>
ErrorCode code_of(F f, std::string* target = nullptr) {
  try {
    f();
  } catch (const Error& error) {
    if (target) *target = error.target;
    return error.code;
  }
  return ErrorCode{};
}

}  // namespace trunkline::testing

// A host for plugins under test: real loader, real host services, virtual clock, database in memory.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/plugin/host_store.h"
#include "runtime/plugin/loader.h"
#include "runtime/plugin/plugin_instance.h"
#include "runtime/plugin/resource_store.h"
#include "runtime/store/migrations.h"
#include "runtime/store/sqlite_database.h"

namespace trunkline::testing {

class Host {
 public:
  Host() {
    database.migrate(store::merge_migrations({plugin::plugin_migrations(), plugin::resource_store_migrations()}));
    context.find_resource = [this](std::string_view id) {
      const std::lock_guard lock(mutex);
      const auto found = resources.find(std::string(id));
      if (found == resources.end()) throw Error(ErrorCode::kNotFound, "no such resource", "resourceId");
      return found->second;
    };
  }
  /// A resource that plugins may keep rows for.
  void add_resource(const std::string& id) {
    const std::lock_guard lock(mutex);
    resources[id] = {&database, static_cast<std::int64_t>(resources.size()) + 1, 0};
  }
  /// Copies the rows of one resource to another one, as a fork does.
  void copy_rows(const std::string& from, const std::string& to) {
    const std::int64_t from_key = resources.at(from).resource_key, to_key = resources.at(to).resource_key;
    auto copy = [=](store::Session& session) {
      plugin::drop_resource_rows(session, to_key);
      plugin::copy_resource_rows(session, from_key, to_key);
    };
    sync_wait(database.write(copy));
    const std::lock_guard lock(mutex);
    ++resources.at(to).epoch;
  }

  std::unique_ptr<plugin::PluginInstance> open(const std::string& id, const std::string& config = "{}", tl_iface sink = {},
                                               std::map<std::string, Secret> secrets = {}) {
    plugin::InstanceSettings settings;
    settings.secrets = std::move(secrets);
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
  std::mutex mutex;
  std::map<std::string, plugin::ResourceStorage> resources;
  plugin::PluginLoader loader{plugin::LoaderOptions{{PLUGINS_DIR}, false, {}}};
  plugin::HostContext context{executor, clock, log, metrics, &database, nullptr, {}, {}};
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

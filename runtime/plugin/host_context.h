// What plugin instances get from their runtime.
#pragma once
#include <functional>
#include <string>

#include "runtime/plugin/resource_store.h"
#include "trunkline/task.hpp"

namespace trunkline {
class Clock;
class Executor;
class Log;
class Metrics;
namespace store {
class Database;
}
}  // namespace trunkline

namespace trunkline::plugin {

class HttpTransport;

/// Owned by the runtime; outlives every instance. A service whose part is missing is not offered to plugins.
struct HostContext {
  Executor& executor;
  Clock& clock;
  Log& log;
  Metrics& metrics;
  store::Database* database = nullptr;  // holds plugin_kv, see plugin_migrations()
  HttpTransport* http = nullptr;
  /// Stores and publishes an event; `data` is a JSON document.
  std::function<Task<void>(std::string provider, std::string type, std::string subject, std::string data)> publish;
  /// Where resources rest; empty: no resource storage is offered.
  FindResourceStorage find_resource;
};

}  // namespace trunkline::plugin

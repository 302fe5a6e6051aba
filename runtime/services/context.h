// What every service stands on. Owned by core::Runtime, outlives the services.
#pragma once

namespace trunkline {
class Clock;
class Executor;
class EventLog;
class IdSource;
class Log;
class Metrics;
class ProviderRegistry;
class TokenWatch;
namespace store {
class Store;
}

struct ServiceContext {
  Executor& executor;
  Clock& clock;
  Log& log;
  Metrics& metrics;
  IdSource& ids;
  store::Store& store;
  EventLog& events;
  ProviderRegistry& providers;
  TokenWatch& tokens;
};

}  // namespace trunkline

// The databases of one runtime, each a SQLite file or in memory.
#pragma once
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "runtime/store/database.h"

namespace trunkline {
class Clock;
class Executor;
class Log;
class Metrics;
}  // namespace trunkline

namespace trunkline::store {

struct StoreOptions {
  /// Nothing touches the disk; each database is its own memory.
  bool memory = false;
  /// Holds `system.db` and `data.db`, the database of every location without a file of its own.
  std::filesystem::path directory;
  /// Data location, such as `Europe` (case does not matter), to its file. Relative paths begin at `directory`; locations with the
  /// same file share a database. Data of a location with its own file rests nowhere else.
  std::map<std::string, std::filesystem::path> locations;
  std::size_t max_queue = 65536;
  std::size_t max_readers = 8;
};

/// Opens, and creates where missing, every database. Throws kFailedPrecondition when another process uses one of the files or a
/// file is no database of ours, kDataLoss when one is damaged. Migrating is left to the caller. Must go before `executor`.
/// [lifecycle]
std::unique_ptr<Store> make_sqlite_store(StoreOptions options, Log& log, Metrics& metrics, Executor& executor, Clock& clock);

}  // namespace trunkline::store

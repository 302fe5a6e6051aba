#include "runtime/store/sqlite_store.h"

#include <vector>

#include "runtime/base/strings.h"
#include "runtime/store/sqlite_database.h"
#include "runtime/store/sqlite_files.h"

namespace trunkline::store {
namespace {

namespace fs = std::filesystem;

class SqliteStore final : public Store {
 public:
  SqliteStore(StoreOptions options, Log& log, Metrics& metrics, Executor& executor, Clock& clock)
      : options_(std::move(options)), log_(log), metrics_(metrics), executor_(executor), clock_(clock) {
    if (!options_.memory && options_.directory.empty())
      throw Error(ErrorCode::kInvalidArgument, "the store needs a directory, or `memory`", "store.directory");
    system_ = open("system", "system.db").database.get();
    default_ = open("data", "data.db").database.get();
    for (const auto& [location, path] : options_.locations) add_location(location, path);
    for (const Opened& opened : opened_)
      if (opened.database.get() != system_) data_.push_back(opened.database.get());
  }

  Database& of_location(std::string_view data_location) override {
    const auto found = by_location_.find(to_lower(data_location));
    return found == by_location_.end() ? *default_ : *found->second;
  }
  Database& system() override { return *system_; }
  std::span<Database* const> all() override { return data_; }

 private:
  struct Opened {
    fs::path path;
    std::vector<FileLock> lock;  // none in memory; let go after the database is closed
    std::unique_ptr<SqliteDatabase> database;
  };

  void add_location(const std::string& location, const fs::path& path) {
    const std::string target = "store.locations." + location;
    if (path.empty()) throw Error(ErrorCode::kInvalidArgument, "the file of a data location must have a name", target);
    Opened& opened = open(to_lower(location), path);
    if (opened.database.get() == system_)
      throw Error(ErrorCode::kInvalidArgument, opened.path.string() + " holds the state of the runtime; take another file",
                  target);
    if (!by_location_.emplace(to_lower(location), opened.database.get()).second)
      throw Error(ErrorCode::kInvalidArgument, "the data location is there twice, in different case", target);
  }

  // The database of that file, which may be open already.
  Opened& open(const std::string& name, const fs::path& file) {
    const fs::path path = fs::weakly_canonical(fs::absolute(options_.directory / file));
    for (Opened& opened : opened_)
      if (opened.path == path) return opened;

    Opened opened;
    opened.path = path;
    SqliteDatabaseOptions database;
    database.name = name;
    database.max_queue = options_.max_queue;
    database.max_readers = options_.max_readers;
    if (!options_.memory) {
      create_directory_durably(path.parent_path());
      opened.lock.emplace_back(path);
      create_private_file(path);
      database.path = path.string();
    }
    opened.database = std::make_unique<SqliteDatabase>(std::move(database), log_, metrics_, executor_, clock_);
    if (!options_.memory) sync_directory(path.parent_path());
    log_.debug("store", "database is open", {{"database", name}, {"path", options_.memory ? ":memory:" : path.string()}});
    return opened_.emplace_back(std::move(opened));
  }

  const StoreOptions options_;
  Log& log_;
  Metrics& metrics_;
  Executor& executor_;
  Clock& clock_;
  std::vector<Opened> opened_;
  std::map<std::string, SqliteDatabase*> by_location_;
  SqliteDatabase* system_ = nullptr;
  SqliteDatabase* default_ = nullptr;
  std::vector<Database*> data_;
};

}  // namespace

std::unique_ptr<Store> make_sqlite_store(StoreOptions options, Log& log, Metrics& metrics, Executor& executor, Clock& clock) {
  return std::make_unique<SqliteStore>(std::move(options), log, metrics, executor, clock);
}

}  // namespace trunkline::store

// One SQLite connection with its prepared statements, and the Session over it.
#pragma once
#include <SQLiteCpp/Database.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/store/database.h"

struct sqlite3_stmt;

namespace trunkline::store {

/// Used by one thread at a time; whoever owns it sees to that.
class SqliteConnection {
 public:
  enum class Mode { kWriter, kReader, kMemory };

  /// Opens `path` (unused for kMemory). Only kWriter creates and sets up the file; a reader needs one that is.
  SqliteConnection(const std::string& path, Mode mode);
  SqliteConnection(const SqliteConnection&) = delete;
  ~SqliteConnection();

  /// Runs several statements; for migrations and pragmas.
  void run_script(const char* sql);
  std::int64_t execute(const Statement& statement, std::initializer_list<Value> parameters, bool may_write);
  void query(const Statement& statement, std::initializer_list<Value> parameters, bool may_write, void* context,
             bool (*each)(void*, const Row&));
  std::int64_t last_insert_id() const;

  void begin_immediate();
  void begin_deferred();
  void commit();
  /// Nothing when SQLite has rolled back by itself, as it does for a full disk.
  void rollback() noexcept;
  bool in_transaction() const noexcept;
  void savepoint();
  void release_savepoint();
  void rollback_to_savepoint();

 private:
  struct Prepared {
    sqlite3_stmt* handle = nullptr;
    const char* sql = nullptr;
    int parameters = 0;
    bool reads_only = false;
    bool busy = false;  // a query over it is on the stack
  };
  class Use;

  void set_up(Mode mode);
  /// The first column of the first row; empty when there is none.
  std::string ask(const char* sql);
  void control(const Statement& statement) { execute(statement, {}, true); }
  Prepared prepare(const char* sql);

  SQLite::Database database_;
  // Nodes do not move, so a running query may hold on to its own while others are added.
  std::unordered_map<const Statement*, Prepared> statements_;
};

/// Keys that a batch wants to tell its listeners, in the order they were named; duplicates are removed at the end.
using Signals = std::vector<std::pair<const Channel*, std::int64_t>>;

/// `signals` null: a read transaction.
class SqliteSession final : public Session {
 public:
  SqliteSession(SqliteConnection& connection, Signals* signals) : connection_(connection), signals_(signals) {}
  std::int64_t execute(const Statement& statement, std::initializer_list<Value> parameters) override;
  std::int64_t last_insert_id() override { return connection_.last_insert_id(); }
  void notify(const Channel& channel, std::int64_t key) override;
  void run_script(const char* sql) { connection_.run_script(sql); }

 private:
  void query_rows(const Statement& statement, std::initializer_list<Value> parameters, void* context,
                  bool (*each)(void*, const Row&)) override;

  SqliteConnection& connection_;
  Signals* signals_;
};

}  // namespace trunkline::store

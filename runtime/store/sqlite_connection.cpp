#include "runtime/store/sqlite_connection.h"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include "runtime/store/sqlite_error.h"
#include "runtime/store/wal_vfs.h"

namespace trunkline::store {
namespace {

constexpr int kApplicationId = 0x54'4c'49'4e;  // "TLIN", in the header of our files
constexpr int kBusyTimeoutMs = 5000;
constexpr int kLookasideBytes = 2048, kLookasideSlots = 200;

const Statement kBeginImmediate{"BEGIN IMMEDIATE"};
const Statement kBeginDeferred{"BEGIN"};
const Statement kCommit{"COMMIT"};
const Statement kRollback{"ROLLBACK"};
const Statement kSavepoint{"SAVEPOINT closure"};
const Statement kRelease{"RELEASE closure"};
const Statement kRollbackTo{"ROLLBACK TO closure"};

int open_flags(SqliteConnection::Mode mode) {
  // NOMUTEX: a connection is used by one thread at a time.
  switch (mode) {
    case SqliteConnection::Mode::kReader:
      return SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    case SqliteConnection::Mode::kWriter:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    case SqliteConnection::Mode::kMemory:
      break;
  }
  return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_MEMORY;
}

/// SQLite counts every allocation under one mutex for statistics that nobody here reads. An application that has used SQLite
/// before us keeps its settings.
void leave_out_statistics() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(once);
}

SQLite::Database open_database(const std::string& path, SqliteConnection::Mode mode) {
  leave_out_statistics();
  try {
    if (mode == SqliteConnection::Mode::kMemory) return SQLite::Database(":memory:", open_flags(mode), kBusyTimeoutMs);
    return SQLite::Database(path, open_flags(mode), kBusyTimeoutMs,
                            mode == SqliteConnection::Mode::kWriter ? gathering_vfs() : "");
  } catch (const SQLite::Exception& e) {
    throw sqlite_error(e.getExtendedErrorCode(), e.what(), "open " + path);
  }
}

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
  double real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string_view text(int column) const override {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return data ? std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))) : std::string_view{};
  }
  std::span<const std::uint8_t> blob(int column) const override {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
    return {data, data ? static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)) : 0};
  }

 private:
  sqlite3_stmt* statement_;
};

struct Binder {
  sqlite3_stmt* statement;
  int index;

  // Static: the caller's bytes outlive the steps of the statement, and every use binds all parameters anew.
  int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
  int operator()(std::int64_t v) const { return sqlite3_bind_int64(statement, index, v); }
  int operator()(double v) const { return sqlite3_bind_double(statement, index, v); }
  int operator()(std::string_view v) const {  // a null pointer would bind NULL
    return sqlite3_bind_text64(statement, index, v.data() ? v.data() : "", v.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  int operator()(std::span<const std::uint8_t> v) const {
    if (v.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, v.data(), v.size(), SQLITE_STATIC);
  }
};

}  // namespace

/// A statement on loan from the cache, with its parameters bound. A statement that is already running gets a twin of its own.
class SqliteConnection::Use {
 public:
  Use(SqliteConnection& connection, const Statement& statement, std::initializer_list<Value> parameters, bool may_write)
      : connection_(connection.database_.getHandle()), sql_(statement.sql) {
    Prepared& cached = connection.statements_[&statement];
    if (cached.sql != statement.sql && !cached.busy) {  // new, or the address was taken over by another statement
      sqlite3_finalize(std::exchange(cached, {}).handle);
      cached = connection.prepare(statement.sql);
    }
    if (cached.busy) {
      twin_ = connection.prepare(statement.sql);
      prepared_ = &twin_;
    } else {
      prepared_ = &cached;
    }
    prepared_->busy = true;
    try {
      check(parameters, may_write);
      bind(parameters);
    } catch (...) {
      release();
      throw;
    }
  }
  Use(const Use&) = delete;
  ~Use() { release(); }

  sqlite3_stmt* handle() const { return prepared_->handle; }
  /// True: there is a row.
  bool step() {
    const int code = sqlite3_step(prepared_->handle);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    throw sqlite_error(connection_, sqlite3_extended_errcode(connection_), sql_);
  }

 private:
  void check(std::initializer_list<Value> parameters, bool may_write) const {
    if (!may_write && !prepared_->reads_only) {
      Error error(ErrorCode::kFailedPrecondition, "a read transaction cannot change the database");
      error.details["sql"] = sql_;
      throw error;
    }
    if (static_cast<int>(parameters.size()) != prepared_->parameters) {
      Error error(ErrorCode::kInternal, "the statement takes " + std::to_string(prepared_->parameters) + " parameters, not " +
                                            std::to_string(parameters.size()));
      error.details["sql"] = sql_;
      throw error;
    }
  }
  void bind(std::initializer_list<Value> parameters) const {
    int index = 0;
    for (const Value& value : parameters) {
      const int code = std::visit(Binder{prepared_->handle, ++index}, value.get());
      if (code != SQLITE_OK) throw sqlite_error(connection_, code, sql_);
    }
  }
  void release() noexcept {
    if (prepared_ == &twin_) {
      sqlite3_finalize(twin_.handle);
    } else {
      sqlite3_reset(prepared_->handle);
      prepared_->busy = false;
    }
  }

  sqlite3* connection_;
  const char* sql_;
  Prepared twin_;
  Prepared* prepared_;
};

SqliteConnection::SqliteConnection(const std::string& path, Mode mode) : database_(open_database(path, mode)) {
  try {
    set_up(mode);
  } catch (Error& error) {
    throw std::move(error.with_target(path));
  }
}

SqliteConnection::~SqliteConnection() {
  for (auto& [key, prepared] : statements_) sqlite3_finalize(prepared.handle);
}

void SqliteConnection::set_up(Mode mode) {
  sqlite3_extended_result_codes(database_.getHandle(), 1);
  // Room for the short-lived values of a row, so that the writer seldom goes to the heap.
  if (mode != Mode::kReader)
    sqlite3_db_config(database_.getHandle(), SQLITE_DBCONFIG_LOOKASIDE, nullptr, kLookasideBytes, kLookasideSlots);
  // Foreign files are refused before anything changes them.
  const bool ours = ask("PRAGMA application_id") == std::to_string(kApplicationId);
  if (!ours && ask("SELECT COUNT(*) FROM sqlite_master") != "0")
    throw Error(ErrorCode::kFailedPrecondition, "this SQLite file belongs to another program");
  run_script(
      "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 268435456; "
      "PRAGMA cache_size = -16000;");
  if (mode == Mode::kReader) {
    run_script("PRAGMA query_only = ON;");
    return;
  }
  if (mode == Mode::kWriter) {
    // Not every file system can share memory between connections, as the log of WAL needs.
    if (ask("PRAGMA journal_mode = WAL") != "wal")
      throw Error(ErrorCode::kFailedPrecondition, "the file system cannot hold a database in WAL mode; take a local disk");
    // FULL: a commit has reached the disk when it returns; gathering_vfs() relies on it. The checkpoint is rare, because it makes
    // one commit wait.
    run_script("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;");
  }
  if (!ours) run_script(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
}

std::string SqliteConnection::ask(const char* sql) {
  Prepared prepared = prepare(sql);
  const int code = sqlite3_step(prepared.handle);
  std::string value = code == SQLITE_ROW ? std::string(SqliteRow(prepared.handle).text(0)) : std::string();
  sqlite3_finalize(prepared.handle);
  if (code != SQLITE_ROW && code != SQLITE_DONE) throw sqlite_error(database_.getHandle(), code, sql);
  return value;
}

SqliteConnection::Prepared SqliteConnection::prepare(const char* sql) {
  Prepared prepared;
  const int code = sqlite3_prepare_v3(database_.getHandle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared.handle, nullptr);
  if (code != SQLITE_OK) throw sqlite_error(database_.getHandle(), code, sql);
  prepared.sql = sql;
  prepared.parameters = sqlite3_bind_parameter_count(prepared.handle);
  prepared.reads_only = sqlite3_stmt_readonly(prepared.handle) != 0;
  return prepared;
}

void SqliteConnection::run_script(const char* sql) {
  const int code = database_.tryExec(sql);
  if (code != SQLITE_OK) throw sqlite_error(database_.getHandle(), sqlite3_extended_errcode(database_.getHandle()), sql);
}

std::int64_t SqliteConnection::execute(const Statement& statement, std::initializer_list<Value> parameters, bool may_write) {
  Use use(*this, statement, parameters, may_write);
  while (use.step()) {
  }
  return sqlite3_changes64(database_.getHandle());
}

void SqliteConnection::query(const Statement& statement, std::initializer_list<Value> parameters, bool may_write, void* context,
                             bool (*each)(void*, const Row&)) {
  Use use(*this, statement, parameters, may_write);
  const SqliteRow row(use.handle());
  while (use.step())
    if (!each(context, row)) return;
}

std::int64_t SqliteConnection::last_insert_id() const { return sqlite3_last_insert_rowid(database_.getHandle()); }

void SqliteConnection::begin_immediate() { control(kBeginImmediate); }
void SqliteConnection::begin_deferred() { control(kBeginDeferred); }
void SqliteConnection::commit() { control(kCommit); }
void SqliteConnection::rollback() noexcept {
  try {
    if (in_transaction()) control(kRollback);
  } catch (const Error&) {
    // The next BEGIN reports what is wrong with the connection.
  }
}
bool SqliteConnection::in_transaction() const noexcept { return sqlite3_get_autocommit(database_.getHandle()) == 0; }
void SqliteConnection::savepoint() { control(kSavepoint); }
void SqliteConnection::release_savepoint() { control(kRelease); }
void SqliteConnection::rollback_to_savepoint() {
  control(kRollbackTo);
  control(kRelease);
}

std::int64_t SqliteSession::execute(const Statement& statement, std::initializer_list<Value> parameters) {
  return connection_.execute(statement, parameters, signals_ != nullptr);
}

void SqliteSession::query_rows(const Statement& statement, std::initializer_list<Value> parameters, void* context,
                               bool (*each)(void*, const Row&)) {
  connection_.query(statement, parameters, signals_ != nullptr, context, each);
}

void SqliteSession::notify(const Channel& channel, std::int64_t key) {
  if (!signals_) throw Error(ErrorCode::kFailedPrecondition, "a read transaction has nothing to tell");
  if (signals_->empty() || signals_->back() != Signals::value_type{&channel, key}) signals_->emplace_back(&channel, key);
}

}  // namespace trunkline::store

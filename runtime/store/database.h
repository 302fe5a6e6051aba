// State is SQL, through this narrow interface. SQLite implements it today; PostgreSQL will.
#pragma once
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "runtime/base/function.h"
#include "trunkline/error.hpp"
#include "trunkline/task.hpp"

namespace trunkline::store {

/// A parameter, borrowed for the call.
class Value {
 public:
  Value(std::nullptr_t) {}
  Value(std::int64_t v) : value_(v) {}
  Value(std::int32_t v) : value_(static_cast<std::int64_t>(v)) {}
  Value(bool v) : value_(static_cast<std::int64_t>(v)) {}
  Value(double v) : value_(v) {}
  Value(std::string_view v) : value_(v) {}
  Value(const std::string& v) : value_(std::string_view(v)) {}
  Value(const char* v) : value_(std::string_view(v)) {}
  Value(std::span<const std::uint8_t> v) : value_(v) {}
  template <class T>
  Value(const std::optional<T>& v) {
    if (v) *this = Value(*v);
  }
  const auto& get() const { return value_; }

 private:
  std::variant<std::monostate, std::int64_t, double, std::string_view, std::span<const std::uint8_t>> value_;
};

/// SQL with `?` parameters. Make each one `static const`: the address is the key of the prepared-statement cache.
struct Statement {
  const char* sql;
};

/// What a commit tells the rest of the program. Make each one `static const` or `inline const`: the address is its identity.
struct Channel {
  const char* name;
};

/// One row of a query; views are valid until the callback returns.
class Row {
 public:
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string_view text(int column) const = 0;
  virtual std::span<const std::uint8_t> blob(int column) const = 0;
  std::optional<std::string> optional_text(int column) const {
    return is_null(column) ? std::nullopt : std::optional<std::string>(text(column));
  }

 protected:
  ~Row() = default;
};

/// A transaction, seen from the inside. Only valid during the callback that got it.
class Session {
 public:
  /// Returns the number of changed rows.
  virtual std::int64_t execute(const Statement& statement, std::initializer_list<Value> parameters = {}) = 0;
  /// Calls `each` for every row until it returns false. (A reference wrapper: no allocation.)
  template <class F>
  void query(const Statement& statement, std::initializer_list<Value> parameters, F&& each) {
    query_rows(statement, parameters, &each, [](void* f, const Row& row) -> bool {
      if constexpr (std::is_void_v<std::invoke_result_t<F&, const Row&>>) {
        (*static_cast<std::remove_reference_t<F>*>(f))(row);
        return true;
      } else {
        return (*static_cast<std::remove_reference_t<F>*>(f))(row);
      }
    });
  }
  /// Key of the last inserted row.
  virtual std::int64_t last_insert_id() = 0;
  /// Tells those who listen to `channel` about `key` once this is durable, and never when it fails. A commit tells each key once,
  /// however many of its transactions name it. (What NOTIFY is to PostgreSQL.)
  virtual void notify(const Channel& channel, std::int64_t key) = 0;

 protected:
  ~Session() = default;
  virtual void query_rows(const Statement& statement, std::initializer_list<Value> parameters, void* context,
                          bool (*each)(void*, const Row&)) = 0;
};

/// One numbered step of the schema. Numbers are global and never reused; a released step never changes. 1-9 belong to the store,
/// 10-19 to the event log, 20-99 to the services.
struct Migration {
  int number;
  const char* name;
  const char* sql;  // may hold several statements
};

/// The steps of several owners, in order of their numbers. Throws kInternal when a number comes twice.
std::vector<Migration> merge_migrations(std::initializer_list<std::span<const Migration>> owners);

/// One database: one file, or memory.
class Database {
 public:
  using KeysFunction = UniqueFunction<void(std::span<const std::int64_t>)>;

  virtual ~Database() = default;

  /// Queues fn for the next group commit and calls done on the executor once its effects are durable, or with the error that
  /// fn threw (then it changed nothing). Concurrent writers share one fsync. fn runs on the writer thread and may run more
  /// than once (a failing neighbour makes the batch start again), so it may only act through the session and on its own
  /// captured results. Order of calls is order of commits. [any-thread]
  virtual void write(UniqueFunction<void(Session&)> fn, UniqueFunction<void(Result<void>)> done) = 0;
  /// Like write, but fn also sees what was not committed yet; for values computed by the transaction capture by pointer.
  Task<void> write(UniqueFunction<void(Session&)> fn);
  /// write with a result: completes with what the run of `fn` returned that was committed.
  template <class T, class F>
  Task<T> write_value(F fn) {
    std::optional<T> value;
    UniqueFunction<void(Session&)> run = [&fn, &value](Session& session) { value.emplace(fn(session)); };
    co_await write(std::move(run));
    co_return std::move(*value);
  }
  /// Runs fn in a read transaction on this thread, on a pooled connection. Sees everything whose write has completed. fn must not
  /// read or write this database but through its session. [any-thread]
  virtual void read(UniqueFunction<void(Session&)> fn) = 0;
  /// Calls `on_commit` on the executor after each commit in which Session::notify named `channel`, with the keys it named, each
  /// once and in order. [lifecycle]
  virtual void listen(const Channel& channel, KeysFunction on_commit) = 0;
  /// Runs every migration that has not run yet, all in one transaction. `migrations` must be complete: a database that has run a
  /// step which is not among them was written by a newer program and is refused (kFailedPrecondition), as is one whose step was
  /// a different one. [lifecycle]
  virtual void migrate(std::span<const Migration> migrations) = 0;
  /// Blocks until all queued writes are durable. [lifecycle]
  virtual void flush() = 0;
  /// Folder for what is too large for rows and rests where they do; not made yet. Empty: the database is in memory. [any-thread]
  virtual std::filesystem::path files_directory() const = 0;
};

/// The databases of one runtime, one for each configured data location. [any-thread]
class Store {
 public:
  virtual ~Store() = default;
  /// The database in which data of this location rests. Locations that share a file share the Database.
  virtual Database& of_location(std::string_view data_location) = 0;
  /// Runtime-wide state: the resource registry. Never holds data of a resource.
  virtual Database& system() = 0;
  /// Every database that holds data of resources; system() is not among them.
  virtual std::span<Database* const> all() = 0;
};

}  // namespace trunkline::store

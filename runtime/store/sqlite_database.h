// Database over SQLite: one writer thread that commits in groups, and a pool of readers.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/store/database.h"
#include "runtime/store/sqlite_connection.h"

namespace trunkline::store {

struct SqliteDatabaseOptions {
  /// Label in metrics and log lines.
  std::string name;
  /// Empty: in memory, with one connection that reads and writes take in turns.
  std::string path;
  /// Writes that wait for a commit; one more is refused with kResourceExhausted.
  std::size_t max_queue = 65536;
  /// Writes that share one commit.
  std::size_t max_batch = 256;
  std::size_t max_readers = 8;
};

/// Every error of a commit reaches exactly the writes that were in it. [any-thread]
class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(SqliteDatabaseOptions options, Log& log, Metrics& metrics, Executor& executor, Clock& clock);
  /// Commits what is queued.
  ~SqliteDatabase() override;

  using Database::write;
  void write(UniqueFunction<void(Session&)> fn, UniqueFunction<void(Result<void>)> done) override;
  void read(UniqueFunction<void(Session&)> fn) override;
  void listen(const Channel& channel, KeysFunction on_commit) override;
  void migrate(std::span<const Migration> migrations) override;
  void flush() override;
  std::filesystem::path files_directory() const override { return in_memory() ? std::string() : options_.path + ".files"; }

 private:
  struct Request {
    UniqueFunction<void(Session&)> fn;
    UniqueFunction<void(Result<void>)> done;
    WorkGuard work;
    std::unique_ptr<Error> error;
    bool on_writer = false;  // done runs on the writer thread
  };
  using Batch = std::vector<Request>;
  struct Queue;
  struct Listeners;
  class ReaderLease;

  bool in_memory() const { return options_.path.empty(); }
  void enqueue(Request request);
  void run_and_wait(UniqueFunction<void(Session&)> fn);
  // The rest runs on the writer thread.
  void run();
  Batch take();
  void commit(Batch& batch, Signals& signals);
  bool run_plainly(Batch& batch, Signals& signals);
  void run_guarded(Batch& batch, Signals& signals);
  void run_one_by_one(Batch& batch, Signals& signals);
  /// False: request has its error.
  bool run_closure(Request& request, SqliteSession& session);
  void commit_transaction();
  void fail_rest(Batch& batch, const Error& error);
  void complete(Batch batch, Signals signals);
  static void finish(Request& request);

  const SqliteDatabaseOptions options_;
  Log& log_;
  Executor& executor_;
  Clock& clock_;
  Counter commits_;
  Counter writes_;
  Counter failed_writes_;
  Histogram batch_size_;
  Gauge queue_length_;

  // The writer thread's alone, or under memory_mutex_ when in memory.
  std::unique_ptr<SqliteConnection> writer_;
  std::mutex memory_mutex_;

  std::mutex readers_mutex_;
  std::condition_variable reader_returned_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_;
  std::size_t readers_ = 0;

  // Completions that run after this object is gone still need these.
  std::shared_ptr<Queue> queue_;
  std::shared_ptr<Listeners> listeners_;
  std::size_t last_batch_ = 0;  // the writer thread's
  std::thread thread_;
};

}  // namespace trunkline::store

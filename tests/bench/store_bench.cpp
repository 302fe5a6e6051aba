// Database::write against what SQLite itself can do: the same rows in prepared inserts, 64 to a transaction, each transaction
// durable. Group commit has to reach at least 80 % of that with many independent writers.
#include <sqlite3.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <latch>
#include <stdexcept>
#include <string>

#include <benchmark/benchmark.h>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/store/sqlite_store.h"

namespace trunkline::store {
namespace {

constexpr int kFloorBatch = 64;
constexpr int kRows = 64 * 200;

// About what an accepted message is.
constexpr const char* kCreate =
    "CREATE TABLE messages (resource_key BIGINT NOT NULL, message_id TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT "
    "NULL, "
    "body TEXT NOT NULL, state INTEGER NOT NULL, created_us BIGINT NOT NULL, PRIMARY KEY (resource_key, message_id)) WITHOUT "
    "ROWID";
constexpr const char* kInsertSql =
    "INSERT INTO messages (resource_key, message_id, sender, recipient, body, state, created_us) VALUES (?, ?, ?, ?, ?, ?, ?)";
constexpr Migration kSchema[] = {{1, "messages", kCreate}};
const Statement kInsert{kInsertSql};
const std::string kSender = "+14255550123", kRecipient = "+14255550199", kBody(120, 'x');

std::string message_id(std::int64_t n) {
  char text[64];
  std::snprintf(text, sizeof text, "Outgoing_20260101%016lldabcdef_noam", static_cast<long long>(n));
  return text;
}

struct Directory {
  Directory() {
    // Beside the build, not in /tmp: that may be memory, where nothing is ever synced.
    std::string name = "store-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path = std::filesystem::absolute(name);
  }
  Directory(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void check(int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE) throw std::runtime_error(sqlite3_errstr(code));
}

/// Rows a second of plain SQLite.
double floor_rate(std::int64_t rows) {
  const Directory directory;
  sqlite3* db = nullptr;
  check(sqlite3_open((directory.path / "floor.db").c_str(), &db));
  check(sqlite3_exec(
      db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000; PRAGMA mmap_size=268435456", nullptr,
      nullptr, nullptr));
  check(sqlite3_exec(db, kCreate, nullptr, nullptr, nullptr));
  sqlite3_stmt* insert = nullptr;
  check(sqlite3_prepare_v2(db, kInsertSql, -1, &insert, nullptr));
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t n = 0; n < rows; ++n) {
    if (n % kFloorBatch == 0) check(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr));
    const std::string id = message_id(n);
    sqlite3_bind_int64(insert, 1, 1);
    sqlite3_bind_text(insert, 2, id.data(), static_cast<int>(id.size()), SQLITE_STATIC);
    sqlite3_bind_text(insert, 3, kSender.data(), static_cast<int>(kSender.size()), SQLITE_STATIC);
    sqlite3_bind_text(insert, 4, kRecipient.data(), static_cast<int>(kRecipient.size()), SQLITE_STATIC);
    sqlite3_bind_text(insert, 5, kBody.data(), static_cast<int>(kBody.size()), SQLITE_STATIC);
    sqlite3_bind_int64(insert, 6, 1);
    sqlite3_bind_int64(insert, 7, n);
    check(sqlite3_step(insert));
    sqlite3_reset(insert);
    if (n % kFloorBatch == kFloorBatch - 1) check(sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr));
  }
  const double rate = static_cast<double>(rows) / seconds_since(start);
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return rate;
}

Task<void> produce(Database* database, std::atomic<std::int64_t>* next, std::int64_t end) {
  for (;;) {
    const std::int64_t n = next->fetch_add(1, std::memory_order_relaxed);
    if (n >= end) co_return;
    const std::string id = message_id(n);
    auto insert = [&id, n](Session& session) { session.execute(kInsert, {1, id, kSender, kRecipient, kBody, 1, n}); };
    co_await database->write(std::move(insert));
  }
}

/// Rows a second of `producers` coroutines, each of which waits for its own write before it begins the next.
double write_rate(std::int64_t rows, int producers) {
  const Directory directory;
  LogOptions quiet;
  quiet.level = LogLevel::kOff;
  Log log(quiet);
  Metrics metrics;
  Executor executor;
  Clock clock(executor, Clock::Mode::kReal);
  StoreOptions options;
  options.directory = directory.path;
  const auto store = make_sqlite_store(std::move(options), log, metrics, executor, clock);
  Database& database = store->of_location("");
  database.migrate(kSchema);
  std::atomic<std::int64_t> next{0};
  std::latch done(producers);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < producers; ++i) {
    executor.post([&] {
      spawn(produce(&database, &next, rows), [&](Result<void> result) {
        if (!result.ok()) std::abort();
        done.count_down();
      });
    });
  }
  done.wait();
  return static_cast<double>(rows) / seconds_since(start);
}

/// Both in one iteration, one after the other: the machine's mood hits both alike.
void BM_GroupCommit(benchmark::State& state) {
  const int producers = static_cast<int>(state.range(0));
  double floor = 0, write = 0;
  for (auto _ : state) {
    floor += floor_rate(kRows);
    write += write_rate(producers == 1 ? kRows / kFloorBatch : kRows, producers);  // one alone pays an fsync for each row
  }
  const auto runs = static_cast<double>(state.iterations());
  state.counters["floor_rows_per_s"] = floor / runs;
  state.counters["write_rows_per_s"] = write / runs;
  state.counters["ratio_to_floor"] = write / floor;
}
BENCHMARK(BM_GroupCommit)
    ->ArgName("producers")
    ->Arg(1)
    ->Arg(64)
    ->Arg(256)
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(5);

}  // namespace
}  // namespace trunkline::store

BENCHMARK_MAIN();

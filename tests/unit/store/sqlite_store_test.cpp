// What belongs to SQLite: files, group commits, damage.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <latch>
#include <set>

#include "runtime/store/sqlite_database.h"
#include "runtime/store/sqlite_error.h"
#include "tests/unit/store/store_fixture.h"

#include <sqlite3.h>

namespace trunkline::store {
namespace {

using ::testing::HasSubstr;

constexpr Migration kSchema[] = {{1, "items", "CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT)"}};
const Statement kInsert{"INSERT INTO items (id, name) VALUES (?, ?)"};
const Statement kIds{"SELECT id FROM items"};

std::set<std::int64_t> ids_of(Database& database) {
  std::set<std::int64_t> ids;
  database.read([&](Session& s) { s.query(kIds, {}, [&](const Row& row) { ids.insert(row.integer(0)); }); });
  return ids;
}

void insert(Database& database, std::int64_t id) {
  sync_wait(database.write([id](Session& s) { s.execute(kInsert, {id, "x"}); }));
}

/// Occupies the writer, queues `count` inserts, lets go and waits for all results.
std::vector<Result<void>> queue_behind_a_write(Database& database, int count) {
  std::latch entered(1), release(1), done(count + 1);
  std::vector<Result<void>> results(static_cast<std::size_t>(count));
  database.write(
      [&](Session&) {
        entered.count_down();
        release.wait();
      },
      [&](Result<void>) { done.count_down(); });
  entered.wait();
  for (int i = 0; i < count; ++i) {
    database.write(
        [i](Session& s) {
          s.execute(kInsert, {i, "x"});
        },
        [&, i](Result<void> result) {
          results[static_cast<std::size_t>(i)] = std::move(result);
          done.count_down();
        });
  }
  release.count_down();
  done.wait();
  return results;
}

TEST(SqliteStore, ConcurrentWritesShareACommit) {
  TempDirectory directory;
  Surroundings surroundings;
  const auto store = surroundings.open_directory(directory.path());
  Database& db = store->of_location("");
  db.migrate(kSchema);
  const double before = surroundings.commits();
  queue_behind_a_write(db, 200);
  EXPECT_EQ(surroundings.commits() - before, 2) << "one for the first write, one for all that waited behind it";
  EXPECT_EQ(ids_of(db).size(), 200u);
}

TEST(SqliteStore, AFailureCostsOneMoreRunOfItsBatchNotACommitForEach) {
  Surroundings surroundings;
  const auto store = surroundings.open_memory();
  Database& db = store->of_location("");
  db.migrate(kSchema);
  insert(db, 50);
  const double before = surroundings.commits();
  const auto results = queue_behind_a_write(db, 100);
  EXPECT_EQ(surroundings.commits() - before, 2);
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].ok(), i != 50) << i;
}

TEST(SqliteStore, AFullQueueRefusesAndSaysThatTryingAgainHelps) {
  Surroundings surroundings;
  StoreOptions options;
  options.memory = true;
  options.max_queue = 3;
  const auto store = surroundings.open(std::move(options));
  Database& db = store->of_location("");
  db.migrate(kSchema);
  const auto results = queue_behind_a_write(db, 5);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(results[i].ok());
  for (std::size_t i = 3; i < 5; ++i) {
    ASSERT_FALSE(results[i].ok());
    EXPECT_EQ(results[i].error().code, ErrorCode::kResourceExhausted);
    EXPECT_TRUE(results[i].error().retryable);
  }
  insert(db, 1000);
}

TEST(SqliteStore, ASwallowedErrorCannotWriteOutsideATransaction) {
  Surroundings surroundings;
  const auto store = surroundings.open_memory();
  Database& db = store->of_location("");
  db.migrate(kSchema);
  static const Statement kRollback{"ROLLBACK"};
  EXPECT_EQ(error_of([&] {
              sync_wait(db.write([](Session& s) {
                s.execute(kInsert, {1, "x"});
                s.execute(kRollback);
              }));
            }).code,
            ErrorCode::kAborted);
  insert(db, 2);
  EXPECT_EQ(ids_of(db), std::set<std::int64_t>{2});
}

TEST(SqliteStore, LocationsRestInTheirOwnFiles) {
  TempDirectory directory;
  Surroundings surroundings;
  StoreOptions options;
  options.directory = directory.path() / "new" / "state";
  options.locations = {
      {"Europe", directory.path() / "eu" / "europe.db"}, {"Germany", directory.path() / "eu" / "europe.db"}, {"Asia", "asia.db"}};
  const auto store = surroundings.open(options);
  Database& europe = store->of_location("europe");
  EXPECT_EQ(&europe, &store->of_location("Germany"));
  EXPECT_EQ(&store->of_location("United States"), &store->of_location("Africa"));
  EXPECT_NE(&europe, &store->of_location("United States"));
  EXPECT_NE(&europe, &store->of_location("Asia"));
  EXPECT_EQ(store->all().size(), 3u);
  for (Database* db : store->all()) {
    EXPECT_NE(db, &store->system());
    db->migrate(kSchema);
  }
  insert(europe, 1);
  insert(store->of_location("United States"), 2);
  EXPECT_EQ(ids_of(europe), std::set<std::int64_t>{1});
  EXPECT_EQ(ids_of(store->of_location("United States")), std::set<std::int64_t>{2});
  for (const char* file : {"new/state/system.db", "new/state/data.db", "new/state/asia.db", "eu/europe.db"}) {
    struct stat info {};
    ASSERT_EQ(::stat((directory.path() / file).c_str(), &info), 0) << file;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << file;
  }
}

TEST(SqliteStore, BadLocationsAreRefused) {
  TempDirectory directory;
  Surroundings surroundings;
  StoreOptions options;
  EXPECT_EQ(error_of([&] { surroundings.open(options); }).target, "store.directory");
  options.directory = directory.path();
  options.locations = {{"Europe", "system.db"}};
  EXPECT_EQ(error_of([&] { surroundings.open(options); }).target, "store.locations.Europe");
  options.locations = {{"Europe", "a.db"}, {"europe", "b.db"}};
  EXPECT_EQ(error_of([&] { surroundings.open(options); }).code, ErrorCode::kInvalidArgument);
}

TEST(SqliteStore, MemoryTouchesNoFile) {
  TempDirectory directory;
  Surroundings surroundings;
  StoreOptions options;
  options.memory = true;
  options.directory = directory.path();
  options.locations = {{"Europe", "eu.db"}};
  const auto store = surroundings.open(options);
  for (Database* db : store->all()) db->migrate(kSchema);
  insert(store->of_location("Europe"), 1);
  EXPECT_TRUE(ids_of(store->of_location("Asia")).empty());
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(SqliteStore, OneRuntimeAtATime) {
  TempDirectory directory;
  Surroundings surroundings;
  auto store = surroundings.open_directory(directory.path());
  const Error error = error_of([&] { surroundings.open_directory(directory.path()); });
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(error.message, HasSubstr("in use"));
  store.reset();
  EXPECT_NE(surroundings.open_directory(directory.path()), nullptr);
}

TEST(SqliteStore, ADamagedFileIsDataLoss) {
  TempDirectory directory;
  Surroundings surroundings;
  std::ofstream(directory.path() / "data.db") << std::string(4096, 'x');
  const Error error = error_of([&] { surroundings.open_directory(directory.path()); });
  EXPECT_EQ(error.code, ErrorCode::kDataLoss);
  EXPECT_THAT(error.target, HasSubstr("data.db"));
}

TEST(SqliteStore, AFileOfAnotherProgramIsLeftAlone) {
  TempDirectory directory;
  const std::string path = (directory.path() / "data.db").string();
  sqlite3* foreign = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &foreign), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(foreign, "CREATE TABLE theirs (id)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(foreign);
  Surroundings surroundings;
  const Error error = error_of([&] { surroundings.open_directory(directory.path()); });
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(error.message, HasSubstr("another program"));
}

TEST(SqliteStore, AFullDiskFailsTheWriteAndNotTheNext) {
  Surroundings surroundings;
  const auto store = surroundings.open_memory();
  Database& db = store->of_location("");
  db.migrate(kSchema);
  static const Statement kLimit{"PRAGMA max_page_count = 10"};
  static const Statement kNoLimit{"PRAGMA max_page_count = 100000"};
  sync_wait(db.write([](Session& s) { s.execute(kLimit); }));
  const std::string big(200'000, 'x');
  EXPECT_EQ(error_of([&] { sync_wait(db.write([&](Session& s) {
                             s.execute(kInsert, {1, big});
                           })); }).code,
            ErrorCode::kResourceExhausted);
  sync_wait(db.write([](Session& s) { s.execute(kNoLimit); }));
  insert(db, 2);
  EXPECT_EQ(ids_of(db), std::set<std::int64_t>{2});
}

TEST(SqliteError, MapsCodes) {
  EXPECT_EQ(sqlite_error(SQLITE_FULL, "", "").code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(sqlite_error(SQLITE_IOERR_WRITE, "", "", ENOSPC).code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(sqlite_error(SQLITE_IOERR_FSYNC, "", "").code, ErrorCode::kUnavailable);
  EXPECT_EQ(sqlite_error(SQLITE_CORRUPT_VTAB, "", "").code, ErrorCode::kDataLoss);
  EXPECT_EQ(sqlite_error(SQLITE_NOTADB, "", "").code, ErrorCode::kDataLoss);
  EXPECT_TRUE(sqlite_error(SQLITE_BUSY, "", "").retryable);
  const Error unique = sqlite_error(SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: a.b, a.c", "");
  EXPECT_EQ(unique.code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(unique.target, "a.b, a.c");
}

// The child writes with many writes under way and reports each id only once its write has completed; then it is shot.
TEST(SqliteStore, NothingAcknowledgedIsLostToKillMinusNine) {
  TempDirectory directory;
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(pipe_ends[0]);
    Surroundings surroundings;
    const auto store = surroundings.open_directory(directory.path());
    Database& db = store->of_location("");
    db.migrate(kSchema);
    for (std::int64_t id = 0;; ++id) {
      while (surroundings.executor.work().count() > 64) std::this_thread::yield();
      db.write(
          [id](Session& s) {
            s.execute(kInsert, {id, "x"});
          },
          [id, out = pipe_ends[1]](Result<void> result) {
            if (!result.ok() || ::write(out, &id, sizeof id) != sizeof id) ::_exit(1);
          });
    }
  }
  ::close(pipe_ends[1]);
  std::set<std::int64_t> acknowledged;
  std::int64_t id = 0;
  while (acknowledged.size() < 1000 && ::read(pipe_ends[0], &id, sizeof id) == sizeof id) acknowledged.insert(id);
  ::kill(child, SIGKILL);
  while (::read(pipe_ends[0], &id, sizeof id) == sizeof id) acknowledged.insert(id);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(pipe_ends[0]);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_GE(acknowledged.size(), 1000u);

  Surroundings surroundings;
  const auto store = surroundings.open_directory(directory.path());
  const std::set<std::int64_t> stored = ids_of(store->of_location(""));
  for (const std::int64_t wanted : acknowledged) ASSERT_TRUE(stored.contains(wanted)) << wanted;
}

}  // namespace
}  // namespace trunkline::store

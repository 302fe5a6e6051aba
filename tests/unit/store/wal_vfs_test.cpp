// The log as its readers find it, and in how many writes it gets there.
#include "runtime/store/wal_vfs.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <string>

#include "tests/unit/store/store_fixture.h"

namespace trunkline::store {
namespace {

class Connection {
 public:
  Connection(const std::filesystem::path& path, const char* vfs) {
    if (sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(handle_));
  }
  Connection(const Connection&) = delete;
  ~Connection() { sqlite3_close(handle_); }

  /// The first column of the last row.
  std::string run(const std::string& sql) {
    std::string value;
    const auto keep = [](void* into, int count, char** columns, char**) {
      if (count > 0 && columns[0]) *static_cast<std::string*>(into) = columns[0];
      return 0;
    };
    if (sqlite3_exec(handle_, sql.c_str(), keep, &value, nullptr) != SQLITE_OK)
      throw std::runtime_error(sql + ": " + sqlite3_errmsg(handle_));
    return value;
  }

 private:
  sqlite3* handle_ = nullptr;
};

class WalVfs : public ::testing::Test {
 protected:
  void SetUp() override {
    EXPECT_EQ(writer.run("PRAGMA journal_mode = WAL"), "wal");
    writer.run("PRAGMA synchronous = FULL; CREATE TABLE items (id INTEGER PRIMARY KEY, bytes BLOB)");
  }

  TempDirectory directory;
  std::filesystem::path path = directory.path() / "items.db";
  Connection writer{path, gathering_vfs()};
};

/// System calls that wrote, of this process so far.
long writes_so_far() {
  std::ifstream file("/proc/self/io");
  for (std::string name; file >> name;) {
    long value = 0;
    file >> value;
    if (name == "syscw:") return value;
  }
  throw std::runtime_error("/proc/self/io has no syscw");
}

TEST_F(WalVfs, EveryCommitIsWholeForAReaderThatKnowsNothingOfIt) {
  Connection reader(path, nullptr);
  // Sizes around those at which a commit is written in parts.
  for (const int bytes : {1, 5'000, 100'000, 131'000, 131'072, 140'000, 300'000, 1'000'000}) {
    writer.run("INSERT INTO items (bytes) VALUES (randomblob(" + std::to_string(bytes) + "))");
    EXPECT_EQ(reader.run("SELECT length(bytes) FROM items ORDER BY id DESC LIMIT 1"), std::to_string(bytes));
  }
  EXPECT_EQ(reader.run("PRAGMA integrity_check"), "ok");
}

TEST_F(WalVfs, ATransactionReadsWhatItHasMovedToTheLog) {
  writer.run("PRAGMA cache_size = 10; BEGIN");
  for (int i = 0; i < 100; ++i) writer.run("INSERT INTO items (bytes) VALUES (zeroblob(9000))");
  writer.run("UPDATE items SET bytes = randomblob(9000) WHERE id % 3 = 0");
  EXPECT_EQ(writer.run("SELECT sum(length(bytes)) FROM items"), "900000");
  writer.run("ROLLBACK");
  EXPECT_EQ(writer.run("SELECT count(*) FROM items"), "0");
  writer.run("BEGIN");
  for (int i = 0; i < 100; ++i) writer.run("INSERT INTO items (bytes) VALUES (randomblob(9000))");
  writer.run("DELETE FROM items WHERE id % 2 = 0; COMMIT");
  Connection reader(path, nullptr);
  EXPECT_EQ(reader.run("SELECT count(*) FROM items"), "50");
  EXPECT_EQ(reader.run("PRAGMA integrity_check"), "ok");
}

TEST_F(WalVfs, ACheckpointAndALogThatBeginsAgainLoseNothing) {
  Connection reader(path, nullptr);
  for (int round = 1; round <= 5; ++round) {
    writer.run("INSERT INTO items (bytes) VALUES (randomblob(60000))");
    writer.run("PRAGMA wal_checkpoint(TRUNCATE)");
    writer.run("INSERT INTO items (bytes) VALUES (randomblob(10))");
    EXPECT_EQ(reader.run("SELECT count(*) FROM items"), std::to_string(2 * round));
  }
  EXPECT_EQ(reader.run("PRAGMA integrity_check"), "ok");
}

TEST_F(WalVfs, ACommitOfManyPagesIsAFewWrites) {
  writer.run("INSERT INTO items (bytes) VALUES (randomblob(100000))");
  const long before = writes_so_far();
  writer.run("INSERT INTO items (bytes) VALUES (randomblob(100000))");  // 25 pages
  EXPECT_LE(writes_so_far() - before, 5);
}

}  // namespace
}  // namespace trunkline::store

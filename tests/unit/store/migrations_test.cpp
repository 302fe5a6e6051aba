#include <gmock/gmock.h>

#include <map>

#include "tests/unit/store/store_fixture.h"

namespace trunkline::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Migration kFirst{1, "first", "CREATE TABLE a (id BIGINT); CREATE TABLE b (id BIGINT);"};
constexpr Migration kSecond{12, "second", "ALTER TABLE a ADD COLUMN name TEXT"};
constexpr Migration kBroken{13, "broken", "CREATE TABLE c (id BIGINT); CREATE TABLE a (id BIGINT);"};

const Statement kTables{"SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"};
const Statement kRan{"SELECT number, applied_unix_us FROM schema_migrations"};

class MigrationsTest : public ::testing::Test {
 protected:
  void reopen() {
    store_.reset();
    store_ = surroundings_.open_directory(directory_.path());
  }
  Database& db() { return store_->of_location(""); }
  void migrate(const std::vector<Migration>& steps) { db().migrate(steps); }
  std::vector<std::string> tables() {
    std::vector<std::string> names;
    db().read([&](Session& s) { s.query(kTables, {}, [&](const Row& row) { names.emplace_back(row.text(0)); }); });
    return names;
  }
  std::map<std::int64_t, std::int64_t> ran() {
    std::map<std::int64_t, std::int64_t> all;
    db().read([&](Session& s) { s.query(kRan, {}, [&](const Row& row) { all[row.integer(0)] = row.integer(1); }); });
    return all;
  }

  TempDirectory directory_;
  Surroundings surroundings_;
  std::unique_ptr<Store> store_ = surroundings_.open_directory(directory_.path());
};

TEST_F(MigrationsTest, RunEachStepOnce) {
  const std::int64_t first_time = surroundings_.clock.now_unix_us();
  migrate({kFirst});
  surroundings_.clock.advance(std::chrono::hours{1});
  reopen();
  migrate({kFirst, kSecond});
  migrate({kFirst, kSecond});
  EXPECT_THAT(tables(), ElementsAre("a", "b", "schema_migrations"));
  EXPECT_THAT(ran(), ElementsAre(std::pair{1, first_time}, std::pair{12, first_time + 3600'000'000}));
}

TEST_F(MigrationsTest, AStepAddedBelowTheHighestStillRuns) {
  migrate({kFirst, kSecond});
  migrate({kFirst, {2, "between", "CREATE TABLE d (id BIGINT)"}, kSecond});
  EXPECT_THAT(tables(), ElementsAre("a", "b", "d", "schema_migrations"));
}

TEST_F(MigrationsTest, AFailureUndoesAllSteps) {
  const Error error = error_of([&] { migrate({kFirst, kBroken}); });
  EXPECT_THAT(error.message, HasSubstr("migration 13 (broken) failed"));
  EXPECT_THAT(tables(), ElementsAre());
  migrate({kFirst});
  EXPECT_THAT(tables(), ElementsAre("a", "b", "schema_migrations"));
}

TEST_F(MigrationsTest, ADatabaseOfANewerProgramIsRefused) {
  migrate({kFirst, kSecond});
  reopen();
  const Error error = error_of([&] { migrate({kFirst}); });
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(error.message, HasSubstr("newer program"));
  EXPECT_THAT(error.message, HasSubstr("migration 12 (second)"));
}

TEST_F(MigrationsTest, AStepThatWasEditedIsRefused) {
  migrate({kFirst});
  reopen();
  const Error error = error_of([&] { migrate({{1, "first", "CREATE TABLE a (id BIGINT)"}}); });
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(error.message, HasSubstr("migration 1 (first)"));
  EXPECT_THAT(error.message, HasSubstr("checksum"));
}

TEST_F(MigrationsTest, NumbersMustRise) {
  EXPECT_EQ(error_of([&] { migrate({kSecond, kFirst}); }).code, ErrorCode::kInternal);
  EXPECT_EQ(error_of([&] { migrate({kFirst, kFirst}); }).code, ErrorCode::kInternal);
}

TEST(MergeMigrations, SortsTheStepsOfSeveralOwnersAndFindsANumberUsedTwice) {
  const Migration one[] = {kSecond};
  const Migration two[] = {kFirst};
  const auto merged = merge_migrations({one, two});
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[0].number, 1);
  EXPECT_EQ(merged[1].number, 12);
  EXPECT_EQ(error_of([&] { merge_migrations({one, one}); }).code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace trunkline::store

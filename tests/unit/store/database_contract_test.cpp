// What every Database does, whatever is behind it. A new implementation joins by adding itself to backends().
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <thread>

#include "tests/unit/store/store_fixture.h"

namespace trunkline::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Migration kSchema[] = {{1, "items", R"sql(
CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT, weight DOUBLE PRECISION, CHECK (id >= 0));
CREATE TABLE parts (id BIGINT PRIMARY KEY, item BIGINT NOT NULL REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED);
)sql"}};

const Statement kInsert{"INSERT INTO items (id, name, weight) VALUES (?, ?, ?)"};
const Statement kInsertPart{"INSERT INTO parts (id, item) VALUES (?, ?)"};
const Statement kIds{"SELECT id FROM items ORDER BY id"};
const Statement kRow{"SELECT id, name, weight FROM items WHERE id = ?"};
const Statement kRename{"UPDATE items SET name = ?"};

const Channel kChannel{"trunkline_test"};

struct Backend {
  const char* name;
  std::function<std::unique_ptr<Store>(Surroundings&, const TempDirectory&)> open;
};

std::vector<Backend> backends() {
  return {{"SqliteMemory", [](Surroundings& s, const TempDirectory&) { return s.open_memory(); }},
          {"SqliteFile", [](Surroundings& s, const TempDirectory& d) { return s.open_directory(d.path()); }}};
}

class DatabaseContract : public ::testing::TestWithParam<Backend> {
 protected:
  DatabaseContract() { db().migrate(kSchema); }

  Database& db() { return store_->of_location("anywhere"); }
  void insert(std::int64_t id) {
    sync_wait(db().write([id](Session& s) { s.execute(kInsert, {id, "x", nullptr}); }));
  }
  std::vector<std::int64_t> ids() {
    std::vector<std::int64_t> all;
    db().read([&](Session& s) { s.query(kIds, {}, [&](const Row& row) { all.push_back(row.integer(0)); }); });
    return all;
  }

  TempDirectory directory_;
  Surroundings surroundings_;
  std::unique_ptr<Store> store_ = GetParam().open(surroundings_, directory_);
};

/// Keeps the writer busy, so that what is queued meanwhile shares the next commit.
class Hold {
 public:
  explicit Hold(Database& database) {
    database.write(
        [this](Session&) {
          if (!held_.exchange(true)) entered_.count_down();
          released_.wait();
        },
        [this](Result<void>) { done_.count_down(); });
    entered_.wait();
  }
  ~Hold() { release(); }
  void release() {
    if (std::exchange(is_released_, true)) return;
    released_.count_down();
    done_.wait();
  }

 private:
  std::atomic<bool> held_{false};
  bool is_released_ = false;
  std::latch entered_{1}, released_{1}, done_{1};
};

TEST_P(DatabaseContract, ReadsWhatAWriteHasStored) {
  sync_wait(db().write([](Session& s) {
    EXPECT_EQ(s.execute(kInsert, {7, std::string("caf\xc3\xa9"), 1.5}), 1);
    s.execute(kInsert, {8, nullptr, std::optional<double>{}});
    s.execute(kInsert, {9, std::string_view{}, 0.0});
  }));
  db().read([](Session& s) {
    int rows = 0;
    s.query(kRow, {7}, [&](const Row& row) {
      ++rows;
      EXPECT_EQ(row.integer(0), 7);
      EXPECT_EQ(row.text(1), "caf\xc3\xa9");
      EXPECT_EQ(row.real(2), 1.5);
    });
    s.query(kRow, {8}, [&](const Row& row) {
      ++rows;
      EXPECT_TRUE(row.is_null(1));
      EXPECT_TRUE(row.is_null(2));
      EXPECT_EQ(row.optional_text(1), std::nullopt);
    });
    s.query(kRow, {9}, [&](const Row& row) {
      ++rows;
      EXPECT_FALSE(row.is_null(1)) << "empty text is not NULL";
    });
    EXPECT_EQ(rows, 3);
  });
}

TEST_P(DatabaseContract, AWriteSeesItsOwnChangesAndReturnsAValue) {
  auto count = [](Session& s) {
    s.execute(kInsert, {1, "a", 0.0});
    s.execute(kInsert, {2, "b", 0.0});
    return s.execute(kRename, {"c"});
  };
  EXPECT_EQ(sync_wait(db().write_value<std::int64_t>(count)), 2);
}

TEST_P(DatabaseContract, AQueryEndsWhenItsCallbackSaysSoAndMayRunInsideItself) {
  for (int i = 1; i <= 3; ++i) insert(i);
  std::vector<std::int64_t> seen;
  db().read([&](Session& s) {
    s.query(kIds, {}, [&](const Row& outer) {
      s.query(kIds, {}, [&](const Row& inner) { seen.push_back(outer.integer(0) * 10 + inner.integer(0)); });
      return outer.integer(0) < 2;
    });
  });
  EXPECT_THAT(seen, ElementsAre(11, 12, 13, 21, 22, 23));
}

TEST_P(DatabaseContract, AWriteThatThrowsChangesNothing) {
  const Error error = error_of([&] {
    sync_wait(db().write([](Session& s) {
      s.execute(kInsert, {1, "a", 0.0});
      throw Error(ErrorCode::kNotFound, "no such thing", "id");
    }));
  });
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(error.target, "id");
  EXPECT_THAT(ids(), ElementsAre());
}

TEST_P(DatabaseContract, ConstraintsAreNamed) {
  insert(1);
  const Error twice = error_of([&] { insert(1); });
  EXPECT_EQ(twice.code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(twice.target, HasSubstr("items"));
  const Error check = error_of([&] { insert(-1); });
  EXPECT_EQ(check.code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(check.target.empty());
}

TEST_P(DatabaseContract, AFailingWriteLeavesItsNeighboursAlone) {
  std::vector<Result<void>> results(6);
  std::latch done(6);
  {
    Hold hold(db());
    for (int i = 0; i < 6; ++i) {
      db().write(
          [i](Session& s) {
            s.execute(kInsert, {i, "x", 0.0});
            if (i == 1 || i == 4) throw Error(ErrorCode::kAborted, "number " + std::to_string(i));
          },
          [&, i](Result<void> result) {
            results[static_cast<std::size_t>(i)] = std::move(result);
            done.count_down();
          });
    }
  }
  done.wait();
  EXPECT_THAT(ids(), ElementsAre(0, 2, 3, 5));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(results[i].ok(), i != 1 && i != 4) << i;
  EXPECT_EQ(results[1].error().message, "number 1");
  EXPECT_EQ(results[4].error().message, "number 4");
}

TEST_P(DatabaseContract, AConstraintCheckedAtTheEndHitsOnlyTheWriteThatBreaksIt) {
  std::vector<Result<void>> results(3);
  std::latch done(3);
  {
    Hold hold(db());
    for (int i = 0; i < 3; ++i) {
      db().write(
          [i](Session& s) {
            s.execute(kInsert, {i, "x", 0.0});
            s.execute(kInsertPart, {i, i == 1 ? 99 : i});
          },
          [&, i](Result<void> result) {
            results[static_cast<std::size_t>(i)] = std::move(result);
            done.count_down();
          });
    }
  }
  done.wait();
  EXPECT_TRUE(results[0].ok());
  ASSERT_FALSE(results[1].ok());
  EXPECT_EQ(results[1].error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(results[2].ok());
  EXPECT_THAT(ids(), ElementsAre(0, 2));
}

TEST_P(DatabaseContract, CommitsKeepTheOrderOfCalls) {
  std::vector<int> order;  // touched by the writer alone
  std::latch done(100);
  for (int i = 0; i < 100; ++i)
    db().write([&order, i](Session&) { order.push_back(i); }, [&](Result<void>) { done.count_down(); });
  done.wait();
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(order.size(), 100u);
}

TEST_P(DatabaseContract, ManyThreadsWriteAndReadTheirOwnWrites) {
  constexpr int kThreads = 4, kWrites = 50;
  std::vector<std::thread> threads;
  std::atomic<int> unseen{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kWrites; ++i) {
        const std::int64_t id = t * 1000 + i;
        insert(id);
        bool seen = false;
        db().read([&](Session& s) { s.query(kRow, {id}, [&](const Row&) { seen = true; }); });
        if (!seen) ++unseen;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(unseen, 0);
  EXPECT_EQ(ids().size(), std::size_t{kThreads * kWrites});
}

TEST_P(DatabaseContract, AReadCannotWriteNorNest) {
  EXPECT_EQ(error_of([&] { db().read([](Session& s) {
                             s.execute(kInsert, {1, "a", 0.0});
                           }); }).code,
            ErrorCode::kFailedPrecondition);
  EXPECT_EQ(error_of([&] { db().read([&](Session&) { db().read([](Session&) {}); }); }).code, ErrorCode::kInternal);
  EXPECT_EQ(error_of([&] { sync_wait(db().write([&](Session&) { db().read([](Session&) {}); })); }).code, ErrorCode::kInternal);
  insert(1);
  EXPECT_THAT(ids(), ElementsAre(1));
}

TEST_P(DatabaseContract, TheNumberOfParametersIsChecked) {
  const Error error = error_of([&] { db().read([](Session& s) { s.query(kRow, {}, [](const Row&) {}); }); });
  EXPECT_EQ(error.code, ErrorCode::kInternal);
  EXPECT_THAT(error.message, HasSubstr("takes 1 parameters, not 0"));
}

TEST_P(DatabaseContract, AnErrorOfTheStatementGivesItsText) {
  static const Statement kBad{"SELECT nothing FROM nowhere"};
  const Error error = error_of([&] { db().read([](Session& s) { s.query(kBad, {}, [](const Row&) {}); }); });
  EXPECT_EQ(error.code, ErrorCode::kInternal);
  EXPECT_EQ(error.details.at("sql"), kBad.sql);
}

TEST_P(DatabaseContract, ACommitTellsEachKeyOnceAndAFailureTellsNone) {
  std::mutex mutex;
  std::vector<std::int64_t> told;
  db().listen(kChannel, [&](std::span<const std::int64_t> keys) {
    const std::lock_guard lock(mutex);
    told.insert(told.end(), keys.begin(), keys.end());
  });
  {
    Hold hold(db());
    for (int i = 0; i < 8; ++i) {
      db().write(
          [i](Session& s) {
            s.notify(kChannel, i % 2 == 0 ? 20 : 10);
            if (i == 7) {
              s.notify(kChannel, 30);
              throw Error(ErrorCode::kAborted, "no");
            }
          },
          [](Result<void>) {});
    }
  }
  db().flush();
  surroundings_.executor.work().wait_idle();
  const std::lock_guard lock(mutex);
  EXPECT_THAT(told, ElementsAre(10, 20));
}

TEST_P(DatabaseContract, WritesCountAsWorkUntilTheyAreDone) {
  Hold hold(db());
  bool finished = false;
  db().write([](Session& s) { s.execute(kInsert, {1, "a", 0.0}); }, [&](Result<void>) { finished = true; });
  EXPECT_GE(surroundings_.executor.work().count(), 2u);
  hold.release();
  surroundings_.executor.work().wait_idle();
  EXPECT_TRUE(finished);
}

TEST_P(DatabaseContract, FlushWaitsForWhatIsQueued) {
  for (int i = 0; i < 20; ++i) db().write([i](Session& s) { s.execute(kInsert, {i, "x", 0.0}); }, [](Result<void>) {});
  db().flush();
  EXPECT_EQ(ids().size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(Backends, DatabaseContract, ::testing::ValuesIn(backends()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace trunkline::store

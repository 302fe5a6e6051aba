// Notes on a provider's storage, and what they say after a crash.
#include "trunkline/custody.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

#include "trunkline/host_provider.hpp"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FakeClock final : public host::Clock {
 public:
  Time now(const Call&) override { return Time(Duration(time.load())); }
  std::atomic<std::int64_t> time{std::chrono::nanoseconds(24h * 365 * 50).count()};
  void pass(Duration by) { time += by.count(); }
};

/// Keeps what is put; while `held`, puts do not complete.
class FakeStore final : public host::Store {
 public:
  Task<Bytes> get(Call, std::string key) override { co_return rows.at(key); }
  void start_put(const Call&, std::string_view key, BytesView value, Completion<void> done) override {
    const std::lock_guard lock(mutex);
    ++puts;
    if (broken) return done.reject(Error(ErrorCode::kUnavailable, "the disk is full"));
    rows[std::string(key)] = Bytes(value.data(), value.data() + value.size());
    if (held)
      waiting.push_back(std::move(done));
    else
      done.resolve();
  }
  Task<void> remove(Call, std::string key) override {
    const std::lock_guard lock(mutex);
    rows.erase(key);
    co_return;
  }
  Task<std::vector<host::StoreEntry>> list(Call, std::string prefix, std::int32_t limit) override {
    std::vector<host::StoreEntry> found;
    const std::lock_guard lock(mutex);
    for (auto at = rows.lower_bound(prefix); at != rows.end() && at->first.starts_with(prefix); ++at) {
      if (found.size() == static_cast<std::size_t>(limit)) break;
      found.push_back({at->first, at->second});
    }
    co_return found;
  }
  void release() {
    std::vector<Completion<void>> some;
    {
      const std::lock_guard lock(mutex);
      held = false;
      some.swap(waiting);
    }
    for (Completion<void>& one : some) one.resolve();
  }

  std::mutex mutex;
  std::map<std::string, Bytes> rows;
  std::vector<Completion<void>> waiting;
  int puts = 0;
  bool held = false;
  bool broken = false;
};

class CustodyTest : public ::testing::Test {
 protected:
  host::StoreClient store() { return {host::iface_of(&store_), calls_}; }
  host::ClockClient clock() { return {host::iface_of(&clock_), calls_}; }
  /// A book as the next process has it.
  std::unique_ptr<CustodyBook> open(Duration keep = 1h) {
    auto book = std::make_unique<CustodyBook>(store(), clock(), keep);
    sync_wait(book->ready());
    return book;
  }

  FakeClock clock_;
  FakeStore store_;
  CallTable calls_{"test"};  // goes first
};

TEST_F(CustodyTest, JournalKeepsTheOrder) {
  {
    Journal journal(store(), clock(), 1h);
    EXPECT_THAT(sync_wait(journal.load()), IsEmpty());
    sync_wait([](Journal& j) -> Task<void> { co_await j.note("a"); }(journal));
    journal.note_later("b\nwith a line");
    clock_.pass(1s);
    sync_wait([](Journal& j) -> Task<void> { co_await j.note("c"); }(journal));
  }
  Journal next(store(), clock(), 1h);
  EXPECT_THAT(sync_wait(next.load()), ElementsAre("a", "b with a line", "c"));
}

TEST_F(CustodyTest, ManyNotesAreOneWrite) {
  Journal journal(store(), clock(), 1h);
  sync_wait(journal.load());
  const int before = store_.puts;
  store_.held = true;
  std::atomic<int> done{0};
  for (int i = 0; i < 100; ++i)
    spawn([](Journal& j) -> Task<void> { co_await j.note("note"); }(journal), [&](Result<void>) { ++done; });
  EXPECT_EQ(done, 0);
  EXPECT_EQ(store_.puts, before + 1);
  store_.release();
  EXPECT_EQ(done, 100);
  EXPECT_EQ(store_.puts, before + 2) << "the first alone, then the rest";
}

TEST_F(CustodyTest, OldRowsGoAndTheNewestStays) {
  Journal journal(store(), clock(), 1min);
  sync_wait(journal.load());
  for (int i = 0; i < 10; ++i) {
    clock_.pass(10s);
    journal.note_later("note " + std::to_string(i));
  }
  clock_.pass(1h);
  const Time now = clock().now();
  journal.note_later("last");
  EXPECT_THAT(store_.rows, SizeIs(1));
  EXPECT_EQ(journal.complete_since(), now);
}

TEST_F(CustodyTest, AListingLongerThanAPageIsReadWhole) {
  {
    Journal journal(store(), clock(), 24h);
    sync_wait(journal.load());
    for (int i = 0; i < 2500; ++i) {
      clock_.pass(1ms);
      journal.note_later(std::to_string(i));
    }
  }
  ASSERT_GT(store_.rows.size(), 2000u);
  Journal next(store(), clock(), 24h);
  const auto notes = sync_wait(next.load());
  ASSERT_THAT(notes, SizeIs(2500));
  EXPECT_EQ(notes.front(), "0");
  EXPECT_EQ(notes.back(), "2499");
}

TEST_F(CustodyTest, TheNextProcessKnows) {
  const Time before = clock().now() - 1s;
  {
    const auto book = open();
    sync_wait(book->hand_over({"lost", "taken", "refused"}));
    book->answered("taken", Custody::kTaken, "c1");
    book->answered("refused", Custody::kRefused, "");
    sync_wait(book->flush());
  }
  clock_.pass(1min);
  const auto book = open();
  EXPECT_EQ(book->find("lost")->custody, Custody::kHanded);
  EXPECT_EQ(book->find("taken")->custody, Custody::kTaken);
  EXPECT_EQ(book->find("taken")->carrier_id, "c1");
  EXPECT_EQ(book->find("refused")->custody, Custody::kRefused);
  EXPECT_EQ(book->key_of("c1"), "taken");
  EXPECT_EQ(book->key_of("c2"), "");
  EXPECT_FALSE(book->find("never"));
  EXPECT_TRUE(book->would_know(clock().now() - 30s));
  EXPECT_FALSE(book->would_know(before)) << "there were no notes then";
}

TEST_F(CustodyTest, WhatCannotBeNotedIsNotHandedOver) {
  const auto book = open();
  store_.broken = true;
  try {
    sync_wait(book->hand_over({"m"}));
    ADD_FAILURE() << "it was";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_TRUE(error.retryable);
  }
  EXPECT_EQ(book->find("m")->custody, Custody::kRefused);
}

TEST_F(CustodyTest, OfTooManyTheOldestAreForgottenAndNobodyVouchesForThem) {
  const auto book = open();
  clock_.pass(1s);
  const Time first = clock().now();
  book->answered("first", Custody::kTaken, "c-first");
  clock_.pass(1s);
  for (std::size_t i = 0; i < CustodyBook::kMaxEntries; ++i) book->answered("k" + std::to_string(i), Custody::kTaken, "");
  EXPECT_FALSE(book->find("first"));
  EXPECT_EQ(book->key_of("c-first"), "");
  EXPECT_FALSE(book->would_know(first));
  clock_.pass(1s);
  EXPECT_TRUE(book->would_know(clock().now()));
}

}  // namespace
}  // namespace trunkline

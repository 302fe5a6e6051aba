// Snapshots and restores, keys and settings, and what a restart finds.
#include <gmock/gmock.h>

#include <filesystem>

#include "runtime/services/number_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class Copies : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config(kSandbox)); }
  ResourceService& resources() { return runtime_->resources(); }
  std::string send_one() {
    const std::string id = *send(submission({kPhone}))[0].message_id;
    advance(1s);
    return id;
  }
  std::size_t messages() { return runtime_->sms().list(*resource_, 100, std::nullopt).items.size(); }
  void restore(const std::string& snapshot) { resource_ = sync_wait(resources().restore("world", snapshot)); }
  template <class F>
  static ErrorCode code_of(F f) {
    try {
      f();
    } catch (const Error& error) {
      return error.code;
    }
    return ErrorCode::kUnknown;
  }
};

TEST_F(Copies, RestoreBringsBackWhatTheSnapshotHeld) {
  const std::string before = send_one();
  sync_wait(resources().snapshot("world", "clean"));
  const std::string after = send_one();
  sync_wait(runtime_->numbers().release(resource_, "+14255550101"));
  const std::string id = resource_->id, key = resource_->primary_key.reveal().data();
  ASSERT_EQ(messages(), 2u);

  restore("clean");
  EXPECT_EQ(resource_->id, id);
  EXPECT_EQ(resource_->primary_key.reveal(), key);
  EXPECT_EQ(messages(), 1u);
  EXPECT_EQ(record(before).state, sms::MessageState::kDelivered);
  EXPECT_EQ(code_of([&] { record(after); }), ErrorCode::kNotFound);
  EXPECT_EQ(events().size(), 1u);
  EXPECT_TRUE(runtime_->numbers().find(*resource_, "+14255550101")) << "the cache follows";
  send_one();
  EXPECT_EQ(events().size(), 2u);
}

TEST_F(Copies, ASnapshotCanBeRestoredAgainAndAgain) {
  sync_wait(resources().snapshot("world", "clean"));
  for (int i = 0; i < 3; ++i) {
    send_one();
    EXPECT_EQ(messages(), 1u);
    restore("clean");
    EXPECT_EQ(messages(), 0u);
    EXPECT_EQ(resource_->generation, static_cast<std::uint64_t>(i + 1));
  }
}

TEST_F(Copies, SubscriptionsEndWithARestoreAndNewOnesSeeWhatFollows) {
  sync_wait(resources().snapshot("world", "clean"));
  const auto old = runtime_->events().subscribe(*resource_->database, resource_->key, {});
  restore("clean");
  settle();
  EXPECT_TRUE(old->closed());
  const auto fresh = runtime_->events().subscribe(*resource_->database, resource_->key, {});
  send_one();
  EXPECT_EQ(sync_wait(fresh->next(10)).size(), 1u);
}

TEST_F(Copies, NamesOfSnapshotsAreCheckedAndListed) {
  sync_wait(resources().snapshot("world", "one"));
  sync_wait(resources().snapshot("world", "two"));
  std::vector<std::string> names;
  for (const auto& snapshot : resources().snapshots(*resource_)) names.push_back(snapshot.name);
  EXPECT_THAT(names, ElementsAre("one", "two"));
  EXPECT_EQ(code_of([&] { sync_wait(resources().snapshot("world", "ONE")); }), ErrorCode::kAlreadyExists);
  EXPECT_EQ(code_of([&] { sync_wait(resources().snapshot("world", "a b")); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { sync_wait(resources().snapshot("nowhere", "x")); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { restore("three"); }), ErrorCode::kNotFound);
  sync_wait(resources().drop_snapshot("world", "one"));
  EXPECT_EQ(resources().snapshots(*resource_).size(), 1u);
  EXPECT_EQ(code_of([&] { restore("one"); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { sync_wait(resources().drop_snapshot("world", "one")); }), ErrorCode::kNotFound);
}

TEST_F(Copies, LineageNamesEveryAncestorNearestFirst) {
  const auto child = sync_wait(resources().fork("world", "child"));
  const auto grandchild = sync_wait(resources().fork("child", "grandchild"));
  EXPECT_THAT(child->lineage, ElementsAre(resource_->id));
  EXPECT_THAT(grandchild->lineage, ElementsAre(child->id, resource_->id));
  EXPECT_TRUE(grandchild->is_or_descends_from(resource_->id));
  EXPECT_FALSE(resource_->is_or_descends_from(child->id));
}

TEST_F(Copies, AForkMaySendAsWhoeverItsOriginalMay) {
  const auto fork = sync_wait(resources().fork("world", "child"));
  SmsSubmission s = submission({kPhone});
  s.from = "CONTOSO";
  EXPECT_TRUE(sync_wait(runtime_->sms().send(fork, s))[0].successful);
}

TEST_F(Copies, AReportFindsTheOriginalNotItsCopies) {
  const std::string id = *send(submission({kPhone}))[0].message_id;
  settle();
  const auto fork = sync_wait(resources().fork("world", "child"));
  sync_wait(resources().snapshot("world", "early"));
  advance(1s);
  EXPECT_EQ(record(id).state, sms::MessageState::kDelivered);
  EXPECT_EQ(events().size(), 1u);
  EXPECT_TRUE(runtime_->events().read(*fork->database, fork->key, {}, 0, 10).empty());
}

TEST_F(Copies, KeysAreRegeneratedOneAtATime) {
  const auto first = sync_wait(resources().regenerate_key("world", KeyKind::kPrimary));
  EXPECT_NE(first->primary_key.reveal(), resource_->primary_key.reveal());
  EXPECT_EQ(first->secondary_key.reveal(), resource_->secondary_key.reveal());
  const auto second = sync_wait(resources().regenerate_key("world", KeyKind::kSecondary));
  EXPECT_EQ(second->primary_key.reveal(), first->primary_key.reveal());
  EXPECT_NE(second->secondary_key.reveal(), first->secondary_key.reveal());
  EXPECT_EQ(resources().get("world"), second);
}

TEST_F(Copies, NamesCompareWithoutCase) {
  EXPECT_EQ(resources().get("WORLD"), resource_);
  ResourceSpec spec;
  spec.name = "World";
  EXPECT_EQ(code_of([&] { sync_wait(resources().create(spec)); }), ErrorCode::kAlreadyExists);
}

TEST_F(Copies, ACopiedCursorStandsBeforeTheSameEvents) {
  send_one();
  send_one();
  send_one();
  const auto all = events();
  const auto fork = sync_wait(resources().fork("world", "child"));
  const auto copied = runtime_->events().read(*fork->database, fork->key, {}, 0, 10);
  ASSERT_EQ(copied.size(), 3u);
  std::int64_t cursor = 0, start = -1;
  fork->database->read([&](store::Session& session) {
    cursor = runtime_->events().copied_cursor(session, resource_->key, fork->key, all[1].sequence);
    start = runtime_->events().copied_cursor(session, resource_->key, fork->key, 0);
  });
  EXPECT_EQ(cursor, copied[1].sequence);
  EXPECT_EQ(start, 0);
}

class Restarts : public Copies {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) / ("trunkline_restart_" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    open(config());
  }
  void TearDown() override {
    Copies::TearDown();
    std::filesystem::remove_all(directory_);
  }
  std::string config() const { return test_config(kSandbox) + "store: {mode: file, path: '" + directory_.string() + "'}\n"; }
  void restart(const std::string& yaml) {
    runtime_->close();
    runtime_.reset();
    open(yaml);
  }
  std::filesystem::path directory_;
};

TEST_F(Restarts, EverythingIsStillThere) {
  UniqueFunction<void(Resource&)> change = [](Resource& r) {
    r.tags["stage"] = "test";
    r.local_auth = false;
    r.arm.linked_domains = {"/a"};
  };
  sync_wait(resources().update("world", std::move(change)));
  const auto regenerated = sync_wait(resources().regenerate_key("world", KeyKind::kPrimary));
  send_one();
  sync_wait(resources().snapshot("world", "kept"));
  const auto fork = sync_wait(resources().fork("world", "child"));
  restart(config());
  EXPECT_EQ(resource_->primary_key.reveal(), regenerated->primary_key.reveal());
  EXPECT_EQ(resource_->tags.at("stage"), "test");
  EXPECT_FALSE(resource_->local_auth);
  EXPECT_THAT(resource_->arm.linked_domains, ElementsAre("/a"));
  EXPECT_THAT(resources().get("child")->lineage, ElementsAre(resource_->id));
  EXPECT_EQ(resources().get("child")->id, fork->id);
  send_one();
  restore("kept");
  EXPECT_EQ(messages(), 1u);
}

TEST_F(Restarts, AConfigurationThatContradictsTheResourceIsRefused) {
  std::string other = config();
  other.replace(other.find("  - name: world\n"), 16, "  - name: world\n    data_location: Europe\n");
  runtime_->close();
  runtime_.reset();
  try {
    open(other);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
    EXPECT_EQ(error.target, "data_location");
  }
  open(config());
}

TEST_F(Restarts, WhatACrashLeftHalfCopiedIsSwept) {
  send_one();
  static const store::Statement note{"INSERT INTO resource_leftovers (resource_key, data_location) VALUES (99, 'United States')"};
  static const store::Statement rows{
      "INSERT INTO events (resource_key, id, type, subject, topic, time_unix_us, data_version, data) "
      "SELECT 99, id, type, subject, topic, time_unix_us, data_version, data FROM events"};
  std::function<void(store::Session&)> first = [](store::Session& session) { session.execute(note); };
  std::function<void(store::Session&)> second = [](store::Session& session) { session.execute(rows); };
  sync_wait(runtime_->store().system().write(first));
  sync_wait(resource_->database->write(second));
  ASSERT_EQ(runtime_->events().read(*resource_->database, 99, {}, 0, 10).size(), 1u);
  restart(config());
  EXPECT_TRUE(runtime_->events().read(*resource_->database, 99, {}, 0, 10).empty());
  EXPECT_EQ(events().size(), 1u);
}

}  // namespace
}  // namespace trunkline

// Rooms: windows, rosters, who may join, and SIP routing, which is kept alike.
#include <gmock/gmock.h>

#include <filesystem>

#include "runtime/services/room_service.h"
#include "runtime/services/sip_routing.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using service::RoomParticipant;
using service::RoomRole;
using testing::ElementsAre;

class Rooms : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config(kSandbox)); }

  RoomService& rooms() { return runtime_->rooms(); }
  Time now() { return runtime_->clock().now(); }
  std::string user(int n) const { return "8:acs:" + resource_->id + "_00000000-0000-4000-8000-00000000000" + std::to_string(n); }
  service::Room create(service::NewRoom room = {}) { return sync_wait(rooms().create(resource_, std::move(room))); }
  static service::NewRoom window(Time from, Time until) {
    service::NewRoom room;
    room.valid_from = from;
    room.valid_until = until;
    return room;
  }
  std::vector<std::string> roster(const std::string& room_id) {
    std::vector<std::string> out;
    for (const RoomParticipant& p : rooms().participants(*resource_, room_id, 100, std::nullopt).items)
      out.push_back(p.id.substr(p.id.size() - 1) + std::string(to_rest(p.role)));
    return out;
  }
};

TEST_F(Rooms, LastFor180DaysUnlessToldOtherwise) {
  const service::Room room = create();
  EXPECT_EQ(room.valid_from, now());
  EXPECT_EQ(room.valid_until, now() + 24h * 180);
  EXPECT_FALSE(room.pstn_dial_out);
  EXPECT_EQ(rooms().get(*resource_, room.id), room);
  EXPECT_NE(create().id, room.id) << "also while the clock stands still";
}

TEST_F(Rooms, WindowsAreChecked) {
  EXPECT_EQ(error_of([&] { create(window(now() + 2h, now() + 1h)); }).target, "validUntil");
  EXPECT_EQ(error_of([&] { create(window(now() - 2h, now() - 1h)); }).target, "validUntil");
  EXPECT_EQ(error_of([&] { create(window(now(), now() + 24h * 181)); }).target, "validUntil");
  const service::Room room = create(window(now(), now() + 1h));
  service::RoomChange change;
  change.room_id = room.id;
  change.valid_from = now() + 3h;
  EXPECT_EQ(error_of([&] { sync_wait(rooms().update(resource_, change)); }).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(rooms().get(*resource_, room.id), room) << "nothing has changed";
  change.valid_until = now() + 4h;
  EXPECT_EQ(sync_wait(rooms().update(resource_, change)).valid_from, now() + 3h);
  service::RoomChange flag;
  flag.room_id = room.id;
  flag.pstn_dial_out = true;
  EXPECT_TRUE(sync_wait(rooms().update(resource_, flag)).pstn_dial_out);
}

TEST_F(Rooms, ARepeatedRequestIsTheSameRoom) {
  service::NewRoom wanted;
  wanted.idempotency_key = "once";
  const service::Room room = create(wanted);
  advance(1min);
  EXPECT_EQ(create(wanted).id, room.id);
  wanted.pstn_dial_out = true;
  const Error error = error_of([&] { create(wanted); });
  EXPECT_EQ(error.code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(error.http_status, 412);
}

TEST_F(Rooms, RostersChangeAsAWhole) {
  service::NewRoom wanted;
  wanted.participants = {{user(1), RoomRole::kPresenter}, {user(2), RoomRole::kAttendee}};
  const std::string id = create(wanted).id;
  const auto change = [&](std::vector<RoomParticipant> set, std::vector<std::string> removed) {
    sync_wait(rooms().change_participants(resource_, id, std::move(set), std::move(removed)));
  };
  change({{user(2), RoomRole::kConsumer}, {user(3), RoomRole::kCollaborator}}, {user(1), user(9)});
  EXPECT_THAT(roster(id), ElementsAre("2Consumer", "3Collaborator"));
  EXPECT_EQ(error_of([&] {
              change({{user(4), RoomRole::kAttendee}, {"8:acs:wrong", RoomRole::kAttendee}}, {});
            }).code,
            ErrorCode::kInvalidArgument);
  EXPECT_THAT(roster(id), ElementsAre("2Consumer", "3Collaborator")) << "all or nothing";
  EXPECT_EQ(
      error_of([&] {
        change({{"8:acs:00000000-0000-4000-8000-000000000001_00000000-0000-4000-8000-000000000001", RoomRole::kAttendee}}, {});
      }).code,
      ErrorCode::kInvalidArgument)
      << "of another resource";
  std::vector<RoomParticipant> crowd;
  for (int i = 100; i < 450; ++i)
    crowd.push_back({"8:acs:" + resource_->id + "_00000000-0000-4000-8000-000000000" + std::to_string(i), RoomRole::kAttendee});
  EXPECT_EQ(error_of([&] { change(crowd, {}); }).target, "participants") << "352";
  crowd.resize(348);
  change(crowd, {});
}

TEST_F(Rooms, OnlyTheInvitedJoinAndOnlyInTime) {
  service::NewRoom wanted = window(now() + 1h, now() + 2h);
  wanted.participants = {{user(1), RoomRole::kPresenter}, {user(2), RoomRole::kAttendee}};
  const std::string id = create(wanted).id;
  const auto join = [&](int n) { return rooms().check_join(*resource_, id, user(n)); };
  EXPECT_EQ(error_of([&] { join(1); }).code, ErrorCode::kFailedPrecondition) << "too early";
  advance(90min);
  EXPECT_EQ(join(1).role, RoomRole::kPresenter);
  EXPECT_EQ(error_of([&] { join(3); }).code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(error_of([&] { rooms().check_dial_out(*resource_, id, user(1)); }).code, ErrorCode::kPermissionDenied);
  service::RoomChange flag;
  flag.room_id = id;
  flag.pstn_dial_out = true;
  sync_wait(rooms().update(resource_, flag));
  rooms().check_dial_out(*resource_, id, user(1));
  EXPECT_EQ(error_of([&] { rooms().check_dial_out(*resource_, id, user(2)); }).code, ErrorCode::kPermissionDenied)
      << "presenters only";
  advance(1h);
  EXPECT_EQ(error_of([&] { join(1); }).code, ErrorCode::kFailedPrecondition) << "too late";
  EXPECT_TRUE(rooms().list(*resource_, 100, std::nullopt).items.empty());
  EXPECT_EQ(rooms().get(*resource_, id).id, id) << "it can still be looked at";
  advance(24h * 31);
  create();
  EXPECT_EQ(error_of([&] { rooms().get(*resource_, id); }).code, ErrorCode::kNotFound) << "a month later it is gone";
}

TEST_F(Rooms, PagesFollowEachOther) {
  std::vector<std::string> made, seen;
  for (int i = 0; i < 5; ++i) made.push_back(create().id);
  std::optional<std::string> continuation;
  do {
    const service::RoomPage page = rooms().list(*resource_, 2, continuation);
    for (const service::Room& room : page.items) seen.push_back(room.id);
    continuation = page.continuation;
  } while (continuation);
  EXPECT_EQ(seen, made);
  EXPECT_EQ(error_of([&] { rooms().list(*resource_, 0, std::nullopt); }).target, "limit");
}

TEST_F(Rooms, ForksAndRestoresTakeThemAlong) {
  service::NewRoom wanted;
  wanted.participants = {{user(1), RoomRole::kPresenter}};
  const std::string id = create(wanted).id;
  sync_wait(runtime_->resources().snapshot("world", "clean"));
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "fork"));
  sync_wait(rooms().drop(resource_, id));
  EXPECT_EQ(rooms().participants(*fork, id, 10, std::nullopt).items.size(), 1u);
  EXPECT_EQ(error_of([&] { rooms().get(*resource_, id); }).code, ErrorCode::kNotFound);
  resource_ = sync_wait(runtime_->resources().restore("world", "clean"));
  EXPECT_THAT(roster(id), ElementsAre("1Presenter"));
}

service::SipTrunk trunk(const char* fqdn) {
  service::SipTrunk t;
  t.fqdn = fqdn;
  t.sip_signaling_port = 5061;
  t.enabled = true;
  return t;
}

TEST_F(Rooms, ARefusedChangeOfRoutesChangesNothing) {
  SipRoutingService& routing = runtime_->sip_routing();
  sync_wait(routing.update(resource_, [](service::SipConfiguration& r) {
    r.trunks = {trunk("a.example.com")};
    service::SipRoute route;
    route.name = "all";
    route.number_pattern = ".";
    route.trunks = {"a.example.com"};
    r.routes = {route};
  }));
  EXPECT_EQ(
      error_of([&] { sync_wait(routing.update(resource_, [](service::SipConfiguration& r) { r.trunks.clear(); })); }).http_status,
      422);
  EXPECT_EQ(routing.table(*resource_)->routing().trunks.size(), 1u);
  EXPECT_EQ(routing.test(*resource_, "+14255550123").trunks.size(), 1u);

  sync_wait(runtime_->resources().snapshot("world", "clean"));
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "fork"));
  sync_wait(routing.update(resource_, [](service::SipConfiguration& r) { r.routes.clear(); }));
  EXPECT_EQ(routing.table(*fork)->routing().routes.size(), 1u);
  resource_ = sync_wait(runtime_->resources().restore("world", "clean"));
  EXPECT_EQ(routing.table(*resource_)->routing().routes.size(), 1u);
  sync_wait(runtime_->resources().drop("fork"));
  EXPECT_TRUE(routing.table(*fork)->routing().routes.empty());
}

TEST(SipRoutingRestart, RoutesAreThereAgain) {
  const auto directory = std::filesystem::path(testing::TempDir()) / ("trunkline_sip_" + std::to_string(::getpid()));
  std::filesystem::remove_all(directory);
  const std::string yaml = test_config(kSandbox) + "store: {mode: file, path: '" + directory.string() + "'}\n";
  {
    const auto runtime = Runtime::open(parse_config(yaml));
    sync_wait(runtime->sip_routing().update(runtime->resources().default_resource(),
                                            [](service::SipConfiguration& r) { r.trunks = {trunk("a.example.com")}; }));
    runtime->close();
  }
  const auto runtime = Runtime::open(parse_config(yaml));
  EXPECT_TRUE(runtime->sip_routing().table(*runtime->resources().default_resource())->find_trunk("A.example.com"));
  runtime->close();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace trunkline

// Calls on virtual phones, in a whole runtime: who is in, who leaves, what is left.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/calls/call_recordings.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/operations.h"
#include "runtime/calls/phone_sandbox.h"
#include "runtime/services/number_service.h"
#include "runtime/services/room_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using calls::CallState;
using calls::ConnectionView;
using calls::Party;
using calls::phone_party;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kNobody = "http://127.0.0.1:9/callbacks";
constexpr const char* kOne = "+14255550151";
constexpr const char* kTwo = "+14255550152";
constexpr const char* kThree = "+14255550153";

class Calls : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config("[{name: id, plugin: identity-local}, {name: phones, plugin: pstn-sandbox}]")); }

  calls::CallService& service() { return runtime_->calls(); }
  ConnectionView dial(std::vector<const char*> numbers) {
    calls::NewCall call;
    for (const char* number : numbers) call.targets.push_back(phone_party(number));
    call.source_number = phone_party(kOwned);
    call.connection.callback_uri = kNobody;
    return service().create(resource_, std::move(call));
  }
  std::string connected(std::vector<const char*> numbers) {
    const std::string id = dial(std::move(numbers)).id;
    advance(60ms);
    EXPECT_EQ(state(id), "connected");
    return id;
  }
  /// `gone`: there is no such connection.
  std::string state(const std::string& id) {
    try {
      return std::string(calls::word(service().get(*resource_, id).state));
    } catch (const Error&) {
      return "gone";
    }
  }
  std::vector<std::string> roster(const std::string& id) {
    std::vector<std::string> ids;
    for (const calls::ParticipantView& one : service().participants(*resource_, id)) ids.push_back(one.who.raw_id.substr(2));
    return ids;
  }
  /// The last call of a phone: its state and, once it is over, the cause.
  std::string phone(const char* number) {
    const auto all = sync_wait(runtime_->phone_sandbox().calls(resource_, std::string(number)));
    if (all.empty()) return "none";
    static constexpr std::array<const char*, 5> kWords = {"?", "dialing", "ringing", "answered", "ended"};
    const auto& last = all.back();
    return kWords[static_cast<std::size_t>(last.state)] + (last.cause ? " " + std::to_string(*last.cause) : "");
  }
  void persona(const char* number, const std::function<void(pstnsandbox::Persona&)>& change) {
    pstnsandbox::Persona persona;
    persona.match = number;
    change(persona);
    sync_wait(runtime_->phone_sandbox().add_persona(resource_, std::move(persona)));
  }
  nlohmann::json last_event(const std::string& type) {
    const auto all = events("Microsoft.Communication." + type);
    return all.empty() ? nlohmann::json() : nlohmann::json::parse(all.back().data);
  }
  std::size_t count(const std::string& type) { return events("Microsoft.Communication." + type).size(); }
  template <class F>
  static std::string refusal(F f) {
    try {
      f();
    } catch (const Error& error) {
      return std::to_string(error.http_status) + "/" + error.service_code;
    }
    return "none";
  }
};

TEST_F(Calls, APhoneAnswersAndHangsUp) {
  persona(kOne, [](auto& p) { p.hang_up_after = 10s; });
  const ConnectionView created = dial({kOne});
  EXPECT_EQ(created.state, CallState::kConnecting);
  settle();
  EXPECT_EQ(state(created.id), "connecting");
  EXPECT_EQ(count("CallStarted"), 0u);
  advance(50ms);
  EXPECT_EQ(state(created.id), "connected");
  EXPECT_THAT(roster(created.id), ElementsAre(kOwned, kOne));
  EXPECT_EQ(count("CallStarted"), 1u);
  EXPECT_EQ(count("CallParticipantAdded"), 2u);
  advance(11s);
  EXPECT_EQ(state(created.id), "gone");
  EXPECT_EQ(last_event("CallEnded")["durationOfCall"], 10.0);
}

TEST_F(Calls, NobodyIsLeftRinging) {
  persona(kOne, [](auto& p) { p.behavior = pstnsandbox::PersonaBehavior::kNoAnswer; });
  const std::string id = dial({kOne}).id;
  advance(1s);
  EXPECT_EQ(phone(kOne), "ringing");
  service().hang_up(*resource_, id, false);
  settle();
  EXPECT_EQ(phone(kOne), "ended 16");
  EXPECT_EQ(state(id), "gone");
  EXPECT_EQ(count("CallEnded"), 0u) << "it never started";
}

TEST_F(Calls, WhoeverIsBeingAskedInIsLetGoWithTheInviter) {
  persona(kTwo, [](auto& p) { p.behavior = pstnsandbox::PersonaBehavior::kNoAnswer; });
  const std::string id = connected({kOne, kThree});
  calls::Invite invite;
  invite.target = phone_party(kTwo);
  invite.source_number = phone_party(kOwned);
  service().add(resource_, id, std::move(invite));
  advance(1s);
  EXPECT_EQ(phone(kTwo), "ringing");
  service().hang_up(*resource_, id, false);
  settle();
  EXPECT_EQ(phone(kTwo), "ended 16");
  EXPECT_EQ(phone(kOne), "answered") << "the others go on";
}

TEST_F(Calls, AGroupGoesOnWhileTwoAreLeft) {
  persona(kOne, [](auto& p) { p.hang_up_after = 5s; });
  persona(kTwo, [](auto& p) { p.hang_up_after = 8s; });
  const std::string id = connected({kOne, kTwo});
  EXPECT_THAT(roster(id), SizeIs(3));
  service().hang_up(*resource_, id, false);
  advance(4s);
  EXPECT_EQ(phone(kOne), "answered");
  EXPECT_EQ(count("CallEnded"), 0u);
  advance(2s);
  EXPECT_EQ(phone(kTwo), "ended 16") << "alone, it is sent away";
  EXPECT_EQ(count("CallEnded"), 1u);
}

TEST_F(Calls, ATransferFreesTheApplication) {
  const std::string id = connected({kOne});
  calls::Transfer transfer;
  transfer.target = phone_party(kTwo);
  transfer.source_number = phone_party(kOwned);
  service().transfer(resource_, id, transfer);
  EXPECT_EQ(state(id), "transferring");
  EXPECT_EQ(refusal([&] { service().transfer(resource_, id, transfer); }), "400/8607");
  advance(1s);
  EXPECT_EQ(state(id), "gone");
  EXPECT_EQ(phone(kOne), "answered");
  EXPECT_EQ(phone(kTwo), "answered");
  sync_wait(runtime_->phone_sandbox().reset(resource_));
  settle();
  EXPECT_EQ(count("CallEnded"), 1u);
}

TEST_F(Calls, ARefusedTransferChangesNothing) {
  const std::string id = connected({kOne});
  calls::Transfer transfer;
  transfer.target = phone_party("+14255550186");
  transfer.source_number = phone_party(kOwned);
  service().transfer(resource_, id, transfer);
  advance(1s);
  EXPECT_EQ(state(id), "connected");
  EXPECT_THAT(roster(id), ElementsAre(kOwned, kOne));
}

TEST_F(Calls, OneOfManyIsHandedOn) {
  const std::string id = connected({kOne, kTwo});
  calls::Transfer transfer;
  transfer.target = phone_party(kThree);
  transfer.transferee = phone_party(kTwo);
  transfer.source_number = phone_party(kOwned);
  service().transfer(resource_, id, transfer);
  advance(1s);
  EXPECT_EQ(state(id), "connected");
  EXPECT_THAT(roster(id), ElementsAre(kOwned, kOne));
  EXPECT_EQ(phone(kTwo), "answered");
  EXPECT_EQ(phone(kThree), "answered");
}

TEST_F(Calls, ParticipantsMoveBetweenCalls) {
  const std::string from = connected({kOne});
  const std::string to = connected({kTwo});
  service().move_here(*resource_, to, from, {phone_party(kOne)}, {});
  EXPECT_THAT(roster(to), ElementsAre(kOwned, kTwo, kOne));
  EXPECT_EQ(state(from), "gone") << "alone in its call";
  EXPECT_EQ(refusal([&] { service().move_here(*resource_, to, to, {phone_party(kTwo)}, {}); }), "400/8523");
}

TEST_F(Calls, NumbersMustBeAbleToCall) {
  const auto from = [&](const char* number) {
    return refusal([&] {
      calls::NewCall call;
      call.targets = {phone_party(kOne)};
      call.source_number = phone_party(number);
      call.connection.callback_uri = kNobody;
      service().create(resource_, std::move(call));
    });
  };
  EXPECT_EQ(from("+14255550199"), "403/7507");
  EXPECT_NE(from("+14255550101"), "none") << "it makes no calls";
  // And it takes none.
  const std::string id = dial({"+14255550101"}).id;
  advance(1ms);
  EXPECT_EQ(state(id), "gone");
  sync_wait(runtime_->numbers().release(resource_, kOwned));
  EXPECT_EQ(from(kOwned), "403/7507");
}

TEST_F(Calls, APhoneThatCallsInIsRungOutWhenNobodyAnswers) {
  sync_wait(runtime_->phone_sandbox().call(resource_, kOne, kOwned));
  settle();
  EXPECT_EQ(last_event("IncomingCall")["from"]["rawId"], std::string("4:") + kOne);
  advance(31s);
  EXPECT_EQ(phone(kOne), "ended 19");
}

TEST_F(Calls, ARejectedPhoneHearsWhy) {
  sync_wait(runtime_->phone_sandbox().call(resource_, kOne, kOwned));
  settle();
  const std::string context = last_event("IncomingCall")["incomingCallContext"];
  service().reject(*resource_, context, "busy");
  settle();
  EXPECT_EQ(phone(kOne), "ended 17");
  EXPECT_EQ(refusal([&] { service().reject(*resource_, context, "busy"); }), "404/8522");
}

TEST_F(Calls, ACallIsRedirectedToAnotherPhone) {
  sync_wait(runtime_->phone_sandbox().call(resource_, kOne, kOwned));
  settle();
  service().redirect(*resource_, std::string(last_event("IncomingCall")["incomingCallContext"]), phone_party(kTwo));
  advance(1s);
  EXPECT_EQ(phone(kOne), "answered");
  EXPECT_EQ(phone(kTwo), "answered");
}

TEST_F(Calls, ACallerWhoGivesUpIsGone) {
  const std::string leg = sync_wait(runtime_->phone_sandbox().call(resource_, kOne, kOwned));
  settle();
  const std::string context = last_event("IncomingCall")["incomingCallContext"];
  sync_wait(runtime_->phone_sandbox().hang_up(resource_, leg));
  settle();
  calls::NewAnswer answer;
  answer.incoming_call_context = context;
  answer.connection.callback_uri = kNobody;
  EXPECT_EQ(refusal([&] { service().answer(resource_, std::move(answer)); }), "404/8522");
  EXPECT_THAT(service().list(*resource_), IsEmpty());
}

TEST_F(Calls, RoomsDecideWhoComes) {
  const service::Room room = sync_wait(runtime_->rooms().create(resource_, {}));
  calls::NewJoin join;
  join.locator = calls::NewJoin::Locator::kRoom;
  join.id = room.id;
  join.connection.callback_uri = kNobody;
  const std::string id = service().join(resource_, join).id;
  EXPECT_EQ(state(id), "connected") << "also alone";
  calls::Invite invite;
  invite.target = phone_party(kOne);
  invite.source_number = phone_party(kOwned);
  EXPECT_THROW(service().add(resource_, id, invite), Error) << "it does not dial out";
  invite.target = calls::user_party("8:acs:" + resource_->id + "_00000000-0000-4000-8000-000000000001");
  EXPECT_THROW(service().add(resource_, id, invite), Error) << "nobody invited them";
  advance(24h * 181);
  EXPECT_THROW(service().join(resource_, join), Error) << "it has closed";
}

/// A room that dials out takes phones, and what those hand on is dialling out as well.
TEST_F(Calls, RoomsDialOutWhereTheySaySo) {
  service::NewRoom wanted;
  wanted.pstn_dial_out = true;
  const service::Room room = sync_wait(runtime_->rooms().create(resource_, wanted));
  calls::NewJoin join;
  join.locator = calls::NewJoin::Locator::kRoom;
  join.id = room.id;
  join.connection.callback_uri = kNobody;
  const std::string id = service().join(resource_, join).id;
  calls::Invite invite;
  invite.target = phone_party(kOne);
  invite.source_number = phone_party(kOwned);
  service().add(resource_, id, invite);
  advance(60ms);
  EXPECT_THAT(roster(id), Contains(kOne));
  EXPECT_EQ(phone(kOne), "answered");
  const std::string leg = sync_wait(runtime_->phone_sandbox().calls(resource_, std::string(kOne))).back().leg_id;
  service::RoomChange closed;
  closed.room_id = room.id;
  closed.pstn_dial_out = false;
  sync_wait(runtime_->rooms().update(resource_, closed));
  calls::Transfer transfer;
  transfer.target = phone_party(kTwo);
  transfer.source_number = phone_party(kOwned);
  EXPECT_EQ(error_of([&] { service().transfer(resource_, id, transfer); }).code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(error_of([&] { service().on_transfer_asked(leg, kTwo); }).code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(roster(id), Contains(kOne)) << "who is in stays";
  closed.pstn_dial_out = true;
  sync_wait(runtime_->rooms().update(resource_, closed));
  service().on_transfer_asked(leg, kTwo);
  advance(1s);
  EXPECT_EQ(phone(kTwo), "answered");
  EXPECT_EQ(phone(kOne), "ended 16");
  EXPECT_THAT(roster(id), Contains(kTwo));
}

TEST_F(Calls, OnlyWhoIsInvitedIsMovedIntoARoom) {
  const std::string group = "00000000-0000-4000-8000-00000000000a";
  const std::string user = "8:acs:" + resource_->id + "_00000000-0000-4000-8000-000000000001";
  service().on_user_incoming("phones", "world", "page", user, "group:" + group, {});
  service().on_leg_changed("page", pstn::LegChange::of_state(pstn::LegState::kAnswered));
  calls::NewJoin join;
  join.locator = calls::NewJoin::Locator::kGroup;
  join.id = group;
  join.connection.callback_uri = kNobody;
  const std::string from = service().join(resource_, join).id;
  const service::Room room = sync_wait(runtime_->rooms().create(resource_, {}));
  join.locator = calls::NewJoin::Locator::kRoom;
  join.id = room.id;
  const std::string to = service().join(resource_, join).id;
  EXPECT_EQ(error_of([&] { service().move_here(*resource_, to, from, {calls::user_party(user)}, {}); }).code,
            ErrorCode::kPermissionDenied);
  service::RoomParticipant invited;
  invited.id = user;
  sync_wait(runtime_->rooms().change_participants(resource_, room.id, {invited}, {}));
  EXPECT_THAT(service().move_here(*resource_, to, from, {calls::user_party(user)}, {}), SizeIs(1));
}

/// The number that called the phone is good for what it hands on, also when the application has gone.
TEST_F(Calls, APhoneHandsOnAGroupCallThatTheApplicationHasLeft) {
  calls::NewJoin join;
  join.locator = calls::NewJoin::Locator::kGroup;
  join.id = "00000000-0000-4000-8000-00000000000b";
  join.connection.callback_uri = kNobody;
  const std::string id = service().join(resource_, join).id;
  for (const char* number : {kOne, kThree}) {
    calls::Invite invite;
    invite.target = phone_party(number);
    invite.source_number = phone_party(kOwned);
    service().add(resource_, id, invite);
  }
  advance(60ms);
  const std::string leg = sync_wait(runtime_->phone_sandbox().calls(resource_, std::string(kOne))).back().leg_id;
  service().hang_up(*resource_, id, false);
  settle();
  EXPECT_EQ(state(id), "gone");
  ASSERT_EQ(phone(kOne), "answered");
  service().on_transfer_asked(leg, kTwo);
  advance(1s);
  EXPECT_EQ(phone(kTwo), "answered");
  EXPECT_EQ(phone(kOne), "ended 16");
  EXPECT_EQ(phone(kThree), "answered");
}

TEST_F(Calls, TheGrammarOfAChoiceHasBounds) {
  const std::string id = connected({kOne});
  const auto refused = [&](int choices, int phrases, std::size_t bytes) {
    nlohmann::json body = {{"recognizeInputType", "choices"}};
    body["recognizeOptions"]["targetParticipant"] = {{"kind", "phoneNumber"}, {"phoneNumber", {{"value", kOne}}}};
    for (int i = 0; i < choices; ++i) {
      nlohmann::json choice = {{"label", std::to_string(i)}, {"phrases", nlohmann::json::array()}};
      for (int j = 0; j < phrases; ++j) choice["phrases"].push_back(std::string(bytes, 'a'));
      body["recognizeOptions"]["choices"].push_back(std::move(choice));
    }
    const std::vector<std::string> arguments{id};
    for (const calls::Operation& one : calls::media_operations())
      if (one.path.ends_with(":recognize"))
        return refusal([&] { one.run({service(), resource_, arguments, body, "2024-09-15", ""}); });
    return std::string("there is no such operation");
  };
  EXPECT_EQ(refused(50, 10, 200), "none");
  for (const auto& [choices, phrases, bytes] : {std::tuple(51, 1, 10u), {50, 11, 10u}, {1, 501, 10u}, {1, 1, 201u}})
    EXPECT_TRUE(refused(choices, phrases, bytes) != "none") << choices << " " << phrases << " " << bytes;
}

/// A phone with two calls brings its other sides together; a room is nobody's to be brought along.
TEST_F(Calls, ACallIsNotBroughtTogetherWithARoom) {
  service::NewRoom wanted;
  wanted.pstn_dial_out = true;
  const service::Room room = sync_wait(runtime_->rooms().create(resource_, wanted));
  calls::NewJoin join;
  join.locator = calls::NewJoin::Locator::kRoom;
  join.id = room.id;
  join.connection.callback_uri = kNobody;
  const std::string in_room = service().join(resource_, join).id;
  calls::Invite invite;
  invite.target = phone_party(kOne);
  invite.source_number = phone_party(kOwned);
  service().add(resource_, in_room, invite);
  advance(60ms);
  const std::string other = connected({kTwo});
  const auto leg = [&](const char* number) {
    return sync_wait(runtime_->phone_sandbox().calls(resource_, std::string(number))).back().leg_id;
  };
  for (const auto& [one, two] : {std::pair(leg(kOne), leg(kTwo)), std::pair(leg(kTwo), leg(kOne))})
    EXPECT_EQ(error_of([&] { service().on_transfer_asked(one, "leg:" + two); }).code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(state(in_room), "connected");
  EXPECT_THAT(roster(other), ElementsAre(kOwned, kTwo));
}

/// Who only listens is nobody to be handed on, and keeps no call.
TEST_F(Calls, ATransferLeavesAListenerToListen) {
  const std::string id = connected({kOne});
  const std::string user = "8:acs:" + resource_->id + "_ann";
  service().on_user_incoming("phones", "world", "page", user, "call:" + service().get(*resource_, id).server_call_id, {});
  service().on_leg_changed("page", pstn::LegChange::of_state(pstn::LegState::kAnswered));
  EXPECT_THAT(service().participants(*resource_, id), SizeIs(3));
  calls::Transfer transfer;
  transfer.target = phone_party(kTwo);
  transfer.source_number = phone_party(kOwned);
  service().transfer(resource_, id, transfer);
  advance(1s);
  EXPECT_EQ(state(id), "gone") << "two talk, as before";
  EXPECT_EQ(phone(kOne), "answered");
  EXPECT_EQ(phone(kTwo), "answered");
  EXPECT_EQ(count("CallEnded"), 0u);
  const auto leg = sync_wait(runtime_->phone_sandbox().calls(resource_, std::string(kTwo))).back().leg_id;
  sync_wait(runtime_->phone_sandbox().hang_up(resource_, leg));
  settle();
  EXPECT_EQ(phone(kOne), "ended 16");
  EXPECT_EQ(count("CallEnded"), 1u) << "whoever listens";
}

TEST_F(Calls, PlaysEndWithTheCallAndLeaveNoTimer) {
  const std::string id = connected({kOne});
  calls::Play play;
  play.loop = true;
  play.sources.push_back({calls::PlaySource::Kind::kText, "", "please hold the line"});
  service().media().play(*resource_, id, play);
  advance(5s);
  service().hang_up(*resource_, id, true);
  advance(1min);  // callbacks nobody takes
  EXPECT_EQ(refusal([&] { service().media().play(*resource_, id, play); }), "404/8522");
  const std::size_t timers = runtime_->clock().pending();
  const std::string other = connected({kTwo});
  service().media().play(*resource_, other, play);
  advance(5s);
  service().hang_up(*resource_, other, true);
  advance(1min);
  EXPECT_EQ(runtime_->clock().pending(), timers);
}

TEST_F(Calls, RecordingsPauseAndEndWithTheCall) {
  const std::string id = connected({kOne});
  calls::NewRecording wanted;
  wanted.connection_id = id;
  const std::string recording = service().recordings().start(resource_, wanted).id;
  EXPECT_EQ(refusal([&] { service().recordings().start(resource_, wanted); }), "400/8553");
  advance(2s);
  service().recordings().pause(*resource_, recording);
  advance(5s);
  service().recordings().resume(*resource_, recording);
  advance(1s);
  service().hang_up(*resource_, id, true);
  settle();
  const nlohmann::json file = last_event("RecordingFileStatusUpdated");
  EXPECT_EQ(file["recordingDurationMs"], 3000);
  EXPECT_EQ(file["sessionEndReason"], "CallEnded");
  const std::string document = file["recordingStorageInfo"]["recordingChunks"][0]["documentId"];
  const calls::RecordedFile content = service().recordings().file(*resource_, document);
  EXPECT_EQ(content.size, 44u + 3 * 16000 * 2);
  EXPECT_EQ(content.read(0, content.size).size(), content.size);
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "copy"));
  EXPECT_NO_THROW(service().recordings().file(*fork, document));
  sync_wait(service().recordings().drop(resource_, document));
  EXPECT_EQ(refusal([&] { service().recordings().file(*resource_, document); }), "404/8522");
}

class RecordedFiles : public Calls {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "calls-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    open(test_config("[{name: id, plugin: identity-local}, {name: phones, plugin: pstn-sandbox}]", "[]",
                     "store: {mode: file, path: '" + name + "'}\n"));
  }
  void TearDown() override {
    Calls::TearDown();
    std::filesystem::remove_all(directory_);
  }
  std::string record(const std::string& connection) {
    calls::NewRecording wanted;
    wanted.connection_id = connection;
    return service().recordings().start(resource_, wanted).id;
  }
  std::size_t files() {
    settle();
    const std::filesystem::path folder = directory_ / "data.db.files" / "recordings";
    if (!std::filesystem::exists(folder)) return 0;
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
  }

  std::filesystem::path directory_;
};

TEST_F(RecordedFiles, GoWithTheLastOfThoseWhoShareThem) {
  const std::string recording = record(connected({kOne}));
  advance(2s);
  service().recordings().stop(*resource_, recording);
  EXPECT_EQ(files(), 1u);
  const std::string document =
      last_event("RecordingFileStatusUpdated")["recordingStorageInfo"]["recordingChunks"][0]["documentId"];
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "copy"));
  sync_wait(service().recordings().drop(resource_, document));
  EXPECT_EQ(files(), 1u) << "the fork has it";
  EXPECT_EQ(service().recordings().file(*fork, document).size, 44u + 2 * 32000);
  sync_wait(runtime_->resources().drop("copy"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(RecordedFiles, UnderWayGoWithTheirResource) {
  record(connected({kOne}));
  advance(2s);
  EXPECT_EQ(files(), 1u);
  sync_wait(runtime_->resources().create({.name = "other"}));
  sync_wait(runtime_->resources().drop("world"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(Calls, EndWithTheirResource) {
  connected({kOne});
  sync_wait(runtime_->resources().create({.name = "other"}));
  sync_wait(runtime_->resources().drop("world"));
  settle();
  EXPECT_EQ(runtime_->calls().list(*resource_).size(), 0u);
}

TEST_F(Calls, RepeatedRequestsMakeOneCall) {
  calls::NewCall call;
  call.targets = {phone_party(kOne)};
  call.source_number = phone_party(kOwned);
  call.connection.callback_uri = kNobody;
  call.repeatability_id = "r1";
  const ConnectionView first = service().create(resource_, call);
  const ConnectionView again = service().create(resource_, call);
  EXPECT_EQ(again.id, first.id);
  EXPECT_TRUE(again.repeated);
}

}  // namespace
}  // namespace trunkline

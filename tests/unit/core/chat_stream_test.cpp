// The live stream: nothing missed, nothing twice, and nothing that is not one's own.
#include <thread>

#include "runtime/services/chat_expander.h"
#include "tests/unit/core/chat_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using Kind = chat::ChatChange::Kind;

class ChatStream : public ChatTest {
 protected:
  void SetUp() override {
    ChatTest::SetUp();
    alice_ = user(), bob_ = user(), carol_ = user();
  }
  std::shared_ptr<ChatListener> listen(const std::string& user, std::optional<std::int64_t> after = {}) {
    return chat().hub().listen(resource_, user, after);
  }
  /// Until `count` came.
  std::vector<ChatDeliveryPtr> take(ChatListener& listener, std::size_t count) {
    std::vector<ChatDeliveryPtr> all;
    while (all.size() < count) {
      const auto some = next(listener);
      if (some.empty()) break;
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }
  static std::vector<Kind> kinds(const std::vector<ChatDeliveryPtr>& deliveries) {
    std::vector<Kind> found;
    for (const auto& delivery : deliveries) found.push_back(delivery->change.kind());
    return found;
  }
  /// One of each kind.
  std::string everything() {
    const std::string id = thread(alice_, {bob_});
    const std::string message = send(alice_, id, "one").id;
    sync_wait(chat().send_typing(resource_, as(alice_), id, "Alice"));
    chat::MessageUpdate edit;
    edit.content = "two";
    sync_wait(chat().update_message(resource_, as(alice_), id, message, edit));
    sync_wait(chat().send_read_receipt(resource_, as(alice_), id, message));
    sync_wait(chat().delete_message(resource_, as(alice_), id, message));
    chat::ThreadUpdate rename;
    rename.topic = "renamed";
    rename.metadata = Properties{{"k", "v"}};
    sync_wait(chat().update_thread(resource_, as(alice_), id, rename));
    add(alice_, id, carol_);
    sync_wait(chat().remove_participant(resource_, as(alice_), id, carol_));
    sync_wait(chat().delete_thread(resource_, as(alice_), id));
    return id;
  }
  const std::vector<Kind> all_kinds_{Kind::kThreadCreated, Kind::kMessageReceived,   Kind::kTyping,
                                     Kind::kMessageEdited, Kind::kReadReceipt,       Kind::kMessageDeleted,
                                     Kind::kThreadUpdated, Kind::kParticipantsAdded, Kind::kParticipantsRemoved,
                                     Kind::kThreadDeleted};
  std::string alice_, bob_, carol_;
};

TEST_F(ChatStream, TellsEveryKindInOrder) {
  const auto bob = listen(bob_), carol = listen(carol_);
  everything();
  EXPECT_EQ(kinds(take(*bob, 10)), all_kinds_);
  EXPECT_THAT(kinds(take(*carol, 2)), ElementsAre(Kind::kParticipantsAdded, Kind::kParticipantsRemoved)) << "not the deletion";
}

TEST_F(ChatStream, TheLogSaysWhatTheLiveStreamSaid) {
  const auto live = listen(bob_);
  everything();
  const auto then = take(*live, 10);
  const auto again = listen(bob_, 0);
  const auto now = take(*again, 10);
  ASSERT_EQ(then.size(), now.size());
  for (std::size_t i = 0; i < then.size(); ++i) {
    EXPECT_EQ(then[i]->cursor, now[i]->cursor);
    EXPECT_EQ(then[i]->thread_id, now[i]->thread_id);
    EXPECT_EQ(then[i]->change, now[i]->change) << i;
  }
  EXPECT_THAT(kinds(take(*listen(carol_, 0), 2)), ElementsAre(Kind::kParticipantsAdded, Kind::kParticipantsRemoved));
  EXPECT_THAT(take(*listen(bob_, then[6]->cursor), 3), SizeIs(3));
}

TEST_F(ChatStream, OneObjectIsSharedByAllListeners) {
  const std::string id = thread(alice_, {bob_, carol_});
  const auto bob = listen(bob_), second = listen(bob_), carol = listen(carol_);
  send(alice_, id, "x");
  const ChatDeliveryPtr a = take(*bob, 1).at(0), b = take(*second, 1).at(0), c = take(*carol, 1).at(0);
  EXPECT_EQ(a.get(), b.get());
  EXPECT_EQ(a.get(), c.get());
}

TEST_F(ChatStream, ASlowListenerReadsTheLog) {
  const std::string id = thread(alice_, {bob_});
  const auto bob = listen(bob_);
  for (int i = 0; i < 1500; ++i) send(alice_, id, std::to_string(i));
  const auto all = take(*bob, 1500);
  ASSERT_THAT(all, SizeIs(1500));
  for (int i = 0; i < 1500; ++i)
    EXPECT_EQ(all[static_cast<std::size_t>(i)]->change.message_received()->message.content, std::to_string(i));
  send(alice_, id, "live again");
  EXPECT_EQ(take(*bob, 1).at(0)->change.message_received()->message.content, "live again");
}

TEST_F(ChatStream, NothingIsMissedOrTwiceWhileManySendAndListenersComeAndGo) {
  const std::string id = thread(alice_, {bob_});
  constexpr int kSenders = 4, kEach = 150;
  std::vector<std::thread> senders;
  for (int i = 0; i < kSenders; ++i)
    senders.emplace_back([&] {
      for (int j = 0; j < kEach; ++j) send(alice_, id, "m");
    });
  std::int64_t cursor = 0;
  std::vector<std::int64_t> sequences;
  while (sequences.size() < kSenders * kEach) {
    const auto listener = listen(bob_, cursor);
    for (int round = 0; round < 3 && sequences.size() < kSenders * kEach; ++round)
      for (const auto& delivery : next(*listener, 20)) {
        EXPECT_GT(delivery->cursor, cursor);
        cursor = delivery->cursor;
        if (const auto* received = delivery->change.message_received()) sequences.push_back(received->message.sequence);
      }
  }
  for (std::thread& sender : senders) sender.join();
  for (std::size_t i = 0; i < sequences.size(); ++i) EXPECT_EQ(sequences[i], static_cast<std::int64_t>(i) + 2);
}

TEST_F(ChatStream, WhoIsAddedLaterSeesNothingFromBefore) {
  const std::string id = thread(alice_, {bob_});
  const std::string old = send(alice_, id, "before").id;
  advance(1s);
  add(alice_, id, carol_);
  chat::MessageUpdate edit;
  edit.content = "changed";
  sync_wait(chat().update_message(resource_, as(alice_), id, old, edit));
  send(alice_, id, "after");
  EXPECT_THAT(kinds(take(*listen(carol_, 0), 2)), ElementsAre(Kind::kParticipantsAdded, Kind::kMessageReceived));
}

TEST_F(ChatStream, WaitsAndEnds) {
  const auto bob = listen(bob_);
  Task<std::vector<ChatDeliveryPtr>> waiting = bob->next_within(1, 5s);
  std::vector<ChatDeliveryPtr> found;
  bool done = false;
  spawn(std::move(waiting), [&](auto result) {
    found = std::move(result).value();
    done = true;
  });
  EXPECT_FALSE(done);
  advance(6s);
  EXPECT_TRUE(done);
  EXPECT_FALSE(bob->closed());
  sync_wait(runtime_->identity().delete_user(resource_, bob_));
  EXPECT_TRUE(bob->closed());
  EXPECT_THAT(next(*bob), SizeIs(0));
  const auto carol = listen(carol_);
  sync_wait(runtime_->resources().drop("world"));
  EXPECT_TRUE(carol->closed());
}

TEST_F(ChatStream, AForkKeepsWhoSawWhat) {
  const std::string id = thread(alice_, {bob_});
  send(alice_, id, "1");
  add(alice_, id, carol_);
  send(alice_, id, "2");
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "copy"));
  const auto carol = chat().hub().listen(fork, carol_, 0);
  EXPECT_THAT(kinds(take(*carol, 2)), ElementsAre(Kind::kParticipantsAdded, Kind::kMessageReceived));
}

TEST_F(ChatStream, WhoIsDisconnectedIsAnEvent) {
  listen(bob_);
  chat().hub().disconnected(resource_, bob_);
  settle();
  const auto found = events("Microsoft.Communication.UserDisconnected");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].subject, "user/" + bob_);
  EXPECT_EQ(found[0].data,
            R"({"userCommunicationIdentifier":{"rawId":")" + bob_ + R"(","communicationUser":{"id":")" + bob_ + R"("}}})");
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "copy"));
  chat().hub().listen(fork, bob_, std::nullopt);
  sync_wait(runtime_->resources().drop("copy"));
  chat().hub().disconnected(fork, bob_);
  settle();
  EXPECT_THAT(events("Microsoft.Communication.UserDisconnected"), SizeIs(1)) << "nobody is told of what is gone";
}

TEST_F(ChatStream, OneEventStandsForThoseOfEachParticipant) {
  const std::string id = thread(alice_, {bob_});
  send(alice_, id, "hello");
  std::vector<chat::Participant> two(2);
  two[0].id = carol_, two[1].id = user();
  sync_wait(chat().add_participants(resource_, as(alice_), id, two));
  const ChatEventExpander expander(runtime_->resources());
  const auto received = expander.expand(events("Microsoft.Communication.ChatMessageReceivedInThread").at(0));
  ASSERT_THAT(received, SizeIs(1)) << "not for the sender";
  EXPECT_EQ(received[0].type, "Microsoft.Communication.ChatMessageReceived");
  EXPECT_EQ(received[0].subject, "thread/" + id + "/sender/" + alice_ + "/recipient/" + bob_);
  EXPECT_THAT(received[0].data, ::testing::HasSubstr("recipientCommunicationIdentifier"));
  const auto created = expander.expand(events("Microsoft.Communication.ChatThreadCreated").at(0));
  EXPECT_THAT(created, SizeIs(2));
  const auto added = expander.expand(events("Microsoft.Communication.ChatThreadParticipantAdded").at(0));
  EXPECT_THAT(added, SizeIs(1 + 2 * 4)) << "the second person's event, and one of each person for each participant";
  EXPECT_EQ(added[0].type, "Microsoft.Communication.ChatParticipantAddedToThreadWithUser");
  EXPECT_EQ(added[0].subject.substr(0, added[0].subject.find("/recipient/")), "thread/" + id + "/participantAdded/" + carol_);
  EXPECT_EQ(added[4].type, "Microsoft.Communication.ChatThreadParticipantAdded");
  EXPECT_EQ(added[4].subject, "thread/" + id + "/participantadded/" + two[1].id);
  sync_wait(chat().remove_participant(resource_, as(alice_), id, carol_));
  const auto removed = expander.expand(events("Microsoft.Communication.ChatThreadParticipantRemoved").at(0));
  ASSERT_FALSE(removed.empty());
  EXPECT_EQ(removed[0].type, "Microsoft.Communication.ChatParticipantRemovedFromThreadWithUser");
  EXPECT_EQ(removed[0].subject.substr(0, removed[0].subject.find("/recipient/")),
            "thread/" + id + "/participantRemoved/" + carol_);
  EXPECT_EQ(added[3].id, expander.expand(events("Microsoft.Communication.ChatThreadParticipantAdded").at(0))[3].id);
}

}  // namespace
}  // namespace trunkline

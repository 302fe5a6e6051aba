// Chat over the local provider: who may do what, what is kept, and what happens by itself.
#include "tests/unit/core/chat_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Chat : public ChatTest {
 protected:
  void SetUp() override {
    ChatTest::SetUp();
    alice_ = user(), bob_ = user(), carol_ = user();
    thread_ = thread(alice_, {bob_});
  }
  std::string alice_, bob_, carol_, thread_;
};

TEST_F(Chat, MessagesComeNewestFirstAndIdsSort) {
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(send(i % 2 ? alice_ : bob_, thread_, std::to_string(i)).id);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end())) << "also while the clock stands still";
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  const auto messages = page(alice_, thread_).items;
  ASSERT_THAT(messages, SizeIs(21));  // and the one of the creation
  for (std::size_t i = 1; i < messages.size(); ++i) EXPECT_LT(messages[i].sequence, messages[i - 1].sequence);
  EXPECT_EQ(messages[0].content, "19");
  EXPECT_EQ(messages[20].kind, chat::MessageKind::kParticipantAdded);
  EXPECT_EQ(messages[20].initiator_id, alice_);
}

TEST_F(Chat, PagesLoseAndRepeatNothing) {
  for (int i = 0; i < 25; ++i) send(alice_, thread_, std::to_string(i));
  std::vector<std::string> ids;
  std::optional<std::string> cursor;
  int pages = 0;
  do {
    const chat::MessagePage part = page(bob_, thread_, 7, cursor);
    EXPECT_LE(part.items.size(), 7u);
    for (const auto& message : part.items) ids.push_back(message.id);
    cursor = part.cursor;
    ++pages;
  } while (cursor);
  EXPECT_EQ(pages, 4);
  std::vector<std::string> all;
  for (const auto& message : page(bob_, thread_, 200).items) all.push_back(message.id);
  EXPECT_EQ(ids, all);
  EXPECT_EQ(error_of([&] { page(bob_, thread_, 7, "nonsense"); }).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { page(bob_, thread_, 0); }).target, "maxPageSize");
}

TEST_F(Chat, OnlyParticipantsMayDoAnything) {
  const std::string message = send(alice_, thread_, "private").id;
  const ChatActor carol = as(carol_);
  const auto refused = [&](auto call) {
    const Error error = error_of([&] { sync_wait(call()); });
    EXPECT_EQ(error.code, ErrorCode::kPermissionDenied) << error.message;
  };
  refused([&] { return chat().get_thread(resource_, carol, thread_); });
  refused([&] { return chat().update_thread(resource_, carol, thread_, {}); });
  refused([&] { return chat().delete_thread(resource_, carol, thread_); });
  refused([&] { return chat().list_participants(resource_, carol, thread_, {}); });
  refused([&] { return chat().remove_participant(resource_, carol, thread_, alice_); });
  refused([&] { return chat().get_message(resource_, carol, thread_, message); });
  refused([&] { return chat().list_messages(resource_, carol, thread_, {}); });
  refused([&] { return chat().delete_message(resource_, carol, thread_, message); });
  refused([&] { return chat().send_typing(resource_, carol, thread_, std::nullopt); });
  refused([&] { return chat().send_read_receipt(resource_, carol, thread_, message); });
  refused([&] { return chat().list_read_receipts(resource_, carol, thread_, {}); });
  EXPECT_EQ(error_of([&] { send(carol_, thread_, "x"); }).code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(error_of([&] { add(carol_, thread_, carol_); }).code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(error_of([&] { send(carol_, "19:none@thread.v2", "x"); }).code, ErrorCode::kNotFound);
}

TEST_F(Chat, ScopesDecideWhatATokenMayDo) {
  ChatActor join = as(bob_), limited = as(bob_), voice = as(bob_);
  join.scopes = {"chat.join"};
  limited.scopes = {"voip", "chat.join.limited"};
  voice.scopes = {"voip"};
  chat::CreateThreadRequest request;
  request.topic = "t";
  for (const ChatActor& actor : {join, limited, voice})
    EXPECT_EQ(error_of([&] { sync_wait(chat().create_thread(resource_, actor, request)); }).code, ErrorCode::kPermissionDenied);
  std::vector<chat::Participant> carol(1);
  carol[0].id = carol_;
  EXPECT_EQ(error_of([&] { sync_wait(chat().add_participants(resource_, limited, thread_, carol)); }).code,
            ErrorCode::kPermissionDenied);
  EXPECT_NO_THROW(sync_wait(chat().add_participants(resource_, join, thread_, carol)));
  EXPECT_NO_THROW(sync_wait(chat().get_thread(resource_, limited, thread_)));
  EXPECT_EQ(error_of([&] { sync_wait(chat().get_thread(resource_, voice, thread_)); }).code, ErrorCode::kPermissionDenied);
  EXPECT_NO_THROW(sync_wait(chat().remove_participant(resource_, limited, thread_, bob_))) << "everybody may leave";
}

TEST_F(Chat, OnlyTheSenderChangesAMessage) {
  const std::string id = send(alice_, thread_, "draft").id;
  chat::MessageUpdate update;
  update.content = "final";
  EXPECT_EQ(error_of([&] { sync_wait(chat().update_message(resource_, as(bob_), thread_, id, update)); }).code,
            ErrorCode::kPermissionDenied);
  const auto before = sync_wait(chat().get_message(resource_, as(bob_), thread_, id));
  const auto after = sync_wait(chat().update_message(resource_, as(alice_), thread_, id, update));
  EXPECT_EQ(after.content, "final");
  EXPECT_GT(after.version, before.version);
  EXPECT_EQ(after.sequence, before.sequence);
  EXPECT_TRUE(after.edited_on);
  sync_wait(chat().delete_message(resource_, as(alice_), thread_, id));
  const auto gone = sync_wait(chat().get_message(resource_, as(bob_), thread_, id));
  EXPECT_TRUE(gone.deleted_on);
  EXPECT_FALSE(gone.content);
  EXPECT_EQ(error_of([&] { sync_wait(chat().update_message(resource_, as(alice_), thread_, id, update)); }).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(error_of([&] { sync_wait(chat().get_message(resource_, as(alice_), thread_, "1000000000000")); }).target,
            "messageId");
}

TEST_F(Chat, HtmlIsCleanedAlsoWhenItIsEdited) {
  chat::SendMessageRequest request;
  request.kind = chat::MessageKind::kHtml;
  request.content = "<b onclick=x>hi</b><script>alert(1)</script>";
  const auto sent = sync_wait(chat().send_message(resource_, as(alice_), thread_, request));
  EXPECT_EQ(sent.content, "<b>hi</b>");
  chat::MessageUpdate update;
  update.content = "<i>ok</i><iframe src=x></iframe>";
  EXPECT_EQ(sync_wait(chat().update_message(resource_, as(alice_), thread_, sent.id, update)).content, "<i>ok</i>");
  const auto text = send(alice_, thread_, "<script>as text</script>");
  EXPECT_EQ(text.content, "<script>as text</script>");
}

TEST_F(Chat, HistoryBeginsWhereItIsShared) {
  send(alice_, thread_, "earlier");
  advance(1s);
  const Time now = runtime_->clock().now();
  const std::string dave = user();
  add(alice_, thread_, carol_);
  add(alice_, thread_, dave, Time{});
  send(bob_, thread_, "later");
  EXPECT_THAT(texts(carol_, thread_), ElementsAre("later"));
  EXPECT_THAT(texts(dave, thread_), ElementsAre("later", "earlier"));
  const std::string old = page(alice_, thread_).items[3].id;
  EXPECT_EQ(error_of([&] { sync_wait(chat().get_message(resource_, as(carol_), thread_, old)); }).code, ErrorCode::kNotFound);
  chat::PageRequest since;
  since.start_time = now;
  EXPECT_THAT(sync_wait(chat().list_messages(resource_, as(alice_), thread_, since)).items, SizeIs(3));
}

TEST_F(Chat, AKeyMakesOneThread) {
  chat::CreateThreadRequest request;
  request.topic = "once";
  request.idempotency_key = "key";
  const auto first = sync_wait(chat().create_thread(resource_, as(alice_), request));
  const auto second = sync_wait(chat().create_thread(resource_, as(alice_), request));
  EXPECT_EQ(first.thread.id, second.thread.id);
  EXPECT_FALSE(first.repeated);
  EXPECT_TRUE(second.repeated);
  EXPECT_NE(sync_wait(chat().create_thread(resource_, as(bob_), request)).thread.id, first.thread.id);
  request.topic = "another";
  EXPECT_EQ(error_of([&] { sync_wait(chat().create_thread(resource_, as(alice_), request)); }).http_status, 412);
}

TEST_F(Chat, StrangersAreReportedAndLeftOut) {
  chat::CreateThreadRequest request;
  request.topic = "t";
  for (const char* id :
       {"8:acs:11111111-2222-4333-8444-555555555555_00000000-0000-0000-0000-000000000001", "4:+14255550100", "x"})
    request.participants.emplace_back().id = id;
  const auto result = sync_wait(chat().create_thread(resource_, as(alice_), request));
  EXPECT_THAT(result.invalid_participants, SizeIs(3));
  EXPECT_THAT(sync_wait(chat().list_participants(resource_, as(alice_), result.thread.id, {})).items, SizeIs(1));
}

TEST_F(Chat, LimitsNameTheField) {
  const auto field = [&](auto change) {
    chat::CreateThreadRequest request;
    request.topic = "t";
    change(request);
    return error_of([&] { sync_wait(chat().create_thread(resource_, as(alice_), request)); }).target;
  };
  EXPECT_EQ(field([](auto& r) { r.topic = "  "; }), "topic");
  EXPECT_EQ(field([](auto& r) { r.topic = std::string(251, 'x'); }), "topic");
  EXPECT_EQ(field([](auto& r) { r.retention_days = 29; }), "retentionPolicy.deleteThreadAfterDays");
  EXPECT_EQ(field([](auto& r) { r.retention_days = 91; }), "retentionPolicy.deleteThreadAfterDays");
  EXPECT_EQ(field([](auto& r) { r.metadata["k"] = std::string(1024, 'x'); }), "metadata");
  EXPECT_EQ(field([](auto& r) { r.participants.resize(201); }), "participants");
  EXPECT_EQ(error_of([&] { send(alice_, thread_, ""); }).target, "content");
  EXPECT_EQ(error_of([&] { send(alice_, thread_, std::string(28 * 1024 + 1, 'x')); }).target, "content");
  EXPECT_NO_THROW(send(alice_, thread_, std::string(28 * 1024, 'x')));
}

TEST_F(Chat, AThreadHolds250AndReceiptsAreForSmallOnes) {
  const auto some = [&](std::size_t count) {
    std::vector<chat::Participant> people(count);
    for (chat::Participant& person : people) person.id = user();
    return people;
  };
  sync_wait(chat().add_participants(resource_, as(alice_), thread_, some(18)));
  const std::string message = send(alice_, thread_, "m").id;
  EXPECT_NO_THROW(sync_wait(chat().send_typing(resource_, as(alice_), thread_, std::nullopt)));
  sync_wait(chat().add_participants(resource_, as(alice_), thread_, some(1)));
  EXPECT_EQ(error_of([&] { sync_wait(chat().send_typing(resource_, as(alice_), thread_, std::nullopt)); }).code,
            ErrorCode::kOutOfRange);
  EXPECT_EQ(error_of([&] { sync_wait(chat().send_read_receipt(resource_, as(alice_), thread_, message)); }).code,
            ErrorCode::kOutOfRange);
  sync_wait(chat().add_participants(resource_, as(alice_), thread_, some(200)));
  const Error error = error_of([&] { sync_wait(chat().add_participants(resource_, as(alice_), thread_, some(30))); });
  EXPECT_EQ(error.code, ErrorCode::kOutOfRange);
  EXPECT_EQ(error.target, "participants");
  sync_wait(chat().add_participants(resource_, as(alice_), thread_, some(29)));
}

TEST_F(Chat, ReceiptsOnlyMoveForward) {
  const std::string first = send(alice_, thread_, "1").id, second = send(alice_, thread_, "2").id;
  sync_wait(chat().send_read_receipt(resource_, as(bob_), thread_, second));
  sync_wait(chat().send_read_receipt(resource_, as(bob_), thread_, first));
  const auto receipts = sync_wait(chat().list_read_receipts(resource_, as(alice_), thread_, {})).items;
  ASSERT_THAT(receipts, SizeIs(1));
  EXPECT_EQ(receipts[0].message_id, second);
  EXPECT_EQ(error_of([&] { sync_wait(chat().send_read_receipt(resource_, as(bob_), thread_, "1000000000000")); }).target,
            "messageId");
}

TEST_F(Chat, ThreadsAreDeletedByAge) {
  const std::string old = thread(alice_, {bob_}, 30), kept = thread(alice_, {bob_}, 31);
  for (int i = 0; i < 5; ++i) send(alice_, old, "m");
  advance(24h * 30 - 1s);
  EXPECT_NO_THROW(sync_wait(chat().get_thread(resource_, as(bob_), old)));
  advance(2s);
  EXPECT_EQ(error_of([&] { sync_wait(chat().get_thread(resource_, as(bob_), old)); }).code, ErrorCode::kNotFound);
  EXPECT_NO_THROW(sync_wait(chat().get_thread(resource_, as(bob_), kept)));
  const auto deleted = events("Microsoft.Communication.ChatThreadDeleted");
  ASSERT_THAT(deleted, SizeIs(1));
  chat::ThreadUpdate update;
  update.retention_days = 0;
  sync_wait(chat().update_thread(resource_, as(alice_), kept, update));
  advance(24h * 5);
  EXPECT_NO_THROW(sync_wait(chat().get_thread(resource_, as(bob_), kept)));
}

TEST_F(Chat, ADeletedUserIsInNoThreadAnyMore) {
  const std::string other = thread(alice_, {bob_});
  sync_wait(runtime_->identity().delete_user(resource_, bob_));
  for (const std::string& id : {thread_, other})
    EXPECT_THAT(sync_wait(chat().list_participants(resource_, as(alice_), id, {})).items, SizeIs(1));
  EXPECT_THAT(sync_wait(chat().list_threads(resource_, as(bob_), {})).items, IsEmpty());
}

TEST_F(Chat, AForkGoesItsOwnWay) {
  send(alice_, thread_, "before");
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "copy"));
  send(alice_, thread_, "in the original");
  chat::SendMessageRequest request;
  request.content = "in the fork";
  sync_wait(chat().send_message(fork, as(bob_), thread_, request));
  EXPECT_THAT(texts(bob_, thread_), ElementsAre("in the original", "before"));
  const auto copied = sync_wait(chat().list_messages(fork, as(alice_), thread_, {})).items;
  EXPECT_EQ(copied[0].content, "in the fork");
  EXPECT_EQ(copied[1].content, "before");
  sync_wait(runtime_->resources().drop("copy"));
  EXPECT_THAT(texts(bob_, thread_), ElementsAre("in the original", "before"));
}

TEST_F(Chat, ARestoreBringsBackWhatWasThere) {
  send(alice_, thread_, "kept");
  sync_wait(runtime_->resources().snapshot("world", "s"));
  send(alice_, thread_, "lost");
  sync_wait(runtime_->resources().restore("world", "s"));
  resource_ = runtime_->resources().get("world");
  settle();
  EXPECT_THAT(texts(bob_, thread_), ElementsAre("kept"));
  send(bob_, thread_, "after");
  EXPECT_THAT(texts(alice_, thread_), ElementsAre("after", "kept"));
}

TEST_F(Chat, ManySendersAtOnceGetDifferentIdsInOneOrder) {
  constexpr int kSenders = 16, kEach = 25;
  std::vector<std::thread> senders;
  for (int i = 0; i < kSenders; ++i)
    senders.emplace_back([&, i] {
      for (int j = 0; j < kEach; ++j) send(i % 2 ? alice_ : bob_, thread_, std::to_string(i) + "/" + std::to_string(j));
    });
  for (std::thread& sender : senders) sender.join();
  std::set<std::int64_t> sequences;
  std::optional<std::string> cursor;
  std::string last;
  do {
    const auto part = page(alice_, thread_, 200, cursor);
    for (const auto& message : part.items) {
      EXPECT_TRUE(last.empty() || message.id < last);
      last = message.id;
      sequences.insert(message.sequence);
    }
    cursor = part.cursor;
  } while (cursor);
  EXPECT_THAT(sequences, SizeIs(kSenders * kEach + 1));
  EXPECT_EQ(*sequences.rbegin(), kSenders * kEach + 1);
}

class ChatWithLimits : public ChatTest {
 protected:
  void SetUp() override { open(test_config(kChatProviders, "[]", "chat: {rate_limits: documented}\n")); }
};

TEST_F(ChatWithLimits, MoreThanDocumentedIsRefusedForAWhile) {
  const std::string alice = user(), id = thread(alice);
  for (int i = 0; i < 10; ++i) send(alice, id, "m");
  const Error error = error_of([&] { send(alice, id, "m"); });
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  ASSERT_TRUE(error.retry_after);
  EXPECT_LE(*error.retry_after, 10s);
  advance(*error.retry_after);
  EXPECT_NO_THROW(send(alice, id, "m"));
}

}  // namespace
}  // namespace trunkline

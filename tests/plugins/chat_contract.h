// What every chat provider promises: run against each of them, see ChatProvider in bindings/idl/chat.tsp. Included once by a
// program, which instantiates the suite with how its provider is opened.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plugins/chat_backend.h"
#include "tests/plugins/chat_sink.h"
#include "trunkline/chat_client.hpp"
#include "trunkline/host_client.hpp"

namespace trunkline {

class ChatContract : public ::testing::TestWithParam<MakeChatBackend> {
 protected:
  static constexpr const char* kResource = "11111111-2222-4333-8444-555555555555";
  static constexpr const char* kOther = "21111111-2222-4333-8444-555555555555";
  static constexpr const char* kAlice = "8:acs:11111111-2222-4333-8444-555555555555_alice";
  static constexpr const char* kBob = "8:acs:11111111-2222-4333-8444-555555555555_bob";
  static constexpr const char* kCarl = "8:acs:11111111-2222-4333-8444-555555555555_carl";

  ChatContract() {
    host_.add_resource(kResource);
    host_.add_resource(kOther);
    open();
  }
  void open(const std::map<std::string, int>& limits = {}) {
    instance_.reset();
    instance_ = backend_->open(host_, iface_of(static_cast<chat::ChatEvents*>(&sink_)), limits);
    client_ = {instance_->interface("trunkline.chat/1"), instance_->calls()};
  }
  std::string thread(std::int32_t retention = 0, std::optional<std::string> key = {}) {
    chat::CreateThreadRequest request;
    request.topic = "topic";
    request.retention_days = retention;
    request.participants.emplace_back().id = kBob;
    request.idempotency_key = std::move(key);
    return client_.create_thread_sync(kResource, kAlice, request).thread.id;
  }
  chat::ChatMessage send(const std::string& thread, const std::string& text, const char* user = kAlice) {
    chat::SendMessageRequest request;
    request.content = text;
    return client_.send_message_sync(kResource, user, thread, request);
  }
  std::vector<chat::ChatMessage> messages(const std::string& thread, const char* user = kAlice) {
    chat::PageRequest page;
    page.limit = 200;
    return client_.list_messages_sync(kResource, user, thread, page).items;
  }
  std::vector<std::string> texts(const std::string& thread, const char* user = kAlice) {
    std::vector<std::string> found;
    for (const auto& message : messages(thread, user))
      if (message.content) found.push_back(*message.content);
    return found;
  }
  void add(const std::string& thread, const char* user, std::optional<Time> history = {}) {
    std::vector<chat::Participant> people(1);
    people[0].id = user;
    people[0].share_history_time = history;
    EXPECT_TRUE(client_.add_participants_sync(kResource, kAlice, thread, people).empty());
  }
  std::int64_t rows() {
    std::int64_t count = 0;
    static const store::Statement kCount{"SELECT COUNT(*) FROM plugin_rows"};
    host_.database.read(
        [&](store::Session& session) { session.query(kCount, {}, [&](const store::Row& row) { count = row.integer(0); }); });
    return count;
  }
  /// The code of the error that f throws, and its target.
  template <class F>
  static std::pair<ErrorCode, std::string> refusal(F f) {
    std::string target;
    const ErrorCode code = testing::code_of(f, &target);
    return {code, target};
  }

  const std::unique_ptr<ChatBackend> backend_ = GetParam().make();
  testing::Host host_;
  testing::ChatSink sink_{host_};
  std::unique_ptr<plugin::PluginInstance> instance_;
  chat::ChatProviderClient client_;
};

TEST_P(ChatContract, AnotherProcessReadsTheSameThread) {
  const std::string id = thread(40);
  chat::SendMessageRequest request;
  request.content = "<b>hello</b>", request.kind = chat::MessageKind::kHtml, request.sender_display_name = "Alice";
  request.metadata = {{"k", "v"}};
  request.attachments.resize(1);
  request.attachments[0].id = "a", request.attachments[0].url = "u";
  const auto sent = client_.send_message_sync(kResource, kAlice, id, request);
  client_.send_read_receipt_sync(kResource, kBob, id, sent.id);
  const auto before = messages(id);
  EXPECT_EQ(before.front(), sent);
  const auto properties = client_.get_thread_sync(kResource, kBob, id);
  const auto people = client_.list_participants_sync(kResource, kBob, id, {}).items;
  const auto receipts = client_.list_read_receipts_sync(kResource, kBob, id, {}).items;
  open();
  EXPECT_EQ(messages(id), before);
  EXPECT_EQ(client_.get_message_sync(kResource, kBob, id, sent.id), sent);
  EXPECT_EQ(client_.get_thread_sync(kResource, kBob, id), properties);
  EXPECT_EQ(client_.list_participants_sync(kResource, kBob, id, {}).items, people);
  EXPECT_EQ(client_.list_read_receipts_sync(kResource, kBob, id, {}).items, receipts);
  const auto next = send(id, "next");
  EXPECT_GT(next.id, sent.id);
  EXPECT_EQ(next.sequence, sent.sequence + 1);
}

TEST_P(ChatContract, MessagesHaveAnOrderAndPages) {
  const std::string id = thread();
  for (int i = 0; i < 10; ++i) {
    host_.clock.advance(std::chrono::seconds(1));
    send(id, std::to_string(i));
  }
  const auto all = messages(id);
  ASSERT_THAT(all, ::testing::SizeIs(11));
  for (std::size_t i = 1; i < all.size(); ++i) {
    EXPECT_GT(all[i - 1].id, all[i].id);
    EXPECT_EQ(all[i - 1].sequence, all[i].sequence + 1);
    EXPECT_THAT(all[i].id, ::testing::MatchesRegex("[0-9]+"));
  }
  std::vector<std::string> walked;
  chat::PageRequest page;
  page.limit = 4;
  for (int pages = 0; pages < 4; ++pages) {
    const auto found = client_.list_messages_sync(kResource, kBob, id, page);
    for (const auto& message : found.items) walked.push_back(message.id);
    page.cursor = found.cursor;
    if (!page.cursor) break;
    EXPECT_THAT(found.items, ::testing::SizeIs(4));
  }
  std::vector<std::string> ids;
  for (const auto& message : all) ids.push_back(message.id);
  EXPECT_EQ(walked, ids);
  chat::PageRequest late;
  late.start_time = all[2].created_on;
  EXPECT_THAT(client_.list_messages_sync(kResource, kBob, id, late).items, ::testing::SizeIs(3));
  late.skip = 1;
  EXPECT_EQ(client_.list_messages_sync(kResource, kBob, id, late).items.front(), all[1]);
  chat::PageRequest wrong;
  wrong.cursor = "elsewhere";
  const std::pair refused(ErrorCode::kInvalidArgument, std::string("cursor"));
  EXPECT_EQ(refusal([&] { client_.list_messages_sync(kResource, kBob, id, wrong); }), refused);
  EXPECT_EQ(refusal([&] { client_.list_threads_sync(kResource, kBob, wrong); }), refused);
  EXPECT_EQ(refusal([&] { client_.list_participants_sync(kResource, kBob, id, wrong); }), refused);
}

TEST_P(ChatContract, OnlyTheSenderChangesAMessage) {
  const std::string id = thread();
  const auto sent = send(id, "first");
  chat::MessageUpdate update;
  update.content = "second";
  update.metadata = Properties{{"k", "v"}};
  EXPECT_EQ(refusal([&] { client_.update_message_sync(kResource, kBob, id, sent.id, update); }).first,
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(refusal([&] { client_.delete_message_sync(kResource, kBob, id, sent.id); }).first, ErrorCode::kPermissionDenied);
  const auto edited = client_.update_message_sync(kResource, kAlice, id, sent.id, update);
  EXPECT_EQ(edited.content, "second");
  EXPECT_GT(edited.version, sent.version);
  EXPECT_TRUE(edited.edited_on);
  EXPECT_EQ(edited.id, sent.id);
  EXPECT_EQ(client_.get_message_sync(kResource, kBob, id, sent.id), edited);
  update.content.reset();
  update.metadata = Properties{{"more", "w"}};
  EXPECT_THAT(client_.update_message_sync(kResource, kAlice, id, sent.id, update).metadata, ::testing::SizeIs(2));
  EXPECT_EQ(client_.get_message_sync(kResource, kBob, id, sent.id).content, "second");
  client_.delete_message_sync(kResource, kAlice, id, sent.id);
  const auto gone = client_.get_message_sync(kResource, kBob, id, sent.id);
  EXPECT_FALSE(gone.content);
  EXPECT_TRUE(gone.deleted_on);
  EXPECT_TRUE(gone.metadata.empty());
  EXPECT_GT(gone.version, edited.version);
  update.content = "late";
  EXPECT_EQ(refusal([&] { client_.update_message_sync(kResource, kAlice, id, sent.id, update); }),
            std::pair(ErrorCode::kNotFound, std::string("messageId")));
  client_.delete_message_sync(kResource, kAlice, id, sent.id);
  EXPECT_TRUE(sink_.changes.back().message_deleted());
}

TEST_P(ChatContract, WhoTakesPartDecides) {
  const std::string id = thread();
  EXPECT_EQ(refusal([&] { send(id, "x", kCarl); }), std::pair(ErrorCode::kPermissionDenied, std::string("threadId")));
  EXPECT_EQ(refusal([&] { client_.get_thread_sync(kResource, kCarl, id); }).first, ErrorCode::kPermissionDenied);
  EXPECT_EQ(refusal([&] { client_.get_thread_sync(kResource, kAlice, "nowhere"); }),
            std::pair(ErrorCode::kNotFound, std::string("threadId")));
  EXPECT_EQ(refusal([&] { client_.get_message_sync(kResource, kAlice, id, "1234567890123"); }),
            std::pair(ErrorCode::kNotFound, std::string("messageId")));
  send(id, "before");
  host_.clock.advance(std::chrono::minutes(1));
  add(id, kCarl);
  send(id, "after");
  EXPECT_THAT(texts(id, kCarl), ::testing::ElementsAre("after"));
  EXPECT_THAT(texts(id, kBob), ::testing::ElementsAre("after", "before"));
  send(id, "mine", kCarl);
  client_.remove_participant_sync(kResource, kBob, id, kCarl);
  EXPECT_EQ(refusal([&] { send(id, "x", kCarl); }).first, ErrorCode::kPermissionDenied);
  ASSERT_TRUE(sink_.changes.back().participants_removed());
  EXPECT_EQ(sink_.changes.back().participants_removed()->removed_by, kBob);
  const std::size_t told = sink_.changes.size();
  client_.remove_participant_sync(kResource, kBob, id, kCarl);
  EXPECT_EQ(sink_.changes.size(), told) << "was gone already";
  add(id, kCarl, Time{});
  EXPECT_THAT(texts(id, kCarl), ::testing::ElementsAre("mine", "after", "before"));
  client_.remove_participant_sync(kResource, kCarl, id, kCarl);
  std::vector<std::string> people;
  for (const auto& participant : client_.list_participants_sync(kResource, kAlice, id, {}).items)
    people.push_back(participant.id);
  EXPECT_THAT(people, ::testing::ElementsAre(kAlice, kBob));
}

TEST_P(ChatContract, ThreadsAreListedTheYoungestFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) {
    host_.clock.advance(std::chrono::seconds(1));
    ids.insert(ids.begin(), thread());
  }
  std::vector<std::string> walked;
  chat::PageRequest page;
  page.limit = 3;
  for (int pages = 0; pages < 4; ++pages) {
    const auto found = client_.list_threads_sync(kResource, kBob, page);
    for (const auto& item : found.items) walked.push_back(item.id);
    page.cursor = found.cursor;
    if (!page.cursor) break;
  }
  EXPECT_EQ(walked, ids);
  client_.remove_participant_sync(kResource, kBob, ids[0], kBob);
  EXPECT_THAT(client_.list_threads_sync(kResource, kBob, {}).items, ::testing::SizeIs(6));
}

TEST_P(ChatContract, TheTopicIsChangedForEverybody) {
  const std::string id = thread();
  chat::ThreadUpdate update;
  update.topic = "new";
  EXPECT_EQ(client_.update_thread_sync(kResource, kBob, id, update).topic, "new");
  ASSERT_TRUE(sink_.changes.back().thread_updated());
  EXPECT_EQ(sink_.changes.back().thread_updated()->updated_by, kBob);
  const auto newest = messages(id).front();
  EXPECT_EQ(newest.kind, chat::MessageKind::kTopicUpdated);
  EXPECT_EQ(newest.topic, "new");
  EXPECT_EQ(newest.initiator_id, kBob);
}

TEST_P(ChatContract, MetadataIsMergedAndBounded) {
  const std::string id = thread();
  chat::ThreadUpdate update;
  update.metadata = Properties{{"a", "1"}, {"b", std::string(600, 'x')}};
  client_.update_thread_sync(kResource, kAlice, id, update);
  update.metadata = Properties{{"c", std::string(600, 'x')}};
  EXPECT_EQ(refusal([&] { client_.update_thread_sync(kResource, kAlice, id, update); }),
            std::pair(ErrorCode::kOutOfRange, std::string("metadata")));
  update.remove_metadata = std::vector<std::string>{"b"};
  EXPECT_THAT(client_.update_thread_sync(kResource, kAlice, id, update).metadata,
              ::testing::ElementsAre(::testing::Key("a"), ::testing::Key("c")));
}

TEST_P(ChatContract, OneKeyIsOneThread) {
  const std::string id = thread(0, "key");
  EXPECT_EQ(thread(0, "key"), id);
  EXPECT_NE(thread(0, "other"), id);
  chat::CreateThreadRequest request;
  request.topic = "something else";
  request.idempotency_key = "key";
  EXPECT_EQ(refusal([&] { client_.create_thread_sync(kResource, kAlice, request); }),
            std::pair(ErrorCode::kAlreadyExists, std::string("idempotencyKey")));
  EXPECT_NE(client_.create_thread_sync(kResource, kBob, request).thread.id, id) << "another user's key";
}

TEST_P(ChatContract, ReceiptsRiseAndAreForSmallThreads) {
  open({{"max_participants", 3}, {"max_receipt_participants", 2}});
  const std::string id = thread();
  const auto first = send(id, "1"), second = send(id, "2");
  client_.send_read_receipt_sync(kResource, kBob, id, second.id);
  ASSERT_TRUE(sink_.changes.back().read_receipt());
  client_.send_read_receipt_sync(kResource, kBob, id, first.id);
  const auto receipts = client_.list_read_receipts_sync(kResource, kAlice, id, {}).items;
  ASSERT_THAT(receipts, ::testing::SizeIs(1));
  EXPECT_EQ(receipts[0].message_id, second.id) << "had read further already";
  client_.send_typing_sync(kResource, kBob, id, "Bob");
  ASSERT_TRUE(sink_.changes.back().typing());
  EXPECT_EQ(sink_.changes.back().typing()->sender_display_name, "Bob");
  add(id, kCarl);
  EXPECT_EQ(refusal([&] { client_.send_typing_sync(kResource, kBob, id, {}); }).first, ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal([&] { client_.send_read_receipt_sync(kResource, kBob, id, second.id); }).first, ErrorCode::kOutOfRange);
  std::vector<chat::Participant> people(1);
  people[0].id = "8:acs:11111111-2222-4333-8444-555555555555_dora";
  EXPECT_EQ(refusal([&] { client_.add_participants_sync(kResource, kAlice, id, people); }),
            std::pair(ErrorCode::kOutOfRange, std::string("participants")));
}

TEST_P(ChatContract, NothingIsLeftOfADeletedThread) {
  const std::int64_t before = rows();
  const std::string id = thread(30);
  for (int i = 0; i < 20; ++i) send(id, "x");
  client_.send_read_receipt_sync(kResource, kBob, id, send(id, "y").id);
  client_.delete_thread_sync(kResource, kAlice, id);
  ASSERT_TRUE(sink_.changes.back().thread_deleted());
  EXPECT_EQ(sink_.changes.back().thread_deleted()->deleted_by, kAlice);
  EXPECT_EQ(refusal([&] { send(id, "late"); }), std::pair(ErrorCode::kNotFound, std::string("threadId")));
  open();
  EXPECT_EQ(refusal([&] { send(id, "late"); }).first, ErrorCode::kNotFound);
  EXPECT_FALSE(client_.maintain_sync(kResource, false).next_at);
  EXPECT_EQ(rows(), before);
}

TEST_P(ChatContract, SaysWhenAThreadIsDue) {
  using namespace std::chrono_literals;
  ASSERT_TRUE(client_.capabilities().retention);
  thread(40);
  const std::string first = thread(30);
  const auto next = client_.maintain_sync(kResource, false).next_at;
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, host_.clock.now() + 24h * 30);
  host_.clock.advance(24h * 30);
  EXPECT_EQ(*client_.maintain_sync(kResource, false).next_at, host_.clock.now() + 24h * 10);
  EXPECT_EQ(refusal([&] { client_.get_thread_sync(kResource, kAlice, first); }).first, ErrorCode::kNotFound);
  ASSERT_TRUE(sink_.changes.back().thread_deleted());
  EXPECT_FALSE(sink_.changes.back().thread_deleted()->deleted_by);
}

TEST_P(ChatContract, ResourcesShareNothing) {
  const std::string id = thread();
  EXPECT_EQ(refusal([&] { client_.get_thread_sync(kOther, kAlice, id); }),
            std::pair(ErrorCode::kNotFound, std::string("threadId")));
  EXPECT_TRUE(client_.list_threads_sync(kOther, kAlice, {}).items.empty());
}

}  // namespace trunkline

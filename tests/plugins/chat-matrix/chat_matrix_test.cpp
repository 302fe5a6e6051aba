// What differs from a provider that keeps everything itself: people on the other side, and a homeserver that fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plugins/chat-matrix/matrix_backend.h"
#include "tests/plugins/chat_sink.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using testing::FakeHomeserver;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kResource = "11111111-2222-4333-8444-555555555555";
constexpr const char* kAlice = "8:acs:11111111-2222-4333-8444-555555555555_alice";
constexpr const char* kBob = "8:acs:11111111-2222-4333-8444-555555555555_bob";
constexpr const char* kCarol = "@carol:elsewhere.test";
constexpr const char* kCarolHere = "matrix:@carol:elsewhere.test";
constexpr const char* kBot = "@acs_bot:matrix.test";
constexpr const char* kAliceThere = "@acs_8=3aacs=3a11111111-2222-4333-8444-555555555555_alice:matrix.test";

class ChatMatrix : public ::testing::Test {
 protected:
  ChatMatrix() {
    host_.add_resource(kResource);
    open();
  }
  void open() {
    instance_.reset();
    if (!backend_.more.contains("poll_ms")) backend_.more["poll_ms"] = 1000;
    instance_ = backend_.open(host_, iface_of(static_cast<chat::ChatEvents*>(&sink_)), {});
    client_ = {instance_->interface("trunkline.chat/1"), instance_->calls()};
    client_.maintain_sync(kResource, false);  // as the host does at its start
  }
  std::string thread(std::optional<std::string> key = {}) {
    chat::CreateThreadRequest request;
    request.topic = "topic";
    request.participants.emplace_back().id = kBob;
    request.participants[0].display_name = "Bob";
    request.idempotency_key = std::move(key);
    return client_.create_thread_sync(kResource, kAlice, request).thread.id;
  }
  /// A thread that Carol is in, too.
  std::string shared() {
    const std::string id = thread();
    server().member(id, kCarol, "join");
    sync();
    return id;
  }
  chat::ChatMessage send(const std::string& thread, const std::string& text, CallOptions options = {}) {
    chat::SendMessageRequest request;
    request.content = text;
    return client_.send_message_sync(kResource, kAlice, thread, request, std::move(options));
  }
  std::vector<std::string> texts(const std::string& thread) {
    chat::PageRequest page;
    page.limit = 200;
    std::vector<std::string> found;
    for (const auto& message : client_.list_messages_sync(kResource, kAlice, thread, page).items)
      if (message.kind == chat::MessageKind::kText) found.push_back(message.content.value_or("(deleted)"));
    return found;
  }
  std::vector<std::string> people(const std::string& thread) {
    std::vector<std::string> found;
    for (const auto& participant : client_.list_participants_sync(kResource, kAlice, thread, {}).items)
      found.push_back(participant.id);
    return found;
  }
  /// Lets the provider ask what is new, and everything come of it.
  void sync(Duration by = 1s) {
    host_.executor.work().wait_idle();
    host_.clock.advance(by);
  }
  /// What has been told since the last call.
  std::vector<chat::ChatChange> news() {
    std::vector<chat::ChatChange> fresh(sink_.changes.begin() + static_cast<std::ptrdiff_t>(told_), sink_.changes.end());
    told_ = sink_.changes.size();
    return fresh;
  }
  void script(std::string part, int status, json answer) {
    server().script = [part = std::move(part), status,
                       answer = std::move(answer)](const std::string& request) -> std::optional<std::pair<int, json>> {
      if (request.find(part) == std::string::npos) return std::nullopt;
      return std::pair(status, answer);
    };
  }
  Error failure(const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& error) {
      return error;
    }
    return {};
  }
  FakeHomeserver& server() { return backend_.server; }

  testing::MatrixBackend backend_;
  testing::Host host_;
  testing::ChatSink sink_{host_};
  std::size_t told_ = 0;
  std::unique_ptr<plugin::PluginInstance> instance_;
  chat::ChatProviderClient client_;
};

TEST_F(ChatMatrix, WhatMatrixUsersDoIsTold) {
  const std::string id = thread();
  sync();
  news();
  server().member(id, kCarol, "join");
  sync();
  auto told = news();
  ASSERT_THAT(told, SizeIs(1));
  ASSERT_TRUE(told[0].participants_added());
  EXPECT_EQ(told[0].participants_added()->participants[0].id, kCarolHere);
  EXPECT_EQ(told[0].participants_added()->participants[0].display_name, "carol");
  EXPECT_THAT(people(id), ElementsAre(kAlice, kBob, kCarolHere));

  const std::string event = server().say(id, kCarol, "hello");
  server().edit(id, kCarol, event, "hello!");
  server().set_topic(id, kCarol, "Carol's");
  server().type(id, kCarol);
  sync();
  told = news();
  ASSERT_THAT(told, SizeIs(4));
  ASSERT_TRUE(told[0].message_received());
  const auto received = told[0].message_received()->message;
  EXPECT_EQ(received.sender_id, kCarolHere);
  EXPECT_EQ(received.sender_display_name, "carol");
  EXPECT_EQ(received.content, "hello");
  EXPECT_LE(received.created_on, host_.clock.now()) << "her clock is not believed";
  ASSERT_TRUE(told[1].message_edited());
  EXPECT_EQ(told[1].message_edited()->message.content, "hello!");
  EXPECT_EQ(told[1].message_edited()->message.id, received.id);
  ASSERT_TRUE(told[2].thread_updated());
  EXPECT_EQ(told[2].thread_updated()->updated_by, kCarolHere);
  ASSERT_TRUE(told[3].typing());
  EXPECT_THAT(texts(id), ElementsAre("hello!"));

  const auto sent = send(id, "hi Carol");
  server().read(id, kCarol, server().room(id).events.back().id);
  server().redact(id, kCarol, event);
  sync();
  told = news();
  ASSERT_THAT(told, SizeIs(4)) << "ours, her redaction, her receipt, and that she types still";
  ASSERT_TRUE(told[1].message_deleted());
  EXPECT_EQ(told[1].message_deleted()->message.id, received.id);
  ASSERT_TRUE(told[2].read_receipt());
  EXPECT_EQ(told[2].read_receipt()->receipt.message_id, sent.id);
  EXPECT_THAT(texts(id), ElementsAre("hi Carol", "(deleted)"));

  server().member(id, kCarol, "leave");
  sync();
  told = news();
  ASSERT_THAT(told, SizeIs(1));
  ASSERT_TRUE(told[0].participants_removed());
  EXPECT_EQ(told[0].participants_removed()->removed_by, kCarolHere);
}

TEST_F(ChatMatrix, WhatWeDidIsNotToldTwice) {
  const std::string id = shared();
  const auto sent = send(id, "one");
  chat::MessageUpdate update;
  update.content = "two";
  client_.update_message_sync(kResource, kAlice, id, sent.id, update);
  chat::ThreadUpdate topic;
  topic.topic = "new";
  client_.update_thread_sync(kResource, kAlice, id, topic);
  client_.remove_participant_sync(kResource, kAlice, id, kBob);
  client_.delete_message_sync(kResource, kAlice, id, sent.id);
  news();
  sync();
  EXPECT_THAT(news(), IsEmpty());
  EXPECT_THAT(server().texts(id), ElementsAre("", "")) << "the edit has lost its content, too";
  open();  // and so it is when the position was not kept
  sync();
  EXPECT_THAT(news(), IsEmpty());
}

TEST_F(ChatMatrix, MatrixUsersAreInvitedAndRemoved) {
  const std::string id = thread();
  std::vector<chat::Participant> participants(3);
  participants[0].id = kCarolHere, participants[1].id = "matrix:nobody";
  participants[2].id = std::string("8:acs:") + std::string(250, 'X');
  const auto invalid = client_.add_participants_sync(kResource, kAlice, id, participants);
  ASSERT_THAT(invalid, SizeIs(2));
  EXPECT_EQ(invalid[0].id, "matrix:nobody");
  EXPECT_THAT(people(id), ElementsAre(kAlice, kBob, kCarolHere));
  EXPECT_EQ(server().room(id).membership.at(kCarol), "invite");
  EXPECT_EQ(server().count("/invite as " + std::string(kAliceThere)), 1u) << "on behalf of who asked";
  server().member(id, kCarol, "join");
  news();
  sync();
  EXPECT_THAT(news(), IsEmpty()) << "she takes part since she was invited";
  client_.remove_participant_sync(kResource, kAlice, id, kCarolHere);
  EXPECT_EQ(server().room(id).membership.at(kCarol), "leave");
}

TEST_F(ChatMatrix, AMatrixUserAsksAUserOfOursIn) {
  const std::string id = shared();
  const std::string dora = std::string("8:acs:") + kResource + "_dora";
  server().member(id, "@acs_8=3aacs=3a11111111-2222-4333-8444-555555555555_dora:matrix.test", "invite", kCarol);
  news();
  sync();
  const auto told = news();
  ASSERT_THAT(told, SizeIs(1));
  ASSERT_TRUE(told[0].participants_added());
  EXPECT_EQ(told[0].participants_added()->added_by, kCarolHere);
  EXPECT_THAT(people(id), ::testing::Contains(dora));
}

TEST_F(ChatMatrix, AGapIsFilledInOrder) {
  const std::string id = shared();
  news();
  for (int i = 0; i < 180; ++i) server().say(id, kCarol, std::to_string(i));
  sync();
  const auto told = news();
  ASSERT_THAT(told, SizeIs(180));
  for (std::size_t i = 0; i < told.size(); ++i) {
    ASSERT_TRUE(told[i].message_received());
    EXPECT_EQ(told[i].message_received()->message.content, std::to_string(i));
  }
  EXPECT_GE(server().count("/messages"), 2u);
  EXPECT_THAT(texts(id), SizeIs(180));
}

TEST_F(ChatMatrix, ALongPageOfHistoryIsFewRequests) {
  const std::string id = shared();
  for (int i = 0; i < 100; ++i) send(id, std::to_string(i));
  const std::size_t before = server().log.size();
  EXPECT_THAT(texts(id), SizeIs(100));
  EXPECT_LE(server().log.size() - before, 3u);
}

TEST_F(ChatMatrix, AnAnswerThatIsLostIsNoSecondMessage) {
  const std::string id = shared();
  int lost = 1;
  server().script = [&](const std::string& request) -> std::optional<std::pair<int, json>> {
    if (request.find("/send/") == std::string::npos || lost-- <= 0) return std::nullopt;
    return std::pair(502, json("<html>bad gateway</html>"));
  };
  send(id, "once");
  EXPECT_THAT(server().texts(id), ElementsAre("once"));
  CallOptions options;
  options.idempotency_key = "k";
  const auto first = send(id, "keyed", options);
  EXPECT_EQ(send(id, "keyed", options), first) << "the same key is the same event";
  EXPECT_THAT(server().texts(id), ElementsAre("once", "keyed"));
}

TEST_F(ChatMatrix, WhatCouldNotBeReportedIsFoundBySync) {
  const std::string id = shared();
  sink_.failing = true;
  EXPECT_EQ(failure([&] { send(id, "taken"); }).code, ErrorCode::kUnavailable);
  sink_.failing = false;
  EXPECT_THAT(server().texts(id), ElementsAre("taken"));
  news();
  sync(5s);
  const auto told = news();
  ASSERT_THAT(told, SizeIs(1));
  ASSERT_TRUE(told[0].message_received());
  EXPECT_EQ(told[0].message_received()->message.sender_id, kAlice);
  EXPECT_THAT(texts(id), ElementsAre("taken"));
}

TEST_F(ChatMatrix, RefusalsKeepTheHomeserversCode) {
  const std::string id = shared();
  script("/send/", 429, {{"errcode", "M_LIMIT_EXCEEDED"}, {"error", "slower"}, {"retry_after_ms", 1500}});
  Error error = failure([&] { send(id, "x"); });
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(error.provider_code, "M_LIMIT_EXCEEDED");
  EXPECT_TRUE(error.retryable);
  EXPECT_EQ(error.retry_after, 1500ms);
  script("/send/", 403, {{"errcode", "M_FORBIDDEN"}, {"error", "no"}});
  error = failure([&] { send(id, "x"); });
  EXPECT_EQ(error.code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(error.target, "threadId");
  EXPECT_FALSE(error.retryable);
  script("/send/", 413, {{"errcode", "M_TOO_LARGE"}});
  error = failure([&] { send(id, "x"); });
  EXPECT_EQ(error.code, ErrorCode::kOutOfRange);
  EXPECT_EQ(error.target, "content");
  script("/send/", 401, {{"errcode", "M_UNKNOWN_TOKEN"}});
  error = failure([&] { send(id, "x"); });
  EXPECT_EQ(error.code, ErrorCode::kUnavailable) << "it is not the caller's token";
  EXPECT_FALSE(error.retryable);
  EXPECT_EQ(error.provider_code, "M_UNKNOWN_TOKEN");
  script("/send/", 500, {{"errcode", "M_UNKNOWN"}});
  error = failure([&] { send(id, "x"); });
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_TRUE(error.retryable);
  script("/send/", 200, json("no JSON"));
  EXPECT_EQ(failure([&] { send(id, "x"); }).code, ErrorCode::kUnavailable);
  script("/send/", 200, json(std::string(100, '[') + std::string(100, ']')));
  EXPECT_THAT(failure([&] { send(id, "x"); }).message, HasSubstr("deep"));
  server().script = nullptr;
  send(id, "y");
  EXPECT_THAT(server().texts(id), ElementsAre("y"));
}

TEST_F(ChatMatrix, TheSyncComesBack) {
  const std::string id = shared();
  script("/sync", 500, {{"errcode", "M_UNKNOWN"}});
  sync();
  server().say(id, kCarol, "while you were away");
  news();
  sync();
  const std::size_t attempts = server().count("/sync");
  sync(1ms);
  EXPECT_EQ(server().count("/sync"), attempts) << "a homeserver that fails is not asked all the time";
  server().script = nullptr;
  sync(2min);
  ASSERT_THAT(news(), SizeIs(1));
}

TEST_F(ChatMatrix, ATokenThatIsNotTakenIsNoEndOfTheWorld) {
  backend_.token = "another";
  open();
  const Error error = failure([&] { thread(); });
  EXPECT_EQ(error.provider_code, "M_UNKNOWN_TOKEN");
  sync(10min);
  EXPECT_LE(server().count("/register"), 30u);
}

TEST_F(ChatMatrix, APositionThatIsLostIsNoLoss) {
  const std::string id = shared();
  send(id, "known");
  sync();
  news();
  server().say(id, kCarol, "new");
  bool refused = false;
  server().script = [&](const std::string& request) -> std::optional<std::pair<int, json>> {
    if (request.find("/sync") == std::string::npos || refused) return std::nullopt;
    refused = true;
    return std::pair(400, json{{"errcode", "M_UNKNOWN_POS"}});
  };
  sync(5s);
  EXPECT_TRUE(refused);
  const auto told = news();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].message_received()->message.content, "new");
}

TEST_F(ChatMatrix, OneKeyIsOneRoomAcrossACrash) {
  sink_.failing = true;
  EXPECT_EQ(failure([&] { thread("key"); }).code, ErrorCode::kUnavailable);
  sink_.failing = false;
  const std::string id = thread("key");
  EXPECT_EQ(server().rooms(), 1u);
  send(id, "x");
  EXPECT_EQ(thread("key"), id);
}

TEST_F(ChatMatrix, TheRoomOfADeletedThreadIsLeft) {
  const std::string id = shared();
  client_.delete_thread_sync(kResource, kAlice, id);
  script("/kick", 500, json::object());
  const auto next = client_.maintain_sync(kResource, false).next_at;
  ASSERT_TRUE(next) << "the homeserver is asked again";
  EXPECT_GT(*next, host_.clock.now());
  server().script = nullptr;
  EXPECT_FALSE(client_.maintain_sync(kResource, false).next_at);
  for (const auto& [user, membership] : server().room(id).membership) EXPECT_EQ(membership, "leave") << user;
  EXPECT_THAT(server().room(id).forgotten, ElementsAre(kBot));
}

TEST_F(ChatMatrix, ARoomThatTheBotIsNoLongerInIsCleanedUp) {
  const std::string interrupted = shared(), closed = shared();
  client_.delete_thread_sync(kResource, kAlice, interrupted);
  script("/forget", 500, json::object());
  ASSERT_TRUE(client_.maintain_sync(kResource, false).next_at);
  EXPECT_EQ(server().room(interrupted).membership.at(kBot), "leave");
  server().script = nullptr;
  EXPECT_FALSE(client_.maintain_sync(kResource, false).next_at) << "it cannot leave twice";
  server().member(closed, kBot, "leave", kCarol);
  client_.delete_thread_sync(kResource, kAlice, closed);
  EXPECT_FALSE(client_.maintain_sync(kResource, false).next_at) << "nor remove anybody";
  EXPECT_THAT(server().room(interrupted).forgotten, ElementsAre(kBot));
  EXPECT_THAT(server().room(closed).forgotten, ElementsAre(kBot));
}

TEST_F(ChatMatrix, ACopyOfTheRowsHasNoThreads) {
  const std::string fork = "21111111-2222-4333-8444-555555555555";
  host_.add_resource(fork);
  const std::string id = thread("key");
  host_.copy_rows(kResource, fork);
  EXPECT_EQ(testing::code_of([&] { client_.get_thread_sync(fork, kAlice, id); }), ErrorCode::kNotFound);
  EXPECT_THAT(client_.list_threads_sync(fork, kAlice, {}).items, IsEmpty());
  chat::CreateThreadRequest request;
  request.topic = "topic";
  request.participants.emplace_back().id = kBob;
  request.idempotency_key = "key";
  EXPECT_NE(client_.create_thread_sync(fork, kAlice, request).thread.id, id);
}

TEST_F(ChatMatrix, AResourceThatWasPutBackIsCaughtUp) {
  const std::string saved = "31111111-2222-4333-8444-555555555555", id = shared();
  host_.add_resource(saved);
  send(id, "one");
  host_.copy_rows(kResource, saved);
  send(id, "two");
  server().say(id, kCarol, "three");
  sync();
  news();
  host_.copy_rows(saved, kResource);
  EXPECT_THAT(texts(id), ElementsAre("one"));
  client_.maintain_sync(kResource, true);
  EXPECT_THAT(texts(id), ElementsAre("three", "two", "one"));
  EXPECT_THAT(news(), SizeIs(2));
}

TEST_F(ChatMatrix, HtmlOfOthersIsTakenAsText) {
  const std::string id = shared();
  server().say(id, kCarol, "<script>1</script>");
  sync();
  EXPECT_THAT(texts(id), ElementsAre("<script>1</script>"));
  chat::SendMessageRequest request;
  request.content = "<b>bold</b> &amp; <i>more</i>";
  request.kind = chat::MessageKind::kHtml;
  const auto sent = client_.send_message_sync(kResource, kAlice, id, request);
  EXPECT_EQ(client_.get_message_sync(kResource, kAlice, id, sent.id), sent);
  EXPECT_THAT(server().texts(id), ElementsAre("<script>1</script>", "bold & more"));
}

TEST_F(ChatMatrix, AConfigurationIsCheckedWhole) {
  const auto refused = [&](const char* key, json value) {
    backend_.more = json{{key, value}};
    std::string target;
    EXPECT_EQ(testing::code_of([&] { open(); }, &target), ErrorCode::kInvalidArgument) << key << value;
  };
  refused("homeserver", "http://matrix.test");
  refused("homeserver", "http://127.0.0.1.matrix.test");
  refused("homeserver", "https://user@matrix.test");
  refused("server_name", "");
  refused("user_prefix", "");
  refused("user_prefix", "Acs");
  refused("invite", json::array({"carol"}));
  refused("join_rule", "knock");
  backend_.more = json{{"homeserver", "http://127.0.0.1:8008/"}};
  open();
}

}  // namespace
}  // namespace trunkline

// The local chat provider against a host that keeps what it is handed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/plugins/host.h"
#include "trunkline/chat_client.hpp"
#include "trunkline/chat_provider.hpp"
#include "trunkline/host_client.hpp"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::code_of;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr const char* kResource = "11111111-2222-4333-8444-555555555555";
constexpr const char* kAlice = "8:acs:r_alice";
constexpr const char* kBob = "8:acs:r_bob";

/// Stores batches as the host does, and can fail.
class Sink final : public chat::ChatEvents {
 public:
  explicit Sink(testing::Host& host) : host_(host) {}
  Task<void> changed(Call, std::string resource, chat::ChatChange change, std::optional<host::StoreBatch> batch) override {
    if (failing) throw Error(ErrorCode::kUnavailable, "the disk is full");
    const std::int64_t key = host_.resources.at(resource).resource_key;
    auto write = [key, batch = batch.value_or(host::StoreBatch{})](store::Session& session) {
      plugin::write_batch(session, key, "under-test", batch);
    };
    co_await host_.database.write(std::move(write));
    const std::lock_guard lock(mutex_);
    changes.push_back(std::move(change));
  }
  std::atomic<bool> failing{false};
  std::vector<chat::ChatChange> changes;

 private:
  testing::Host& host_;
  std::mutex mutex_;
};

class ChatLocal : public ::testing::Test {
 protected:
  ChatLocal() {
    host_.add_resource(kResource);
    open();
  }
  void open(const std::string& config = "{}") {
    instance_.reset();
    instance_ = host_.open("chat-local", config, iface_of(static_cast<chat::ChatEvents*>(&sink_)));
    client_ = {instance_->interface("trunkline.chat/1"), instance_->calls()};
  }
  std::string thread(std::int32_t retention = 0) {
    chat::CreateThreadRequest request;
    request.topic = "topic";
    request.retention_days = retention;
    request.participants.emplace_back().id = kBob;
    return client_.create_thread_sync(kResource, kAlice, request).thread.id;
  }
  chat::ChatMessage send(const std::string& thread, const std::string& text) {
    chat::SendMessageRequest request;
    request.content = text;
    return client_.send_message_sync(kResource, kAlice, thread, request);
  }
  std::vector<chat::ChatMessage> messages(const std::string& thread, const char* user = kAlice) {
    chat::PageRequest page;
    page.limit = 200;
    return client_.list_messages_sync(kResource, user, thread, page).items;
  }
  std::int64_t rows() {
    std::int64_t count = 0;
    static const store::Statement kCount{"SELECT COUNT(*) FROM plugin_rows"};
    host_.database.read(
        [&](store::Session& session) { session.query(kCount, {}, [&](const store::Row& row) { count = row.integer(0); }); });
    return count;
  }

  testing::Host host_;
  Sink sink_{host_};
  std::unique_ptr<plugin::PluginInstance> instance_;
  chat::ChatProviderClient client_;
};

TEST_F(ChatLocal, AnotherProcessReadsTheSameThread) {
  const std::string id = thread(40);
  chat::SendMessageRequest request;
  request.content = "hello", request.kind = chat::MessageKind::kHtml, request.sender_display_name = "Alice";
  request.metadata = {{"k", "v"}};
  request.attachments.resize(1);
  request.attachments[0].id = "a", request.attachments[0].url = "u";
  const auto sent = client_.send_message_sync(kResource, kAlice, id, request);
  client_.send_read_receipt_sync(kResource, kBob, id, sent.id);
  const auto before = messages(id);
  const auto properties = client_.get_thread_sync(kResource, kBob, id);
  const auto people = client_.list_participants_sync(kResource, kBob, id, {}).items;
  const auto receipts = client_.list_read_receipts_sync(kResource, kBob, id, {}).items;
  open();
  EXPECT_EQ(messages(id), before);
  EXPECT_EQ(client_.get_thread_sync(kResource, kBob, id), properties);
  EXPECT_EQ(client_.list_participants_sync(kResource, kBob, id, {}).items, people);
  EXPECT_EQ(client_.list_read_receipts_sync(kResource, kBob, id, {}).items, receipts);
  const auto next = send(id, "next");
  EXPECT_GT(next.id, sent.id);
  EXPECT_EQ(next.sequence, sent.sequence + 1);
}

TEST_F(ChatLocal, AFailedWriteLeavesTheThreadAsItWas) {
  const std::string id = thread();
  send(id, "one");
  sink_.failing = true;
  EXPECT_EQ(code_of([&] { send(id, "lost"); }), ErrorCode::kUnavailable);
  chat::ThreadUpdate update;
  update.topic = "lost";
  EXPECT_EQ(code_of([&] { client_.update_thread_sync(kResource, kAlice, id, update); }), ErrorCode::kUnavailable);
  sink_.failing = false;
  EXPECT_EQ(send(id, "two").sequence, 3);
  EXPECT_EQ(client_.get_thread_sync(kResource, kAlice, id).topic, "topic");
  EXPECT_THAT(messages(id), SizeIs(3));
}

TEST_F(ChatLocal, ManyThreadsFitIntoLittleMemory) {
  open(R"({"cached_participants": 1000})");
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i) ids.push_back(thread());
  for (int round = 0; round < 2; ++round)
    for (const std::string& id : ids) send(id, "x");
  for (const std::string& id : ids) EXPECT_THAT(messages(id), SizeIs(3));
  chat::PageRequest page;
  page.limit = 200;
  const auto listed = client_.list_threads_sync(kResource, kBob, page).items;
  ASSERT_THAT(listed, SizeIs(200));
  EXPECT_TRUE(std::is_sorted(listed.begin(), listed.end(), [](const auto& a, const auto& b) {
    return a.id.substr(0, 15) > b.id.substr(0, 15);
  })) << "the youngest first";
}

TEST_F(ChatLocal, NothingIsLeftOfADeletedThread) {
  const std::int64_t before = rows();
  const std::string id = thread(30);
  for (int i = 0; i < 20; ++i) send(id, "x");
  client_.send_read_receipt_sync(kResource, kBob, id, send(id, "y").id);
  client_.delete_thread_sync(kResource, kAlice, id);
  EXPECT_EQ(code_of([&] { send(id, "late"); }), ErrorCode::kNotFound);
  open();
  EXPECT_EQ(code_of([&] { send(id, "late"); }), ErrorCode::kNotFound);
  EXPECT_FALSE(client_.maintain_sync(kResource, false).next_at);
  EXPECT_EQ(rows(), before);
}

TEST_F(ChatLocal, SaysWhenAThreadIsDue) {
  thread(40);
  const std::string first = thread(30);
  const auto next = client_.maintain_sync(kResource, false).next_at;
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, host_.clock.now() + 24h * 30);
  host_.clock.advance(24h * 30);
  EXPECT_EQ(*client_.maintain_sync(kResource, false).next_at, host_.clock.now() + 24h * 10);
  EXPECT_EQ(code_of([&] { client_.get_thread_sync(kResource, kAlice, first); }), ErrorCode::kNotFound);
  ASSERT_TRUE(sink_.changes.back().thread_deleted());
  EXPECT_FALSE(sink_.changes.back().thread_deleted()->deleted_by);
}

TEST_F(ChatLocal, ResourcesShareNothing) {
  const std::string other = "21111111-2222-4333-8444-555555555555";
  host_.add_resource(other);
  const std::string id = thread();
  EXPECT_EQ(code_of([&] { client_.get_thread_sync(other, kAlice, id); }), ErrorCode::kNotFound);
  host_.copy_rows(kResource, other);
  EXPECT_EQ(client_.get_thread_sync(other, kAlice, id).topic, "topic");
  chat::ThreadUpdate update;
  update.topic = "changed";
  client_.update_thread_sync(other, kAlice, id, update);
  EXPECT_EQ(client_.get_thread_sync(kResource, kAlice, id).topic, "topic");
  host_.copy_rows(kResource, other);
  EXPECT_EQ(client_.get_thread_sync(other, kAlice, id).topic, "topic") << "put back to an earlier state";
}

TEST_F(ChatLocal, MetadataIsMergedAndBounded) {
  const std::string id = thread();
  chat::ThreadUpdate update;
  update.metadata = Properties{{"a", "1"}, {"b", std::string(600, 'x')}};
  client_.update_thread_sync(kResource, kAlice, id, update);
  update.metadata = Properties{{"c", std::string(600, 'x')}};
  std::string target;
  EXPECT_EQ(code_of([&] { client_.update_thread_sync(kResource, kAlice, id, update); }, &target), ErrorCode::kOutOfRange);
  EXPECT_EQ(target, "metadata");
  update.remove_metadata = std::vector<std::string>{"b"};
  EXPECT_THAT(client_.update_thread_sync(kResource, kAlice, id, update).metadata,
              ElementsAre(::testing::Key("a"), ::testing::Key("c")));
}

}  // namespace
}  // namespace trunkline

// The local chat provider against a host that keeps what it is handed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plugins/chat_sink.h"
#include "tests/plugins/host.h"
#include "trunkline/chat_client.hpp"
#include "trunkline/chat_provider.hpp"
#include "trunkline/host_client.hpp"

namespace trunkline {
namespace {

using testing::code_of;
using ::testing::SizeIs;

constexpr const char* kResource = "11111111-2222-4333-8444-555555555555";
constexpr const char* kAlice = "8:acs:r_alice";
constexpr const char* kBob = "8:acs:r_bob";

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
  testing::Host host_;
  testing::ChatSink sink_{host_};
  std::unique_ptr<plugin::PluginInstance> instance_;
  chat::ChatProviderClient client_;
};

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

}  // namespace
}  // namespace trunkline

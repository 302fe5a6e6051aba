// The routes of live chat over real sockets, with a hub that is a vector.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "runtime/base/ids.h"
#include "runtime/realtime/realtime.h"
#include "runtime/server/api_server.h"
#include "runtime/services/token_watch.h"
#include "tests/unit/net/websocket_client.h"
#include "tests/unit/realtime/fake_hub.h"

namespace trunkline::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kAnn = "8:acs:11111111-1111-4111-8111-111111111111_ann";
constexpr const char* kBob = "8:acs:11111111-1111-4111-8111-111111111111_bob";

class OneResource final : public server::ResourceDirectory {
 public:
  OneResource() {
    server::ResourceKeys keys;
    keys.name = "main";
    keys.id = "11111111-1111-4111-8111-111111111111";
    keys.owner = std::make_shared<Resource>();
    all_.push_back(std::make_shared<const server::ResourceKeys>(std::move(keys)));
  }
  std::uint64_t version() const override { return 1; }
  std::vector<std::shared_ptr<const server::ResourceKeys>> list() const override { return all_; }

 private:
  std::vector<std::shared_ptr<const server::ResourceKeys>> all_;
};

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() {
    server::ServerOptions options;
    options.auth.verify_bearer = [this](server::BearerKind, std::string token,
                                        std::shared_ptr<const server::ResourceKeys>) -> Task<server::BearerClaims> {
      server::BearerClaims claims;
      if (token != "ann" && token != "bob" && token != "voip")
        throw Error(ErrorCode::kUnauthenticated, "The token is not valid.");
      claims.user_id = token == "ann" ? kAnn : kBob;
      claims.scopes = {token == "voip" ? "voip" : "chat"};
      claims.expires_at = clock.now() + std::chrono::seconds{50};
      co_return claims;
    };
    server.emplace(executor, clock, log, metrics, ids, std::move(options), directory);
    std::vector<server::Route> routes;
    realtime::add_realtime_routes(routes, {clock, clock, log, metrics, hub, watch});
    server->add_routes(std::move(routes));
    port = server->start().http;
  }
  ~ChannelTest() override {
    server->stop();
    hub.drop();
    executor.work().wait_idle();
    executor.stop();
    server.reset();
  }

  std::int64_t say(const std::string& text) {
    chat::ChatMessage message;
    message.id = text;
    message.thread_id = "19:t@thread.v2";
    message.kind = chat::MessageKind::kText;
    message.content = text;
    message.sender_id = kAnn;
    message.created_on = clock.now();
    return hub.tell(chat::ChatChange::of_message_received({message}));
  }
  SocketClient open_stream(const std::string& query = {}, const char* token = "bob") {
    SocketClient client(port);
    const auto response =
        client.exchange(websocket_get("/_stream/chat" + query, "Authorization: Bearer " + std::string(token) + "\r\n"));
    EXPECT_EQ(response.status, 101);
    return client;
  }
  static json read_json(SocketClient& client) {
    RawFrame frame;
    do frame = read_frame(client);
    while (frame.opcode == 9);
    if (frame.opcode == 8) return {{"closed", frame.close_code()}};
    return json::parse(frame.payload);
  }
  static int close_code(SocketClient& client) {
    for (;;) {
      const RawFrame frame = read_frame(client);
      if (frame.opcode == 8) return frame.close_code();
    }
  }

  // As the official client does it.
  json allocate(const std::string& parameters = {}, const char* token = "bob") {
    SocketClient client(port);
    const auto response =
        client.exchange(post("/v4/a?cor_id=1&epid=2" + parameters, "", "X-Skypetoken: " + std::string(token) + "\r\n"));
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
  }
  static std::string query_of(const json& allocation) {
    std::string out;
    for (const auto& [name, value] : allocation["connectparams"].items()) out += "&" + name + "=" + value.get<std::string>();
    return out;
  }
  SocketClient connect_notifications(const json& allocation) {
    SocketClient shake(port);
    const auto response = shake.exchange(get("/socket.io/1/?v=v4" + query_of(allocation)));
    EXPECT_EQ(response.status, 200);
    const std::string sid = response.body.substr(0, response.body.find(':'));
    EXPECT_EQ(response.body, sid + ":50:60:websocket");
    SocketClient client(port);
    EXPECT_EQ(client.exchange(websocket_get("/socket.io/1/websocket/" + sid + "?v=v4" + query_of(allocation))).status, 101);
    EXPECT_EQ(read_frame(client).payload, "1::");
    EXPECT_THAT(read_frame(client).payload, HasSubstr("trouter.connected"));
    return client;
  }
  static json read_notification(SocketClient& client) {
    RawFrame frame;
    do frame = read_frame(client);
    while (frame.payload.starts_with("2::") || frame.payload.starts_with("6:::") || frame.opcode == 9);
    json out = json::parse(frame.payload.substr(4));
    out["content"] = json::parse(out["body"].get<std::string>());
    return out;
  }
  void wait_for_listeners(std::size_t n) {
    while (hub.listeners() != n) std::this_thread::yield();
  }

  Executor executor{2};
  Clock clock{executor, Clock::Mode::kVirtual};
  Log log{{.level = LogLevel::kOff}};
  Metrics metrics;
  IdSource ids{7};
  OneResource directory;
  TokenWatch watch;
  FakeHub hub{executor, clock};
  std::optional<server::ApiServer> server;
  std::uint16_t port = 0;
};

TEST_F(ChannelTest, TheOpenStreamTellsAndResumes) {
  say("before");
  SocketClient client = open_stream();
  EXPECT_EQ(read_json(client), (json{{"cursor", "1"}, {"type", "begin"}}));
  say("one");
  const json one = read_json(client);
  EXPECT_EQ(one["cursor"], "2");
  EXPECT_EQ(one["type"], "Microsoft.Communication.ChatMessageReceivedInThread");
  EXPECT_EQ(one["data"]["messageBody"], "one");
  SocketClient again = open_stream("?after=0");
  read_json(again);
  EXPECT_EQ(read_json(again)["data"]["messageBody"], "before");
  EXPECT_EQ(read_json(again)["data"]["messageBody"], "one");
}

TEST_F(ChannelTest, ServerSentEvents) {
  say("before");
  SocketClient client(port);
  EXPECT_EQ(client.exchange(get("/_stream/chat?access_token=bob", "Last-Event-ID: 0\r\n")).header("content-type"),
            "text/event-stream");
  std::string text;
  while (text.find("before") == std::string::npos) text += client.read_exactly(1);
  EXPECT_THAT(text, HasSubstr("id: 0\nevent: begin\n"));
  EXPECT_THAT(text, HasSubstr("id: 1\ndata: {\"cursor\":\"1\""));
  watch.ended(0, kBob);
  EXPECT_THAT(client.read_to_end(), HasSubstr("0\r\n\r\n"));
  client.half_close();
  wait_for_listeners(0);
}

TEST_F(ChannelTest, RefusesWhoMayNotListen) {
  const auto status = [&](const std::string& target, const std::string& headers) {
    return SocketClient(port).exchange(get(target, headers)).status;
  };
  EXPECT_EQ(status("/_stream/chat", ""), 401);
  EXPECT_EQ(status("/_stream/chat", "Authorization: Bearer nobody\r\n"), 401);
  EXPECT_EQ(status("/_stream/chat", "Authorization: Bearer voip\r\n"), 403);
  EXPECT_EQ(status("/_stream/chat?after=x", "Authorization: Bearer bob\r\n"), 400);
  EXPECT_EQ(status("/socket.io/1/?sr=a&sig=b", ""), 401);
  EXPECT_EQ(status("/chat/config/realTimeNotifications?api-version=2024-09-01", ""), 401);
  const json allocation = allocate();
  SocketClient other(port);
  EXPECT_EQ(other.exchange(websocket_get("/socket.io/1/websocket/wrong?x=1" + query_of(allocation))).status, 401);
}

TEST_F(ChannelTest, TheEndOfATokenClosesItsChannels) {
  SocketClient stream = open_stream();
  SocketClient notifications = connect_notifications(allocate());
  SocketClient ann = open_stream("", "ann");
  watch.ended(0, kBob);
  EXPECT_EQ(close_code(stream), 4401);
  EXPECT_EQ(close_code(notifications), 4401);
  stream.send(client_frame(0x88, "\x11\x31"));
  say("still");
  read_json(ann);
  EXPECT_EQ(read_json(ann)["data"]["messageBody"], "still");
  std::thread pass([&] { clock.advance(std::chrono::seconds{50}); });
  EXPECT_EQ(close_code(ann), 4401);
  pass.join();
}

TEST_F(ChannelTest, TheEndOfTheResourceClosesItsChannels) {
  SocketClient stream = open_stream();
  read_json(stream);
  hub.drop();
  EXPECT_EQ(read_json(stream)["closed"], 1000);
}

TEST_F(ChannelTest, NotificationsAreNumberedAndAnswered) {
  SocketClient client = connect_notifications(allocate());
  wait_for_listeners(1);
  client.send(client_frame(0x81, R"(5:1+::{"name":"user.activity","args":[{"state":"active"}]})"));
  EXPECT_EQ(read_frame(client).payload, "6:::1+[]");
  client.send(client_frame(0x81, R"(5:2+::{"name":"ping"})"));
  EXPECT_EQ(read_frame(client).payload, "6:::2+[\"pong\"]");
  client.send(client_frame(0x81, "garbage") + client_frame(0x82, "binary") + client_frame(0x81, "3:::{"));
  say("hi");
  const json notification = read_notification(client);
  EXPECT_EQ(notification["id"], 1);
  EXPECT_EQ(notification["content"]["messageBody"], "hi");
  EXPECT_EQ(notification["content"]["recipientMri"], kBob);
  // Nobody is told of their own typing.
  hub.tell(chat::ChatChange::of_typing({"19:t@thread.v2", kBob, std::nullopt, clock.now()}));
  hub.tell(chat::ChatChange::of_typing({"19:t@thread.v2", kAnn, std::nullopt, clock.now()}));
  EXPECT_EQ(read_notification(client)["content"]["senderId"], kAnn);
}

TEST_F(ChannelTest, HeartbeatsComeBeforeTheyAreMissed) {
  SocketClient client = connect_notifications(allocate());
  bool heard = false;
  for (int i = 0; i < 100 && !heard; ++i) {
    clock.advance(std::chrono::seconds{20});
    while (!heard && client.readable(20)) heard = read_frame(client).payload == "2::";
  }
  EXPECT_TRUE(heard);
}

TEST_F(ChannelTest, ARegistrationThatIsTakenBackSilencesTheClient) {
  const json allocation = allocate();
  SocketClient client = connect_notifications(allocation);
  wait_for_listeners(1);
  const std::string body =
      json{{"registrationId", "r1"}, {"transports", {{"TROUTER", {{{"path", allocation["surl"]}, {"ttl", 7200}}}}}}}.dump();
  const std::string headers = "X-Skypetoken: bob\r\nContent-Type: application/json\r\n";
  SocketClient http(port);
  EXPECT_EQ(http.exchange(post("/v3/registrations", body, headers)).status, 202);
  EXPECT_EQ(http.exchange(post("/v3/registrations", "{", headers)).status, 400);
  say("heard");
  EXPECT_EQ(read_notification(client)["content"]["messageBody"], "heard");
  EXPECT_EQ(http.exchange("DELETE /v3/registrations/r1 HTTP/1.1\r\nHost: a\r\nX-Skypetoken: bob\r\n\r\n").status, 202);
  say("unheard");
  EXPECT_FALSE(client.readable(50));
  EXPECT_EQ(http.exchange(post("/v3/registrations", body, headers)).status, 202);
  say("again");
  EXPECT_EQ(read_notification(client)["content"]["messageBody"], "again");
}

TEST_F(ChannelTest, AClientThatComesBackMissesNothing) {
  const json first = allocate();
  {
    SocketClient client = connect_notifications(first);
    wait_for_listeners(1);
    say("one");
    const json one = read_notification(client);
    client.send(client_frame(0x81, R"(3:::{"id":1,"status":200})"));
    client.send(client_frame(0x81, R"(5:9+::{"name":"ping"})"));
    EXPECT_EQ(read_frame(client).payload, "6:::9+[\"pong\"]");  // so the answer was read
    say("two");
    read_notification(client);  // not answered
  }
  wait_for_listeners(0);
  say("three");
  const json second = allocate(query_of(first));
  EXPECT_EQ(second["surl"], first["surl"]);
  SocketClient client = connect_notifications(second);
  EXPECT_EQ(read_notification(client)["content"]["messageBody"], "two");
  EXPECT_EQ(read_notification(client)["content"]["messageBody"], "three");
  // Somebody else's parameters are worth nothing.
  EXPECT_NE(allocate(query_of(first), "ann")["surl"], first["surl"]);
}

TEST_F(ChannelTest, DroppedAtAnyPointTheOpenStreamMissesNothingAndRepeatsNothing) {
  std::atomic<bool> done{false};
  constexpr int kMessages = 2000;
  std::thread speaker([&] {
    for (int i = 1; i <= kMessages; ++i) {
      say("m" + std::to_string(i));
      if (i % 50 == 0) std::this_thread::yield();
    }
    done.store(true);
  });
  std::mt19937 random(7);
  std::string cursor = "0";
  int seen = 0;
  int connections = 0;
  while (seen < kMessages) {
    SocketClient client = open_stream("?after=" + cursor);
    ++connections;
    read_json(client);
    for (int left = static_cast<int>(random() % 60); left > 0 && seen < kMessages; --left) {
      const json event = read_json(client);
      ++seen;
      ASSERT_EQ(event["data"]["messageBody"], "m" + std::to_string(seen));
      cursor = event["cursor"];
    }
  }
  speaker.join();
  EXPECT_GT(connections, 20);
}

}  // namespace
}  // namespace trunkline::testing

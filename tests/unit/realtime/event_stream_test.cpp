// The open stream of events over real sockets and a log in memory.
#include "runtime/realtime/event_stream.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/events/event_log.h"
#include "runtime/server/api_server.h"
#include "runtime/services/token_watch.h"
#include "runtime/store/sqlite_store.h"
#include "tests/unit/net/websocket_client.h"

namespace trunkline::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr std::int64_t kResource = 1;
constexpr std::int64_t kTopic = 2;
constexpr const char* kReceived = "Microsoft.Communication.SMSReceived";
constexpr const char* kReport = "Microsoft.Communication.SMSDeliveryReportReceived";

class EventStreamTest : public ::testing::Test {
 protected:
  class OneResource final : public server::ResourceDirectory {
   public:
    explicit OneResource(store::Database& database) {
      auto resource = std::make_shared<Resource>();
      resource->key = kResource;
      resource->database = &database;
      server::ResourceKeys keys;
      keys.name = "main";
      keys.id = "11111111-1111-4111-8111-111111111111";
      keys.owner = std::move(resource);
      all_.push_back(std::make_shared<const server::ResourceKeys>(std::move(keys)));
    }
    std::uint64_t version() const override { return 1; }
    std::vector<std::shared_ptr<const server::ResourceKeys>> list() const override { return all_; }

   private:
    std::vector<std::shared_ptr<const server::ResourceKeys>> all_;
  };

  EventStreamTest() {
    store::StoreOptions memory;
    memory.memory = true;
    store = store::make_sqlite_store(std::move(memory), log, metrics, executor, clock);
    database = &store->of_location("United States");
    for (store::Database* each : store->all()) each->migrate(event_migrations());
    events.emplace(*store, executor, clock, metrics);
    directory.emplace(*database);
    server::ServerOptions options;
    options.auth.control_token = Secret("control");
    options.auth.verify_bearer = [this](server::BearerKind kind, std::string token,
                                        std::shared_ptr<const server::ResourceKeys>) -> Task<server::BearerClaims> {
      if (kind != server::BearerKind::kEntra || token != "app")
        throw Error(ErrorCode::kUnauthenticated, "The token is not valid.");
      server::BearerClaims claims;
      claims.expires_at = clock.now() + std::chrono::seconds{50};
      co_return claims;
    };
    server.emplace(executor, clock, log, metrics, ids, std::move(options), *directory);
    std::vector<server::Route> routes;
    realtime::add_event_stream_routes(
        routes, {clock, log, metrics, *events, watch, [this](std::string_view name) -> eventgrid::EventSource {
                   if (name != "shop") throw Error(ErrorCode::kNotFound, "there is no such topic", "topic");
                   return {database, kTopic, "/topics/shop", "shop"};
                 }});
    server->add_routes(std::move(routes));
    port = server->start().http;
  }
  ~EventStreamTest() override {
    server->stop();
    events->stop();
    executor.work().wait_idle();
    clock.stop();
    executor.stop();  // before what its threads may still be using: the end of a channel counts as no work
    server.reset();
    events.reset();
    store.reset();
  }

  std::int64_t publish(const char* type, const std::string& subject, std::int64_t key = kResource,
                       std::string data = R"({"n":1})") {
    NewEvent event;
    event.id = "e" + std::to_string(++published);
    event.type = type;
    event.subject = subject;
    event.topic = "/resource";
    event.time = clock.now();
    event.data = std::move(data);
    return sync_wait(events->publish(*database, key, std::move(event)));
  }
  SocketClient open(const std::string& query, const char* token = "control") {
    SocketClient client(port);
    EXPECT_EQ(status(client, query, token), 101);
    return client;
  }
  static int status(SocketClient& client, const std::string& query, const char* token) {
    return client
        .exchange(websocket_get("/_stream/events" + query,
                                "Sec-WebSocket-Protocol: trunkline.events.v1, bearer." + std::string(token) + "\r\n"))
        .status;
  }
  static json read_json(SocketClient& client) {
    RawFrame frame;
    do frame = read_frame(client);
    while (frame.opcode == 9);
    if (frame.opcode == 8) return {{"closed", frame.close_code()}};
    return json::parse(frame.payload);
  }

  Executor executor{2};
  Clock clock{executor, Clock::Mode::kVirtual};
  Log log{{.level = LogLevel::kOff}};
  Metrics metrics;
  IdSource ids{7};
  TokenWatch watch;
  std::unique_ptr<store::Store> store;
  store::Database* database = nullptr;
  std::optional<EventLog> events;
  std::optional<OneResource> directory;
  std::optional<server::ApiServer> server;
  std::uint16_t port = 0;
  int published = 0;
};

TEST_F(EventStreamTest, TellsWhatFits) {
  publish(kReceived, "/phonenumber/1");
  SocketClient all = open("");
  EXPECT_EQ(read_json(all), json({{"cursor", "1"}, {"type", "begin"}})) << "from now on";
  SocketClient some = open("?type=SMSReceived&type=Contoso.Order&subject=/phonenumber/2&after=0");
  EXPECT_EQ(read_json(some)["cursor"], "0");
  publish(kReport, "/phonenumber/2");
  publish(kReceived, "/phonenumber/1");
  publish(kReceived, "/phonenumber/2");
  publish("Contoso.Order", "/phonenumber/22");
  const json first = read_json(some);
  EXPECT_EQ(first["eventType"], kReceived);
  EXPECT_EQ(first["subject"], "/phonenumber/2");
  EXPECT_EQ(first["data"]["n"], 1);
  EXPECT_EQ(first["topic"], "/resource");
  EXPECT_EQ(first["cursor"], "4");
  EXPECT_EQ(read_json(some)["eventType"], "Contoso.Order");
  for (const char* cursor : {"2", "3", "4", "5"}) EXPECT_EQ(read_json(all)["cursor"], cursor);
}

TEST_F(EventStreamTest, GoesOnFromACursor) {
  for (int i = 0; i < 200; ++i) publish(kReceived, "s");
  SocketClient client = open("?after=150&schema=cloudevents");
  read_json(client);
  for (int i = 151; i <= 200; ++i) {
    const json event = read_json(client);
    EXPECT_EQ(event["cursor"], std::to_string(i));
    EXPECT_EQ(event["specversion"], "1.0");
    EXPECT_EQ(event["type"], kReceived);
    EXPECT_EQ(event["source"], "/resource");
  }
}

TEST_F(EventStreamTest, ServerSentEventsResumeByTheirId) {
  for (int i = 0; i < 3; ++i) publish(kReceived, "s");
  SocketClient client(port);
  client.send(get("/_stream/events?after=0&access_token=control", "Accept: text/event-stream\r\nLast-Event-ID: 2\r\n"));
  const RawResponse head = client.read_response();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-type"), "text/event-stream");
  std::string text;
  while (text.find("id: 3") == std::string::npos || !text.ends_with("\r\n\r\n")) {
    // Chunked: sizes and data as they come.
    text += client.read_exactly(1);
    if (text.size() > 4096) break;
    if (text.find("id: 3") != std::string::npos && text.find("\n\n", text.find("id: 3")) != std::string::npos) break;
  }
  EXPECT_THAT(text, HasSubstr("event: begin"));
  EXPECT_THAT(text, HasSubstr("\"cursor\":\"2\""));
  EXPECT_EQ(text.find("id: 1"), std::string::npos);
}

TEST_F(EventStreamTest, ASlowReaderIsWaitedFor) {
  SocketClient client = open("");
  read_json(client);
  const std::string data = R"({"fill":")" + std::string(100'000, 'x') + "\"}";
  for (int i = 0; i < 50; ++i) publish(kReceived, "s", kResource, data);  // 5 MB; 256 KB may wait
  for (int i = 1; i <= 50; ++i) EXPECT_EQ(read_json(client)["cursor"], std::to_string(i));
}

TEST_F(EventStreamTest, RefusesStrangersAndNonsense) {
  SocketClient client(port);
  EXPECT_EQ(status(client, "", "stranger"), 401);
  EXPECT_EQ(client.exchange(get("/_stream/events")).status, 401);
  EXPECT_EQ(client.exchange(get("/_stream/events?access_token=control&schema=xml")).status, 400);
  EXPECT_EQ(client.exchange(get("/_stream/events?access_token=control&after=x")).status, 400);
  EXPECT_EQ(client.exchange(get("/_stream/events?access_token=control&topic=nothing")).status, 404);
  EXPECT_EQ(client.exchange(get("/_stream/events?access_token=app&topic=shop")).status, 403);
}

TEST_F(EventStreamTest, CustomTopicsHaveTheirOwn) {
  SocketClient client = open("?topic=shop");
  read_json(client);
  publish(kReceived, "elsewhere");
  publish("Contoso.Order", "here", kTopic);
  EXPECT_EQ(read_json(client)["subject"], "here");
}

TEST_F(EventStreamTest, EndsWithItsToken) {
  SocketClient client = open("", "app");
  read_json(client);
  clock.advance(std::chrono::seconds{51});
  EXPECT_EQ(read_json(client)["closed"], 4401);
}

TEST_F(EventStreamTest, EndsWithItsResource) {
  SocketClient client = open("");
  read_json(client);
  auto drop = [this](store::Session& session) { events->drop_resource(session, kResource); };
  sync_wait(database->write(std::move(drop)));
  EXPECT_EQ(read_json(client)["closed"], 1000);
}

}  // namespace
}  // namespace trunkline::testing

// The SMSC with a store and a clock of the test's own. Real clients are in tests/integration/test_sms_smpp_server*.py.
#include <chrono>
#include <functional>
#include <future>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/plugins/http-carrier/http_carrier.h"
#include "tests/plugins/sms-smpp-server/smpp_client.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
namespace command = smpp::command;
namespace status = smpp::status;
using Answer = std::pair<std::uint32_t, std::uint32_t>;
using nlohmann::json;
using testing::FakeHttp;
using testing::Host;
using testing::kPhone;
using testing::SmppClient;
using ::testing::StartsWith;

constexpr const char* kShop = "+14255550100";
constexpr const char* kGone = "+14255550101";

class SmsSmppServer : public ::testing::Test {
 protected:
  SmsSmppServer() { host_.context.http = &http_; }

  /// On a port below those that the system gives to outgoing connections.
  void open(const std::string& clients) {
    json config;
    for (const auto& [number, client] : {std::pair{kShop, "shop"}, std::pair{kGone, "gone"}})
      config["numbers"].push_back({{"number", number}, {"system_id", client}});
    std::random_device random;
    for (int attempts = 0;; ++attempts) {
      port_ = static_cast<std::uint16_t>(10'000 + random() % 20'000);
      config["port"] = port_;
      try {
        instance_ = host_.open("sms-smpp-server", config.dump(), {},
                               {{"connection_string", Secret("endpoint=http://127.0.0.1:1;accesskey=c2VjcmV0")},
                                {"clients", Secret(clients)},
                                {"callback_code", Secret("c0de")}});
        break;
      } catch (const Error& error) {
        if (error.target != "port" || attempts == 100) throw;
      }
    }
    webhook_ = {instance_->interface("trunkline.webhook/1"), instance_->calls()};
  }
  /// The status of the answer to the event of a text to a client's number.
  int tell(const std::string& to, const std::string& text) {
    json event;
    event["eventType"] = "Microsoft.Communication.SMSReceived";
    event["data"] = {{"from", kPhone}, {"to", to}, {"message", text}};
    const std::string body = json::array({event}).dump();
    host::HttpRequest request;
    request.method = "POST";
    request.url = "http://127.0.0.1:4600/_webhooks/gate/events?code=c0de";
    request.body = Bytes(body.begin(), body.end());
    return webhook_.receive_sync(std::move(request)).status;
  }
  /// What a client gets that is there: the event is answered once the client has answered.
  std::string told_to(SmppClient& client, const std::string& text) {
    auto answer = std::async(std::launch::async, [&] { return tell(kShop, text); });
    std::string got = client.take();
    EXPECT_EQ(answer.get(), 200);
    return got;
  }
  int rows() {
    static const store::Statement kCount{"SELECT COUNT(*) FROM plugin_kv"};
    std::int64_t count = 0;
    host_.database.read(
        [&](store::Session& session) { session.query(kCount, {}, [&](const store::Row& row) { count = row.integer(0); }); });
    return static_cast<int>(count);
  }
  void execute(const store::Statement& statement) {
    sync_wait(host_.database.write([&](store::Session& session) { session.execute(statement); }));
  }
  static bool eventually(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::yield();
    }
    return true;
  }
  /// Lets the clock go on: what is watched may not be watched yet.
  bool goes_in_time() {
    return eventually([&] {
      host_.clock.advance(1min);
      return rows() == 0;
    });
  }

  FakeHttp http_;
  Host host_;
  std::uint16_t port_ = 0;
  std::unique_ptr<plugin::PluginInstance> instance_;
  host::WebhookReceiverClient webhook_;
};

TEST_F(SmsSmppServer, WhatWaitsForAClientThatDoesNotComeGoesAfterADay) {
  open("shop:hunter2\ngone:p");
  EXPECT_EQ(tell(kGone, "hello"), 200);
  EXPECT_EQ(rows(), 1);
  host_.clock.advance(23h);
  EXPECT_EQ(rows(), 1);
  host_.clock.advance(1h);
  EXPECT_TRUE(goes_in_time());
}

TEST_F(SmsSmppServer, WhatWaitsForAClientThatThereIsNoMoreGoesAfterADay) {
  open("shop:hunter2\ngone:p");
  EXPECT_EQ(tell(kGone, "hello"), 200);
  instance_.reset();
  open("shop:hunter2");
  EXPECT_EQ(tell(kGone, "and more"), 200) << "nobody could ever take it";
  EXPECT_EQ(rows(), 1);
  host_.clock.advance(24h);
  EXPECT_TRUE(goes_in_time());
}

TEST_F(SmsSmppServer, OfAnEventThatCannotBeKeptWholeNothingIsKept) {
  static const store::Statement kRefuse{
      "CREATE TRIGGER full BEFORE INSERT ON plugin_kv WHEN (SELECT COUNT(*) FROM plugin_kv) >= 2 "
      "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"};
  static const store::Statement kTake{"DROP TRIGGER full"};
  open("shop:hunter2");
  execute(kRefuse);
  const std::string text(400, 'x');  // three parts
  EXPECT_EQ(tell(kShop, text), 503) << "it is to come again";
  EXPECT_TRUE(eventually([&] { return rows() == 0; })) << "what was kept of it would be told twice";
  execute(kTake);
  EXPECT_EQ(tell(kShop, text), 200);
  EXPECT_EQ(rows(), 3);
  SmppClient client(port_);
  ASSERT_EQ(client.bind(command::kBindReceiver, "shop", "hunter2"), status::kOk);
  for (int i = 0; i < 3; ++i) EXPECT_NE(client.take().find("xxx"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return rows() == 0; }));
  EXPECT_EQ(told_to(client, "the next"), "the next") << "none came twice";
}

TEST_F(SmsSmppServer, WhatComesWhileRowsAreReadGoesBehindThemOnce) {
  open("shop:hunter2");
  for (const char* text : {"one", "two", "three"}) EXPECT_EQ(tell(kShop, text), 200);
  for (int restart = 0; restart < 5; ++restart) {
    instance_.reset();
    open("shop:hunter2");
    EXPECT_EQ(tell(kShop, "after start " + std::to_string(restart)), 200);
  }
  EXPECT_EQ(rows(), 8);
  SmppClient client(port_);
  ASSERT_EQ(client.bind(command::kBindReceiver, "shop", "hunter2"), status::kOk);
  std::vector<std::string> got;
  for (int i = 0; i < 8; ++i) got.push_back(client.take());
  EXPECT_EQ(got.back(), "after start 4");
  std::sort(got.begin(), got.end());
  EXPECT_EQ(std::unique(got.begin(), got.end()), got.end());
  EXPECT_TRUE(eventually([&] { return rows() == 0; }));
  EXPECT_EQ(told_to(client, "the next"), "the next");
}

TEST_F(SmsSmppServer, WhatIsNoMessageIsAnsweredAndTheConnectionGoesOn) {
  open("shop:hunter2");
  SmppClient client(port_);
  smpp::Message message;
  message.source = {1, 1, "14255550100"};
  message.destination = {1, 1, "14255550123"};
  message.short_message = "hello";
  const std::string good = SmppClient::body_of(command::kSubmitSm, message);
  const auto answer_to = [](std::uint32_t asked, std::uint32_t verdict) { return Answer{asked | command::kResponse, verdict}; };
  EXPECT_EQ(client.ask(command::kSubmitSm, good), answer_to(command::kSubmitSm, status::kInvalidBindStatus)) << "nobody is bound";
  EXPECT_EQ(client.ask(command::kQuerySm, ""), answer_to(command::kQuerySm, status::kInvalidBindStatus));
  ASSERT_EQ(client.bind(command::kBindTransceiver, "shop", "hunter2"), status::kOk);
  EXPECT_EQ(client.bind(command::kBindTransceiver, "shop", "hunter2"), status::kAlreadyBound);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(client.ask(command::kSubmitSm, good.substr(0, size)), answer_to(command::kSubmitSm, status::kInvalidCommandLength))
        << "cut after " << size << " octets";
  EXPECT_EQ(client.ask(command::kQuerySm, "id"), answer_to(command::kQuerySm, status::kInvalidCommandLength));
  EXPECT_EQ(client.ask(command::kCancelSm, "x"), answer_to(command::kCancelSm, status::kInvalidCommandLength));
  // A source that is longer than its field may be; a parameter that ends beyond the PDU; a header that ends beyond the text.
  EXPECT_EQ(client.ask(command::kSubmitSm, std::string("\0\1\1", 3) + std::string(30, '1') + good),
            answer_to(command::kSubmitSm, status::kInvalidSource));
  EXPECT_EQ(client.ask(command::kSubmitSm, good + std::string("\x04\x24\x00\x09x", 5)),
            answer_to(command::kSubmitSm, status::kInvalidParameterLength));
  smpp::Message other = message;
  other.esm_class = smpp::kEsmUdhi;
  other.short_message = "\x20too short";
  EXPECT_EQ(client.ask(command::kSubmitSm, SmppClient::body_of(command::kSubmitSm, other)),
            answer_to(command::kSubmitSm, status::kInvalidMessageLength));
  other = message;
  other.short_message.clear();
  EXPECT_EQ(client.ask(command::kSubmitSm, SmppClient::body_of(command::kSubmitSm, other)),
            answer_to(command::kSubmitSm, status::kInvalidMessageLength));
  other = message;
  other.destination.digits.clear();
  EXPECT_EQ(client.ask(command::kSubmitSm, SmppClient::body_of(command::kSubmitSm, other)),
            answer_to(command::kSubmitSm, status::kInvalidDestination));
  EXPECT_EQ(client.ask(command::kSubmitMulti, good), answer_to(command::kSubmitMulti, status::kInvalidCommand));
  EXPECT_EQ(client.ask(command::kReplaceSm, good), answer_to(command::kReplaceSm, status::kInvalidCommand));
  EXPECT_EQ(client.ask(0x0999, "what?"), (Answer{command::kGenericNack, status::kInvalidCommand}));
  EXPECT_EQ(client.ask(command::kEnquireLink, ""), answer_to(command::kEnquireLink, status::kOk)) << "it is still there";
  EXPECT_TRUE(http_.requests().empty()) << "nothing of it went on";
}

TEST_F(SmsSmppServer, ALengthThatCannotBeEndsTheConnection) {
  open("shop:hunter2");
  for (const std::string& octets : {std::string("\0\0\0\x0f\0\0\0\x15\0\0\0\0\0\0\0\1", 16),         // shorter than a header
                                    std::string("\x7f\xff\xff\xff\0\0\0\4\0\0\0\0\0\0\0\1", 16)}) {  // and than any text
    SmppClient client(port_);
    ASSERT_EQ(client.bind(command::kBindTransceiver, "shop", "hunter2"), status::kOk);
    client.write(octets);
    const auto answer = client.read();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->header.command, command::kGenericNack);
    EXPECT_EQ(answer->header.status, status::kInvalidCommandLength);
    EXPECT_FALSE(client.read()) << "and it is closed";
  }
}

}  // namespace
}  // namespace trunkline

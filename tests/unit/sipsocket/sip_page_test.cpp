// A page that speaks SIP, with a socket and a provider that tests play.
#include "runtime/sipsocket/sip_page.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <functional>

#include "runtime/base/ids.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::sipsocket {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// What a page says, and what it is told. All of it on one thread.
class Socket final : public net::WebSocket {
 public:
  Task<std::optional<net::WebSocketMessage>> receive() override {
    auto start = [this](auto done) {
      wanted_ = [done](std::optional<net::WebSocketMessage> message) mutable { done(std::move(message)); };
      deliver();
    };
    auto message = co_await from_callback<std::optional<net::WebSocketMessage>>(std::move(start));
    co_return message;
  }
  Task<bool> send(net::SharedBytes data, bool) override { co_return try_send(std::move(data), true); }
  Task<bool> send_parts(std::string, net::SharedBytes) override { co_return false; }
  bool try_send(net::SharedBytes data, bool) override {
    if (full || closed_with != 0) return false;
    sent.emplace_back(*data);
    return true;
  }
  void close(std::uint16_t code, std::string) override {
    if (closed_with != 0) return;
    closed_with = code;
    said(std::nullopt);
  }
  std::optional<net::WebSocketClose> closed() const override { return std::nullopt; }
  void on_closed(UniqueFunction<void()>) override {}
  std::size_t queued_bytes() const override { return 0; }

  void said(std::optional<std::string> text) {
    std::optional<net::WebSocketMessage>& message = said_.emplace_back();
    if (text) message.emplace().data = std::move(*text);
    deliver();
  }
  /// First lines and the bodies' beginnings.
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const std::string& text : sent) out.push_back(text.substr(0, text.find('\r')));
    return out;
  }

  std::vector<std::string> sent;
  int closed_with = 0;
  bool full = false;  // the page does not read

 private:
  void deliver() {
    if (!wanted_ || said_.empty()) return;
    auto message = std::move(said_.front());
    said_.pop_front();
    std::exchange(wanted_, nullptr)(std::move(message));
  }
  std::deque<std::optional<net::WebSocketMessage>> said_;
  std::function<void(std::optional<net::WebSocketMessage>)> wanted_;
};

/// Requests wait until the test answers them.
class Door final : public PageDoor {
 public:
  struct Request {
    std::string what;
    std::string body;
    std::function<void(PageAnswer)> answer;
  };
  Task<PageAnswer> ask(std::string method, std::string path, std::string body, std::stop_token stop) override {
    auto stopped = std::make_shared<std::optional<std::stop_callback<std::function<void()>>>>();
    auto start = [this, what = method + " " + path, body, stop, stopped](auto done) {
      auto once = std::make_shared<bool>(false);
      auto finish = [done, once](PageAnswer given) mutable {
        if (!std::exchange(*once, true)) done(std::move(given));
      };
      requests.push_back({what, body, finish});
      stopped->emplace(stop, [finish]() mutable { finish({503, "", ""}); });
    };
    PageAnswer answer = co_await from_callback<PageAnswer>(std::move(start));
    co_return answer;
  }
  /// Answers the oldest request, which must be this one.
  void answer(const std::string& what, PageAnswer given) {
    ASSERT_FALSE(requests.empty());
    Request request = std::move(requests.front());
    requests.pop_front();
    EXPECT_EQ(request.what, what);
    request.answer(std::move(given));
  }
  /// The newest.
  void answer_last(const std::string& what, PageAnswer given) {
    ASSERT_FALSE(requests.empty());
    std::rotate(requests.begin(), requests.end() - 1, requests.end());
    answer(what, std::move(given));
  }
  std::deque<Request> requests;
};

class SipPages : public testing::Test {
 protected:
  void SetUp() override {
    page_ = std::make_shared<SipPage>(socket_, door_, ids_, log_, "8:acs:ann", true);
    spawn(SipPage::run(page_), [this](Result<void>) { over_ = true; });
  }
  void TearDown() override {
    if (!over_) socket_->said(std::nullopt);
    std::size_t left = 0;
    while (!door_->requests.empty() && ++left < 100) {
      auto request = std::move(door_->requests.front());
      door_->requests.pop_front();
      request.answer({200, "", R"({"state":"ended"})"});
    }
    EXPECT_TRUE(over_);
  }
  static std::string request(const std::string& method, const std::string& number, const std::string& more = "",
                             const std::string& body = "", const std::string& to = "<sip:x@y>") {
    return method + " sip:+14255550100@x SIP/2.0\r\nVia: SIP/2.0/WS p.invalid;branch=z9hG4bK" + number +
           "\r\nFrom: <sip:page@x>;tag=page\r\nTo: " + to + "\r\nCall-ID: one\r\nCSeq: " + number + " " + method +
           "\r\nContact: <sip:p@p.invalid;transport=ws>\r\n" + more + "\r\n" + body;
  }
  void call() { socket_->said(request("INVITE", "1", "Content-Type: application/sdp\r\n", "v=offer")); }
  /// To, as our side wrote it last.
  std::string to() const {
    const std::string& last = socket_->sent.back();
    const std::size_t at = last.find("to: ");
    return last.substr(at + 4, last.find('\r', at) - at - 4);
  }
  const std::string& last() const { return socket_->sent.back(); }

  std::shared_ptr<Socket> socket_ = std::make_shared<Socket>();
  std::shared_ptr<Door> door_ = std::make_shared<Door>();
  IdSource ids_{7};
  Log log_{LogOptions{LogLevel::kOff, false, {}}};
  std::shared_ptr<SipPage> page_;
  bool over_ = false;
};

TEST_F(SipPages, ACallIsAnsweredAndEnded) {
  call();
  door_->answer("POST ?to=%2B14255550100", {201, "/_webrtc/b/sessions/s", "v=answer"});
  door_->answer("GET /_webrtc/b/sessions/s/state?after=", {200, "", R"({"state":"ringing"})"});
  door_->answer("GET /_webrtc/b/sessions/s/state?after=ringing", {200, "", R"({"state":"answered"})"});
  EXPECT_THAT(socket_->lines(),
              ElementsAre("SIP/2.0 100 Trying", "SIP/2.0 183 Session Progress", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"));
  EXPECT_THAT(last(), HasSubstr("\r\n\r\nv=answer"));
  const std::string ours = to();
  socket_->said(request("ACK", "1", "", "", ours));
  socket_->said(request("INFO", "2", "Content-Type: application/dtmf-relay\r\n", "Signal=#\r\n", ours));
  EXPECT_EQ(socket_->lines().size(), 4u) << "the provider says whether it was pressed";
  door_->answer_last("POST /_webrtc/b/sessions/s/digits?digits=%23", {204, "", ""});
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 200"));
  EXPECT_THAT(last(), HasSubstr("cseq: 2 INFO"));
  door_->answer("GET /_webrtc/b/sessions/s/state?after=answered", {200, "", R"({"state":"ended","cause":16})"});
  EXPECT_THAT(last(), HasSubstr("BYE sip:p@p.invalid;transport=ws SIP/2.0"));
  EXPECT_THAT(last(), HasSubstr("reason: Q.850;cause=16"));
  socket_->said(request("BYE", "4", "", "", ours));
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 481")) << "the call is gone";
}

TEST_F(SipPages, ThePageHoldsByAnotherOffer) {
  call();
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  door_->answer("GET /s/state?after=", {200, "", R"({"state":"answered"})"});
  const std::string ours = to();
  const auto offer = [&](const std::string& method, const std::string& number, const std::string& body = "v=hold",
                         const std::string& type = "application/sdp") {
    socket_->said(request(method, number, "Content-Type: " + type + "\r\n", body, ours));
  };
  offer("INVITE", "2");
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 100"));
  EXPECT_EQ(door_->requests.back().body, "v=hold");
  offer("INVITE", "3");
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 491")) << "one at a time";
  door_->answer_last("POST /s/offer", {200, "", "v=held"});
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 200"));
  EXPECT_THAT(last(), HasSubstr("cseq: 2 INVITE"));
  EXPECT_THAT(last(), HasSubstr("to: " + ours));
  EXPECT_THAT(last(), HasSubstr("contact: "));
  EXPECT_THAT(last(), HasSubstr("\r\n\r\nv=held"));
  socket_->said(request("ACK", "2", "", "", ours));
  offer("UPDATE", "4");
  door_->answer_last("POST /s/offer", {200, "", "v=back"});
  EXPECT_THAT(last(), HasSubstr("cseq: 4 UPDATE"));
  EXPECT_THAT(last(), HasSubstr("\r\n\r\nv=back"));
  for (const auto& [found, told] : {std::pair(406, "SIP/2.0 488"), {422, "SIP/2.0 488"}, {503, "SIP/2.0 503"}}) {
    offer("INVITE", "5");
    door_->answer_last("POST /s/offer", {found, "", ""});
    EXPECT_THAT(last(), HasSubstr(told));
  }
  offer("INVITE", "6", "");
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 488")) << "the page makes the offers";
  offer("INVITE", "7", "v=hold", "text/plain");
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 415"));
  EXPECT_THAT(last(), HasSubstr("accept: application/sdp"));
  offer("INFO", "7", "v=hold", "text/plain");
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 415"));
  EXPECT_THAT(last(), HasSubstr("accept: application/dtmf-relay, application/dtmf"));
  offer("INVITE", "8");
  socket_->said(request("BYE", "9", "", "", ours));
  door_->answer_last("DELETE /s", {200, "", ""});
  door_->answer_last("POST /s/offer", {200, "", "v=late"});
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 487")) << "every INVITE is answered";
  EXPECT_THAT(last(), HasSubstr("cseq: 8 INVITE"));
}

TEST_F(SipPages, OnlyAnOfferThatIsTakenMovesTheTarget) {
  for (const auto& [found, host] : {std::pair(406, "p@p.invalid"), {200, "q@p.invalid"}}) {
    call();
    door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
    door_->answer("GET /s/state?after=", {200, "", R"({"state":"answered"})"});
    std::string offer = request("INVITE", "2", "Content-Type: application/sdp\r\n", "v=hold", to());
    offer.replace(offer.find("<sip:p@"), 7, "<sip:q@");
    socket_->said(offer);
    door_->answer_last("POST /s/offer", {found, "", "v=held"});
    door_->answer("GET /s/state?after=answered", {200, "", R"({"state":"ended","cause":16})"});
    EXPECT_THAT(last(), HasSubstr("BYE sip:" + std::string(host)));
  }
}

TEST_F(SipPages, ACallIsRefused) {
  call();
  door_->answer("POST ?to=%2B14255550100", {404, "", R"({"error":{"message":"there is no \"such\" number"}})"});
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 404 Not Found"));
  EXPECT_THAT(last(), HasSubstr("warning: 399 trunkline \"there is no such number\""));
  call();
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  door_->answer("GET /s/state?after=", {200, "", R"({"state":"ended","cause":17,"text":"busy"})"});
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 486 Busy Here"));
}

TEST_F(SipPages, ACallEndsWithItsProvider) {
  call();
  door_->answer("POST ?to=%2B14255550100", {410, "", ""});
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 503"));
  call();
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  door_->answer("GET /s/state?after=", {200, "", R"({"state":"answered"})"});
  door_->answer("GET /s/state?after=answered", {503, "", ""});  // too many wait
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 200"));
  door_->answer("GET /s/state?after=answered", {410, "", ""});
  EXPECT_THAT(last(), HasSubstr("BYE "));
  EXPECT_THAT(last(), HasSubstr("reason: Q.850;cause=41"));
}

TEST_F(SipPages, AKeyThatWasNotPressedIsRefused) {
  call();
  const auto press = [&](const char* number) {
    socket_->said(request("INFO", number, "Content-Type: application/dtmf\r\n", "5"));
  };
  press("2");
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 480")) << "there is no session yet";
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  press("3");
  door_->answer_last("POST /s/digits?digits=5", {409, "", ""});
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 480"));
  EXPECT_THAT(last(), HasSubstr("cseq: 3 INFO"));
}

TEST_F(SipPages, ACallIsTakenBack) {
  call();
  socket_->said(request("CANCEL", "1"));
  EXPECT_THAT(socket_->lines(), ElementsAre("SIP/2.0 100 Trying", "SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"));
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  door_->answer("DELETE /s", {200, "", ""});  // it was made all the same
  socket_->said(request("CANCEL", "1"));
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 481"));
}

TEST_F(SipPages, ACallIsHungUpBeforeItIsAnswered) {
  call();
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  const std::string ours = to();
  socket_->said(request("INVITE", "2", "Content-Type: application/sdp\r\n", "v=other", ours));
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 491"));
  socket_->said(request("BYE", "3", "", "", ours));
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 487")) << "every INVITE is answered";
  EXPECT_THAT(last(), HasSubstr("cseq: 1 INVITE"));
  EXPECT_EQ(socket_->lines()[socket_->lines().size() - 2], "SIP/2.0 200 OK");
  door_->answer_last("DELETE /s", {200, "", ""});
}

TEST_F(SipPages, ACallThatIsAnsweredIsNotTakenBack) {
  call();
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  door_->answer("GET /s/state?after=", {200, "", R"({"state":"answered"})"});
  socket_->said(request("CANCEL", "1"));
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 200"));
  EXPECT_EQ(door_->requests.back().what, "GET /s/state?after=answered");
  socket_->said(request("BYE", "2", "", "", to()));
  EXPECT_THAT(last(), HasSubstr("cseq: 2 BYE"));
  EXPECT_EQ(door_->requests.back().what, "DELETE /s");
}

TEST_F(SipPages, TheProviderIsAskedOnlySoMuchAtOnce) {
  for (std::size_t i = 0; i < SipPage::kMaxAsks; ++i) {
    call();
    EXPECT_THAT(last(), HasSubstr("SIP/2.0 100"));
    socket_->said(request("CANCEL", "1"));
  }
  call();
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 503"));
  door_->answer("POST ?to=%2B14255550100", {404, "", ""});
  call();
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 100"));
}

TEST_F(SipPages, OnlySoManyKeysArePressedAtOnce) {
  call();
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  const auto press = [&] { socket_->said(request("INFO", "2", "Content-Type: application/dtmf\r\n", "5")); };
  for (std::size_t i = 0; i < SipPage::kMaxAsks; ++i) press();
  EXPECT_EQ(door_->requests.size(), SipPage::kMaxAsks + 1);
  press();
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 503"));
  EXPECT_EQ(door_->requests.size(), SipPage::kMaxAsks + 1);
}

TEST_F(SipPages, ACallRingsIsAnsweredAndHungUp) {
  socket_->said(request("REGISTER", "1", "Expires: 9999\r\n", "", "<sip:page@x>"));
  EXPECT_THAT(last(), HasSubstr("contact: <sip:p@p.invalid;transport=ws>;expires=600"));
  door_->answer("GET /calls?after=", {200, "", R"({"revision":"1","calls":[{"id":"c","from":"4:+1425","displayName":"Bob"}]})"});
  EXPECT_THAT(last(), HasSubstr("INVITE sip:p@p.invalid;transport=ws SIP/2.0"));
  EXPECT_THAT(last(), HasSubstr("from: \"Bob\" <sip:+1425@"));
  EXPECT_THAT(last(), HasSubstr("Content-Length: 0")) << "the page makes the offer";
  SipMessage invite = parse_sip(last());
  const auto answer = [&](const std::string& status, const std::string& body) {
    return "SIP/2.0 " + status + "\r\nVia: " + std::string(invite.get("via")) + "\r\nFrom: " + std::string(invite.get("from")) +
           "\r\nTo: " + std::string(invite.get("to")) + ";tag=page\r\nCall-ID: " + std::string(invite.get("call-id")) +
           "\r\nCSeq: 1 INVITE\r\nContact: <sip:p@p.invalid>\r\n\r\n" + body;
  };
  socket_->said(answer("180 Ringing", ""));
  socket_->said(answer("200 OK", "v=offer"));
  EXPECT_EQ(door_->requests.front().what, "GET /calls?after=1");
  door_->answer("GET /calls?after=1", {200, "", R"({"revision":"2","calls":[]})"});
  door_->answer("POST /calls/c", {201, "/s", "v=answer"});
  EXPECT_THAT(last(), HasSubstr("ACK sip:p@p.invalid SIP/2.0"));
  EXPECT_THAT(last(), HasSubstr("\r\n\r\nv=answer"));
  const std::string bye =
      "BYE sip:trunkline@x SIP/2.0\r\nVia: SIP/2.0/WS p;branch=z9hG4bK9\r\nFrom: " + std::string(invite.get("to")) +
      ";tag=page\r\nTo: " + std::string(invite.get("from")) + "\r\nCall-ID: " + std::string(invite.get("call-id")) +
      "\r\nCSeq: 5 BYE\r\n\r\n";
  socket_->said(bye);
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 200 OK"));
  EXPECT_EQ(door_->requests.back().what, "DELETE /s");
}

TEST_F(SipPages, ACallThatRingsIsWithdrawnOnceThePageHasSaidSomething) {
  socket_->said(request("REGISTER", "1"));
  door_->answer("GET /calls?after=", {200, "", R"({"revision":"1","calls":[{"id":"c","from":"8:acs:bob"}]})"});
  const SipMessage invite = parse_sip(last());
  door_->answer("GET /calls?after=1", {200, "", R"({"revision":"2","calls":[]})"});
  EXPECT_THAT(last(), HasSubstr("INVITE")) << "nothing more before it has";
  socket_->said("SIP/2.0 180 Ringing\r\nVia: " + std::string(invite.get("via")) + "\r\nFrom: " + std::string(invite.get("from")) +
                "\r\nTo: " + std::string(invite.get("to")) + ";tag=page\r\nCall-ID: " + std::string(invite.get("call-id")) +
                "\r\nCSeq: 1 INVITE\r\n\r\n");
  EXPECT_THAT(last(), HasSubstr("CANCEL "));
  EXPECT_THAT(last(), HasSubstr("via: " + std::string(invite.get("via"))));
}

TEST_F(SipPages, ACallOfWhichTheProviderTalksNonsenseEnds) {
  for (const char* nonsense : {R"({"state":7})", R"({"state":"answered","cause":"x"})", R"({})", "[]", "no JSON"}) {
    call();
    door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
    door_->answer("GET /s/state?after=", {200, "", R"({"state":"answered"})"});
    door_->answer("GET /s/state?after=answered", {200, "", nonsense});
    EXPECT_THAT(last(), HasSubstr("BYE ")) << nonsense;
    EXPECT_THAT(last(), HasSubstr("reason: Q.850;cause=41"));
    door_->answer("DELETE /s", {200, "", ""});
    EXPECT_TRUE(door_->requests.empty());
  }
}

TEST_F(SipPages, ASocketWhereNoCallsCanRingIsClosed) {
  socket_->said(request("REGISTER", "1"));
  door_->answer("GET /calls?after=", {503, "", ""});  // too many wait
  EXPECT_FALSE(over_);
  door_->answer("GET /calls?after=", {410, "", ""});
  EXPECT_EQ(socket_->closed_with, net::close_code::kTryAgainLater);
  EXPECT_TRUE(over_);
}

TEST_F(SipPages, ASocketAtWhichCallsCannotRingIsOpenWhileThePageTalks) {
  call();
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  for (const char* nonsense : {R"({"revision":7})", R"({"calls":[]})", R"({"revision":"1","calls":[7]})",
                               R"({"revision":"1","calls":[{"id":7}]})", R"({"revision":"1"})", "no JSON"}) {
    socket_->said(request("REGISTER", "2"));
    ASSERT_EQ(door_->requests.size(), 2u);
    door_->answer_last("GET /calls?after=", {200, "", nonsense});
    EXPECT_EQ(door_->requests.size(), 1u) << nonsense;
  }
  EXPECT_EQ(socket_->closed_with, 0);
  socket_->said(request("REGISTER", "3"));
  door_->answer_last("GET /calls?after=", {200, "", R"({"revision":"1","calls":[{"id":"c","from":"8:acs:bob"}]})"});
  EXPECT_THAT(last(), HasSubstr("INVITE ")) << "it has registered again";
}

TEST_F(SipPages, NothingNewBeginsOnceTheTokenHasEnded) {
  socket_->said(request("REGISTER", "1"));
  page_->token_ended();
  call();
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 401 Unauthorized"));
  socket_->said(request("REGISTER", "2"));
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 401 Unauthorized"));
}

// Closing goes on with what waits for the page's next word, before it returns.
TEST_F(SipPages, OneThatDoesNotReadIsClosedWhenItsCallIsMade) {
  call();
  socket_->full = true;
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  EXPECT_EQ(socket_->closed_with, net::close_code::kTryAgainLater);
  EXPECT_TRUE(over_);
  door_->answer("DELETE /s", {200, "", ""});
  EXPECT_TRUE(door_->requests.empty());
}

TEST_F(SipPages, OneThatDoesNotReadIsClosedWhenItsCallIsAnswered) {
  call();
  door_->answer("POST ?to=%2B14255550100", {201, "/s", "v=answer"});
  socket_->full = true;
  door_->answer("GET /s/state?after=", {200, "", R"({"state":"answered"})"});
  EXPECT_EQ(socket_->closed_with, net::close_code::kTryAgainLater);
  EXPECT_TRUE(over_);
  door_->answer("DELETE /s", {200, "", ""});
  EXPECT_TRUE(door_->requests.empty());
}

TEST_F(SipPages, OneThatDoesNotReadIsClosedWhenACallRings) {
  socket_->said(request("REGISTER", "1"));
  socket_->full = true;
  door_->answer("GET /calls?after=", {200, "", R"({"revision":"1","calls":[{"id":"c","from":"8:acs:bob"}]})"});
  EXPECT_EQ(socket_->closed_with, net::close_code::kTryAgainLater);
  EXPECT_TRUE(over_);
}

TEST_F(SipPages, OneThatDoesNotReadIsClosedWhenACallIsWithdrawn) {
  socket_->said(request("REGISTER", "1"));
  door_->answer("GET /calls?after=", {200, "", R"({"revision":"1","calls":[{"id":"c","from":"8:acs:bob"}]})"});
  const SipMessage invite = parse_sip(last());
  socket_->said("SIP/2.0 180 Ringing\r\nVia: " + std::string(invite.get("via")) + "\r\nFrom: " + std::string(invite.get("from")) +
                "\r\nTo: " + std::string(invite.get("to")) + ";tag=page\r\nCall-ID: " + std::string(invite.get("call-id")) +
                "\r\nCSeq: 1 INVITE\r\n\r\n");
  socket_->full = true;
  page_->token_ended();
  EXPECT_EQ(socket_->closed_with, net::close_code::kTryAgainLater);
  EXPECT_TRUE(over_);
}

TEST_F(SipPages, OneThatDoesNotReadIsClosedWhenItAsks) {
  socket_->full = true;
  socket_->said(request("OPTIONS", "1"));
  EXPECT_EQ(socket_->closed_with, net::close_code::kTryAgainLater);
  EXPECT_TRUE(over_);
}

TEST_F(SipPages, WhatIsNoSipClosesTheSocket) {
  socket_->said("\r\n\r\n");
  EXPECT_EQ(last(), "\r\n");
  socket_->said("hello");
  EXPECT_EQ(socket_->closed_with, net::close_code::kPolicyViolation);
}

TEST_F(SipPages, WhatIsNotKnownIsRefused) {
  socket_->said(request("SUBSCRIBE", "1"));
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 405"));
  socket_->said(request("OPTIONS", "2"));
  EXPECT_THAT(last(), HasSubstr("allow: INVITE"));
  socket_->said(request("BYE", "3", "", "", "<sip:x@y>;tag=gone"));
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 481"));
  socket_->said(request("INVITE", "4"));
  EXPECT_THAT(last(), HasSubstr("SIP/2.0 488"));
}

}  // namespace
}  // namespace trunkline::sipsocket

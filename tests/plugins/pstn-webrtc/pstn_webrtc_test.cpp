// The plugin in a host, and pages that talk through it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>

#include "fake_page.h"
#include "tests/plugins/host.h"
#include "trunkline/host_client.hpp"
#include "trunkline/pstn_client.hpp"
#include "trunkline/pstn_provider.hpp"

namespace trunkline::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kAnn = "8:acs:r_ann";
constexpr const char* kBob = "8:acs:r_bob";
constexpr const char* kNumber = "+14255550100";

class PstnWebRtc : public ::testing::Test, public pstn::PstnEvents, public pstn::PstnAudioEvents {
 protected:
  void SetUp() override {
    static std::atomic<int> ports{36000};
    const int first = ports.fetch_add(20);
    plugin::InstanceSettings settings;
    settings.provider = "under-test";
    settings.config_json = json{{"rtp_port_first", first}, {"rtp_port_last", first + 19}, {"max_sessions", 4}}.dump();
    settings.event_sink = [this](std::string_view id) {
      return id == pstn::PstnEventsClient::kInterfaceId ? iface_of(static_cast<pstn::PstnEvents*>(this))
                                                        : iface_of(static_cast<pstn::PstnAudioEvents*>(this));
    };
    instance_ = plugin::PluginInstance::create(host_.loader.load("pstn-webrtc"), std::move(settings), host_.context);
    calls_ = {instance_->interface("trunkline.pstn/1"), instance_->calls()};
    audio_ = {instance_->interface("trunkline.pstn.audio/1"), instance_->calls()};
    web_ = {instance_->interface("trunkline.webhook/1"), instance_->calls()};
  }
  void TearDown() override { instance_.reset(); }  // it may tell something until then

  static host::HttpRequest request(const std::string& method, const std::string& path, const std::string& user = kAnn,
                                   const std::string& body = "") {
    host::HttpRequest out;
    out.method = method;
    out.url = "http://127.0.0.1:4600" + (path.starts_with("/_webrtc") ? path : "/_webrtc/browser" + path);
    out.headers = {{"trunkline-user", user}, {"trunkline-resource", "dev"}, {"trunkline-scopes", "voip"}};
    if (method == "POST") out.headers["content-type"] = "application/sdp";
    if (method == "PATCH") out.headers["content-type"] = "application/trickle-ice-sdpfrag";
    if (!body.empty()) out.body = Bytes(body.begin(), body.end());
    return out;
  }
  host::HttpResponse ask(const std::string& method, const std::string& path, const std::string& user = kAnn,
                         const std::string& body = "") {
    return web_.receive_sync(request(method, path, user, body));
  }
  static std::string body_of(const host::HttpResponse& response) {
    return response.body ? std::string(response.body->begin(), response.body->end()) : "";
  }
  /// The page calls, or takes a call; returns the address of the session.
  std::string join(FakePage& page, const std::string& path = "?to=%2B14255550100", const std::string& user = kAnn) {
    const host::HttpResponse response = ask("POST", path, user, page.offer());
    EXPECT_EQ(response.status, 201);
    EXPECT_EQ(response.headers.at("content-type"), "application/sdp");
    answer_sdp_ = body_of(response);
    return response.headers.at("location");
  }
  json state_of(const std::string& session) { return json::parse(body_of(ask("GET", session + "/state"))); }
  int status_of(const std::string& method, const std::string& path, const std::string& user = kAnn,
                const std::string& body = "") {
    try {
      return ask(method, path, user, body).status;
    } catch (const Error& error) {
      return error.http_status != 0 ? error.http_status : -static_cast<int>(error.code);
    }
  }
  /// A page in an answered call.
  std::string talk(FakePage& page, const std::string& user = kAnn) {
    const std::string session = join(page, "?to=%2B14255550100", user);
    const std::string leg = incoming_leg();
    calls_.answer_sync(leg);
    EXPECT_TRUE(page.connect(answer_sdp_));
    EXPECT_TRUE(told("answered"));
    return session;
  }
  static std::string leg_of(const std::string& session) { return session.substr(session.rfind('/') + 1); }

  Task<void> incoming(Call call, std::string leg_id, std::string from, std::string to, Properties) override {
    {
      const std::lock_guard lock(mutex_);
      incoming_leg_ = leg_id;
    }
    note("incoming " + from + " " + to + " " + std::string(call.resource()));
    if (refuses) throw Error(*refuses, "not here");
    co_return;
  }
  Task<void> changed(Call, std::string, pstn::LegChange change) override {
    if (const auto* state = change.state()) note(*state == pstn::LegState::kRinging ? "ringing" : "answered");
    if (const auto* input = change.dtmf()) note("dtmf " + input->digits);
    if (const auto* cause = change.ended()) note("ended " + std::to_string(cause->q850) + " " + cause->text.value_or(""));
    co_return;
  }
  void heard(const Call&, std::string_view, std::int64_t, BytesView samples) override {
    call_media::Frame frame{};
    for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<std::int16_t>(samples[2 * i] | samples[2 * i + 1] << 8);
    const std::lock_guard lock(mutex_);
    heard_ = frame;
  }

  bool told(const std::string& begin) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds{20}, [&] {
      return std::any_of(notes_.begin(), notes_.end(), [&](const std::string& one) { return one.starts_with(begin); });
    });
  }
  double hears(double hz) {
    const std::lock_guard lock(mutex_);
    return strength_of(heard_, hz);
  }
  std::string incoming_leg() {
    const std::lock_guard lock(mutex_);
    return incoming_leg_;
  }
  std::vector<std::string> notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

  Host host_;
  std::optional<ErrorCode> refuses;
  std::string answer_sdp_;
  std::unique_ptr<plugin::PluginInstance> instance_;
  pstn::PstnProviderClient calls_;
  pstn::PstnAudioProviderClient audio_;
  host::WebhookReceiverClient web_;

 private:
  void note(std::string text) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(text));
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> notes_;
  std::string incoming_leg_;
  call_media::Frame heard_{};
};

TEST_F(PstnWebRtc, APageCallsTalksPressesKeysAndLeaves) {
  FakePage page;
  const std::string session = join(page);
  EXPECT_THAT(session, StartsWith("/_webrtc/browser/sessions/web-"));
  EXPECT_THAT(notes(), ElementsAre(std::string("incoming ") + kAnn + " " + kNumber + " dev"));
  EXPECT_EQ(state_of(session)["state"], "ringing");
  ASSERT_TRUE(page.connect(answer_sdp_));
  calls_.answer_sync(leg_of(session));
  ASSERT_TRUE(told("answered"));
  EXPECT_EQ(state_of(session)["state"], "answered");

  pstn::LegFlow flow;
  flow.tapped = true;
  audio_.set_flow_sync(leg_of(session), flow);
  audio_.play_sync(leg_of(session), 1, tone_bytes(1000, 10000));
  EXPECT_TRUE(page.hears(1000, 600));
  EXPECT_TRUE(page.talk(600, [&] { return hears(600) > 0.8; }));
  page.press('5');
  EXPECT_TRUE(told("dtmf 5"));
  calls_.send_dtmf_sync(leg_of(session), "7");

  EXPECT_EQ(ask("DELETE", session).status, 200);
  EXPECT_TRUE(told("ended 16 the page left"));
  EXPECT_EQ(state_of(session)["cause"], 16);
  EXPECT_EQ(status_of("DELETE", session), -static_cast<int>(ErrorCode::kNotFound));
  EXPECT_EQ(code_of([&] { calls_.hang_up_sync(leg_of(session), 16); }), ErrorCode::kNotFound);
}

TEST_F(PstnWebRtc, APagePressesKeysWithoutTelephoneEvents) {
  FakePage page;
  const std::string session = join(page);
  EXPECT_EQ(status_of("POST", session + "/digits?digits=5%23"), 409) << "nobody has answered";
  ASSERT_TRUE(page.connect(answer_sdp_));
  calls_.answer_sync(leg_of(session));
  ASSERT_TRUE(told("answered"));
  EXPECT_EQ(status_of("POST", session + "/digits?digits=5%23"), 204);
  EXPECT_TRUE(told("dtmf 5#"));
}

TEST_F(PstnWebRtc, APageThatListensPressesNoKeys) {
  FakePage page;
  const host::HttpResponse response = ask("POST", "/whep?room=99", kAnn, page.offer("recvonly"));
  ASSERT_EQ(response.status, 201);
  const std::string session = response.headers.at("location");
  ASSERT_TRUE(page.connect(body_of(response)));
  calls_.answer_sync(leg_of(session));
  ASSERT_TRUE(told("answered"));
  EXPECT_EQ(status_of("POST", session + "/digits?digits=5"), 409);
  page.press('6');
  audio_.play_sync(leg_of(session), 1, tone_bytes(1000, 10000));
  EXPECT_TRUE(page.hears(1000)) << "what it sends has been read by now";
  EXPECT_EQ(ask("DELETE", session).status, 200);
  EXPECT_TRUE(told("ended 16 the page left"));
  EXPECT_THAT(notes(), ::testing::Not(::testing::Contains(StartsWith("dtmf"))));
}

TEST_F(PstnWebRtc, TheApplicationHangsUp) {
  FakePage page;
  const std::string session = talk(page);
  calls_.hang_up_sync(leg_of(session), 17);
  EXPECT_TRUE(told("ended 17"));
  EXPECT_TRUE(page.is_closed());
  EXPECT_EQ(state_of(session)["state"], "ended");
  host_.clock.advance(seconds{61});
  EXPECT_EQ(status_of("GET", session + "/state"), -static_cast<int>(ErrorCode::kNotFound)) << "it is forgotten";
}

TEST_F(PstnWebRtc, ThePageClosesItsConnection) {
  FakePage page;
  talk(page);
  page.close();
  EXPECT_TRUE(told("ended 16 the page closed its connection"));
}

TEST_F(PstnWebRtc, PagesInABridgeHearEachOther) {
  FakePage ann, bob;
  for (const auto& session : {talk(ann), talk(bob, kBob)}) audio_.join_bridge_sync(leg_of(session), "b");
  bool ann_hears = false, bob_hears = false;
  for (int i = 0; i < 1000 && !(ann_hears && bob_hears); ++i) {
    ann.step(500);
    bob.step(900);
    ann_hears = ann_hears || ann.heard(900);
    bob_hears = bob_hears || bob.heard(500);
  }
  EXPECT_TRUE(ann_hears);
  EXPECT_TRUE(bob_hears);
}

TEST_F(PstnWebRtc, WhatTheHostDoesNotTakeIsRefused) {
  FakePage page;
  refuses = ErrorCode::kNotFound;
  EXPECT_EQ(status_of("POST", "?to=%2B14255550100", kAnn, page.offer()), -static_cast<int>(ErrorCode::kNotFound));
  EXPECT_THAT(notes(), ElementsAre(StartsWith("incoming"))) << "the host hears no more of what it did not take";
}

TEST_F(PstnWebRtc, DescriptionsThatAreWrongAreRefused) {
  FakePage page;
  EXPECT_EQ(status_of("POST", "?to=%2B1425", kAnn, "nonsense"), -static_cast<int>(ErrorCode::kInvalidArgument));
  EXPECT_EQ(status_of("POST", "?to=%2B1425", kAnn, page.offer() + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"), 406);
  std::string other = page.offer();
  other.replace(other.find("opus/48000"), 4, "isac");
  EXPECT_EQ(status_of("POST", "?to=%2B1425", kAnn, other), 406);
  EXPECT_TRUE(notes().empty());
}

TEST_F(PstnWebRtc, WhoeverTheHostDoesNotNameIsRefused) {
  auto stranger = request("POST", "?to=%2B1425", kAnn, FakePage().offer());
  stranger.headers.erase("trunkline-user");
  EXPECT_EQ(code_of([&] { web_.receive_sync(stranger); }), ErrorCode::kUnauthenticated);
}

TEST_F(PstnWebRtc, ASessionIsOfItsUser) {
  FakePage page;
  const std::string session = join(page);
  EXPECT_EQ(status_of("DELETE", session, kBob), -static_cast<int>(ErrorCode::kNotFound));
  EXPECT_EQ(status_of("GET", session + "/state", kBob), -static_cast<int>(ErrorCode::kNotFound));
  EXPECT_EQ(status_of("PATCH", session, kAnn, "a=ice-ufrag:page\r\n"), 428);
}

TEST_F(PstnWebRtc, SoundThatDoesNotConnectEndsTheCall) {
  FakePage page;
  const std::string session = join(page);
  calls_.answer_sync(leg_of(session));
  EXPECT_EQ(state_of(session)["state"], "connecting");
  host_.clock.advance(seconds{16});
  EXPECT_TRUE(told("ended 41 its sound has not connected"));
}

TEST_F(PstnWebRtc, AnotherCertificateThanTheOfferNamesEndsTheCall) {
  FakePage page;
  page.fingerprint = pstn_webrtc::DtlsIdentity().fingerprint();
  join(page);
  page.connect(answer_sdp_);
  EXPECT_TRUE(told("ended 41 its sound could not be secured"));
}

TEST_F(PstnWebRtc, SessionsAreLimited) {
  std::array<FakePage, 5> pages;
  for (int i = 0; i < 4; ++i) join(pages[static_cast<std::size_t>(i)]);
  EXPECT_EQ(status_of("POST", "?to=%2B1425", kAnn, pages[4].offer()), -static_cast<int>(ErrorCode::kUnavailable));
}

class Ringing : public PstnWebRtc {
 protected:
  pstn::DialRequest to_bob() {
    pstn::DialRequest request;
    request.leg_id = "leg-1";
    request.from = kNumber;
    request.display_name = "Ann";
    request.to = kBob;
    request.ring_timeout = seconds{30};
    return request;
  }
  void dial() { calls_.dial_sync(to_bob(), on_behalf_of("dev")); }
  json calls_of(const std::string& user, const std::string& after = "") {
    return json::parse(body_of(ask("GET", "/calls" + (after.empty() ? "" : "?after=" + after), user)));
  }
};

TEST_F(Ringing, AUserWithoutAPageCannotBeReached) {
  EXPECT_EQ(code_of([&] { dial(); }), ErrorCode::kUnavailable);
  calls_of(kBob);
  host_.clock.advance(seconds{11});
  EXPECT_EQ(code_of([&] { dial(); }), ErrorCode::kUnavailable) << "the page has gone";
}

TEST_F(Ringing, APageThatWaitsIsRungAndAnswers) {
  const std::string revision = calls_of(kBob)["revision"];
  auto waiting = std::async(std::launch::async, [&] { return calls_of(kBob, revision); });
  dial();
  const json ringing = waiting.get();
  ASSERT_EQ(ringing["calls"].size(), 1u);
  EXPECT_EQ(ringing["calls"][0]["id"], "leg-1");
  EXPECT_EQ(ringing["calls"][0]["from"], kNumber);
  EXPECT_EQ(ringing["calls"][0]["displayName"], "Ann");
  EXPECT_TRUE(told("ringing"));
  EXPECT_TRUE(calls_of(kAnn)["calls"].empty()) << "nobody else's business";
  EXPECT_EQ(status_of("POST", "/calls/leg-1", kAnn, FakePage().offer()), -static_cast<int>(ErrorCode::kNotFound));

  FakePage page;
  const std::string session = join(page, "/calls/leg-1", kBob);
  EXPECT_TRUE(calls_of(kBob)["calls"].empty());
  EXPECT_EQ(status_of("POST", "/calls/leg-1", kBob, FakePage().offer()), -static_cast<int>(ErrorCode::kAlreadyExists));
  ASSERT_TRUE(page.connect(answer_sdp_));
  ASSERT_TRUE(told("answered"));
  audio_.play_sync("leg-1", 1, tone_bytes(1000, 10000));
  EXPECT_TRUE(page.hears(1000));
  EXPECT_EQ(ask("DELETE", session, kBob).status, 200);
  EXPECT_TRUE(told("ended 16"));
}

TEST_F(Ringing, TheUserDeclines) {
  calls_of(kBob);
  dial();
  EXPECT_EQ(ask("DELETE", "/calls/leg-1", kBob).status, 200);
  EXPECT_TRUE(told("ended 21"));
  EXPECT_TRUE(calls_of(kBob)["calls"].empty());
}

TEST_F(Ringing, NobodyAnswers) {
  calls_of(kBob);
  dial();
  host_.clock.advance(seconds{31});
  EXPECT_TRUE(told("ended 19"));
}

TEST_F(Ringing, TheCallerGivesUp) {
  calls_of(kBob);
  dial();
  calls_.hang_up_sync("leg-1", 16);
  EXPECT_TRUE(told("ended 16"));
  EXPECT_TRUE(calls_of(kBob)["calls"].empty());
  EXPECT_EQ(status_of("POST", "/calls/leg-1", kBob, FakePage().offer()), -static_cast<int>(ErrorCode::kNotFound));
}

TEST_F(Ringing, WhoHasWaitedLongEnoughIsAnswered) {
  const std::string revision = calls_of(kBob)["revision"];
  auto waiting = std::async(std::launch::async, [&] { return calls_of(kBob, revision); });
  while (waiting.wait_for(std::chrono::milliseconds{20}) != std::future_status::ready) host_.clock.advance(seconds{21});
  EXPECT_EQ(waiting.get()["revision"], revision);
}

TEST_F(Ringing, WhoIsAskedToStopWaitsNoMore) {
  const std::string revision = calls_of(kBob)["revision"];
  std::stop_source stop;
  CallOptions options;
  options.stop = stop.get_token();
  auto waiting = std::async(std::launch::async,
                            [&] { return web_.receive_sync(request("GET", "/calls?after=" + revision, kBob), options); });
  stop.request_stop();
  EXPECT_EQ(waiting.get().status, 200);
}

TEST_F(Ringing, OnlyUsersAreRung) {
  pstn::DialRequest request = to_bob();
  request.to = kNumber;
  EXPECT_EQ(code_of([&] { calls_.dial_sync(request, on_behalf_of("dev")); }), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace trunkline::testing

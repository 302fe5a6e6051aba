// The plugin in a host, and pages that talk through it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include "fake_page.h"
#include "media/stun.h"
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
    json config{{"rtp_port_first", first}, {"rtp_port_last", first + 19}, {"max_sessions", 4}};
    config.update(more_config());
    settings.config_json = config.dump();
    settings.secrets = secrets();
    settings.event_sink = [this](std::string_view id) {
      return id == pstn::PstnEventsClient::kInterfaceId ? iface_of(static_cast<pstn::PstnEvents*>(this))
                                                        : iface_of(static_cast<pstn::PstnAudioEvents*>(this));
    };
    instance_ = plugin::PluginInstance::create(host_.loader.load("pstn-webrtc"), std::move(settings), host_.context);
    calls_ = {instance_->interface("trunkline.pstn/1"), instance_->calls()};
    audio_ = {instance_->interface("trunkline.pstn.audio/1"), instance_->calls()};
    web_ = {instance_->interface("trunkline.webhook/1"), instance_->calls()};
  }
  /// Why there is no instance of it.
  std::string refused(const json& config) {
    plugin::InstanceSettings settings;
    settings.provider = "refused";
    settings.config_json = config.dump();
    settings.event_sink = [this](std::string_view) { return iface_of(static_cast<pstn::PstnEvents*>(this)); };
    try {
      plugin::PluginInstance::create(host_.loader.load("pstn-webrtc"), std::move(settings), host_.context);
    } catch (const Error& error) {
      return error.message;
    }
    return "it was made";
  }
  virtual json more_config() const { return json::object(); }
  virtual std::map<std::string, Secret> secrets() const { return {}; }
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
  void forget_notes() {
    const std::lock_guard lock(mutex_);
    notes_.clear();
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

TEST_F(PstnWebRtc, AnAddressToTellOfWantsOneToListenAt) {
  for (const char* address : {"::1", "nonsense"})
    EXPECT_THAT(refused({{"second_advertise", address}}), HasSubstr("second_advertise: wanted second_address, too"));
}

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

/// The same connection with other directions: what is sent and heard follows them.
TEST_F(PstnWebRtc, APageHoldsAndGoesOn) {
  FakePage page;
  const std::string session = talk(page);
  pstn::LegFlow flow;
  flow.tapped = true;
  audio_.set_flow_sync(leg_of(session), flow);
  const auto offer = [&](const std::string& direction) {
    const host::HttpResponse response = ask("POST", session + "/offer", kAnn, page.offer(direction));
    EXPECT_EQ(response.status, 200);
    return body_of(response);
  };
  const auto line = [](const std::string& text, const std::string& begin) {
    const auto at = text.find(begin);
    return at == text.npos ? "" : text.substr(at, text.find('\r', at) - at);
  };
  const std::string held = offer("sendonly");
  EXPECT_THAT(held, HasSubstr("a=recvonly"));
  for (const char* same : {"a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:passive", "m=audio ", "a=mid:"})
    EXPECT_EQ(line(held, same), line(answer_sdp_, same));
  EXPECT_NE(line(held, "o="), line(answer_sdp_, "o=")) << "a new version";
  // What has been on its way is played out, and then there is nothing: a page says a frame for each that it hears.
  EXPECT_TRUE(page.check(true)) << "it is still consented to";
  audio_.play_sync(leg_of(session), 1, tone_bytes(1000, 500));
  EXPECT_TRUE(page.is_silent());
  EXPECT_THAT(offer("inactive"), HasSubstr("a=inactive"));
  EXPECT_THAT(offer("sendrecv"), HasSubstr("a=sendrecv"));
  audio_.play_sync(leg_of(session), 2, tone_bytes(1500, 500));
  EXPECT_TRUE(page.hears(1500, 600));
  EXPECT_TRUE(page.talk(600, [&] { return hears(600) > 0.8; }));
}

TEST_F(PstnWebRtc, AnotherOfferKeepsTheConnection) {
  FakePage page;
  const std::string session = talk(page);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string offer = page.offer();
    offer.replace(offer.find(from), from.size(), to);
    return status_of("POST", session + "/offer", kAnn, offer);
  };
  EXPECT_EQ(changed("a=ice-ufrag:page", "a=ice-ufrag:other"), 422);
  EXPECT_EQ(changed("a=ice-pwd:a", "a=ice-pwd:b"), 422);
  EXPECT_EQ(changed("a=mid:0", "a=mid:1"), 406);
  EXPECT_EQ(changed("opus/48000/2", "EVRC/8000"), 406);
  EXPECT_EQ(changed("v=0", "v=1"), -static_cast<int>(ErrorCode::kInvalidArgument));
  FakePage stranger;
  EXPECT_EQ(status_of("POST", session + "/offer", kAnn, stranger.offer()), 406) << "another certificate";
  EXPECT_EQ(status_of("POST", session + "/offer", kBob, page.offer()), -static_cast<int>(ErrorCode::kNotFound));
  audio_.play_sync(leg_of(session), 1, tone_bytes(1000, 500));
  EXPECT_TRUE(page.hears(1000, 600)) << "the call goes on as it was";
}

class PstnWebRtcByOtherWays : public PstnWebRtc {
 protected:
  json more_config() const override { return {{"second_address", "::1"}, {"ice_tcp_port", tcp_port()}}; }
  /// One that nobody has right now.
  static int tcp_port() {
    static const int port = [] {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      call_media::Endpoint here = *call_media::Endpoint::of("127.0.0.1", 0);
      socklen_t size = here.size();
      EXPECT_EQ(::bind(fd, here.raw(), size), 0);
      EXPECT_EQ(::getsockname(fd, here.raw(), &size), 0);
      ::close(fd);
      return static_cast<int>(here.port());
    }();
    return port;
  }
};

TEST_F(PstnWebRtcByOtherWays, PagesAreToldOfThem) {
  FakePage page;
  join(page);
  const std::string port = answer_sdp_.substr(answer_sdp_.find("m=audio ") + 8, 5), tcp = std::to_string(tcp_port());
  EXPECT_THAT(answer_sdp_, HasSubstr("a=candidate:1 1 udp 2130706431 127.0.0.1 " + port + " typ host\r\n"));
  EXPECT_THAT(answer_sdp_, HasSubstr("a=candidate:2 1 udp 2130706175 ::1 " + port + " typ host\r\n"));
  EXPECT_THAT(answer_sdp_, HasSubstr("a=candidate:3 1 tcp 2124414463 127.0.0.1 " + tcp + " typ host tcptype passive\r\n"));
  EXPECT_THAT(answer_sdp_, HasSubstr("a=candidate:4 1 tcp 2124414207 ::1 " + tcp + " typ host tcptype passive\r\n"));
}

TEST_F(PstnWebRtcByOtherWays, PagesTalkOverIPv6AndOverTcp) {
  for (const FakePage::Way way : {FakePage::Way::kUdp6, FakePage::Way::kTcp}) {
    FakePage page(way);
    const std::string session = talk(page);
    pstn::LegFlow flow;
    flow.tapped = true;
    audio_.set_flow_sync(leg_of(session), flow);
    audio_.play_sync(leg_of(session), 1, tone_bytes(1000, 500));
    EXPECT_TRUE(page.hears(1000, 600));
    EXPECT_TRUE(page.talk(600, [&] { return hears(600) > 0.8; }));
    calls_.hang_up_sync(leg_of(session), 16);
    EXPECT_TRUE(page.is_closed());
    forget_notes();
  }
}

TEST_F(PstnWebRtcByOtherWays, WhoDoesNotSayWhoseItIsIsClosed) {
  FakePage page;
  join(page);
  const auto there = call_media::Endpoint::of("127.0.0.1", static_cast<std::uint16_t>(tcp_port()));
  const auto closed = [&](const std::vector<std::uint8_t>& said) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, there->raw(), there->size()), 0);
    if (!said.empty()) (void)::send(fd, said.data(), said.size(), MSG_NOSIGNAL);
    std::uint8_t byte = 0;
    const bool over = ::recv(fd, &byte, 1, 0) <= 0;
    ::close(fd);
    return over;
  };
  EXPECT_TRUE(closed({0xff, 0xff})) << "a packet that is too long";
  EXPECT_TRUE(closed({0, 4, 1, 2, 3, 4})) << "no check";
  std::array<std::uint8_t, 256> packet{};
  call_media::StunCheck wrong;
  const auto at = answer_sdp_.find("a=ice-ufrag:") + 12;
  const std::string user = answer_sdp_.substr(at, answer_sdp_.find('\r', at) - at) + ":page";
  wrong.username = user;
  const std::size_t size = call_media::write_check(packet, wrong, "another password");
  std::vector<std::uint8_t> said{0, static_cast<std::uint8_t>(size)};
  said.insert(said.end(), packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
  EXPECT_TRUE(closed(said)) << "it does not know the password";
  EXPECT_TRUE(closed({})) << "it says nothing";
}

/// As while one instance follows another.
class PstnWebRtcAfterAnother : public PstnWebRtcByOtherWays {
 protected:
  void SetUp() override {
    before_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;  // calls of the tests before are not forgotten yet
    ::setsockopt(before_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto here = call_media::Endpoint::of("127.0.0.1", static_cast<std::uint16_t>(tcp_port()));
    ASSERT_EQ(::bind(before_, here->raw(), here->size()), 0);
    ASSERT_EQ(::listen(before_, 1), 0);
    PstnWebRtcByOtherWays::SetUp();
  }
  int before_ = -1;
};

TEST_F(PstnWebRtcAfterAnother, ThePortIsTakenOnceItIsFree) {
  FakePage page(FakePage::Way::kTcp);
  const std::string session = join(page);
  ::close(before_);
  calls_.answer_sync(leg_of(session));
  bool connected = false;
  for (const auto until = std::chrono::steady_clock::now() + seconds{20}; !connected && std::chrono::steady_clock::now() < until;)
    connected = page.connect(answer_sdp_);
  EXPECT_TRUE(connected);
  EXPECT_TRUE(told("answered"));
}

class PstnWebRtcRelayed : public PstnWebRtc {
 protected:
  json more_config() const override {
    return {
        {"ice_seconds", 600},
        {"ice_servers", json::array({json{{"urls", json::array({"stun:relay.example"})}},
                                     json{{"urls", json::array({"turn:relay.example?transport=tcp"})}, {"secret", "turn_2"}}})}};
  }
  std::map<std::string, Secret> secrets() const override { return {{"turn_2", Secret("north")}}; }
};

TEST_F(PstnWebRtcRelayed, PagesAreToldOfRelays) {
  const auto now = std::chrono::duration_cast<seconds>(host_.clock.now().time_since_epoch()).count();
  const json told = json::parse(body_of(ask("GET", "/ice-servers")));
  EXPECT_EQ(told["expires"], now + 600);
  EXPECT_EQ(told["iceServers"][0], (json{{"urls", json::array({"stun:relay.example"})}}));
  EXPECT_EQ(told["iceServers"][1]["username"], std::to_string(now + 600) + ":8-acs-r_ann");
  EXPECT_THAT(told["iceServers"][1]["credential"].get<std::string>(), ::testing::SizeIs(28));
  EXPECT_EQ(json::parse(body_of(ask("GET", "/ice-servers?ttl=60")))["expires"], now + 60);
  EXPECT_EQ(json::parse(body_of(ask("GET", "/ice-servers?ttl=6000")))["expires"], now + 600) << "not longer than configured";
  FakePage page;
  const host::HttpResponse joined = ask("POST", "?to=%2B14255550100", kAnn, page.offer());
  EXPECT_THAT(joined.headers.at("link"), HasSubstr("<turn:relay.example?transport=tcp>; rel=\"ice-server\"; username=\""));
  EXPECT_THAT(joined.headers.at("link"), ::testing::Not(HasSubstr("north")));
}

TEST_F(PstnWebRtc, PagesAreToldThatThereAreNoRelays) {
  EXPECT_EQ(json::parse(body_of(ask("GET", "/ice-servers")))["iceServers"], json::array());
  FakePage page;
  EXPECT_FALSE(ask("POST", "?to=%2B14255550100", kAnn, page.offer()).headers.contains("link"));
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

// Two user agents that call each other over the loopback, each as a plugin of its own host.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numbers>

#include "tests/plugins/host.h"
#include "trunkline/pstn_client.hpp"
#include "trunkline/pstn_provider.hpp"

namespace trunkline::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kCaller = "+14255550100";
constexpr const char* kCallee = "+14255550123";

/// A port that nobody has right now, neither over UDP nor over TCP.
int free_port() {
  for (;;) {
    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0), tcp = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(tcp, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(tcp, reinterpret_cast<sockaddr*>(&address), &size), 0);
    const bool both = ::bind(udp, reinterpret_cast<sockaddr*>(&address), size) == 0;
    ::close(udp);
    ::close(tcp);
    if (both) return ntohs(address.sin_port);
  }
}

double strength_of(const Bytes& bytes, double hz) {
  double real = 0, imaginary = 0, energy = 1;
  const std::size_t count = bytes.size() / 2;
  for (std::size_t i = 0; i < count; ++i) {
    const auto sample = static_cast<std::int16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
    const double angle = 2 * std::numbers::pi * hz * static_cast<double>(i) / 16000;
    real += sample * std::cos(angle);
    imaginary += sample * std::sin(angle);
    energy += static_cast<double>(sample) * sample;
  }
  return 2 * (real * real + imaginary * imaginary) / (energy * static_cast<double>(count));
}

Bytes tone_of(double hz, int milliseconds) {
  Bytes bytes;
  for (int i = 0; i < 16 * milliseconds; ++i) {
    const auto sample =
        static_cast<std::uint16_t>(static_cast<std::int16_t>(8000 * std::sin(2 * std::numbers::pi * hz * i / 16000)));
    bytes.push_back(static_cast<std::uint8_t>(sample));
    bytes.push_back(static_cast<std::uint8_t>(sample >> 8));
  }
  return bytes;
}

/// One side: a plugin, and what its host was told.
class Agent final : public pstn::PstnEvents, public pstn::PstnAudioEvents {
 public:
  ~Agent() { instance.reset(); }  // it may tell something until then
  void open(Host& host, json config, std::map<std::string, Secret> secrets = {}) {
    static std::atomic<int> ports{33000};
    const int first = ports.fetch_add(100);
    config["address"] = "127.0.0.1";
    config["port"] = port;
    config["rtp_port_first"] = first;
    config["rtp_port_last"] = first + 99;
    if (!config.contains("options_seconds")) config["options_seconds"] = 0;
    plugin::InstanceSettings settings;
    settings.provider = "under-test";
    settings.config_json = config.dump();
    settings.secrets = std::move(secrets);
    settings.event_sink = [this](std::string_view id) {
      return id == pstn::PstnEventsClient::kInterfaceId ? iface_of(static_cast<pstn::PstnEvents*>(this))
                                                        : iface_of(static_cast<pstn::PstnAudioEvents*>(this));
    };
    instance = plugin::PluginInstance::create(host.loader.load("pstn-sip"), std::move(settings), host.context);
    calls = {instance->interface("trunkline.pstn/1"), instance->calls()};
    audio = {instance->interface("trunkline.pstn.audio/1"), instance->calls()};
    trunks = {instance->interface("trunkline.pstn.trunks/1"), instance->calls()};
  }

  void dial(const std::string& to = kCallee, Properties headers = {},
            std::optional<std::vector<pstn::DialTrunk>> over = std::nullopt) {
    pstn::DialRequest request;
    request.leg_id = "leg";
    request.from = kCaller;
    request.to = to;
    request.ring_timeout = seconds{30};
    request.headers = std::move(headers);
    request.trunks = std::move(over);
    calls.dial_sync(std::move(request));
  }

  Task<void> incoming(Call, std::string leg_id, std::string from, std::string to, Properties headers) override {
    {
      const std::lock_guard lock(mutex_);
      incoming_leg_ = leg_id;
      headers_ = std::move(headers);
    }
    note("incoming " + from + " " + to);
    if (refuses) throw Error(*refuses, "not here");
    co_return;
  }
  Task<void> changed(Call, std::string, pstn::LegChange change) override {
    if (const auto* state = change.state()) note(*state == pstn::LegState::kRinging ? "ringing" : "answered");
    if (const auto* input = change.dtmf()) note("dtmf " + input->digits);
    if (const auto* cause = change.ended()) {
      {
        const std::lock_guard lock(mutex_);
        why_ = cause->text.value_or("");
      }
      note("ended " + std::to_string(cause->q850) + (cause->sip_status ? " " + std::to_string(*cause->sip_status) : ""));
    }
    co_return;
  }
  void heard(const Call&, std::string_view, std::int64_t, BytesView samples) override {
    const std::lock_guard lock(mutex_);
    frame_.assign(samples.begin(), samples.end());
    changed_.notify_all();
  }

  /// Waits until this has been told.
  bool told(const std::string& note) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds{20}, [&] { return std::find(notes_.begin(), notes_.end(), note) != notes_.end(); });
  }
  bool told_begin(const std::string& begin, seconds patience = seconds{20}) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] {
      return std::any_of(notes_.begin(), notes_.end(), [&](const std::string& one) { return one.starts_with(begin); });
    });
  }
  bool hears(double hz) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds{20}, [&] { return !frame_.empty() && strength_of(frame_, hz) > 0.8; });
  }
  std::string incoming_leg() {
    const std::lock_guard lock(mutex_);
    return incoming_leg_;
  }
  Properties headers() {
    const std::lock_guard lock(mutex_);
    return headers_;
  }
  std::string why() {
    const std::lock_guard lock(mutex_);
    return why_;
  }
  std::vector<std::string> notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

  const int port = free_port();
  std::optional<ErrorCode> refuses;
  std::unique_ptr<plugin::PluginInstance> instance;
  pstn::PstnProviderClient calls;
  pstn::PstnAudioProviderClient audio;
  pstn::PstnTrunkProviderClient trunks;

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
  std::string why_;
  Properties headers_;
  Bytes frame_;
};

class PstnSip : public ::testing::Test {
 protected:
  static json trunk(const char* host, int port, json more = json::object()) {
    json out = {{"host", host}, {"address", "127.0.0.1"}, {"port", port}};
    out.update(more);
    return out;
  }
  void open(const json& more = json::object(), const json& near = json::object(), const json& far = json::object()) {
    json a = near, b = far;
    a["trunks"] = json::array({trunk("far.test", far_.port, more)});
    b["trunks"] = json::array({trunk("near.test", near_.port, more)});
    near_.open(host_, a);
    far_.open(host_, b);
  }
  void talk() {
    near_.dial();
    ASSERT_TRUE(far_.told_begin("incoming"));
    far_.calls.answer_sync(far_.incoming_leg());
    ASSERT_TRUE(near_.told("answered"));
    ASSERT_TRUE(far_.told("answered"));
  }
  void both_hear() {
    pstn::LegFlow flow;
    flow.tapped = true;
    near_.audio.set_flow_sync("leg", flow);
    far_.audio.set_flow_sync(far_.incoming_leg(), flow);
    near_.audio.play_sync("leg", 1, tone_of(1000, 10000));
    far_.audio.play_sync(far_.incoming_leg(), 1, tone_of(700, 10000));
    EXPECT_TRUE(far_.hears(1000));
    EXPECT_TRUE(near_.hears(700));
  }

  Host host_;
  Agent near_, far_;
};

TEST_F(PstnSip, ACallIsAnsweredAndHungUp) {
  open();
  near_.dial(kCallee, {{"X-Customer", "42"}, {"User-To-User", "abc"}});
  ASSERT_TRUE(far_.told(std::string("incoming ") + kCaller + " " + kCallee));
  EXPECT_EQ(far_.headers().at("X-Customer"), "42");
  EXPECT_EQ(far_.headers().at("User-To-User"), "abc");
  ASSERT_TRUE(near_.told("ringing"));
  far_.calls.answer_sync(far_.incoming_leg());
  ASSERT_TRUE(near_.told("answered"));
  near_.calls.hang_up_sync("leg", 16);
  EXPECT_TRUE(far_.told("ended 16"));
  EXPECT_TRUE(near_.told("ended 16"));
  EXPECT_EQ(code_of([&] { near_.calls.hang_up_sync("leg", 16); }), ErrorCode::kNotFound);
}

TEST_F(PstnSip, TheOtherSideHangsUp) {
  open();
  talk();
  far_.calls.hang_up_sync(far_.incoming_leg(), 16);
  EXPECT_TRUE(near_.told("ended 16"));
}

TEST_F(PstnSip, RefusalsKeepTheirCause) {
  open();
  near_.dial();
  ASSERT_TRUE(far_.told_begin("incoming"));
  far_.calls.hang_up_sync(far_.incoming_leg(), 17);
  EXPECT_TRUE(near_.told("ended 17 486"));
}

TEST_F(PstnSip, TheCallerGivesUp) {
  open();
  near_.dial();
  ASSERT_TRUE(near_.told("ringing"));
  near_.calls.hang_up_sync("leg", 16);
  EXPECT_TRUE(far_.told("ended 16 487"));
}

TEST_F(PstnSip, NobodyAnswers) {
  open();
  near_.dial();
  ASSERT_TRUE(near_.told("ringing"));
  host_.clock.advance(seconds{31});
  EXPECT_TRUE(near_.told("ended 19 480"));
  EXPECT_TRUE(far_.told_begin("ended 16"));
}

TEST_F(PstnSip, ANumberThatTheHostDoesNotHave) {
  open();
  far_.refuses = ErrorCode::kNotFound;
  near_.dial();
  EXPECT_TRUE(near_.told("ended 1 404"));
  EXPECT_THAT(far_.notes(), ElementsAre(StartsWith("incoming"))) << "the host hears no more of what it did not take";
}

TEST_F(PstnSip, StrangersMayNotCall) {
  near_.open(host_, {{"trunks", json::array({trunk("far.test", far_.port)})}});
  far_.open(host_, {{"trunks", json::array({{{"host", "192.0.2.1"}}})}});
  near_.dial();
  EXPECT_TRUE(near_.told("ended 21 403"));
  EXPECT_TRUE(far_.notes().empty());
}

TEST_F(PstnSip, NoCodecInCommon) {
  open(json::object(), {{"codecs", {"G722"}}}, {{"codecs", {"PCMU"}}});
  near_.dial();
  EXPECT_TRUE(near_.told("ended 88 488"));
  EXPECT_TRUE(far_.notes().empty());
}

TEST_F(PstnSip, DigitsGoBothWays) {
  open();
  talk();
  near_.calls.send_dtmf_sync("leg", "1#");
  EXPECT_TRUE(far_.told("dtmf 1"));
  EXPECT_TRUE(far_.told("dtmf #"));
  far_.calls.send_dtmf_sync(far_.incoming_leg(), "9");
  EXPECT_TRUE(near_.told("dtmf 9"));
}

TEST_F(PstnSip, DigitsInInfo) {
  open({{"dtmf", "info"}});
  talk();
  near_.calls.send_dtmf_sync("leg", "5");
  EXPECT_TRUE(far_.told("dtmf 5"));
}

TEST_F(PstnSip, BothHearEachOther) {
  open();
  talk();
  both_hear();
}

TEST_F(PstnSip, OpusIsSpokenWhereBothNameIt) {
  open(json::object(), {{"codecs", {"opus", "PCMU"}}}, {{"codecs", {"PCMA", "opus"}}});
  talk();
  both_hear();
  near_.calls.send_dtmf_sync("leg", "7");
  EXPECT_TRUE(far_.told("dtmf 7"));
}

TEST_F(PstnSip, SecureSound) {
  open({{"srtp", "required"}});
  talk();
  both_hear();
}

TEST_F(PstnSip, SoundThatMustBeSecureIsNotAnsweredPlain) {
  near_.open(host_, {{"trunks", json::array({trunk("far.test", far_.port)})}});
  far_.open(host_, {{"trunks", json::array({trunk("near.test", near_.port, {{"srtp", "required"}})})}});
  near_.dial();
  EXPECT_TRUE(near_.told("ended 88 488"));
}

TEST_F(PstnSip, OverTcp) {
  open({{"transport", "tcp"}});
  talk();
  both_hear();
  near_.calls.hang_up_sync("leg", 16);
  EXPECT_TRUE(far_.told("ended 16"));
}

/// A folder with a certificate for 127.0.0.1 that is its own authority.
class Certificates {
 public:
  Certificates() {
    char name[] = "/tmp/pstn-sip-XXXXXX";
    folder = ::mkdtemp(name);
    const std::string command =
        "cd " + folder +
        " && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cafile.pem -days 2 -subj /CN=127.0.0.1"
        " -addext subjectAltName=IP:127.0.0.1,DNS:127.0.0.1 >/dev/null 2>&1 && cat cafile.pem key.pem > agent.pem";
    EXPECT_EQ(std::system(command.c_str()), 0);
  }
  ~Certificates() { std::filesystem::remove_all(folder); }
  std::string folder;
};

TEST_F(PstnSip, OverTls) {
  const Certificates certificates;
  const json near = {{"tls_certificate_dir", certificates.folder}, {"tls_port", free_port()}};
  const json far = {{"tls_certificate_dir", certificates.folder}, {"tls_port", free_port()}};
  json a = near, b = far;
  a["trunks"] = json::array({trunk("far.test", far["tls_port"], {{"transport", "tls"}, {"srtp", "required"}})});
  b["trunks"] = json::array({trunk("near.test", near["tls_port"], {{"transport", "tls"}, {"srtp", "required"}})});
  near_.open(host_, a);
  far_.open(host_, b);
  talk();
  both_hear();
}

TEST_F(PstnSip, ACertificateOfAnotherAuthorityIsRefused) {
  const Certificates ours, theirs;
  const int port = free_port();
  near_.open(host_, {{"tls_certificate_dir", ours.folder},
                     {"tls_port", free_port()},
                     {"trunks", json::array({trunk("far.test", port, {{"transport", "tls"}})})}});
  far_.open(
      host_,
      {{"tls_certificate_dir", theirs.folder}, {"tls_port", port}, {"trunks", json::array({trunk("near.test", near_.port)})}});
  near_.dial();
  EXPECT_FALSE(far_.told_begin("incoming", seconds{2}));
  host_.clock.advance(seconds{6});
  EXPECT_TRUE(near_.told("ended 102 408"));
}

TEST_F(PstnSip, ATrunkThatIsSilentIsGivenUpForTheNext) {
  // A port that takes packets and says nothing.
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  near_.open(host_, {{"trunks", json::array({trunk("mute.test", ntohs(address.sin_port)), trunk("far.test", far_.port)})}});
  far_.open(host_, {{"trunks", json::array({trunk("near.test", near_.port)})}});
  near_.dial();
  std::array<char, 2000> invite;
  ASSERT_GT(::recv(fd, invite.data(), invite.size(), 0), 0) << "it was asked first";
  host_.clock.advance(seconds{6});
  EXPECT_TRUE(far_.told_begin("incoming"));
  ::close(fd);
}

TEST_F(PstnSip, ATrunkThatDoesNotAnswerOptionsIsTriedLast) {
  near_.open(host_,
             {{"options_seconds", 30}, {"trunks", json::array({trunk("gone.test", free_port()), trunk("far.test", far_.port)})}});
  far_.open(host_, {{"trunks", json::array({trunk("near.test", near_.port)})}});
  // Whoever asks last is answered last: by then it is known who is there.
  EXPECT_TRUE(near_.trunks.probe_sync({"far.test", 5061}).ok);
  host_.clock.advance(seconds{5});
  EXPECT_TRUE(near_.trunks.probe_sync({"far.test", 5061}).ok);
  near_.dial();
  EXPECT_TRUE(far_.told_begin("incoming")) << "without waiting for the one that is gone";
}

TEST_F(PstnSip, TheTrunksOfTheRequestCount) {
  near_.open(host_, {{"trunks", json::array({trunk("one.test", free_port()), trunk("far.test", far_.port)})}});
  far_.open(host_, {{"trunks", json::array({trunk("near.test", near_.port)})}});
  std::string target;
  EXPECT_EQ(code_of(
                [&] {
                  near_.dial(kCallee, {}, std::vector{pstn::DialTrunk{"nobody.test", 5061}});
                },
                &target),
            ErrorCode::kUnavailable);
  EXPECT_EQ(target, "trunks");
  near_.dial(kCallee, {}, std::vector{pstn::DialTrunk{"nobody.test", 5061}, pstn::DialTrunk{"far.test", 5061}});
  EXPECT_TRUE(far_.told_begin("incoming"));
}

TEST_F(PstnSip, BadRequestsNameTheMember) {
  open();
  std::string target;
  EXPECT_EQ(code_of([&] { near_.dial("12 34"); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "to");
  EXPECT_EQ(code_of([&] { near_.dial("sip:a@b\r\nX-Evil: 1"); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { near_.dial(kCallee, {{"Via", "x"}}); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "headers.Via");
  EXPECT_EQ(code_of([&] { near_.dial(kCallee, {{"X-A", "1\r\nVia: x"}}); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "headers.X-A");
  EXPECT_EQ(code_of([&] { near_.calls.send_dtmf_sync("leg", "1"); }, &target), ErrorCode::kNotFound);
}

TEST_F(PstnSip, MoreSoundsAtOnceThanTheLegHasRoomForAreRefused) {
  open();
  talk();
  for (std::int64_t id = 0; id < 16; ++id) near_.audio.play_sync("leg", id, tone_of(1000, 10000));
  std::string target;
  const auto one_more = [&] { near_.audio.play_sync("leg", 16, tone_of(1000, 10000)); };
  EXPECT_EQ(code_of(one_more, &target), ErrorCode::kResourceExhausted);
  EXPECT_EQ(target, "playId");
  near_.audio.play_sync("leg", 3, tone_of(1000, 10000));  // what is on goes on
  near_.audio.stop_play_sync("leg", 3);
  one_more();
}

TEST_F(PstnSip, MoreCallsThanAllowedAreRefused) {
  open(json::object(), json::object(), {{"max_calls", 1}});
  talk();
  pstn::DialRequest second;
  second.leg_id = "second";
  second.from = kCaller;
  second.to = kCallee;
  near_.calls.dial_sync(std::move(second));
  EXPECT_TRUE(near_.told("ended 41 503"));
}

TEST_F(PstnSip, StoppingEndsTheCalls) {
  open();
  talk();
  far_.instance->begin_stop();
  EXPECT_TRUE(near_.told("ended 41"));
  EXPECT_TRUE(far_.instance->finish_stop(seconds{10}));
}

TEST_F(PstnSip, ATrunkIsAsked) {
  near_.open(host_, {{"trunks", json::array({trunk("far.test", far_.port), trunk("gone.test", free_port())})}});
  far_.open(host_, {{"trunks", json::array({trunk("near.test", near_.port)})}});
  const pstn::TrunkProbe there = near_.trunks.probe_sync({"far.test", 5061});
  EXPECT_TRUE(there.ok) << there.problem.value_or("");
  ASSERT_GE(there.ladder.size(), 2u);
  EXPECT_TRUE(there.ladder[0].sent);
  EXPECT_THAT(there.ladder.back().message, StartsWith("200"));
  EXPECT_EQ(code_of([&] { near_.trunks.probe_sync({"other.test", 5061}); }), ErrorCode::kInvalidArgument);
}

TEST(PstnSipSettings, WhatIsWrongIsNamed) {
  Host host;
  const auto target_of = [&](const json& config, std::map<std::string, Secret> secrets = {}) {
    std::string target;
    const ErrorCode code = code_of([&] { host.open("pstn-sip", config.dump(), {}, std::move(secrets)); }, &target);
    EXPECT_EQ(code, ErrorCode::kInvalidArgument) << config;
    return target;
  };
  EXPECT_EQ(target_of({{"address", "localhost"}}), "address");
  EXPECT_EQ(target_of({{"address", "0.0.0.0"}}), "advertise");
  EXPECT_EQ(target_of({{"rtp_port_first", 20001}}), "rtp_port_first");
  EXPECT_EQ(target_of({{"jitter_least_ms", 300}}), "jitter_most_ms");
  EXPECT_EQ(target_of({{"session_seconds", 10}}), "session_seconds");
  EXPECT_EQ(target_of({{"trunks", json::array({{{"host", "a.test"}, {"register", true}}})}}), "trunks[0].register");
  EXPECT_EQ(target_of({{"trunks", json::array({{{"host", "a.test"}, {"username", "u"}}})}}), "secrets.password");
  EXPECT_EQ(target_of({{"trunks", json::array({{{"host", "a.test"}}, {{"host", "A.test"}}})}}), "trunks[1].host");
  EXPECT_EQ(target_of({{"trunks", json::array({{{"host", "a.test"}, {"allow_from", {"10.0.0.0/33"}}}})}}),
            "trunks[0].allow_from[0]");
  EXPECT_EQ(target_of({{"trunks", json::array({{{"host", "a.test"}, {"transport", "tls"}}})}}), "trunks[0].transport");
  EXPECT_EQ(target_of({{"trunks", json::array({{{"host", "a b"}}})}}), "trunks[0].host");
}

}  // namespace
}  // namespace trunkline::testing

// Calls between two user agents.
#include "tests/plugins/pstn-sip/sip_pair.h"

namespace trunkline::testing {
namespace {

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
  for (std::int64_t id = 0; id < 16; ++id) near_.audio.play_sync("leg", id, tone_bytes(1000, 10000));
  std::string target;
  const auto one_more = [&] { near_.audio.play_sync("leg", 16, tone_bytes(1000, 10000)); };
  EXPECT_EQ(code_of(one_more, &target), ErrorCode::kResourceExhausted);
  EXPECT_EQ(target, "playId");
  near_.audio.play_sync("leg", 3, tone_bytes(1000, 10000));  // what is on goes on
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

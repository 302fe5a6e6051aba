#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "tests/plugins/host.h"
#include "trunkline/pstn_client.hpp"
#include "trunkline/pstn_provider.hpp"
#include "trunkline/pstnsandbox_client.hpp"
#include "trunkline/pstnsandbox_provider.hpp"

namespace trunkline::testing {
namespace {

using pstnsandbox::Persona;
using pstnsandbox::PersonaBehavior;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kOurs = "+18005550100";
constexpr const char* kPhone = "+14255550111";

/// The host's side: writes down what it is told, with the time since the beginning.
class Sink final : public pstn::PstnEvents, public pstnsandbox::PstnSandboxEvents {
 public:
  explicit Sink(Clock& clock) : clock_(clock), start_(clock.now()) {}

  Task<void> incoming(Call, std::string leg_id, std::string from, std::string to, Properties) override {
    if (refuses) throw Error(ErrorCode::kUnavailable, "not now");
    incoming_leg = leg_id;
    note("incoming " + from + " " + to);
    co_return;
  }
  Task<void> changed(Call, std::string, pstn::LegChange change) override {
    if (const auto* state = change.state()) note(*state == pstn::LegState::kRinging ? "ringing" : "answered");
    if (const auto* input = change.dtmf()) note("dtmf " + input->digits);
    if (const auto* cause = change.ended()) note("ended " + std::to_string(cause->q850));
    co_return;
  }
  Task<void> spoke(Call, std::string, std::string text, Duration) override {
    note("spoke " + text);
    co_return;
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(notes_, {});
  }
  std::string incoming_leg;
  bool refuses = false;

 private:
  void note(const std::string& text) {
    const auto at = std::chrono::duration_cast<milliseconds>(clock_.now() - start_).count();
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::to_string(at) + " " + text);
  }

  Clock& clock_;
  const Time start_;
  std::mutex mutex_;
  std::vector<std::string> notes_;
};

class PstnSandbox : public ::testing::Test {
 protected:
  void open(const std::string& config = "{}") {
    plugin::InstanceSettings settings;
    settings.provider = "under-test";
    settings.config_json = config;
    settings.event_sink = [this](std::string_view id) {
      return id == pstn::PstnEventsClient::kInterfaceId ? iface_of(static_cast<pstn::PstnEvents*>(&sink_))
                                                        : iface_of(static_cast<pstnsandbox::PstnSandboxEvents*>(&sink_));
    };
    instance_ = plugin::PluginInstance::create(host_.loader.load("pstn-sandbox"), std::move(settings), host_.context);
    pstn_ = {instance_->interface("trunkline.pstn/1"), instance_->calls()};
    phones_ = {instance_->interface("trunkline.pstn_sandbox/1"), instance_->calls()};
  }
  void dial(const std::string& to, const std::string& leg = "leg", Duration ring = seconds{30}) {
    pstn::DialRequest request;
    request.leg_id = leg;
    request.from = kOurs;
    request.to = to;
    request.ring_timeout = ring;
    pstn_.dial_sync(std::move(request), on_behalf_of("acme"));
  }
  void persona(const std::function<void(Persona&)>& change) {
    Persona persona;
    persona.match = kPhone;
    change(persona);
    phones_.add_persona_sync(std::move(persona), on_behalf_of("acme"));
  }
  std::vector<std::string> after(Duration time) {
    host_.clock.advance(time);
    return sink_.take();
  }
  pstnsandbox::PhoneCall only_call() { return phones_.calls_sync(std::nullopt, on_behalf_of("acme")).at(0); }

  Host host_;
  Sink sink_{host_.clock};
  std::unique_ptr<plugin::PluginInstance> instance_;
  pstn::PstnProviderClient pstn_;
  pstnsandbox::PstnSandboxProviderClient phones_;
};

TEST_F(PstnSandbox, AnswersAfterFiftyMilliseconds) {
  open();
  dial(kPhone);
  EXPECT_THAT(after(seconds{60}), ElementsAre("0 ringing", "50 answered"));
  EXPECT_EQ(only_call().state, pstn::LegState::kAnswered);
  pstn_.hang_up_sync("leg", 16, on_behalf_of("acme"));
  EXPECT_THAT(after(seconds{1}), ElementsAre("60000 ended 16"));
  EXPECT_EQ(only_call().cause, 16);
}

TEST_F(PstnSandbox, BuiltInPhonesDoNotAnswer) {
  open();
  dial("+14255550186");
  EXPECT_THAT(after(seconds{1}), ElementsAre("50 ended 17"));
  dial("+14255550187");
  EXPECT_THAT(after(seconds{1}), ElementsAre("1000 ringing", "1050 ended 21"));
  dial("+14255550188", "leg", seconds{2});
  EXPECT_THAT(after(seconds{3}), ElementsAre("2000 ringing", "4000 ended 19"));
  dial("+14255550189");
  EXPECT_THAT(after(seconds{1}), ElementsAre("5050 ended 20"));
}

TEST_F(PstnSandbox, AMailboxGreetsAndHangsUp) {
  open();
  dial("+14255550190");
  EXPECT_THAT(after(seconds{40}),
              ElementsAre("0 ringing", "50 answered", "550 spoke Please leave a message after the tone", "30050 ended 16"));
}

TEST_F(PstnSandbox, PressesAndSpeaksOnceAnswered) {
  open();
  persona([](Persona& p) {
    p.digits = "12";
    p.digits_after = milliseconds{100};
    p.says = "hello";
    p.says_after = milliseconds{300};
    p.hang_up_after = seconds{1};
  });
  dial(kPhone);
  EXPECT_THAT(after(seconds{5}),
              ElementsAre("0 ringing", "50 answered", "150 dtmf 1", "250 dtmf 2", "350 spoke hello", "1050 ended 16"));
  EXPECT_THAT(only_call().said, ElementsAre("hello"));
}

TEST_F(PstnSandbox, RepliesToPromptsOneAfterAnother) {
  open(R"({"personas":[{"match":"+1425","replies":[
    {"prompt":"MENU","digits":"1","after_ms":200},
    {"says":"yes please","barge_in":true,"after_ms":100}]}]})");
  dial(kPhone);
  after(milliseconds{50});
  phones_.prompt_sync("leg", "the menu: press one", seconds{2}, on_behalf_of("acme"));
  EXPECT_THAT(after(seconds{3}), ElementsAre("2250 dtmf 1"));
  phones_.prompt_sync("leg", "the menu again", seconds{2}, on_behalf_of("acme"));
  EXPECT_THAT(after(seconds{1}), ElementsAre("3150 spoke yes please"));
  phones_.prompt_sync("leg", "the menu once more", seconds{2}, on_behalf_of("acme"));
  EXPECT_THAT(after(seconds{5}), IsEmpty());
  EXPECT_THAT(only_call().prompts, SizeIs(3));
}

TEST_F(PstnSandbox, ALineBreaks) {
  open();
  persona([](Persona& p) { p.drop_after = milliseconds{500}; });
  dial(kPhone);
  EXPECT_THAT(after(seconds{5}), ElementsAre("0 ringing", "50 answered", "550 ended 41"));
}

TEST_F(PstnSandbox, NothingIsToldAfterTheEnd) {
  open();
  persona([](Persona& p) { p.digits = "123"; });
  dial(kPhone);
  after(milliseconds{600});
  pstn_.hang_up_sync("leg", 16, on_behalf_of("acme"));
  EXPECT_THAT(after(seconds{5}), ElementsAre("600 ended 16"));
  EXPECT_EQ(code_of([&] { pstn_.hang_up_sync("leg", 16, on_behalf_of("acme")); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { phones_.press_digits_sync("leg", "1", on_behalf_of("acme")); }), ErrorCode::kNotFound);
}

TEST_F(PstnSandbox, APhoneCallsIn) {
  open();
  const std::string leg = phones_.call_from_phone_sync(kPhone, kOurs, on_behalf_of("acme"));
  EXPECT_EQ(sink_.incoming_leg, leg);
  EXPECT_EQ(only_call().state, pstn::LegState::kRinging);
  EXPECT_TRUE(only_call().outbound);
  pstn_.answer_sync(leg, on_behalf_of("acme"));
  pstn_.send_dtmf_sync(leg, "12", on_behalf_of("acme"));
  EXPECT_EQ(only_call().heard, "12");
  phones_.press_digits_sync(leg, "#", on_behalf_of("acme"));
  phones_.speak_sync(leg, "hi", on_behalf_of("acme"));
  phones_.hang_up_phone_sync(leg, on_behalf_of("acme"));
  EXPECT_THAT(after(seconds{1}),
              ElementsAre("0 incoming +14255550111 +18005550100", "0 answered", "0 dtmf #", "0 spoke hi", "0 ended 16"));
}

TEST_F(PstnSandbox, ACallThatTheHostDoesNotTakeEnds) {
  open();
  sink_.refuses = true;
  EXPECT_EQ(code_of([&] { phones_.call_from_phone_sync(kPhone, kOurs, on_behalf_of("acme")); }), ErrorCode::kNotFound);
  EXPECT_EQ(only_call().state, pstn::LegState::kEnded);
}

TEST_F(PstnSandbox, BadInputNamesTheMember) {
  open();
  std::string target;
  EXPECT_EQ(code_of([&] { dial("12"); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "to");
  EXPECT_EQ(code_of([&] { persona([](Persona& p) { p.digits = "1x"; }); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "persona.digits");
  EXPECT_EQ(code_of([&] { persona([](Persona& p) { p.match = "4255"; }); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "persona.match");
  dial(kPhone);
  EXPECT_EQ(code_of([&] { dial(kPhone); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "legId");
}

TEST_F(PstnSandbox, ResetEndsAndForgets) {
  open();
  persona([](Persona& p) { p.behavior = PersonaBehavior::kBusy; });
  dial("+14255550112");
  after(seconds{1});
  const std::size_t before = phones_.personas_sync(on_behalf_of("acme")).size();
  phones_.reset_sync(on_behalf_of("acme"));
  EXPECT_THAT(after(seconds{1}), ElementsAre("1000 ended 16"));
  EXPECT_THAT(phones_.calls_sync(std::nullopt, on_behalf_of("acme")), IsEmpty());
  EXPECT_EQ(phones_.personas_sync(on_behalf_of("acme")).size(), before - 1);
}

TEST_F(PstnSandbox, ResourcesHavePhonesOfTheirOwn) {
  open();
  dial(kPhone);
  EXPECT_THAT(phones_.calls_sync(std::nullopt, on_behalf_of("other")), IsEmpty());
}

TEST_F(PstnSandbox, StopsWithCallsUnderWay) {
  open();
  persona([](Persona& p) { p.hang_up_after = seconds{100}; });
  dial(kPhone);
  after(seconds{1});
  instance_.reset();
  EXPECT_EQ(host_.clock.pending(), 0u);
}

}  // namespace
}  // namespace trunkline::testing

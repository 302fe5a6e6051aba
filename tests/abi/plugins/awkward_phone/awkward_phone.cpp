// A telephone line with sound, where somebody always answers, and sins as its configuration says. tests/integration/
// test_plugin_kit.py checks that the conformance kit finds each sin, in the check that is meant for it and in no other.
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>

#include "tests/abi/plugins/sin.h"
#include "trunkline/plugin.hpp"
#include "trunkline/pstn_provider.hpp"

namespace {

using namespace trunkline;
using pstn::LegChange;
using pstn::LegState;

constexpr auto kRings = std::chrono::milliseconds(10);
constexpr auto kFrame = std::chrono::milliseconds(20);
constexpr std::size_t kFrameBytes = 640, kRoomBytes = 10 * 60 * 32'000;
constexpr std::int32_t kMostFrames = 500;  // that the far end says

struct Leg {
  std::string id;
  std::stop_source stop;
  bool answered = false, tapped = false, digits = false;
  std::int64_t position = 0;
  std::map<std::int64_t, std::size_t> plays;  // bytes that are left
};
using LegPtr = std::shared_ptr<Leg>;

class AwkwardPhone final : public pstn::PstnProvider, public pstn::PstnAudioProvider {
 public:
  AwkwardPhone(Host host, std::string_view config) : host_(host), sin_(config) {}

  Task<void> stop() {
    std::map<std::string, LegPtr> legs;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      legs.swap(legs_);
    }
    for (const auto& [id, leg] : legs) leg->stop.request_stop();
    co_await from_callback<void>([this](auto done) {
      auto kept = std::make_shared<decltype(done)>(std::move(done));
      {
        const std::lock_guard lock(mutex_);
        if (running_ > 0) {
          idle_ = [kept] { (*kept)(Result<void>()); };
          return;
        }
      }
      (*kept)(Result<void>());
    });
  }

  // ---- trunkline.pstn/1 ----
  Task<void> dial(Call, pstn::DialRequest request) override {
    const bool good = request.to.size() > 1 && request.to[0] == '+' && request.to.find('\0') == std::string::npos;
    if (!good || request.leg_id.empty()) {
      const bool undeclared = sin_ == "undeclared_error";
      throw Error(undeclared ? ErrorCode::kDataLoss : ErrorCode::kInvalidArgument, "to: wanted a number", "to");
    }
    const bool breaks = request.display_name && request.display_name->find('\n') != std::string::npos;
    if (breaks && sin_ == "internal_on_line_breaks") throw Error(ErrorCode::kInternal, "assert");
    if (breaks && sin_ == "tells_of_what_failed") {
      LegChange dialing = LegChange::of_state(LegState::kDialing);
      co_await tell(request.leg_id, std::move(dialing));
      throw Error(ErrorCode::kInvalidArgument, "displayName: has line breaks", "displayName");
    }
    if (request.headers && request.headers->size() > 100 && sin_ == "crashes_on_huge_headers") std::abort();
    auto leg = std::make_shared<Leg>();
    leg->id = request.leg_id;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) throw Error(ErrorCode::kUnavailable, "stopping");
      legs_[leg->id] = leg;
      ++running_;
    }
    if (sin_ == "takes_c_strings") leg->id.resize(std::min(leg->id.size(), leg->id.find('\0')));
    spawn(live(leg), [this](Result<void>) { leave(); });
  }
  Task<void> answer(Call, std::string leg_id) override {
    if (!(sin_ == "answers_nobody")) (void)find(leg_id);
    co_return;
  }
  Task<void> hang_up(Call, std::string leg_id, std::int32_t cause) override {
    if (cause > 127 && sin_ == "internal_on_unknown_cause") throw Error(ErrorCode::kInternal, "assert");
    const LegPtr leg = find(leg_id);
    LegPtr other;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, one] : legs_)
        if (one != leg && one->answered && sin_ == "hangs_up_all") other = one;
    }
    leg->stop.request_stop();
    if (other) other->stop.request_stop();
    co_return;
  }
  Task<void> send_dtmf(Call, std::string leg_id, std::string digits) override {
    const LegPtr leg = find(leg_id);
    leg->digits = leg->digits || digits.size() == 16;
    if (digits.empty() && sin_ == "internal_on_no_digits") throw Error(ErrorCode::kInternal, "assert");
    co_return;
  }

  // ---- trunkline.pstn.audio/1 ----
  Task<void> join_bridge(Call, std::string leg_id, std::string) override {
    if (!(sin_ == "bridges_nobody" && leg_id.empty())) (void)find(leg_id);
    co_return;
  }
  Task<void> set_flow(Call, std::string leg_id, pstn::LegFlow flow) override {
    const LegPtr leg = find(leg_id);
    const std::lock_guard lock(mutex_);
    leg->tapped = flow.tapped || (sin_ == "listens_on" && leg->tapped);
    co_return;
  }
  Task<void> play(Call, std::string leg_id, std::int64_t play_id, Bytes samples) override {
    const LegPtr leg = find(leg_id);
    if (samples.size() % 2 != 0)
      throw Error(sin_ == "internal_on_odd_sound" ? ErrorCode::kInternal : ErrorCode::kInvalidArgument, "samples: half a sample",
                  "samples");
    const std::lock_guard lock(mutex_);
    std::size_t& left = leg->plays[play_id];
    if (left + samples.size() > kRoomBytes)
      throw Error(sin_ == "wrong_error_when_full" ? ErrorCode::kFailedPrecondition : ErrorCode::kResourceExhausted,
                  "samples: no room", "samples");
    left += samples.size();
    co_return;
  }
  Task<void> stop_play(Call, std::string leg_id, std::int64_t play_id) override {
    const LegPtr leg = find(leg_id);
    const std::lock_guard lock(mutex_);
    if (leg->plays.erase(play_id) == 0 && sin_ == "knows_no_play") throw Error(ErrorCode::kNotFound, "playId: none", "playId");
    co_return;
  }

 private:
  LegPtr find(const std::string& leg_id) {
    const std::lock_guard lock(mutex_);
    const auto found = legs_.find(leg_id);
    if (found == legs_.end()) throw Error(ErrorCode::kNotFound, "legId: there is no such leg", "legId");
    return found->second;
  }
  void leave() {
    std::function<void()> idle;
    {
      const std::lock_guard lock(mutex_);
      if (--running_ == 0) idle.swap(idle_);
    }
    if (idle) idle();
  }
  Task<void> tell(std::string leg_id, LegChange change) {
    bool refused = false;
    try {
      co_await host_.pstn_events().changed(std::move(leg_id), std::move(change));
    } catch (const Error&) {
      refused = true;
    }
    // Whoever told of the leg gives it up, without a word.
    if (refused && sin_ == "gives_up_when_refused") throw Error(ErrorCode::kAborted, "gave up");
  }
  Task<bool> wait(LegPtr leg, Duration time) {
    CallOptions options;
    options.stop = leg->stop.get_token();
    bool on = true;
    try {
      co_await host_.clock().sleep(time, std::move(options));
    } catch (const Error&) {
      on = false;
    }
    co_return on;
  }
  Task<void> tell_state(LegPtr leg, LegState state) {
    LegChange change = LegChange::of_state(state);
    co_await tell(leg->id, std::move(change));
  }
  Task<void> live(LegPtr leg) {
    co_await tell_state(leg, LegState::kDialing);
    bool on = co_await wait(leg, kRings);
    if (on) co_await tell_state(leg, LegState::kRinging);
    if (on) on = co_await wait(leg, kRings);
    if (on) co_await tell_state(leg, LegState::kAnswered);
    if (on) co_await talk(leg);
    {
      const std::lock_guard lock(mutex_);
      legs_.erase(leg->id);
      if (stopping_) co_return;
    }
    if (!on && sin_ == "forgets_the_unanswered") co_return;
    pstn::HangupCause cause;
    cause.q850 = 16;
    LegChange end = LegChange::of_ended(cause), again = end;
    const bool twice = sin_ == "ends_twice" && leg->digits;
    co_await tell(leg->id, std::move(end));
    if (twice) co_await tell(leg->id, std::move(again));
    if (sin_ == "speaks_after_the_end" && leg->tapped) hear(leg);
  }
  Task<void> talk(LegPtr leg) {
    {
      const std::lock_guard lock(mutex_);
      leg->answered = true;
    }
    for (std::int32_t said = 0;;) {
      const bool frames = said < kMostFrames;
      Duration time = std::chrono::hours(10);
      if (frames) time = kFrame;
      const bool on = co_await wait(leg, time);
      if (!on) co_return;
      if (frames) ++said;
      if (frames) hear(leg);
    }
  }
  void hear(const LegPtr& leg) {
    std::int64_t position = 0;
    {
      const std::lock_guard lock(mutex_);
      position = leg->position;
      leg->position += kFrameBytes / 2;
      if (!leg->tapped) return;
    }
    if (sin_ == "position_in_bytes") position = 0;
    host_.pstn_audio_events().heard(leg->id, position, Bytes(kFrameBytes));
  }

  const Host host_;
  const Sin sin_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, LegPtr> legs_;
  int running_ = 0;
  bool stopping_ = false;
  std::function<void()> idle_;
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(AwkwardPhone)

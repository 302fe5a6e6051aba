#include "media/engine.h"

#include <openssl/rand.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "trunkline/error.hpp"

namespace call_media {
namespace {

constexpr std::size_t kNews = 2048;
constexpr std::uint64_t kMostCatchUp = 5;  // frames that are made up for when the thread was late; more are left out

}  // namespace

MediaEngine::MediaEngine(std::function<void()> woken, std::size_t loudest, Split split)
    : woken_(std::move(woken)), loudest_(loudest), split_(split), fast_srtp_(SrtpSession::initialise()), news_(kNews) {}
MediaEngine::~MediaEngine() { stop(); }

std::size_t MediaEngine::Split::other_cores() {
  constexpr unsigned kMost = 4;
  return std::clamp(std::thread::hardware_concurrency(), 1u, kMost) - 1;  // NOLINT(trunkline-thread): asks only
}

void MediaEngine::start() {
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  itimerspec every{};
  every.it_interval.tv_nsec = every.it_value.tv_nsec = kFrameMs * 1'000'000L;
  if (timer < 0 || timerfd_settime(timer, 0, &every, nullptr) != 0) {
    const int error = errno;
    if (timer >= 0) ::close(timer);
    throw std::system_error(error, std::generic_category(), "timerfd");
  }
  thread_ = std::thread([this, timer] { run(timer); });  // NOLINT(trunkline-thread): as in the header
}

void MediaEngine::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

MediaLegPtr MediaEngine::make_leg(std::uint64_t number, std::unique_ptr<RtpSockets> sockets) {
  struct {
    std::uint32_t ssrc, timestamp;
    std::uint16_t sequence;
  } random;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&random), sizeof random) != 1)
    throw trunkline::Error(trunkline::ErrorCode::kInternal, "there are no random numbers", "ssrc");
  return std::make_shared<MediaLeg>(number, std::move(sockets), random.ssrc, random.sequence, random.timestamp, news_);
}

void MediaEngine::change(const MediaLegPtr& leg, std::function<void(MediaLeg&)> what) {
  const std::lock_guard lock(mutex_);
  commands_.emplace_back([this, leg, what = std::move(what)] {
    if (leg->removed) return;
    if (std::find(legs_.begin(), legs_.end(), leg) == legs_.end()) legs_.push_back(leg);
    if (leg->place.bridge) leg->place.bridge->alone(*leg);
    what(*leg);
    arrange_ = true;
  });
  pending_.store(true, std::memory_order_release);
}

void MediaEngine::remove(const MediaLegPtr& leg) {
  const std::lock_guard lock(mutex_);
  commands_.emplace_back([this, leg] {
    leg->removed = true;
    if (leg->place.bridge) leg->place.bridge->alone(*leg);
    leg->stream.send_bye();
    std::erase(legs_, leg);
    arrange_ = true;
  });
  pending_.store(true, std::memory_order_release);
}

MediaEngine::Counts MediaEngine::counts() const {
  return {frames_.load(std::memory_order_relaxed), late_.load(std::memory_order_relaxed), news_.lost()};
}

void MediaEngine::run(int timer) {
  while (!stopping_.load(std::memory_order_relaxed)) {
    std::uint64_t due = 0;
    if (::read(timer, &due, sizeof due) != sizeof due) continue;
    if (due > 1) late_.fetch_add(due - 1, std::memory_order_relaxed);
    for (std::uint64_t i = 0; i < std::min(due, kMostCatchUp); ++i) run_frame();
  }
  ::close(timer);
}

void MediaEngine::run_commands() {
  std::vector<std::function<void()>> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
    pending_.store(false, std::memory_order_relaxed);
  }
  for (const auto& command : commands) command();
  if (std::exchange(arrange_, false)) arrange();
}

void MediaEngine::arrange() {
  std::map<std::string_view, std::vector<MediaLeg*>> members;
  if (legs_.size() >= split_.least_legs && !crew_.started()) crew_.start(split_.helpers);
  for (const MediaLegPtr& leg : legs_) {
    if (!leg->bridge.empty() && leg->answered && !leg->on_hold) {
      members[leg->bridge].push_back(leg.get());
    } else {
      leg->place = {};
    }
  }
  for (auto& [name, legs] : members) bridges_.try_emplace(std::string(name), loudest_).first->second.set_legs(std::move(legs));
  std::erase_if(bridges_, [&](const auto& one) { return !members.contains(one.first); });
}

void MediaEngine::run_frame() {
  if (pending_.load(std::memory_order_acquire)) run_commands();
  each_leg([this](MediaLeg& leg) { hear(leg); });
  for (auto& [name, bridge] : bridges_) bridge.mix();
  each_leg([](MediaLeg& leg) {
    if (leg.place.bridge)
      leg.place.bridge->answer(leg);
    else if (leg.answered)
      say(leg, {});
  });
  frames_.fetch_add(1, std::memory_order_relaxed);
  if (news_.begin_take() != nullptr) woken_();
}

/// Few are not worth the waking.
template <class Fn>
void MediaEngine::each_leg(Fn&& fn) {
  if (legs_.size() >= split_.least_legs) return crew_.each(legs_.size(), [&](std::size_t i) { fn(*legs_[i]); });
  for (const MediaLegPtr& leg : legs_) fn(*leg);
}

void MediaEngine::hear(MediaLeg& leg) {
  leg.stream.receive(leg);
  const bool unheard = leg.place.bridge && leg.place.bridge->is_unheard(leg);
  leg.heard = leg.stream.play_out(leg.in, leg, unheard) && leg.answered && !leg.muted && !leg.on_hold;
  if (leg.place.bridge && leg.place.bridge->is_crowd()) {
    const std::optional<std::int64_t> told = leg.stream.told_loudness();
    leg.loudness = !leg.heard ? 0 : told ? *told : mean_square(leg.in);
  }
  if (leg.consent_frames > 0 && !leg.consent_told && leg.stream.consent_age() > leg.consent_frames)
    leg.consent_told = leg.tell(MediaNews::Kind::kConsentLost);
  if (!leg.answered) return;
  if (leg.silence_frames > 0 && !leg.silence_told && leg.stream.silent_frames() > leg.silence_frames)
    leg.silence_told = leg.tell(MediaNews::Kind::kSilent);
  if (leg.tapped && leg.heard)
    news_.put([&](MediaNews& news) {
      news.kind = MediaNews::Kind::kHeard;
      news.leg = leg.number;
      news.position = leg.position;
      news.frame = leg.in;
    });
  leg.position += static_cast<std::int64_t>(kFrameSamples);
}

}  // namespace call_media

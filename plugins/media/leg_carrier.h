// What providers have in common whose legs' sound is ours: requests of the host, on the thread that the legs belong to.
#pragma once
#include <string>
#include <utility>

#include "media/news_ring.h"
#include "media/plays.h"
#include "trunkline/plugin.hpp"
#include "trunkline/pstn_client.hpp"
#include "trunkline/pstn_provider.hpp"

namespace call_media {

/// `Thread` posts work; `Legs` has a member for each of these requests, which throws Error. It is used on that thread alone.
/// [any-thread]
template <class Legs, class Thread>
class LegCarrier : public trunkline::pstn::PstnProvider, public trunkline::pstn::PstnAudioProvider {
 public:
  template <class T>
  using Task = trunkline::Task<T>;
  using Call = trunkline::Call;

  // trunkline.pstn/1, but for dial
  Task<void> answer(Call, std::string leg_id) override {
    return on_thread([leg_id = std::move(leg_id)](Legs& legs) { legs.answer(leg_id); });
  }
  Task<void> hang_up(Call, std::string leg_id, std::int32_t cause) override {
    return on_thread([leg_id = std::move(leg_id), cause](Legs& legs) { legs.hang_up(leg_id, cause); });
  }
  Task<void> send_dtmf(Call, std::string leg_id, std::string digits) override {
    return on_thread([leg_id = std::move(leg_id), digits = std::move(digits)](Legs& legs) {
      if (digits.find_first_not_of("0123456789ABCD*#") != digits.npos)
        throw trunkline::Error(trunkline::ErrorCode::kInvalidArgument, "digits: wanted 0-9, A-D, * and # only", "digits");
      legs.send_dtmf(leg_id, digits);
    });
  }

  // trunkline.pstn.audio/1
  Task<void> join_bridge(Call, std::string leg_id, std::string bridge) override {
    return on_thread([leg_id = std::move(leg_id), bridge = std::move(bridge)](Legs& legs) { legs.join_bridge(leg_id, bridge); });
  }
  Task<void> set_flow(Call, std::string leg_id, trunkline::pstn::LegFlow flow) override {
    return on_thread([leg_id = std::move(leg_id), flow](Legs& legs) { legs.set_flow(leg_id, flow); });
  }
  Task<void> play(Call, std::string leg_id, std::int64_t play_id, trunkline::Bytes samples) override {
    // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
    auto work = [leg_id = std::move(leg_id), play_id, sound = sound_of(samples)](Legs& legs) {
      legs.play(leg_id, play_id, sound);
    };
    co_await on_thread(std::move(work));
  }
  Task<void> stop_play(Call, std::string leg_id, std::int64_t play_id) override {
    return on_thread([leg_id = std::move(leg_id), play_id](Legs& legs) { legs.stop_play(leg_id, play_id); });
  }

 protected:
  /// `thread` outlives this.
  explicit LegCarrier(Thread& thread) : thread_(thread) {}
  /// Before the first request.
  void serve(Legs& legs) { legs_ = &legs; }

  /// Runs `fn` on the thread; what it throws is thrown here.
  template <class F>
  Task<void> on_thread(F fn) {
    co_await trunkline::from_callback<void>([this, &fn](auto done) {
      thread_.post([this, fn = std::move(fn), done]() mutable {
        trunkline::Result<void> result;
        try {
          fn(*legs_);
        } catch (...) {
          result = trunkline::current_error();
        }
        done(std::move(result));
      });
    });
  }

 private:
  Thread& thread_;
  Legs* legs_ = nullptr;
};

/// Tells the host what was heard.
inline void tell_heard(const trunkline::pstn::PstnAudioEventsClient& events, const std::string& leg_id, const MediaNews& news) {
  if (!events) return;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(news.frame.data());
  try {
    events.heard(leg_id, news.position, trunkline::Bytes(bytes, bytes + sizeof news.frame));
  } catch (const trunkline::Error&) {  // a host that is going away
  }
}

inline trunkline::pstn::LegChange pressed(std::string digits) {
  trunkline::pstn::DtmfInput input;
  input.digits = std::move(digits);
  return trunkline::pstn::LegChange::of_dtmf(std::move(input));
}

}  // namespace call_media

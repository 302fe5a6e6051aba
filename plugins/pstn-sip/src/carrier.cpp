#include "carrier.h"

#include <future>

#include "user_agent.h"

namespace pstn_sip {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::pstn::DialRequest;
using trunkline::pstn::DialTrunk;
using trunkline::pstn::LegFlow;
using trunkline::pstn::TrunkProbe;

Carrier::Carrier(trunkline::Host host, std::string_view config_json)
    : settings_(parse_settings(config_json)), engine_([this] { thread_.wake(); }, settings_.mix_loudest) {
  agent_ = std::make_unique<UserAgent>(settings_, host, thread_, engine_);
  thread_.on_end([this] { agent_->finish(); });
  thread_.on_wake([this] { agent_->take_news(); });
  thread_.start();
  std::promise<Result<void>> started;
  thread_.post([&] {
    try {
      agent_->start();
      started.set_value({});
    } catch (...) {
      started.set_value(trunkline::current_error());
    }
  });
  Result<void> result = started.get_future().get();
  if (!result.ok()) {
    thread_.stop();
    throw result.error();
  }
  engine_.start();
}

Carrier::~Carrier() {
  engine_.stop();
  thread_.stop();
}

trunkline::Task<void> Carrier::stop() {
  co_await trunkline::from_callback<void>([this](auto done) {
    thread_.post([this, done]() mutable {
      agent_->stop([this, done]() mutable {
        // Not from within the stack's own call.
        thread_.post([done]() mutable { done(Result<void>{}); });
      });
    });
  });
}

template <class F>
trunkline::Task<void> Carrier::on_sip(F fn) {
  co_await trunkline::from_callback<void>([this, &fn](auto done) {
    thread_.post([fn = std::move(fn), done]() mutable {
      Result<void> result;
      try {
        fn();
      } catch (...) {
        result = trunkline::current_error();
      }
      done(std::move(result));
    });
  });
}

trunkline::Task<void> Carrier::dial(Call, DialRequest request) {
  return on_sip([this, request = std::move(request)]() mutable { agent_->dial(std::move(request)); });
}

trunkline::Task<void> Carrier::answer(Call, std::string leg_id) {
  return on_sip([this, leg_id = std::move(leg_id)] { agent_->answer(leg_id); });
}

trunkline::Task<void> Carrier::hang_up(Call, std::string leg_id, std::int32_t cause) {
  return on_sip([this, leg_id = std::move(leg_id), cause] { agent_->hang_up(leg_id, cause); });
}

trunkline::Task<void> Carrier::send_dtmf(Call, std::string leg_id, std::string digits) {
  return on_sip([this, leg_id = std::move(leg_id), digits = std::move(digits)] { agent_->send_dtmf(leg_id, digits); });
}

trunkline::Task<void> Carrier::join_bridge(Call, std::string leg_id, std::string bridge) {
  return on_sip([this, leg_id = std::move(leg_id), bridge = std::move(bridge)] { agent_->join_bridge(leg_id, bridge); });
}

trunkline::Task<void> Carrier::set_flow(Call, std::string leg_id, LegFlow flow) {
  return on_sip([this, leg_id = std::move(leg_id), flow] { agent_->set_flow(leg_id, flow); });
}

trunkline::Task<void> Carrier::play(Call, std::string leg_id, std::int64_t play_id, trunkline::Bytes samples) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [this, leg_id = std::move(leg_id), play_id, sound = sound_of(samples)] { agent_->play(leg_id, play_id, sound); };
  co_await on_sip(std::move(work));
}

trunkline::Task<void> Carrier::stop_play(Call, std::string leg_id, std::int64_t play_id) {
  return on_sip([this, leg_id = std::move(leg_id), play_id] { agent_->stop_play(leg_id, play_id); });
}

trunkline::Task<TrunkProbe> Carrier::probe(Call, DialTrunk trunk) {
  auto report = co_await trunkline::from_callback<TrunkProbe>([this, &trunk](auto done) {
    thread_.post([this, trunk = std::move(trunk), done]() mutable {
      try {
        agent_->probe(trunk, [done](TrunkProbe probed) mutable { done(Result<TrunkProbe>(std::move(probed))); });
      } catch (...) {
        done(Result<TrunkProbe>(trunkline::current_error()));
      }
    });
  });
  co_return report;
}

trunkline::Task<void> Carrier::transfer(Call, std::string leg_id, std::string to) {
  return on_sip([this, leg_id = std::move(leg_id), to = std::move(to)] { agent_->transfer(leg_id, to); });
}

trunkline::Task<void> Carrier::transfer_progress(Call, std::string leg_id, std::int32_t status) {
  return on_sip([this, leg_id = std::move(leg_id), status] { agent_->transfer_progress(leg_id, status); });
}

}  // namespace pstn_sip

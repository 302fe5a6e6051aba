#include "carrier.h"

#include <future>

#include "user_agent.h"

namespace pstn_sip {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::pstn::DialRequest;
using trunkline::pstn::DialTrunk;
using trunkline::pstn::TrunkProbe;

Carrier::Carrier(trunkline::Host host, std::string_view config_json)
    : LegCarrier(thread_), settings_(parse_settings(config_json)), engine_([this] { thread_.wake(); }, settings_.mix_loudest) {
  agent_ = std::make_unique<UserAgent>(settings_, host, thread_, engine_);
  serve(*agent_);
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

trunkline::Task<void> Carrier::dial(Call, DialRequest request) {
  return on_thread([request = std::move(request)](UserAgent& agent) mutable { agent.dial(std::move(request)); });
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
  return on_thread([leg_id = std::move(leg_id), to = std::move(to)](UserAgent& agent) { agent.transfer(leg_id, to); });
}

trunkline::Task<void> Carrier::transfer_progress(Call, std::string leg_id, std::int32_t status) {
  return on_thread([leg_id = std::move(leg_id), status](UserAgent& agent) { agent.transfer_progress(leg_id, status); });
}

}  // namespace pstn_sip

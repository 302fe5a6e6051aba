#include "gateway.h"

#include "sessions.h"

namespace pstn_webrtc {

using trunkline::Result;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;
using trunkline::pstn::DialRequest;
using trunkline::pstn::LegFlow;

Gateway::Gateway(trunkline::Host host, std::string_view config_json)
    : settings_(parse_settings(config_json)), engine_([this] { thread_.wake(); }, settings_.mix_loudest) {
  sessions_ = std::make_unique<Sessions>(settings_, host, thread_, engine_);
  thread_.on_wake([this] { sessions_->take_news(); });
  thread_.start();
  engine_.start();
}

Gateway::~Gateway() {
  engine_.stop();
  thread_.stop();
}

template <class F>
trunkline::Task<void> Gateway::on_control(F fn) {
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

trunkline::Task<void> Gateway::stop() {
  return on_control([this] { sessions_->stop(); });
}

trunkline::Task<void> Gateway::dial(Call call, DialRequest request) {
  return on_control([this, resource = std::string(call.resource()), request = std::move(request)]() mutable {
    sessions_->dial(std::move(resource), std::move(request));
  });
}

trunkline::Task<void> Gateway::answer(Call, std::string leg_id) {
  return on_control([this, leg_id = std::move(leg_id)] { sessions_->answer(leg_id); });
}

trunkline::Task<void> Gateway::hang_up(Call, std::string leg_id, std::int32_t cause) {
  return on_control([this, leg_id = std::move(leg_id), cause] { sessions_->hang_up(leg_id, cause); });
}

trunkline::Task<void> Gateway::send_dtmf(Call, std::string leg_id, std::string digits) {
  return on_control([this, leg_id = std::move(leg_id), digits = std::move(digits)] { sessions_->send_dtmf(leg_id, digits); });
}

trunkline::Task<void> Gateway::join_bridge(Call, std::string leg_id, std::string bridge) {
  return on_control([this, leg_id = std::move(leg_id), bridge = std::move(bridge)] { sessions_->join_bridge(leg_id, bridge); });
}

trunkline::Task<void> Gateway::set_flow(Call, std::string leg_id, LegFlow flow) {
  return on_control([this, leg_id = std::move(leg_id), flow] { sessions_->set_flow(leg_id, flow); });
}

trunkline::Task<void> Gateway::play(Call, std::string leg_id, std::int64_t play_id, trunkline::Bytes samples) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [this, leg_id = std::move(leg_id), play_id, sound = sound_of(samples)] { sessions_->play(leg_id, play_id, sound); };
  co_await on_control(std::move(work));
}

trunkline::Task<void> Gateway::stop_play(Call, std::string leg_id, std::int64_t play_id) {
  return on_control([this, leg_id = std::move(leg_id), play_id] { sessions_->stop_play(leg_id, play_id); });
}

trunkline::Task<HttpResponse> Gateway::receive(Call call, HttpRequest request) {
  std::string body;
  if (request.body) body.assign(request.body->begin(), request.body->end());
  Ask ask = parse_ask(request.method, request.url, request.headers, std::move(body));
  const std::uint64_t ticket = ++last_ticket_;
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  // It may be asked to stop before it waits, and after it has been answered.
  const auto subscription = call.on_cancel([this, ticket, cancelled] {
    cancelled->store(true);
    thread_.post([this, ticket] { sessions_->expire(ticket); });
  });
  auto answered = trunkline::from_callback<HttpResponse>([this, &ask, ticket, cancelled](auto done) {
    thread_.post([this, ask = std::move(ask), ticket, cancelled, done]() mutable {
      const Answer answer = [done](Result<HttpResponse> result) mutable { done(std::move(result)); };
      try {
        sessions_->ask(std::move(ask), ticket, cancelled->load(), answer);
      } catch (...) {
        answer(trunkline::current_error());
      }
    });
  });
  HttpResponse response = co_await answered;
  co_return response;
}

}  // namespace pstn_webrtc

#include "gateway.h"

#include "sessions.h"

namespace pstn_webrtc {

using trunkline::Result;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;
using trunkline::pstn::DialRequest;

Gateway::Gateway(trunkline::Host host, std::string_view config_json)
    : LegCarrier(thread_), settings_(parse_settings(config_json)), engine_([this] { thread_.wake(); }, settings_.mix_loudest) {
  sessions_ = std::make_unique<Sessions>(settings_, host, thread_, engine_);
  serve(*sessions_);
  thread_.on_wake([this] { sessions_->take_news(); });
  thread_.start();
  engine_.start();
}

Gateway::~Gateway() {
  engine_.stop();
  thread_.stop();
}

trunkline::Task<void> Gateway::stop() {
  return on_thread([](Sessions& sessions) { sessions.stop(); });
}

trunkline::Task<void> Gateway::dial(Call call, DialRequest request) {
  return on_thread([resource = std::string(call.resource()), request = std::move(request)](Sessions& sessions) mutable {
    sessions.dial(std::move(resource), std::move(request));
  });
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

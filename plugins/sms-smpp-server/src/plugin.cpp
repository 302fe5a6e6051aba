// The plugin: an SMSC on a thread of its own, in front of the runtime's SMS operations.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/signature.h"
#include "server.h"
#include "trunkline/host_provider.hpp"
#include "trunkline/plugin.hpp"

namespace {

using nlohmann::json;
using trunkline::Call;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Task;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

/// [any-thread]
class Plugin final : public trunkline::host::WebhookReceiver {
 public:
  Plugin(trunkline::Host host, std::string_view config)
      : settings_(sms_smpp_server::parse_settings(config)), secrets_(host.secrets()), work_(io_.get_executor()) {
    server_ = std::make_unique<sms_smpp_server::Server>(io_, settings_, host);
    boost::asio::post(io_, [this] { server_->start(); });
    thread_ = std::thread([this] {
      for (;;) try {
          io_.run();
          return;
        } catch (const std::exception&) {  // a host that has gone answers nothing; what was under way ends with it
        }
    });
  }
  ~Plugin() {
    work_.reset();
    io_.stop();
    thread_.join();
  }
  Task<void> stop() {
    co_await trunkline::from_callback<void>([this](auto done) {
      boost::asio::post(io_, [this, done]() mutable {
        server_->stop();
        done(Result<void>{});
      });
    });
  }

  Task<HttpResponse> receive(Call, HttpRequest request) override {
    const std::string code = http_carrier::parameter(request.url, "code");
    if (code.empty() || !http_carrier::same(code, secrets_.get("callback_code")))
      throw Error(ErrorCode::kUnauthenticated, "the callback has no valid code");
    json events = json::parse(http_carrier::body_of(request), nullptr, false);
    if (events.is_discarded()) throw Error(ErrorCode::kInvalidArgument, "body: wanted JSON", "body");
    HttpResponse response;
    response.status = 200;
    for (const json& event : events.is_array() ? events : json::array({events})) {
      if (!event.is_object()) continue;
      const auto type = event.find("eventType"), data = event.find("data");
      if (type == event.end() || *type != "Microsoft.EventGrid.SubscriptionValidationEvent") continue;
      const bool asks = data != event.end() && data->is_object() && data->contains("validationCode");
      if (!asks || !data->at("validationCode").is_string())
        throw Error(ErrorCode::kInvalidArgument, "data.validationCode: found none, wanted a text", "data.validationCode");
      const json answer{{"validationResponse", data->at("validationCode")}};
      const std::string body = answer.dump(-1, ' ', false, json::error_handler_t::replace);
      response.headers["content-type"] = "application/json";
      response.body = trunkline::Bytes(body.begin(), body.end());
      co_return response;
    }
    const bool taken = co_await trunkline::from_callback<bool>([&](auto done) {
      boost::asio::post(io_, [this, done, events = std::move(events)]() mutable {
        server_->take_events(std::move(events), [done](bool good) mutable { done(Result<bool>(good)); });
      });
    });
    // Nobody is bound to take it, or did: the subscription comes again, as long as its schedule says.
    if (!taken) response.status = 503;
    co_return response;
  }

 private:
  const sms_smpp_server::Settings settings_;
  const trunkline::host::SecretsClient secrets_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unique_ptr<sms_smpp_server::Server> server_;
  std::thread thread_;
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Plugin)

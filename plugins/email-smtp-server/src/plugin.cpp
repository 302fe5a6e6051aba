// The plugin: a mail server on a thread of its own, in front of the email operations.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "engine/signature.h"
#include "reports.h"
#include "session.h"
#include "trunkline/host_provider.hpp"
#include "trunkline/plugin.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using email_smtp_server::Reports;
using email_smtp_server::Session;
using nlohmann::json;
using trunkline::Call;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Task;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

std::unique_ptr<asio::ssl::context> tls_context(const email_smtp_server::Settings& settings) {
  if (!settings.tls()) return nullptr;
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  error_code failure;
  context->use_certificate_chain_file(settings.certificate_file, failure);
  if (failure) throw Error(ErrorCode::kInvalidArgument, "tls_certificate_file: " + failure.message(), "tls_certificate_file");
  context->use_private_key_file(settings.key_file, asio::ssl::context::pem, failure);
  if (failure) throw Error(ErrorCode::kInvalidArgument, "tls_key_file: " + failure.message(), "tls_key_file");
  return context;
}

/// [any-thread]
class Plugin final : public trunkline::host::WebhookReceiver {
 public:
  Plugin(trunkline::Host host, std::string_view config)
      : settings_(email_smtp_server::parse_settings(config)),
        log_(host.log()),
        logins_(host, settings_),
        secrets_(host.secrets()),
        reports_(settings_.reports ? std::make_unique<Reports>(host, settings_) : nullptr),
        submissions_(host, settings_, note_of(reports_.get())),
        tls_(tls_context(settings_)),
        work_(io_.get_executor()) {
    if (settings_.port != 0 || settings_.tls_port == 0)
      listen("port", settings_.port, tls_ ? Session::Tls::kStart : Session::Tls::kNone);
    if (settings_.tls_port != 0) listen("tls_port", settings_.tls_port, Session::Tls::kAtOnce);
    for (Door& door : doors_) accept(door);
    thread_ = std::thread([this] {
      for (;;) try {
          io_.run();
          return;
        } catch (const std::exception&) {  // of one connection; the others go on
        }
    });
  }
  ~Plugin() {
    work_.reset();
    io_.stop();
    thread_.join();
  }
  /// Nothing is taken afterwards; what was answered is with the resource. Waits for what was asked of the host.
  Task<void> stop() {
    submissions_.stop();
    co_await trunkline::from_callback<void>([this](auto done) {
      asio::post(io_, [this, done]() mutable {
        error_code ignored;
        for (Door& door : doors_) door.acceptor.close(ignored);
        for (const std::weak_ptr<Session>& one : sessions_)
          if (const auto session = one.lock()) session->close();
        in_flight_.when_idle([done]() mutable { done(Result<void>{}); });
      });
    });
    if (reports_) co_await reports_->stop();
  }
  /// Events of the resource, of which reports are made.
  Task<HttpResponse> receive(Call, HttpRequest request) override {
    HttpResponse response;
    response.status = 404;
    if (!reports_) co_return response;
    const std::string code = http_carrier::parameter(request.url, "code");
    if (code.empty() || !http_carrier::same(code, secrets_.get("callback_code")))
      throw Error(ErrorCode::kUnauthenticated, "the callback has no valid code");
    const json body = json::parse(http_carrier::body_of(request), nullptr, false);
    if (body.is_discarded()) throw Error(ErrorCode::kInvalidArgument, "body: wanted JSON", "body");
    const json events = body.is_array() ? body : json::array({body});
    response.status = 200;
    for (const json& event : events) {
      if (!event.is_object()) continue;
      const auto type = event.find("eventType"), data = event.find("data");
      if (type != event.end() && *type == "Microsoft.EventGrid.SubscriptionValidationEvent") {
        json answer_json;
        if (data != event.end() && data->is_object() && data->contains("validationCode"))
          answer_json["validationResponse"] = (*data)["validationCode"];
        const std::string answer = answer_json.dump(-1, ' ', false, json::error_handler_t::replace);
        response.headers["content-type"] = "application/json";
        response.body = trunkline::Bytes(answer.begin(), answer.end());
        co_return response;
      }
      const bool taken = co_await reports_->take(event);
      if (!taken) response.status = 503;  // the subscription comes again, as long as its schedule says
    }
    co_return response;
  }

 private:
  static email_smtp_server::Submissions::Note note_of(Reports* reports) {
    if (!reports) return nullptr;
    return [reports](std::string operation_id, email_smtp_server::Envelope envelope, std::string raw) {
      return reports->note(std::move(operation_id), std::move(envelope), std::move(raw));
    };
  }
  /// A port, and how those who come in are protected.
  struct Door {
    tcp::acceptor acceptor;
    Session::Tls tls;
  };
  void listen(const std::string& setting, std::uint16_t port, Session::Tls tls) {
    const std::string where = settings_.host + ":" + std::to_string(port);
    try {
      const std::string host = settings_.host == "localhost" ? "127.0.0.1" : settings_.host;
      const tcp::endpoint endpoint(asio::ip::make_address(host), port);
      tcp::acceptor& acceptor = doors_.emplace_back(Door{tcp::acceptor(io_), tls}).acceptor;
      acceptor.open(endpoint.protocol());
      acceptor.set_option(tcp::acceptor::reuse_address(true));
      acceptor.bind(endpoint);
      acceptor.listen();
      log_.write(trunkline::host::LogLevel::kInfo, "mail may be handed in",
                 trunkline::Properties{{"port", std::to_string(acceptor.local_endpoint().port())}});
    } catch (const boost::system::system_error& error) {
      throw Error(ErrorCode::kUnavailable, "cannot take mail at " + where + ": " + error.code().message(), setting);
    }
  }
  void accept(Door& door) {
    door.acceptor.async_accept([this, &door](error_code error, tcp::socket socket) {
      if (!door.acceptor.is_open()) return;
      std::erase_if(sessions_, [](const std::weak_ptr<Session>& one) { return one.expired(); });
      if (!error && sessions_.size() < settings_.max_connections) {
        auto session =
            std::make_shared<Session>(std::move(socket), settings_, door.tls, tls_.get(), logins_, submissions_, in_flight_);
        sessions_.push_back(session);
        asio::co_spawn(io_, session->run(), asio::detached);
      }
      accept(door);
    });
  }

  const email_smtp_server::Settings settings_;
  const trunkline::host::LogClient log_;
  email_smtp_server::Logins logins_;
  const trunkline::host::SecretsClient secrets_;
  std::unique_ptr<Reports> reports_;  // null: DSN is not offered
  email_smtp_server::Submissions submissions_;
  std::unique_ptr<asio::ssl::context> tls_;
  email_smtp_server::InFlight in_flight_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::deque<Door> doors_;
  std::vector<std::weak_ptr<Session>> sessions_;  // of the io thread
  std::thread thread_;
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Plugin)

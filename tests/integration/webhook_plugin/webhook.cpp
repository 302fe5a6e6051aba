// A carrier for tests whose texts come in as callbacks: POST .../sms, with the header `x-carrier-key` and a body of the lines
// id, from, to and text. GET gives back what the plugin saw of the request; POST .../broken gives an answer that no host may send
// on.
#include <sstream>

#include "trunkline/host_provider.hpp"
#include "trunkline/plugin.hpp"
#include "trunkline/sms_client.hpp"
#include "trunkline/sms_provider.hpp"

namespace {

using namespace trunkline;

class Carrier final : public sms::SmsProvider, public host::WebhookReceiver {
 public:
  Carrier(Host host, std::string_view)
      : key_(host.secrets().get("callback_key")), clock_(host.clock()), events_(host.sms_events()) {}

  Task<std::vector<sms::SmsSendResult>> send(Call, sms::SmsSendRequest) override {
    throw Error(ErrorCode::kUnimplemented, "this carrier only receives");
  }
  sms::SmsCapabilities capabilities(const Call&) override {
    sms::SmsCapabilities capabilities;
    capabilities.inbound = true;
    return capabilities;
  }

  Task<host::HttpResponse> receive(Call call, host::HttpRequest request) override {
    const auto key = request.headers.find("x-carrier-key");
    if (key == request.headers.end() || key->second != key_)
      throw Error(ErrorCode::kUnauthenticated, "the callback has no valid x-carrier-key");
    host::HttpResponse response;
    response.status = 200;
    if (request.url.ends_with("/broken")) {
      response.headers["x-bad"] = "one\r\nx-other: two";
      co_return response;
    }
    if (request.method == "GET") {
      std::string seen = request.method + " " + request.url;
      for (const auto& [name, value] : request.headers) seen += "\n" + name + ": " + value;
      response.headers["content-type"] = "text/x-seen";
      response.headers["x-carrier"] = "here";
      response.headers["content-length"] = "7";
      response.body = Bytes(seen.begin(), seen.end());
      co_return response;
    }
    sms::InboundSms inbound;
    std::istringstream lines(request.body ? std::string(request.body->begin(), request.body->end()) : "");
    std::getline(lines, inbound.provider_message_id);
    std::getline(lines, inbound.from);
    std::getline(lines, inbound.to);
    if (!std::getline(lines, inbound.text))
      throw Error(ErrorCode::kInvalidArgument, "the callback has fewer than four lines", "body");
    inbound.received_at = clock_.now();
    CallOptions options = call.forward();
    co_await events_.received(std::move(inbound), std::move(options));
    response.status = 204;
    co_return response;
  }

 private:
  const std::string key_;
  const host::ClockClient clock_;
  const sms::SmsEventsClient events_;
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Carrier)

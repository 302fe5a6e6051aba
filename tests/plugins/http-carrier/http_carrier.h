// A carrier behind HTTP under test: its requests end here, and its callbacks begin here.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>

#include "runtime/plugin/http_transport.h"
#include "tests/plugins/host.h"
#include "tests/plugins/sms-sandbox/sms_sandbox.h"
#include "trunkline/host_client.hpp"

namespace trunkline::testing {

/// Keeps what is sent, and answers as it was told; without an answer left, 500.
class FakeHttp final : public plugin::HttpTransport {
 public:
  Task<host::HttpResponse> send(Call, host::HttpRequest request) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    if (answers_.empty()) {
      host::HttpResponse nothing;
      nothing.status = 500;
      co_return nothing;
    }
    Result<host::HttpResponse> answer = std::move(answers_.front());
    answers_.pop_front();
    co_return std::move(answer).value();
  }
  void answer(int status, const std::string& body) {
    host::HttpResponse response;
    response.status = status;
    response.body = Bytes(body.begin(), body.end());
    const std::lock_guard lock(mutex_);
    answers_.emplace_back(std::move(response));
  }
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    answers_.emplace_back(std::move(error));
  }
  std::vector<host::HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::string body(std::size_t i) const {
    const std::lock_guard lock(mutex_);
    const auto& body = requests_.at(i).body;
    return body ? std::string(body->begin(), body->end()) : "";
  }

 private:
  mutable std::mutex mutex_;
  std::deque<Result<host::HttpResponse>> answers_;
  std::vector<host::HttpRequest> requests_;
};

/// What `kUnavailable` looks like when no connection was made.
inline Error no_connection() {
  Error error = Error(ErrorCode::kUnavailable, "no connection").with_retry();
  error.provider_code = "connection";
  return error;
}

class HttpCarrier : public ::testing::Test {
 protected:
  HttpCarrier() { host_.context.http = &http_; }
  void open(const std::string& plugin, const std::string& config, std::map<std::string, Secret> secrets) {
    instance_ = host_.open(plugin, config, sms::iface_of(&sink_), std::move(secrets));
    sms_ = {instance_->interface("trunkline.sms/1"), instance_->calls()};
    query_ = {instance_->interface("trunkline.sms.query/1"), instance_->calls()};
    webhook_ = {instance_->interface("trunkline.webhook/1"), instance_->calls()};
  }
  static sms::SmsSendRequest request(std::vector<std::string> ids, std::string text = "hello") {
    sms::SmsSendRequest request;
    request.from = kOurs;
    request.text = std::move(text);
    for (std::string& id : ids) {
      sms::Recipient recipient;
      recipient.to = kPhone;
      recipient.message_id = std::move(id);
      request.recipients.push_back(std::move(recipient));
    }
    return request;
  }
  std::vector<sms::SmsSendResult> send(sms::SmsSendRequest request) {
    return sms_.send_sync(std::move(request), on_behalf_of("acme"));
  }
  sms::SmsQueryResult query(const std::string& id, std::optional<std::string> carrier_id = {}) {
    sms::SmsQuery query;
    query.message_id = id;
    query.provider_message_id = std::move(carrier_id);
    query.from = kOurs;
    query.to = kPhone;
    query.sent_at = host_.clock.now();
    return query_.query_sync(std::move(query), on_behalf_of("acme"));
  }
  static host::HttpRequest callback(const std::string& path, const std::string& body, Properties headers = {},
                                    const std::string& method = "POST") {
    host::HttpRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:4600/_webhooks/main" + path;
    request.headers = std::move(headers);
    if (!body.empty()) request.body = Bytes(body.begin(), body.end());
    return request;
  }
  host::HttpResponse receive(host::HttpRequest request) { return webhook_.receive_sync(std::move(request)); }
  ErrorCode refused(host::HttpRequest request) {
    return code_of([&] { receive(std::move(request)); });
  }

  FakeHttp http_;
  Host host_;
  Sink sink_;
  std::unique_ptr<plugin::PluginInstance> instance_;
  sms::SmsProviderClient sms_;
  sms::SmsQueryProviderClient query_;
  host::WebhookReceiverClient webhook_;
};

}  // namespace trunkline::testing

// The SMPP carrier under test, between a host and a carrier that do as they are told.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "codec/receipt.h"
#include "tests/plugins/host.h"
#include "tests/plugins/sms-sandbox/sms_sandbox.h"
#include "tests/plugins/sms-smpp/fake_smsc.h"

namespace trunkline::testing {

class SmsSmpp : public ::testing::Test {
 protected:
  using Results = std::vector<sms::SmsSendResult>;

  /// `more`: members of the configuration, such as `"window": 1`.
  void open(const std::string& more = {}) {
    instance_ = host_.open("sms-smpp",
                           R"({"host": "127.0.0.1", "port": )" + std::to_string(smsc_.port()) + R"(, "system_id": "trunk")" +
                               (more.empty() ? "" : ", " + more) + "}",
                           sms::iface_of(&sink_), {{"password", Secret("hunter2")}});
    sms_ = {instance_->interface("trunkline.sms/1"), instance_->calls()};
    query_ = {instance_->interface("trunkline.sms.query/1"), instance_->calls()};
  }
  void close() { instance_.reset(); }
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
  Results send(sms::SmsSendRequest request) { return sms_.send_sync(std::move(request), on_behalf_of("acme")); }
  /// The same, again and again while there is no connection.
  Results send_when_up(const sms::SmsSendRequest& request) {
    for (int i = 0;; ++i) try {
        return send(request);
      } catch (const Error& error) {
        if (error.code != ErrorCode::kUnavailable || i == 4000) throw;
        smsc_.wait_for([] { return false; }, std::chrono::milliseconds(5));
      }
  }
  std::future<Result<Results>> start(sms::SmsSendRequest request) {
    auto promise = std::make_shared<std::promise<Result<Results>>>();
    auto future = promise->get_future();
    sms_.start_send(std::move(request), on_behalf_of("acme"),
                    [promise](Result<Results> result) { promise->set_value(std::move(result)); });
    return future;
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
  /// Lets the clock go on until the carrier has seen what is waited for. `condition` must not lock the carrier.
  bool advance_until(const std::function<bool()>& condition, Duration step) {
    for (int i = 0; i < 4000; ++i) {
      if (smsc_.wait_for(condition, std::chrono::milliseconds(5))) return true;
      host_.clock.advance(step);
    }
    return false;
  }
  static smpp::Message receipt(const std::string& id, const char* stat, const char* error = "000") {
    smpp::Message message;
    message.esm_class = smpp::kEsmReceipt;
    message.source = {1, 1, "14255550123"};
    message.destination = {1, 1, "18005550100"};
    message.short_message = "id:" + id + " sub:001 dlvrd:001 stat:" + stat + " err:" + error + " text:hello";
    return message;
  }
  static smpp::Message text(std::string octets) {
    smpp::Message message;
    message.source = {1, 1, "14255550123"};
    message.destination = {1, 1, "18005550100"};
    message.short_message = std::move(octets);
    return message;
  }

  FakeSmsc smsc_;  // outlives the plugin
  Host host_;
  Sink sink_;
  std::unique_ptr<plugin::PluginInstance> instance_;
  sms::SmsProviderClient sms_;
  sms::SmsQueryProviderClient query_;
};

}  // namespace trunkline::testing

// The sandbox carrier under test, behind a host that keeps what it is told or refuses it.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "tests/plugins/host.h"
#include "trunkline/sandbox_client.hpp"
#include "trunkline/sms_client.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline::testing {

inline constexpr const char* kOurs = "+18005550100";
inline constexpr const char* kPhone = "+14255550123";

/// The host's side of the carrier: keeps what it is told, or refuses it.
class Sink final : public sms::SmsEvents {
 public:
  Task<void> delivery_report(Call call, sms::DeliveryReport report) override {
    const std::lock_guard lock(mutex_);
    if (refusals_ > 0) {
      --refusals_;
      throw Error(ErrorCode::kUnavailable, "the disk is full");
    }
    resources_.emplace_back(call.resource());
    reports_.push_back(std::move(report));
    co_return;
  }
  Task<void> received(Call, sms::InboundSms message) override {
    const std::lock_guard lock(mutex_);
    received_.push_back(std::move(message));
    co_return;
  }
  void refuse(int times) {
    const std::lock_guard lock(mutex_);
    refusals_ = times;
  }
  std::vector<sms::DeliveryReport> reports() const {
    const std::lock_guard lock(mutex_);
    return reports_;
  }
  std::vector<std::string> resources() const {
    const std::lock_guard lock(mutex_);
    return resources_;
  }
  std::vector<sms::InboundSms> received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

 private:
  mutable std::mutex mutex_;
  int refusals_ = 0;
  std::vector<sms::DeliveryReport> reports_;
  std::vector<std::string> resources_;
  std::vector<sms::InboundSms> received_;
};

class SmsSandbox : public ::testing::Test {
 protected:
  void open(const std::string& config = "{}") {
    instance_ = host_.open("sms-sandbox", config, sms::iface_of(&sink_));
    sms_ = {instance_->interface("trunkline.sms/1"), instance_->calls()};
    sandbox_ = {instance_->interface("trunkline.sandbox/1"), instance_->calls()};
  }
  static sms::SmsSendRequest request(std::vector<std::string> to, std::string text = "hello") {
    sms::SmsSendRequest request;
    request.from = kOurs;
    request.text = std::move(text);
    for (std::size_t i = 0; i < to.size(); ++i) {
      sms::Recipient recipient;
      recipient.to = to[i];
      recipient.message_id = "m" + std::to_string(i + 1);
      request.recipients.push_back(std::move(recipient));
    }
    return request;
  }
  std::vector<sms::SmsSendResult> send(sms::SmsSendRequest request, CallOptions options = on_behalf_of("acme")) {
    return sms_.send_sync(std::move(request), std::move(options));
  }
  void add_rule(sandbox::PhoneRule rule, const std::string& resource = "acme") {
    sandbox_.add_rule_sync(std::move(rule), on_behalf_of(resource));
  }
  static sandbox::PhoneRule rule(std::string match) {
    sandbox::PhoneRule rule;
    rule.match = std::move(match);
    return rule;
  }

  Host host_;
  Sink sink_;
  std::unique_ptr<plugin::PluginInstance> instance_;
  sms::SmsProviderClient sms_;
  sandbox::SandboxProviderClient sandbox_;
};

}  // namespace trunkline::testing

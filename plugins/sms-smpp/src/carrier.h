// The plugin's class.
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "core.h"
#include "settings.h"
#include "trunkline/plugin.hpp"
#include "trunkline/sms_provider.hpp"

namespace sms_smpp {

/// Sends and receives over SMPP on a thread of its own. [any-thread]
class Carrier final : public trunkline::sms::SmsProvider, public trunkline::sms::SmsQueryProvider {
 public:
  Carrier(trunkline::Host host, std::string_view config_json);
  ~Carrier();
  trunkline::Task<void> stop();

  trunkline::Task<std::vector<trunkline::sms::SmsSendResult>> send(trunkline::Call call,
                                                                   trunkline::sms::SmsSendRequest request) override;
  trunkline::sms::SmsCapabilities capabilities(const trunkline::Call& call) override;
  trunkline::Task<trunkline::sms::SmsQueryResult> query(trunkline::Call call, trunkline::sms::SmsQuery query) override;

 private:
  const Settings settings_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unique_ptr<Core> core_;
  std::thread thread_;
};

}  // namespace sms_smpp

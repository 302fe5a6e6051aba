// The sandbox carrier: the plugin's class.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "delivery_queue.h"
#include "settings.h"
#include "trunkline/plugin.hpp"
#include "trunkline/sandbox_provider.hpp"
#include "trunkline/sms_provider.hpp"
#include "world.h"

namespace sms_sandbox {

/// A carrier whose subscribers are virtual phones. It answers sends at once; what happens afterwards happens on the host's
/// clock, so a virtual clock drives it. [any-thread]
class Carrier final : public trunkline::sms::SmsProvider, public trunkline::sandbox::SandboxProvider {
 public:
  template <class T>
  using Task = trunkline::Task<T>;
  using Call = trunkline::Call;

  Carrier(trunkline::Host host, std::string_view config_json);
  /// Messages that still wait are dropped, as if the carrier had gone. [lifecycle]
  Task<void> stop();

  // trunkline.sms/1
  Task<std::vector<trunkline::sms::SmsSendResult>> send(Call call, trunkline::sms::SmsSendRequest request) override;
  trunkline::sms::SmsCapabilities capabilities(const Call& call) override;

  // trunkline.sandbox/1
  Task<std::vector<trunkline::sandbox::Phone>> phones(Call call) override;
  Task<std::vector<trunkline::sandbox::PhoneMessage>> messages(Call call, std::string number) override;
  Task<std::string> send_from_phone(Call call, std::string from, std::string to, std::string text) override;
  Task<void> add_rule(Call call, trunkline::sandbox::PhoneRule rule) override;
  Task<std::vector<trunkline::sandbox::PhoneRule>> rules(Call call) override;
  Task<void> reset(Call call) override;
  Task<std::int64_t> changes(Call call, std::int64_t since) override;

 private:
  std::shared_ptr<World> world(std::string_view resource);
  Task<void> deliver(std::unique_ptr<Delivery> held);
  Task<void> loop_back(const Delivery& delivery);
  Task<void> reply(Delivery& delivery);
  void retry(std::unique_ptr<Delivery> delivery, const trunkline::Error& error);

  const Settings settings_;
  const trunkline::host::ClockClient clock_;
  const trunkline::host::LogClient log_;
  const trunkline::host::ExecutorClient executor_;
  const trunkline::sms::SmsEventsClient events_;
  const std::uint64_t salt_;
  DeliveryQueue queue_;

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<World>, std::less<>> worlds_;
};

}  // namespace sms_sandbox

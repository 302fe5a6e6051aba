// The plugin's class.
#pragma once
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client.h"
#include "trunkline/email_provider.hpp"
#include "trunkline/host_provider.hpp"
#include "trunkline/plugin.hpp"

namespace email_azure {

/// Sends through a communication resource, and hears of outcomes from its Event Grid. [any-thread]
class Provider final : public trunkline::email::EmailProvider, public trunkline::host::WebhookReceiver {
 public:
  template <class T>
  using Task = trunkline::Task<T>;

  Provider(trunkline::Host host, std::string_view config_json);

  Task<std::vector<trunkline::email::EmailSendResult>> send(trunkline::Call call,
                                                            trunkline::email::EmailSendRequest request) override;
  trunkline::email::EmailCapabilities capabilities(const trunkline::Call& call) override;
  Task<trunkline::host::HttpResponse> receive(trunkline::Call call, trunkline::host::HttpRequest request) override;

 private:
  struct Outcome;
  Task<Outcome> follow(std::string operation_id);
  void remember(const std::string& operation_id, const std::string& message_id);
  std::string message_of(const std::string& operation_id);

  const trunkline::host::ClockClient clock_;
  const trunkline::email::EmailEventsClient events_;
  trunkline::Duration poll_;
  std::string webhook_token_;
  std::unique_ptr<Client> client_;

  // Whose operation is whose, for reports that come before send has returned: the host does not know the operation until then.
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> messages_;
  std::deque<std::string> oldest_;
};

}  // namespace email_azure

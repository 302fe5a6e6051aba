// The plugin's class.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client.h"
#include "trunkline/custody.hpp"
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
  Task<std::string> message_of(std::string operation_id);

  const trunkline::host::ClockClient clock_;
  const trunkline::email::EmailEventsClient events_;
  trunkline::Duration poll_;
  std::string webhook_token_;
  std::unique_ptr<Client> client_;
  // Whose operation is whose, for reports that come before the host knows the operation: while send() runs, and after a crash.
  std::unique_ptr<trunkline::CustodyBook> operations_;
};

}  // namespace email_azure

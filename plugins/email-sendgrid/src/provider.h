// The plugin's class.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "signature.h"
#include "takeover.h"
#include "trunkline/custody.hpp"
#include "trunkline/email_provider.hpp"
#include "trunkline/host_provider.hpp"
#include "trunkline/plugin.hpp"

namespace email_sendgrid {

/// Sends through a service with SendGrid's v3 API, and hears of outcomes from its event webhook. The service takes no idempotency
/// key: what was handed to it is remembered here, for each recipient, so that no mail is sent twice. [any-thread]
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
  Task<trunkline::host::HttpResponse> post(std::string body);
  /// Throws kUnauthenticated.
  void check_signature(const trunkline::host::HttpRequest& request) const;
  Task<trunkline::host::HttpResponse> take_mail(trunkline::Call call, trunkline::host::HttpRequest request);
  const trunkline::host::ClockClient clock_;
  const trunkline::host::HttpClient http_;
  const trunkline::email::EmailEventsClient events_;
  std::string base_url_;
  std::string api_key_;
  trunkline::Duration timeout_;
  std::unique_ptr<trunkline::CustodyBook> custody_;
  std::unique_ptr<Takeover> takeover_;
  std::unique_ptr<Verifier> verifier_;
  std::string inbound_token_;  // empty: mail must be signed
};

}  // namespace email_sendgrid

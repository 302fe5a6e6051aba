// Deliveries over HTTP.
#pragma once
#include <string>

#include "runtime/delivery/target.h"
#include "runtime/net/http_client.h"

namespace trunkline::delivery {

class WebhookTarget final : public Target {
 public:
  /// `origin`: what we call ourselves towards CloudEvents receivers.
  WebhookTarget(net::HttpClient& http, Clock& clock, Duration timeout, std::string origin = "trunkline.local")
      : http_(http), clock_(clock), timeout_(timeout), origin_(std::move(origin)) {}
  void deliver(DeliveryRequest request, UniqueFunction<void(DeliveryAnswer)> done) override;
  /// The request without sending it; for tests and for those who show it.
  net::ClientRequest render(const DeliveryRequest& request) const;
  const std::string& origin() const { return origin_; }

 private:
  net::HttpClient& http_;
  Clock& clock_;
  const Duration timeout_;
  const std::string origin_;
};

/// Value of aeg-subscription-name: in upper case.
std::string subscription_header(std::string_view name);
/// `sha256=<hex>` over `<timestamp>.<body>`, the value of Trunkline-Signature's second part.
std::string body_signature(std::string_view secret, std::string_view timestamp, std::string_view body);

}  // namespace trunkline::delivery

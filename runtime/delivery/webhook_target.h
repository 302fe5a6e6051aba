// Deliveries over HTTP.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "runtime/delivery/target.h"
#include "runtime/net/http_sender.h"

namespace trunkline::delivery {

class WebhookTarget final : public Target {
 public:
  /// `origin`: what we call ourselves towards CloudEvents receivers.
  WebhookTarget(net::HttpSender& http, Clock& clock, Duration timeout, std::string origin = "trunkline.local")
      : http_(http), clock_(clock), timeout_(timeout), origin_(std::move(origin)) {}
  void deliver(DeliveryRequest request, UniqueFunction<void(DeliveryAnswer)> done) override;
  std::size_t together() const override { return 32; }
  void after_answers(UniqueFunction<void()> fn) override { http_.after_answers(std::move(fn)); }
  /// The request without sending it; for tests and for those who show it.
  net::ClientRequest render(const DeliveryRequest& request);
  const std::string& origin() const { return origin_; }

 private:
  /// What all requests of a subscription say; `headers` null: nothing is the same for sure.
  struct Fixed {
    std::weak_ptr<const SubscriptionSpec> spec;
    std::shared_ptr<const net::FixedHeaders> headers;
  };

  void add_fixed(net::Headers& out, const SubscriptionSpec& spec) const;
  std::shared_ptr<const net::FixedHeaders> fixed_of(const SpecPtr& spec);

  net::HttpSender& http_;
  Clock& clock_;
  const Duration timeout_;
  const std::string origin_;

  std::mutex mutex_;
  std::unordered_map<const SubscriptionSpec*, Fixed> fixed_;
};

/// Value of aeg-subscription-name: in upper case.
std::string subscription_header(std::string_view name);
/// `sha256=<hex>` over `<timestamp>.<body>`, the value of Trunkline-Signature's second part.
std::string body_signature(std::string_view secret, std::string_view timestamp, std::string_view body);
/// Adds Trunkline-Timestamp and Trunkline-Signature over the body.
void sign(net::ClientRequest& request, std::string_view secret, Time now);

}  // namespace trunkline::delivery

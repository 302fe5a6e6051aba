// Events of the runtime on their way into workflows.
#pragma once
#include "runtime/delivery/target.h"
#include "runtime/flows/workflow_service.h"

namespace trunkline::flows {

/// Subscriptions whose destination is `Workflow` name a workflow (by name or ARM id), and its trigger after a slash where it has
/// several: `orders`, `orders/received`, `/subscriptions/…/workflows/orders/triggers/received`. [any-thread]
class WorkflowService::EventTarget final : public delivery::Target {
 public:
  explicit EventTarget(WorkflowService& service) : service_(service) {}
  void deliver(delivery::DeliveryRequest request, UniqueFunction<void(delivery::DeliveryAnswer)> done) override;

 private:
  WorkflowService& service_;
};

}  // namespace trunkline::flows

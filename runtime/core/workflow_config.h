// What the configuration says about workflows, in the words of those who run them; and what joins them to events.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "runtime/config/config.h"
#include "runtime/connectors/connector_port.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/flows/triggers.h"
#include "runtime/flows/workflow_service.h"

namespace trunkline {
namespace oidc {
class DevelopmentIssuer;
}

flows::ServiceOptions workflow_options(const Config& config);
/// Managed identities get tokens of the development issuer; null: there are none. `endpoint` gives where this server listens,
/// with its slash. Both outlive whoever has the options.
void offer_identities(flows::ServiceOptions& options, const oidc::DevelopmentIssuer* issuer,
                      std::function<std::string()> endpoint);
std::map<std::string, connectors::ConnectionMapping> connection_mappings(const Config& config);

/// Triggers of the Event Grid connector are event subscriptions of ours. [any-thread]
class WorkflowEvents final : public flows::EventSubscriber {
 public:
  WorkflowEvents(ResourceService& resources, eventgrid::EventSubscriptionService& subscriptions,
                 eventgrid::EventTopicService& topics)
      : resources_(resources), subscriptions_(subscriptions), topics_(topics) {}
  Task<void> subscribe(std::string name, std::string topic, expression::Value filter, std::string endpoint) override;
  Task<void> unsubscribe(std::string name, std::string topic) override;

 private:
  /// The source that an ARM id means. A communication service that is not known here, as in a definition from elsewhere, is the
  /// default one. Throws kNotFound.
  eventgrid::EventSource source_of_topic(const std::string& topic) const;

  ResourceService& resources_;
  eventgrid::EventSubscriptionService& subscriptions_;
  eventgrid::EventTopicService& topics_;
};

}  // namespace trunkline

#include "runtime/core/workflow_config.h"

#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/clock/system_time.h"
#include "runtime/oidc/development_issuer.h"
#include "runtime/script/script_host.h"
#include "runtime/services/arm_id.h"
#include "runtime/services/resource_service.h"

namespace trunkline {

flows::ServiceOptions workflow_options(const Config& config) {
  flows::ServiceOptions options;
  options.engine.retention = config.workflows.retention;
  options.engine.max_run = config.workflows.max_run;
  options.engine.caller_timeout = config.workflows.caller_timeout;
  options.engine.setting = [settings = config.workflows.settings](std::string_view name) -> std::optional<std::string> {
    for (const auto& [known, value] : settings)
      if (iequals(known, name)) return value;
    return std::nullopt;
  };
  options.http.timeout = config.workflows.http_timeout;
  options.engine.max_stateless_run = config.workflows.max_stateless_run;
  options.plan = config.workflows.limits;
  options.plan.max_code_length = config.workflows.script_max_length;
  options.scripts.host.worker = script::find_worker();
  options.scripts.limits.time = config.workflows.script_timeout;
  options.scripts.limits.memory_bytes = std::size_t{config.workflows.script_memory_mb} << 20;
  options.scripts.limits.max_code_length = config.workflows.script_max_length;
  options.scripts.limits.max_result_bytes = std::size_t{config.workflows.script_max_result_kb} << 10;
  options.scripts.threads = config.workflows.scripts;
  for (const auto& [name, connection] : config.connections)
    if (!connection.url.empty()) options.http.addresses[name] = connection.url;
  return options;
}

void offer_identities(flows::ServiceOptions& options, const oidc::DevelopmentIssuer* issuer,
                      std::function<std::string()> endpoint) {
  if (issuer == nullptr) return;
  options.http.managed_identity = [issuer, endpoint = std::move(endpoint)](std::string audience,
                                                                           std::string) -> Task<std::string> {
    oidc::DevelopmentGrant grant;
    grant.tenant_id = oidc::DevelopmentIssuer::kTenant;
    grant.scope = audience.empty() ? "https://management.azure.com/" : audience;
    const std::string name = endpoint() + grant.tenant_id + "/v2.0";
    // Who checks it elsewhere does not follow a virtual clock.
    co_return issuer->issue(grant, name, system_time_now());
  };
}

std::map<std::string, connectors::ConnectionMapping> connection_mappings(const Config& config) {
  std::map<std::string, connectors::ConnectionMapping> out;
  for (const auto& [name, connection] : config.connections)
    out[name] = {connection.url, connection.function, connection.resource};
  return out;
}

eventgrid::EventSource WorkflowEvents::source_of_topic(const std::string& topic) const {
  const auto id = ArmId::parse(topic);
  if (id && id->is("Microsoft.EventGrid/topics")) return topics_.get(id->name())->source;
  ResourcePtr resource;
  if (id && id->is("Microsoft.Communication/communicationServices")) resource = resources_.find(id->name());
  if (!resource && (topic.empty() || (id && id->is("Microsoft.Communication/communicationServices"))))
    resource = resources_.default_resource();
  if (!resource)
    throw Error(ErrorCode::kNotFound, "'" + topic.substr(0, 200) + "' is no communication service and no topic of this runtime",
                "topic");
  return eventgrid::source_of(*resource);
}

Task<void> WorkflowEvents::subscribe(std::string name, std::string topic, expression::Value filter, std::string endpoint) {
  nlohmann::json properties;
  properties["destination"]["endpointType"] = "Workflow";
  properties["destination"]["properties"]["trigger"] = endpoint;
  if (filter.is_object()) properties["filter"] = nlohmann::json(filter);
  co_await subscriptions_.put(source_of_topic(topic), std::move(name), std::move(properties));
}

Task<void> WorkflowEvents::unsubscribe(std::string name, std::string topic) {
  co_await subscriptions_.remove(source_of_topic(topic), std::move(name));
}

}  // namespace trunkline

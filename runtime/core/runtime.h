// The object a process opens. Owns everything else.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/config.h"
#include "runtime/services/resource.h"
#include "trunkline/service.hpp"
#include "trunkline/task.hpp"

namespace trunkline {

class ArmOperations;
class ChatService;
class Clock;
class EmailDomainService;
class EmailService;
class EventLog;
class Executor;
class IdSource;
class IdentityService;
class Log;
class Metrics;
class NumberReservations;
class NumberService;
class RoomService;
class ProviderRegistry;
class ResourceService;
class SandboxMailService;
class SandboxService;
class ServiceObjects;
class SipRoutingService;
class SmsService;
class TeamsAssignments;
class TokenWatch;
namespace calls {
class CallService;
class PhoneSandbox;
}  // namespace calls
namespace delivery {
class DeliveryEngine;
}
namespace eventgrid {
class EventHistory;
class EventSubscriptionService;
class EventTopicService;
}  // namespace eventgrid
namespace flows {
class WorkflowService;
}
namespace connectors {
class FunctionCalls;
}
namespace oidc {
class DevelopmentIssuer;
class IssuerSet;
}  // namespace oidc
namespace plugin {
class AppPlugin;
}
namespace store {
class Store;
}

std::string_view runtime_version();

/// Several can live in one process; nothing is shared between them but the code of the plugins. [any-thread] but for open and
/// close, which are [lifecycle].
class Runtime {
 public:
  /// Opens the store, loads the plugins, starts the providers, seeds the resources and takes up interrupted work. Blocks; never
  /// on an executor thread. Throws Error; what was begun is undone.
  static std::unique_ptr<Runtime> open(Config config);
  /// `plugins`: those that the application itself is.
  static std::unique_ptr<Runtime> open(Config config, std::vector<std::unique_ptr<plugin::AppPlugin>> plugins);
  ~Runtime();

  /// Drains the providers, flushes the store and stops the threads. Idempotent, blocks.
  void close();
  /// Completes once nothing is left to do without the clock moving.
  Task<void> settle();

  const Config& config() const { return config_; }
  Executor& executor();
  Clock& clock();
  Log& log();
  Metrics& metrics();
  IdSource& ids();
  store::Store& store();
  EventLog& events();
  delivery::DeliveryEngine& delivery();
  ProviderRegistry& providers();
  ResourceService& resources();
  NumberService& numbers();
  NumberReservations& number_reservations();
  SipRoutingService& sip_routing();
  RoomService& rooms();
  calls::CallService& calls();
  /// The virtual phones.
  calls::PhoneSandbox& phone_sandbox();
  SmsService& sms();
  IdentityService& identity();
  TeamsAssignments& teams_assignments();
  ChatService& chat();
  eventgrid::EventSubscriptionService& event_subscriptions();
  eventgrid::EventHistory& event_history();
  eventgrid::EventTopicService& event_topics();
  flows::WorkflowService& workflows();
  /// Calls of functions that connectors of workflows are mapped to.
  connectors::FunctionCalls& function_calls();
  /// Issuers whose tokens are accepted.
  oidc::IssuerSet& issuers();
  /// Null unless `auth.development_issuer` is on.
  const oidc::DevelopmentIssuer* development_issuer() const;
  SandboxService& sandbox();
  /// Who hears of tokens that end before their time.
  TokenWatch& token_watch();
  ServiceObjects& objects();
  ArmOperations& arm_operations();
  EmailDomainService& email_domains();
  EmailService& email();
  SandboxMailService& sandbox_mail();

  service::ResourceInfo describe(const Resource& resource) const;
  std::vector<service::PluginInfo> plugins() const;
  /// See ProviderRegistry::reload. Throws kInvalidArgument for settings that cannot be read, too.
  Task<service::ProviderInfo> reload_provider(std::string name, service::ProviderChange change);
  /// Where a server of this runtime listens, such as `http://localhost:4600/`; part of connection strings. Set by the server.
  void set_endpoint(std::string endpoint);
  /// Where one resource alone is reached.
  void set_endpoint(std::string_view resource_name, std::string endpoint);
  std::string endpoint_of(const Resource& resource) const;
  std::string endpoint() const;

 private:
  struct Parts;
  explicit Runtime(Config config);
  void seed();
  void seed_email(const ResourcePtr& resource, const ResourceConfig& wanted);

  Config config_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace trunkline

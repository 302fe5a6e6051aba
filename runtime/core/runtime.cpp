#include "runtime/core/runtime.h"

#include <mutex>

#include "runtime/async/executor.h"
#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/phone_sandbox.h"
#include "runtime/calls/schema.h"
#include "runtime/clock/clock.h"
#include "runtime/clock/system_time.h"
#include "runtime/config/secret_source.h"
#include "runtime/core/event_config.h"
#include "runtime/core/event_sinks.h"
#include "runtime/core/http_transport.h"
#include "runtime/core/plugin_paths.h"
#include "runtime/core/service_objects.h"
#include "runtime/core/workflow_config.h"
#include "runtime/delivery/engine.h"
#include "runtime/delivery/records.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/eventgrid/event_history.h"
#include "runtime/eventgrid/event_retention.h"
#include "runtime/eventgrid/subscription_service.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/events/event_log.h"
#include "runtime/oidc/development_issuer.h"
#include "runtime/oidc/issuer_set.h"
#include "runtime/plugin/host_context.h"
#include "runtime/plugin/host_store.h"
#include "runtime/plugin/resource_store.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/arm_operations.h"
#include "runtime/services/chat_expander.h"
#include "runtime/services/chat_service.h"
#include "runtime/services/context.h"
#include "runtime/services/email_domain_service.h"
#include "runtime/services/email_service.h"
#include "runtime/services/identity_service.h"
#include "runtime/services/number_reservations.h"
#include "runtime/services/number_service.h"
#include "runtime/services/resource_service.h"
#include "runtime/services/room_service.h"
#include "runtime/services/sandbox_mail_service.h"
#include "runtime/services/sandbox_service.h"
#include "runtime/services/schema.h"
#include "runtime/services/sip_routing.h"
#include "runtime/services/sms_service.h"
#include "runtime/services/teams_assignments.h"
#include "runtime/services/token_watch.h"
#include "runtime/store/sqlite_store.h"

namespace trunkline {
namespace {

LogOptions log_options(const LogConfig& config) {
  LogOptions options;
  options.level = static_cast<LogLevel>(config.level);
  options.json = config.format == LogConfig::Format::kJson;
  options.path = config.file;
  return options;
}

calls::SpeechSettings speech_settings(const CallsConfig& config) {
  return {static_cast<calls::SpeechMode>(config.speech), static_cast<calls::RecognitionMode>(config.recognition),
          config.recognition_model, config.espeak};
}

store::StoreOptions store_options(const StoreConfig& config) {
  store::StoreOptions options;
  options.memory = config.mode == StoreConfig::Mode::kMemory;
  options.directory = config.path;
  for (const auto& [name, location] : config.locations) {
    const auto published = find_data_location(name);
    if (!published)
      throw Error(ErrorCode::kInvalidArgument,
                  "'" + name + "' is no published data location; wanted one of " + join(data_locations(), ", "),
                  "store.locations." + name);
    options.locations[std::string(*published)] = std::filesystem::path(location.path) / "data.db";
  }
  return options;
}

/// The event log's rows, as a participant of the resources.
class EventRows final : public ResourceParticipant {
 public:
  explicit EventRows(EventLog& events) : events_(events) {}
  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override {
    events_.copy_resource(session, from.key, to.key, from.arm_id, to.arm_id);
  }
  void drop_rows(store::Session& session, const Resource& resource) override { events_.drop_resource(session, resource.key); }

 private:
  EventLog& events_;
};

/// What the providers keep for resources, as a participant of theirs.
class ProviderRows final : public ResourceParticipant {
 public:
  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override {
    plugin::copy_resource_rows(session, from.key, to.key);
  }
  void drop_rows(store::Session& session, const Resource& resource) override {
    plugin::drop_resource_rows(session, resource.key);
  }
};

service::NumberType number_type(NumberConfig::Type type) {
  switch (type) {
    case NumberConfig::Type::kTollFree:
      return service::NumberType::kTollFree;
    case NumberConfig::Type::kMobile:
      return service::NumberType::kMobile;
    default:
      return service::NumberType::kGeographic;
  }
}

service::NumberCapability capability(NumberConfig::Capability capability) {
  return static_cast<service::NumberCapability>(capability);
}

oidc::IssuerSetOptions issuer_options() {
  oidc::IssuerSetOptions options;
  // Issuers elsewhere do not follow a virtual clock.
  options.now = [] { return system_time_now(); };
  return options;
}

}  // namespace

std::string_view runtime_version() { return TRUNKLINE_VERSION; }

/// In the order of construction; destroyed in reverse.
struct Runtime::Parts {
  Log log;
  Metrics metrics;
  std::unique_ptr<IdSource> ids;
  Executor executor;
  Clock clock;
  std::unique_ptr<store::Store> store;
  EventLog events;
  delivery::DeliveryEngine delivery;
  net::HttpClient http;
  std::unique_ptr<oidc::DevelopmentIssuer> development_issuer;
  oidc::IssuerSet issuers;
  HttpClientTransport transport;
  plugin::HostContext host;
  ProviderRegistry providers;
  TokenWatch token_watch;
  ServiceContext context;
  ResourceService resources;
  ArmOperations arm_operations;
  EmailDomainService email_domains;
  NumberService numbers;
  NumberReservations number_reservations;
  SipRoutingService sip_routing;
  RoomService rooms;
  calls::CallService calls;
  calls::PhoneSandbox phone_sandbox;
  SmsService sms;
  EmailService email;
  TeamsAssignments teams_assignments;
  IdentityService identity;
  ChatService chat;
  ChatEventExpander chat_expander;
  eventgrid::EventSubscriptionService event_subscriptions;
  eventgrid::EventHistory event_history;
  eventgrid::EventTopicService event_topics;
  eventgrid::EventRetention event_retention;
  SandboxService sandbox;
  SandboxMailService sandbox_mail;
  connectors::ConnectorPort connectors;
  flows::WorkflowService workflows;
  WorkflowEvents workflow_events;
  EventRows event_rows;
  ProviderRows provider_rows;
  EventSinks sinks;
  ServiceObjects objects;

  std::mutex mutex;  // guards the endpoints and closed
  std::string endpoint;
  std::map<std::string, std::string, std::less<>> endpoints;  // of single resources, by name in lower case
  bool closed = false;

  Parts(Runtime& runtime, const Config& config)
      : log(log_options(config.log)),
        ids(config.runtime.seed ? std::make_unique<IdSource>(*config.runtime.seed) : std::make_unique<IdSource>()),
        executor(config.runtime.threads),
        clock(executor, config.runtime.clock == RuntimeConfig::Clock::kVirtual ? Clock::Mode::kVirtual : Clock::Mode::kReal,
              config.runtime.clock_start.value_or(Time{std::chrono::seconds{1767225600}})),
        store(store::make_sqlite_store(store_options(config.store), log, metrics, executor, clock)),
        events(*store, executor, clock, metrics),
        delivery(executor, clock, log, metrics, *ids, events, delivery_options(config.events)),
        http(executor),
        development_issuer(config.auth.development_issuer ? std::make_unique<oidc::DevelopmentIssuer>() : nullptr),
        issuers(config.auth.issuers, development_issuer.get(), http, log, issuer_options()),
        transport(http),
        host{executor, clock, log, metrics, &store->system(), &transport, {}, {}},
        providers(config, host, builtin_plugin_directories()),
        context{executor, clock, log, metrics, *ids, *store, events, providers, token_watch},
        resources(context),
        arm_operations(context),
        email_domains(context, resources),
        numbers(context, resources),
        number_reservations(context, numbers),
        sip_routing(context),
        rooms(context),
        calls(context, resources, numbers, rooms, sip_routing, http, speech_settings(config.calls)),
        phone_sandbox(context, numbers),
        sms(context, resources, numbers, config),
        email(context, resources, email_domains, config.email.rate_limits == EmailConfig::RateLimits::kDocumented),
        identity(context, issuers, development_issuer.get(), teams_assignments),
        chat(context, resources, config.chat.rate_limits == ChatConfig::RateLimits::kDocumented),
        chat_expander(resources),
        event_subscriptions(context, delivery),
        event_history(context, delivery, event_subscriptions),
        event_topics(context, event_subscriptions),
        event_retention(context, event_subscriptions, retention_options(config.events)),
        sandbox(context, numbers),
        sandbox_mail(context),
        connectors(executor, resources, {&sms, &identity, &chat, &email, &calls}, connection_mappings(config)),
        workflows({executor, clock, log, metrics, *ids, *store, http},
                  [&] {
                    flows::ServiceOptions options = workflow_options(config);
                    offer_identities(options, development_issuer.get(), [this] { return workflows.endpoint(); });
                    return options;
                  }()),
        workflow_events(resources, event_subscriptions, event_topics),
        event_rows(events),
        sinks(sms, chat, email, calls, log),
        objects(runtime) {}
};

Runtime::Runtime(Config config) : config_(std::move(config)) {}

std::unique_ptr<Runtime> Runtime::open(Config config) { return open(std::move(config), {}); }

std::unique_ptr<Runtime> Runtime::open(Config config, std::vector<std::unique_ptr<plugin::AppPlugin>> plugins) {
  std::unique_ptr<Runtime> runtime(new Runtime(std::move(config)));
  runtime->parts_ = std::make_unique<Parts>(*runtime, runtime->config_);
  Parts& p = *runtime->parts_;

  // All steps of a database at once: one it does not know belongs to a newer program.
  p.store->system().migrate(store::merge_migrations(
      {system_migrations(), plugin::plugin_migrations(), eventgrid::topic_migrations(), event_migrations(),
       delivery::delivery_migrations(), flows::workflow_migrations(), calls::call_migrations()}));
  for (store::Database* database : p.store->all())
    if (database != &p.store->system())
      database->migrate(
          store::merge_migrations({event_migrations(), delivery::delivery_migrations(), flows::workflow_migrations(),
                                   resource_migrations(), plugin::resource_store_migrations(), calls::call_migrations()}));
  p.host.publish = [&p](std::string provider, std::string type, std::string subject, std::string data) -> Task<void> {
    // Facts of a provider that no resource is known for belong to the default one.
    const ResourcePtr resource = p.resources.default_resource();
    if (!resource) throw Error(ErrorCode::kFailedPrecondition, "the runtime has no resource to publish for");
    NewEvent event;
    event.id = make_event_id(*p.ids, p.clock.now());
    event.type = std::move(type);
    event.subject = std::move(subject);
    event.topic = resource->arm_id;
    event.time = p.clock.now();
    event.data = std::move(data);
    co_await p.events.publish(*resource->database, resource->key, std::move(event));
    p.log.debug("events", "a provider published an event", {{"provider", provider}});
  };
  p.host.find_resource = [&p](std::string_view id) {
    const ResourcePtr resource = p.resources.find_by_id(id);
    if (!resource) throw Error(ErrorCode::kNotFound, "there is no resource with this id", "resourceId");
    return plugin::ResourceStorage{resource->database, resource->key, static_cast<std::int64_t>(resource->generation)};
  };
  p.delivery.set_expander(p.chat_expander);
  p.delivery.set_workflows(p.workflows.event_target());
  p.workflows.add_port(p.connectors);
  p.workflows.set_event_subscriber(p.workflow_events);
  p.workflows.load();
  p.resources.add_participant(p.event_rows);
  p.resources.add_participant(p.event_subscriptions);
  p.resources.add_participant(p.provider_rows);
  p.resources.add_participant(p.teams_assignments);
  p.resources.add_participant(p.numbers);
  p.resources.add_participant(p.number_reservations);
  p.resources.add_participant(p.sip_routing);
  p.resources.add_participant(p.rooms);
  p.resources.add_participant(p.calls);
  p.resources.add_participant(p.sms);
  p.resources.add_participant(p.email);
  p.resources.add_participant(p.chat);
  p.resources.add_participant(p.email_domains);
  p.resources.load();
  p.email_domains.load();
  p.providers.set_event_sink("trunkline.sms.events/1", [&p](std::string_view provider) { return p.sinks.sms(provider); });
  p.providers.set_event_sink("trunkline.identity.events/1",
                             [&p](std::string_view provider) { return p.sinks.identity(provider); });
  p.providers.set_event_sink("trunkline.chat.events/1", [&p](std::string_view provider) { return p.sinks.chat(provider); });
  p.providers.set_event_sink("trunkline.email.events/1", [&p](std::string_view provider) { return p.sinks.email(provider); });
  p.providers.set_event_sink("trunkline.pstn.events/1", [&p](std::string_view provider) { return p.sinks.pstn(provider); });
  p.providers.set_event_sink("trunkline.pstn.audio.events/1",
                             [&p](std::string_view provider) { return p.sinks.pstn_audio(provider); });
  p.providers.set_event_sink("trunkline.pstn_sandbox.events/1",
                             [&p](std::string_view provider) { return p.sinks.pstn_sandbox(provider); });
  p.providers.set_on_changed([&p](const std::string& name, const ProviderConfig* provider) {
    p.sms.set_rate(name, provider ? provider->rate : SmsRateConfig{});
  });
  p.email.tracking().set_base([r = runtime.get(), url = runtime->config_.email.public_url](const Resource& resource) {
    return url.empty() ? r->endpoint_of(resource) : url;
  });
  p.chat.set_user_lookup([&p](ResourcePtr resource, std::string user) -> Task<bool> {
    bool found = true;
    try {
      co_await p.identity.get_user(resource, user);
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound) throw;
      found = false;
    }
    co_return found;
  });
  p.identity.set_on_deleted([&p](ResourcePtr resource, std::string user) { return p.chat.forget_user(resource, user); });
  for (auto& plugin : plugins) p.providers.add_app(std::move(plugin));
  p.providers.start();
  p.event_topics.load();
  runtime->seed();
  seed_events(runtime->config_, p.resources, p.event_subscriptions, p.event_topics);
  p.sms.recover();
  p.email.recover();
  p.calls.recover();
  p.chat.start();
  p.event_retention.start();
  p.workflows.start();
  return runtime;
}

/// Idempotent: what exists already stays as it is.
void Runtime::seed() {
  Parts& p = *parts_;
  const SecretSource secrets;
  for (const ResourceConfig& wanted : config_.resources) {
    SmsSenders senders;
    senders.alphanumeric = wanted.alphanumeric_senders;
    senders.short_codes = wanted.short_codes;
    p.sms.set_senders(wanted.name, std::move(senders));
    p.sms.set_policy(wanted.name, wanted.sms);
    ResourceSpec spec;
    spec.name = wanted.name;
    spec.id = wanted.id;
    spec.data_location = wanted.data_location;
    spec.primary_key = secrets.resolve(wanted.primary_key);
    spec.secondary_key = secrets.resolve(wanted.secondary_key);
    spec.tags = wanted.tags;
    spec.local_auth = wanted.local_auth;
    const Secret primary = spec.primary_key;
    const ResourcePtr resource = sync_wait(p.resources.ensure(std::move(spec)));
    // The file made the first key only: one that was regenerated since must stay dead.
    if (!primary.empty() && primary.reveal() != resource->primary_key.reveal())
      p.log.warning("resources", "the primary key of the configuration is not the key of the resource; the resource's own counts",
                    {{"resource", resource->name}});
    for (const NumberConfig& number : wanted.numbers) {
      service::OwnedNumber owned;
      owned.number = number.number;
      owned.country_code = std::string(p.providers.country_of(number.number));
      owned.type = number_type(number.type);
      owned.for_application = true;
      owned.calling = capability(number.calling);
      owned.sms = capability(number.sms);
      owned.purchased_at = p.clock.now();
      sync_wait(p.numbers.assign(resource, std::move(owned)));
    }
    seed_email(resource, wanted);
  }
}

/// Domains of the configuration are proven: who writes it is trusted.
void Runtime::seed_email(const ResourcePtr& resource, const ResourceConfig& wanted) {
  Parts& p = *parts_;
  for (const EmailDomainConfig& domain : wanted.email_domains) {
    EmailDomainService::SeedSpec spec;
    spec.domain = domain.domain;
    spec.engagement_tracking = domain.engagement_tracking;
    for (const EmailSenderConfig& sender : domain.senders) spec.senders.emplace_back(sender.username, sender.display_name);
    const std::string id = sync_wait(p.email_domains.seed(resource, std::move(spec)));
    UniqueFunction<void(Resource&)> link = [&id](Resource& r) {
      for (const std::string& linked : r.arm.linked_domains)
        if (iequals(linked, id)) return;
      r.arm.linked_domains.push_back(id);
    };
    sync_wait(p.resources.update(resource->name, std::move(link)));
  }
}

Runtime::~Runtime() { close(); }

void Runtime::close() {
  if (!parts_) return;
  Parts& p = *parts_;
  {
    const std::lock_guard lock(p.mutex);
    if (std::exchange(p.closed, true)) return;
  }
  p.event_retention.stop();
  p.event_subscriptions.stop();
  p.events.stop();
  p.delivery.stop();
  p.workflows.stop();
  p.connectors.functions().stop();
  p.calls.stop();
  p.sms.stop();
  p.email.stop();
  p.chat.stop();
  p.providers.stop(std::chrono::ceil<std::chrono::milliseconds>(config_.runtime.stop_timeout));
  p.http.stop();
  p.clock.stop();
  for (store::Database* database : p.store->all()) database->flush();
  // Completions of the last commits are still on their way, and what they resume may write once more.
  p.executor.work().wait_idle();
  p.store->system().flush();
  p.executor.stop();
}

Task<void> Runtime::settle() {
  // On a thread of the clock's: counted work must not wait for itself.
  co_await parts_->clock.advance_async(Duration{0});
}

Task<service::ProviderInfo> Runtime::reload_provider(std::string name, service::ProviderChange change) {
  ReloadRequest request;
  request.provider = std::move(name);
  request.library = change.library.value_or("");
  request.probation = change.probation;
  request.drain = change.drain;
  if (change.settings) {
    if (change.config)
      throw Error(ErrorCode::kInvalidArgument, "found config and settings, wanted one: settings have a config of their own",
                  "config");
    request.config = parse_provider(*change.settings);
  } else if (change.config) {
    request.config = parse_provider(R"({"name": "provider", "plugin": "provider", "config": )" + *change.config + "}");
    request.only_config = true;
  }
  co_return co_await parts_->providers.reload_async(std::move(request));
}

Executor& Runtime::executor() { return parts_->executor; }
Clock& Runtime::clock() { return parts_->clock; }
Log& Runtime::log() { return parts_->log; }
Metrics& Runtime::metrics() { return parts_->metrics; }
IdSource& Runtime::ids() { return *parts_->ids; }
store::Store& Runtime::store() { return *parts_->store; }
EventLog& Runtime::events() { return parts_->events; }
ProviderRegistry& Runtime::providers() { return parts_->providers; }
ResourceService& Runtime::resources() { return parts_->resources; }
NumberService& Runtime::numbers() { return parts_->numbers; }
NumberReservations& Runtime::number_reservations() { return parts_->number_reservations; }
SipRoutingService& Runtime::sip_routing() { return parts_->sip_routing; }
RoomService& Runtime::rooms() { return parts_->rooms; }
calls::CallService& Runtime::calls() { return parts_->calls; }
calls::PhoneSandbox& Runtime::phone_sandbox() { return parts_->phone_sandbox; }
SmsService& Runtime::sms() { return parts_->sms; }
IdentityService& Runtime::identity() { return parts_->identity; }
TeamsAssignments& Runtime::teams_assignments() { return parts_->teams_assignments; }
ChatService& Runtime::chat() { return parts_->chat; }
delivery::DeliveryEngine& Runtime::delivery() { return parts_->delivery; }
eventgrid::EventSubscriptionService& Runtime::event_subscriptions() { return parts_->event_subscriptions; }
eventgrid::EventHistory& Runtime::event_history() { return parts_->event_history; }
eventgrid::EventTopicService& Runtime::event_topics() { return parts_->event_topics; }
flows::WorkflowService& Runtime::workflows() { return parts_->workflows; }
connectors::FunctionCalls& Runtime::function_calls() { return parts_->connectors.functions(); }
oidc::IssuerSet& Runtime::issuers() { return parts_->issuers; }
const oidc::DevelopmentIssuer* Runtime::development_issuer() const { return parts_->development_issuer.get(); }
SandboxService& Runtime::sandbox() { return parts_->sandbox; }
TokenWatch& Runtime::token_watch() { return parts_->token_watch; }
ServiceObjects& Runtime::objects() { return parts_->objects; }
EmailDomainService& Runtime::email_domains() { return parts_->email_domains; }
EmailService& Runtime::email() { return parts_->email; }
SandboxMailService& Runtime::sandbox_mail() { return parts_->sandbox_mail; }
ArmOperations& Runtime::arm_operations() { return parts_->arm_operations; }

service::ResourceInfo Runtime::describe(const Resource& resource) const {
  service::ResourceInfo info;
  info.name = resource.name;
  info.resource_id = resource.id;
  info.data_location = resource.data_location;
  info.primary_key = resource.primary_key.reveal();
  info.secondary_key = resource.secondary_key.reveal();
  if (const std::string where = endpoint_of(resource); !where.empty()) {
    info.connection_string = "endpoint=" + where + ";accesskey=" + info.primary_key;
    info.secondary_connection_string = "endpoint=" + where + ";accesskey=" + info.secondary_key;
  }
  info.lineage = resource.lineage;
  info.tags = resource.tags;
  info.local_auth = resource.local_auth;
  info.created_at = resource.created_at;
  return info;
}

std::vector<service::PluginInfo> Runtime::plugins() const { return parts_->providers.plugins(); }

void Runtime::set_endpoint(std::string endpoint) {
  parts_->event_subscriptions.set_endpoint(endpoint);
  parts_->workflows.set_endpoint(endpoint);
  const std::lock_guard lock(parts_->mutex);
  parts_->endpoint = std::move(endpoint);
}

void Runtime::set_endpoint(std::string_view resource_name, std::string endpoint) {
  const std::lock_guard lock(parts_->mutex);
  parts_->endpoints[to_lower(resource_name)] = std::move(endpoint);
}

std::string Runtime::endpoint_of(const Resource& resource) const {
  const std::lock_guard lock(parts_->mutex);
  const auto own = parts_->endpoints.find(to_lower(resource.name));
  return own == parts_->endpoints.end() ? parts_->endpoint : own->second;
}

std::string Runtime::endpoint() const {
  const std::lock_guard lock(parts_->mutex);
  return parts_->endpoint;
}

}  // namespace trunkline

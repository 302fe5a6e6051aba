#include "runtime/core/service_objects.h"

#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/core/calling_objects.h"
#include "runtime/core/calls_object.h"
#include "runtime/core/chat_object.h"
#include "runtime/core/email_objects.h"
#include "runtime/core/event_objects.h"
#include "runtime/core/object_scope.h"
#include "runtime/core/resource_objects.h"
#include "runtime/core/runtime.h"
#include "runtime/core/workflows_object.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/identity_service.h"
#include "runtime/services/sandbox_service.h"
#include "runtime/services/sms_service.h"
#include "trunkline/service_provider.hpp"

namespace trunkline {
namespace {

class SmsObject final : public service::SmsService {
 public:
  explicit SmsObject(const Scope& scope) : scope_(scope) {}

  Task<std::vector<service::SmsSendOutcome>> send(Call call, service::SmsMessage message) override {
    SmsSubmission submission = submission_of(call, std::move(message));
    co_return co_await scope_.runtime().sms().send(scope_.resource(), std::move(submission));
  }
  Task<std::vector<service::SmsSendPlan>> plan(Call call, service::SmsMessage message) override {
    co_return scope_.runtime().sms().plan(scope_.resource(), submission_of(call, std::move(message)));
  }
  Task<service::SmsCostEstimate> estimate(Call call, service::SmsMessage message) override {
    co_return scope_.runtime().sms().estimate(*scope_.resource(), submission_of(call, std::move(message)));
  }
  Task<service::SmsRecord> cancel(Call, std::string message_id) override {
    co_return co_await scope_.runtime().sms().cancel(scope_.resource(), std::move(message_id));
  }
  Task<std::vector<service::SmsReceipt>> receipts(Call, std::string message_id) override {
    co_return scope_.runtime().sms().receipts(*scope_.resource(), message_id);
  }
  Task<service::SmsRecord> get(Call, std::string message_id) override {
    co_return scope_.runtime().sms().get(*scope_.resource(), message_id);
  }
  Task<service::SmsPage> list(Call, std::int32_t limit, std::optional<std::string> continuation) override {
    co_return scope_.runtime().sms().list(*scope_.resource(), limit, continuation);
  }
  Task<DecisionRecord> explain(Call, std::string message_id) override {
    co_return scope_.runtime().sms().explain(*scope_.resource(), message_id);
  }

 private:
  static SmsSubmission submission_of(const Call& call, service::SmsMessage message) {
    SmsSubmission submission;
    submission.from = std::move(message.from);
    submission.text = std::move(message.message);
    submission.wants_report = message.delivery_report;
    submission.tag = std::move(message.tag);
    submission.report_timeout = message.delivery_report_timeout;
    submission.send_at = message.send_at;
    submission.traceparent = call.traceparent();
    const std::string key = message.idempotency_key.value_or(std::string(call.idempotency_key()));
    submission.to.reserve(message.to.size());
    for (std::size_t i = 0; i < message.to.size(); ++i) {
      SmsAddressee addressee;
      addressee.to = std::move(message.to[i]);
      // One key for the request, one message for each recipient: the position tells them apart.
      if (!key.empty()) addressee.idempotency_key = key + "#" + std::to_string(i);
      submission.to.push_back(std::move(addressee));
    }
    return submission;
  }

  const Scope& scope_;
};

class SmsConsentObject final : public service::SmsConsentService {
 public:
  explicit SmsConsentObject(const Scope& scope) : scope_(scope) {}

  Task<std::vector<service::OptOutOutcome>> add(Call, std::string sender, std::vector<std::string> recipients) override {
    co_return co_await consent().add(scope_.resource(), std::move(sender), std::move(recipients));
  }
  Task<std::vector<service::OptOutOutcome>> remove(Call, std::string sender, std::vector<std::string> recipients) override {
    co_return co_await consent().remove(scope_.resource(), std::move(sender), std::move(recipients));
  }
  Task<std::vector<service::OptOutOutcome>> check(Call, std::string sender, std::vector<std::string> recipients) override {
    co_return consent().check(*scope_.resource(), sender, recipients);
  }
  Task<service::OptOutPage> list(Call, std::optional<std::string> sender, std::int32_t limit,
                                 std::optional<std::string> continuation) override {
    co_return consent().list(*scope_.resource(), sender, limit, continuation);
  }
  Task<service::ConsentPage> history(Call, std::optional<std::string> recipient, std::int32_t limit,
                                     std::optional<std::string> continuation) override {
    co_return consent().history(*scope_.resource(), recipient, limit, continuation);
  }
  Task<service::ConsentProof> verify(Call) override { co_return consent().verify(*scope_.resource()); }

 private:
  SmsConsent& consent() const { return scope_.runtime().sms().consent(); }
  const Scope& scope_;
};

class IdentityObject final : public service::IdentityService {
 public:
  explicit IdentityObject(const Scope& scope) : scope_(scope) {}

  Task<service::UserWithToken> create_user(Call, std::vector<identity::TokenScope> scopes, std::optional<std::string> custom_id,
                                           Duration lifetime) override {
    co_return co_await scope_.runtime().identity().create_user(scope_.resource(), std::move(scopes), std::move(custom_id),
                                                               lifetime);
  }
  Task<identity::AccessToken> issue_token(Call, std::string user_id, std::vector<identity::TokenScope> scopes,
                                          Duration lifetime) override {
    co_return co_await scope_.runtime().identity().issue_token(scope_.resource(), std::move(user_id), std::move(scopes),
                                                               lifetime);
  }
  Task<void> revoke_tokens(Call, std::string user_id) override {
    co_await scope_.runtime().identity().revoke_tokens(scope_.resource(), std::move(user_id));
  }
  Task<void> delete_user(Call, std::string user_id) override {
    co_await scope_.runtime().identity().delete_user(scope_.resource(), std::move(user_id));
  }
  Task<identity::TokenClaims> verify_token(Call, std::string token) override {
    co_return co_await scope_.runtime().identity().verify_token(scope_.resource(), std::move(token));
  }
  Task<identity::UserIdentity> get_user(Call, std::string user_id) override {
    co_return co_await scope_.runtime().identity().get_user(scope_.resource(), std::move(user_id));
  }
  Task<identity::UserIdentity> find_by_custom_id(Call, std::string custom_id) override {
    co_return co_await scope_.runtime().identity().find_by_custom_id(scope_.resource(), std::move(custom_id));
  }
  Task<identity::UserPage> list_users(Call, std::int32_t limit, std::optional<std::string> continuation) override {
    co_return co_await scope_.runtime().identity().list_users(scope_.resource(), limit, std::move(continuation));
  }
  Task<identity::AccessToken> exchange_teams_token(Call, std::string token, std::string app_id, std::string user_id) override {
    co_return co_await scope_.runtime().identity().exchange_teams_token(scope_.resource(), std::move(token), std::move(app_id),
                                                                        std::move(user_id));
  }
  Task<identity::AccessToken> development_teams_token(Call, std::string app_id, std::string user_id) override {
    co_return scope_.runtime().identity().development_teams_token(std::move(app_id), std::move(user_id));
  }
  Task<std::vector<identity::SigningKey>> signing_keys(Call) override {
    co_return co_await scope_.runtime().identity().signing_keys();
  }
  Task<std::vector<identity::SigningKey>> rotate_keys(Call, bool drop_others) override {
    co_return co_await scope_.runtime().identity().rotate_keys(drop_others);
  }

 private:
  const Scope& scope_;
};

class SandboxObject final : public service::SandboxService {
 public:
  explicit SandboxObject(const Scope& scope) : scope_(scope) {}

  Task<std::vector<sandbox::Phone>> phones(Call) override {
    co_return co_await scope_.runtime().sandbox().phones(scope_.resource());
  }
  Task<std::vector<sandbox::PhoneMessage>> messages(Call, std::string number) override {
    co_return co_await scope_.runtime().sandbox().messages(scope_.resource(), std::move(number));
  }
  Task<std::string> send_from_phone(Call, std::string from, std::string to, std::string text) override {
    co_return co_await scope_.runtime().sandbox().send_from_phone(scope_.resource(), std::move(from), std::move(to),
                                                                  std::move(text));
  }
  Task<void> add_rule(Call, sandbox::PhoneRule rule) override {
    co_await scope_.runtime().sandbox().add_rule(scope_.resource(), std::move(rule));
  }
  Task<std::vector<sandbox::PhoneRule>> rules(Call) override {
    co_return co_await scope_.runtime().sandbox().rules(scope_.resource());
  }
  Task<void> reset(Call) override { co_await scope_.runtime().sandbox().reset(scope_.resource()); }

 private:
  const Scope& scope_;
};

class RuntimeObject final : public service::RuntimeService {
 public:
  explicit RuntimeObject(Runtime& runtime) : runtime_(runtime) {}

  std::string version(const Call&) override { return std::string(runtime_version()); }
  Time now(const Call&) override { return runtime_.clock().now(); }
  Task<Time> advance(Call, Duration by) override { co_return co_await runtime_.clock().advance_async(by); }
  Task<void> settle(Call) override { co_await runtime_.settle(); }
  Task<service::ResourceInfo> create_resource(Call, std::string name, std::string data_location) override {
    ResourceSpec spec;
    spec.name = std::move(name);
    spec.data_location = std::move(data_location);
    const ResourcePtr resource = co_await runtime_.resources().create(std::move(spec));
    co_return runtime_.describe(*resource);
  }
  Task<service::ResourceInfo> fork_resource(Call, std::string name, std::string new_name) override {
    const ResourcePtr resource = co_await runtime_.resources().fork(std::move(name), std::move(new_name));
    co_return runtime_.describe(*resource);
  }
  Task<void> drop_resource(Call, std::string name) override { co_await runtime_.resources().drop(std::move(name)); }
  Task<service::ResourceInfo> get_resource(Call, std::string name) override {
    co_return runtime_.describe(*runtime_.resources().get(name));
  }
  Task<std::vector<service::ResourceInfo>> list_resources(Call) override {
    std::vector<service::ResourceInfo> all;
    for (const ResourcePtr& resource : runtime_.resources().list()) all.push_back(runtime_.describe(*resource));
    co_return all;
  }
  Task<std::vector<service::PluginInfo>> list_plugins(Call) override { co_return runtime_.plugins(); }
  Task<std::string> metrics(Call) override { co_return runtime_.metrics().expose(); }
  Task<std::vector<service::ProviderInfo>> list_providers(Call) override { co_return runtime_.providers().list(); }
  Task<service::ProviderInfo> reload_provider(Call, std::string name, service::ProviderChange change) override {
    co_return co_await runtime_.reload_provider(std::move(name), std::move(change));
  }
  Task<service::ProviderInfo> settle_provider(Call, std::string name) override {
    runtime_.providers().describe(name);  // throws when there is none
    auto start = [&providers = runtime_.providers(), &executor = runtime_.executor(), name](auto done) {
      providers.when_settled(name, [&executor, done] { executor.post([done]() mutable { done(Result<void>()); }); });
    };
    co_await from_callback<void>(std::move(start));
    co_return runtime_.providers().describe(name);
  }
  Task<void> remove_provider(Call, std::string name) override { co_await runtime_.providers().remove(std::move(name)); }

 private:
  Runtime& runtime_;
};

}  // namespace

struct ServiceObjects::OfResource {
  Scope scope;
  EventScope event_scope{scope};
  SmsObject sms{scope};
  SmsConsentObject sms_consent{scope};
  IdentityObject identity{scope};
  NumbersObject numbers{scope};
  SipRoutingObject sip_routing{scope};
  RoomsObject rooms{scope};
  CallsObject calls{scope};
  SandboxPhonesObject sandbox_phones{scope};
  ChatObject chat{scope};
  EventsObject events{event_scope};
  EventSubscriptionsObject event_subscriptions{event_scope};
  EventHistoryObject event_history{event_scope};
  SandboxObject sandbox{scope};
  EmailObject email{scope};
  SandboxMailObject sandbox_mail{scope};

  OfResource(Runtime& runtime, const Resource& resource) : scope(runtime, resource.key, resource.name) {}
};

struct ServiceObjects::OfTopic {
  EventScope scope;
  EventsObject events{scope};
  EventSubscriptionsObject event_subscriptions{scope};
  EventHistoryObject event_history{scope};

  OfTopic(Runtime& runtime, std::string topic) : scope(runtime, std::move(topic)) {}
};

struct ServiceObjects::OfRuntime {
  RuntimeObject runtime;
  ResourcesObject resources;
  EventTopicsObject event_topics;
  WorkflowsObject workflows;
  explicit OfRuntime(Runtime& r) : runtime(r), resources(r), event_topics(r), workflows(r) {}
};

ServiceObjects::ServiceObjects(Runtime& runtime) : runtime_(runtime), of_runtime_(std::make_unique<OfRuntime>(runtime)) {}
ServiceObjects::~ServiceObjects() = default;

tl_iface ServiceObjects::find_of_topic(std::string_view topic, std::string_view id) {
  const std::string name = runtime_.event_topics().get(topic)->name;
  const std::lock_guard lock(mutex_);
  std::unique_ptr<OfTopic>& objects = topics_[to_lower(name)];
  if (!objects) objects = std::make_unique<OfTopic>(runtime_, name);
  if (id == "trunkline.service.events/1") return iface_of(static_cast<service::EventsService*>(&objects->events));
  if (id == "trunkline.service.event_subscriptions/1")
    return iface_of(static_cast<service::EventSubscriptionsService*>(&objects->event_subscriptions));
  if (id == "trunkline.service.event_history/1")
    return iface_of(static_cast<service::EventHistoryService*>(&objects->event_history));
  return {};
}

tl_iface ServiceObjects::find(std::string_view resource_name, std::string_view id) {
  if (id == "trunkline.service.runtime/1") return iface_of(static_cast<service::RuntimeService*>(&of_runtime_->runtime));
  if (id == "trunkline.service.resources/1") return iface_of(static_cast<service::ResourcesService*>(&of_runtime_->resources));
  if (id == "trunkline.service.event_topics/1")
    return iface_of(static_cast<service::EventTopicsService*>(&of_runtime_->event_topics));
  if (id == "trunkline.service.workflows/1") return iface_of(static_cast<workflows::WorkflowsService*>(&of_runtime_->workflows));
  if (resource_name.starts_with(kTopicPrefix)) return find_of_topic(resource_name.substr(kTopicPrefix.size()), id);
  const ResourcePtr resource =
      resource_name.empty() ? runtime_.resources().default_resource() : runtime_.resources().get(resource_name);
  if (!resource) throw Error(ErrorCode::kNotFound, "the runtime has no resource", "resource");
  const std::lock_guard lock(mutex_);
  std::unique_ptr<OfResource>& objects = resources_[resource->key];
  if (!objects) objects = std::make_unique<OfResource>(runtime_, *resource);
  if (id == "trunkline.service.sms/1") return iface_of(static_cast<service::SmsService*>(&objects->sms));
  if (id == "trunkline.service.sms_consent/1") return iface_of(static_cast<service::SmsConsentService*>(&objects->sms_consent));
  if (id == "trunkline.service.identity/1") return iface_of(static_cast<service::IdentityService*>(&objects->identity));
  if (id == "trunkline.service.numbers/1") return iface_of(static_cast<service::NumbersService*>(&objects->numbers));
  if (id == "trunkline.service.sip_routing/1") return iface_of(static_cast<service::SipRoutingService*>(&objects->sip_routing));
  if (id == "trunkline.service.rooms/1") return iface_of(static_cast<service::RoomsService*>(&objects->rooms));
  if (id == "trunkline.service.calls/1") return iface_of(static_cast<calling::CallsService*>(&objects->calls));
  if (id == "trunkline.service.sandbox_phones/1")
    return iface_of(static_cast<calling::SandboxPhonesService*>(&objects->sandbox_phones));
  if (id == "trunkline.service.chat/1") return iface_of(static_cast<service::ChatService*>(&objects->chat));
  if (id == "trunkline.service.events/1") return iface_of(static_cast<service::EventsService*>(&objects->events));
  if (id == "trunkline.service.event_subscriptions/1")
    return iface_of(static_cast<service::EventSubscriptionsService*>(&objects->event_subscriptions));
  if (id == "trunkline.service.event_history/1")
    return iface_of(static_cast<service::EventHistoryService*>(&objects->event_history));
  if (id == "trunkline.service.email/1") return iface_of(static_cast<service::EmailService*>(&objects->email));
  if (id == "trunkline.service.sandbox_mail/1")
    return iface_of(static_cast<service::SandboxMailService*>(&objects->sandbox_mail));
  if (id == "trunkline.service.sandbox/1") return iface_of(static_cast<service::SandboxService*>(&objects->sandbox));
  return {};
}

}  // namespace trunkline

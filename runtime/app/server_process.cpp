#include "runtime/app/server_process.h"

#include <array>

#include "runtime/api/arm_communication_api.h"
#include "runtime/api/arm_eventgrid_api.h"
#include "runtime/api/arm_logic_api.h"
#include "runtime/api/calls_api.h"
#include "runtime/api/chat_api.h"
#include "runtime/api/control_api.h"
#include "runtime/api/directory.h"
#include "runtime/api/email_api.h"
#include "runtime/api/event_publish_api.h"
#include "runtime/api/identity_api.h"
#include "runtime/api/network_traversal_api.h"
#include "runtime/api/numbers_api.h"
#include "runtime/api/oidc_api.h"
#include "runtime/api/rejections_api.h"
#include "runtime/api/rooms_api.h"
#include "runtime/api/sip_routing_api.h"
#include "runtime/api/sms_api.h"
#include "runtime/api/webhook_api.h"
#include "runtime/api/webrtc_api.h"
#include "runtime/app/console.h"
#include "runtime/app/local_ca.h"
#include "runtime/app/resource_ports.h"
#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/clock/system_time.h"
#include "runtime/core/runtime.h"
#include "runtime/crypto/hash.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/oidc/issuer_set.h"
#include "runtime/realtime/event_stream.h"
#include "runtime/realtime/realtime.h"
#include "runtime/server/api_server.h"
#include "runtime/services/chat_service.h"
#include "runtime/services/identity_service.h"
#include "runtime/services/resource_service.h"
#include "runtime/sipsocket/sip_routes.h"

namespace trunkline::app {
namespace {

/// Fixed, like the development access key: it opens a runtime that runs on the developer's own machine.
constexpr std::string_view kDevelopmentToken = "local-arm-token";
constexpr std::size_t kMaxCertificateNames = 500;
constexpr Duration kDrainTime = std::chrono::seconds{10};

std::string random_token() {
  std::array<std::uint8_t, 24> bytes;
  random_bytes(bytes);
  return hex_encode(bytes);
}

Task<server::BearerClaims> verify_bearer(Runtime* runtime, const std::string* arm_token, server::BearerKind kind,
                                         std::string token, std::shared_ptr<const server::ResourceKeys> addressed) {
  server::BearerClaims claims;
  if (kind == server::BearerKind::kUser) {
    ResourcePtr resource;
    if (addressed) resource = std::static_pointer_cast<const Resource>(addressed->owner);
    const identity::TokenClaims verified = co_await runtime->identity().verify_any_token(std::move(token), std::move(resource));
    claims.resource_id = verified.resource_id;
    claims.user_id = verified.user_id;
    claims.expires_at = verified.expires_at;
    for (const identity::TokenScope scope : verified.scopes) claims.scopes.emplace_back(to_rest(scope));
    co_return claims;
  }
  if (kind == server::BearerKind::kArm && crypto::constant_time_equal(token, *arm_token)) co_return claims;
  const oidc::Purpose purpose = kind == server::BearerKind::kArm      ? oidc::Purpose::kManagement
                                : kind == server::BearerKind::kPerson ? oidc::Purpose::kUser
                                                                      : oidc::Purpose::kData;
  oidc::Principal who = co_await runtime->issuers().verify(std::move(token), purpose);
  claims.principal = std::make_shared<const oidc::Principal>(std::move(who));
  co_return claims;
}

net::TlsIdentity tls_identity(const LocalCa& ca, const ResourceService& resources) {
  // Clients take no `*.localhost`: a wildcard needs two more labels. So each resource is named, as many as fit.
  std::vector<std::string> names;
  for (const ResourcePtr& resource : resources.list())
    if (names.size() < kMaxCertificateNames) names.push_back(to_lower(resource->name) + ".localhost");
  // Certificates are checked by clients, so they follow the system's time and not a virtual clock's.
  const crypto::PemIdentity identity = ca.authority.issue_server(system_time_now(), names);
  net::TlsIdentity out;
  out.chain_pem = identity.certificate;
  out.key_pem = identity.private_key;
  return out;
}

}  // namespace

struct ServerProcess::Impl {
  std::unique_ptr<Runtime> runtime;
  /// Callers wait in real time, whatever the runtime's clock does.
  std::unique_ptr<Clock> wall;
  std::unique_ptr<api::Directory> directory;
  std::unique_ptr<server::ApiServer> server;
  std::stop_source stopping;
  std::string arm_token;
  std::string ca_dir;

  /// A server that runs for a year must not show a certificate that has ended.
  void renew_certificate_later() {
    wall->schedule_after(kServerCertificateUse, [this] {
      try {
        server->set_tls(tls_identity(open_local_ca(ca_dir, system_time_now()), runtime->resources()));
        runtime->log().info("tls", "the server's certificate was replaced");
      } catch (const Error& error) {
        runtime->log().error("tls", "the server's certificate cannot be replaced", {{"reason", error.message}});
      }
      renew_certificate_later();
    });
  }
};

ServerProcess::ServerProcess(Config config, bool development) : impl_(std::make_unique<Impl>()) {
  impl_->arm_token = development ? std::string(kDevelopmentToken) : random_token();
  const ListenConfig listen = config.listen;
  const AuthConfig auth = config.auth;
  const bool control = config.control.enabled;
  const ResourcePorts resource_ports(config);
  server::ServerOptions options;
  options.host = listen.host;
  options.port = listen.port;
  options.cors_origins = listen.cors_origins;
  options.extra = resource_ports.listeners();
  options.auth.clock_skew = auth.clock_skew;
  options.auth.replay_guard = auth.replay_guard;
  options.auth.client_time = [] { return system_time_now(); };
  options.auth.control_token = Secret(impl_->arm_token);
  options.auth.enabled = auth.mode == AuthConfig::Mode::kOn;

  impl_->runtime = Runtime::open(std::move(config));
  Runtime& runtime = *impl_->runtime;
  if (listen.tls == ListenConfig::Tls::kAuto) {
    const LocalCa ca = open_local_ca(listen.ca_dir, system_time_now());
    options.tls_port = listen.tls_port;
    options.tls = tls_identity(ca, runtime.resources());
    addresses_.ca_file = ca.certificate_file;
  }
  options.auth.verify_bearer = [&runtime, token = &impl_->arm_token](server::BearerKind kind, std::string given,
                                                                     std::shared_ptr<const server::ResourceKeys> addressed) {
    return verify_bearer(&runtime, token, kind, std::move(given), std::move(addressed));
  };
  impl_->directory = std::make_unique<api::Directory>(runtime.resources());
  impl_->server = std::make_unique<server::ApiServer>(runtime.executor(), runtime.clock(), runtime.log(), runtime.metrics(),
                                                      runtime.ids(), std::move(options), *impl_->directory);
  std::vector<server::Route> routes;
  api::add_sms_routes(routes, runtime.sms());
  api::add_email_routes(routes, runtime.email());
  api::add_email_link_routes(routes, runtime.email());
  api::add_number_routes(routes, runtime.numbers());
  api::add_number_list_routes(routes);
  api::add_number_reservation_routes(routes, runtime.numbers(), runtime.number_reservations());
  api::add_sip_routing_routes(routes, runtime.sip_routing());
  api::add_room_routes(routes, runtime.rooms());
  api::add_call_routes(routes, runtime.calls(), [&runtime] { return runtime.endpoint(); });
  api::add_call_recording_routes(routes, runtime.calls());
  api::add_identity_routes(routes, runtime.identity());
  api::add_teams_extension_routes(routes, runtime.identity(), runtime.teams_assignments());
  api::add_chat_routes(routes, runtime.chat());
  api::add_webhook_routes(routes, runtime.providers(), runtime.clock());
  api::add_webrtc_routes(routes, runtime.providers(), runtime.clock(), impl_->stopping.get_token());
  api::add_network_traversal_routes(routes, runtime.providers(), runtime.clock());
  api::add_key_routes(routes, runtime.identity());
  if (const auto* issuer = runtime.development_issuer()) api::add_development_issuer_routes(routes, *issuer);
  impl_->wall = std::make_unique<Clock>(runtime.executor(), Clock::Mode::kReal);
  sipsocket::add_sip_routes(
      routes, {runtime.providers(), runtime.resources(), runtime.clock(), runtime.log(), runtime.ids(), runtime.token_watch()});
  realtime::add_realtime_routes(
      routes, {runtime.clock(), *impl_->wall, runtime.log(), runtime.metrics(), runtime.chat().hub(), runtime.token_watch()});
  realtime::add_event_stream_routes(routes,
                                    {runtime.clock(), runtime.log(), runtime.metrics(), runtime.events(), runtime.token_watch(),
                                     [&runtime](std::string_view topic) { return runtime.event_topics().get(topic)->source; }});
  impl_->ca_dir = listen.ca_dir;
  const api::ArmServices arm{runtime.resources(),
                             runtime.email_domains(),
                             runtime.arm_operations(),
                             runtime.clock(),
                             [&runtime](const Resource& resource, const std::string& key) {
                               return "endpoint=" + runtime.endpoint_of(resource) + ";accesskey=" + key;
                             },
                             [](const Resource& resource) { return to_lower(resource.name) + ".localhost"; }};
  api::add_arm_communication_routes(routes, arm);
  const api::EventGridServices event_grid{
      runtime.resources(),      runtime.event_topics(), runtime.event_subscriptions(),
      runtime.arm_operations(), runtime.clock(),        [&runtime] { return runtime.endpoint(); }};
  api::add_arm_eventgrid_routes(routes, event_grid);
  const api::LogicServices logic{runtime.workflows(), runtime.clock()};
  api::add_arm_logic_routes(routes, logic);
  api::add_workflow_door_routes(routes, logic);
  const api::PublishServices publish{
      runtime.event_topics(),
      runtime.event_subscriptions(),
      runtime.clock(),
      [] { return system_time_now(); },
      [&runtime](std::string token) -> Task<void> { co_await runtime.issuers().verify(std::move(token), oidc::Purpose::kData); },
      auth.mode == AuthConfig::Mode::kOff};
  api::add_event_publish_routes(routes, publish);
  if (control) {
    api::add_control_routes(routes, runtime, *impl_->wall);
    api::add_rejection_routes(routes, impl_->server->rejections());
    add_console_routes(routes);
  }
  impl_->server->add_routes(std::move(routes));
  const server::ApiServer::Ports ports = impl_->server->start();
  if (ports.https != 0) impl_->renew_certificate_later();
  addresses_.endpoint = "http://" + listen.host + ":" + std::to_string(ports.http);
  if (ports.https != 0) addresses_.tls_endpoint = "https://" + listen.host + ":" + std::to_string(ports.https);
  if (control) addresses_.console = addresses_.endpoint + "/_console#token=" + impl_->arm_token;
  runtime.set_endpoint(addresses_.endpoint + "/");
  resource_ports.publish(ports.extra, *impl_->directory, runtime);
}

ServerProcess::~ServerProcess() { stop(); }

Runtime& ServerProcess::runtime() { return *impl_->runtime; }
const std::string& ServerProcess::arm_token() const { return impl_->arm_token; }

void ServerProcess::stop() {
  impl_->stopping.request_stop();  // pages that wait for calls would hold the drain up
  if (impl_->server) {
    sync_wait(impl_->server->drain(kDrainTime));
    impl_->server->stop();
  }
  if (impl_->wall) impl_->wall->stop();
  if (impl_->runtime) impl_->runtime->close();
  impl_->server.reset();
  impl_->wall.reset();
}

}  // namespace trunkline::app

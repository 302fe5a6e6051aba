// The effective configuration as text.
#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/config/config.h"
#include "runtime/config/render_writer.h"
#include "runtime/config/workflow_limits.h"

namespace trunkline {
namespace {

std::string_view capability_name(NumberConfig::Capability value) {
  return name_of(value, {"none", "inbound", "outbound", "both"});
}

void write_isolation(ConfigWriter& w, const IsolationConfig& isolation) {
  if (isolation.mode == IsolationConfig::Mode::kNone) return;
  w.text("isolation", "process");
  w.begin("isolation_limits");
  w.raw("memory_mib", std::to_string(isolation.memory_mib));
  w.raw("open_files", std::to_string(isolation.open_files));
  w.raw("hang_after", format_duration(isolation.hang_after));
  w.raw("restart_after", format_duration(isolation.restart_after));
  w.raw("restart_at_most", format_duration(isolation.restart_at_most));
  w.raw("quarantine_after", std::to_string(isolation.quarantine_after));
  w.raw("quarantine_within", format_duration(isolation.quarantine_within));
  w.end();
}

void write_provider(ConfigWriter& w, const ProviderConfig& provider) {
  w.begin_item();
  w.text("name", provider.name);
  w.text("plugin", provider.plugin);
  if (!provider.interfaces.empty()) w.texts("interfaces", provider.interfaces);
  w.raw("config", provider.config_json);
  if (!provider.secrets.empty()) {
    w.begin("secrets");
    for (const auto& [name, ref] : provider.secrets) w.secret(name, ref);
    w.end();
  }
  w.raw("timeout", format_duration(provider.timeout));
  write_isolation(w, provider.isolation);
  write_provider_sms(w, provider);
  w.end_item();
}

std::string_view schema_name(EventSchemaConfig schema) {
  return schema == EventSchemaConfig::kEventGrid ? "EventGridSchema" : "CloudEventSchemaV1_0";
}

/// The query of a URL often is a key.
std::string without_query(std::string_view url) {
  const auto query = url.find('?');
  return query == url.npos ? std::string(url) : std::string(url.substr(0, query)) + "?[redacted]";
}

/// Of the properties of an event subscription, what nobody else is to see.
void redact(nlohmann::json& value) {
  if (value.is_object() && value.value("isSecret", nlohmann::json()) == true) value["value"] = "[redacted]";
  for (auto& [name, member] : value.items()) {
    if (member.is_structured())
      redact(member);
    else if (name == "endpointUrl" && member.is_string())
      member = without_query(member.get_ref<const std::string&>());
    else if (name == "bearer" || name == "hmacSecret")
      member = "[redacted]";
  }
}

void write_event_subscription(ConfigWriter& w, const EventSubscriptionConfig& subscription) {
  w.begin_item();
  w.text("name", subscription.name);
  if (!subscription.endpoint.empty()) w.text("endpoint", without_query(subscription.endpoint));
  if (!subscription.types.empty()) w.texts("types", subscription.types);
  if (!subscription.subject_begins_with.empty()) w.text("subject_begins_with", subscription.subject_begins_with);
  w.raw("schema", schema_name(subscription.schema));
  w.secret("bearer", subscription.bearer);
  w.secret("hmac_secret", subscription.hmac_secret);
  if (subscription.properties_json != "{}") {
    nlohmann::json properties = parse_json(subscription.properties_json);
    redact(properties);
    w.raw("properties", properties.dump());
  }
  w.end_item();
}

void write_resource(ConfigWriter& w, const ResourceConfig& resource) {
  w.begin_item();
  w.text("name", resource.name);
  if (!resource.id.empty()) w.text("id", resource.id);
  w.text("data_location", resource.data_location);
  w.secret("primary_key", resource.primary_key);
  w.secret("secondary_key", resource.secondary_key);
  if (!resource.numbers.empty()) {
    w.begin("numbers");
    for (const NumberConfig& number : resource.numbers) {
      w.begin_item();
      w.text("number", number.number);
      w.raw("type", name_of(number.type, {"geographic", "tollFree", "mobile"}));
      w.raw("sms", capability_name(number.sms));
      w.raw("calling", capability_name(number.calling));
      w.end_item();
    }
    w.end();
  }
  if (!resource.alphanumeric_senders.empty()) w.texts("alphanumeric_senders", resource.alphanumeric_senders);
  if (!resource.short_codes.empty()) w.texts("short_codes", resource.short_codes);
  if (!resource.email_domains.empty()) {
    w.begin("email_domains");
    for (const EmailDomainConfig& domain : resource.email_domains) {
      w.begin_item();
      w.text("domain", domain.domain);
      if (!domain.senders.empty()) {
        w.begin("senders");
        for (const EmailSenderConfig& sender : domain.senders) {
          w.begin_item();
          w.text("username", sender.username);
          if (!sender.display_name.empty()) w.text("display_name", sender.display_name);
          w.end_item();
        }
        w.end();
      }
      w.boolean("engagement_tracking", domain.engagement_tracking);
      w.end_item();
    }
    w.end();
  }
  if (!resource.hosts.empty()) w.texts("hosts", resource.hosts);
  if (resource.port) w.raw("port", std::to_string(*resource.port));
  if (resource.tls_port) w.raw("tls_port", std::to_string(*resource.tls_port));
  if (!resource.local_auth) w.raw("local_auth", "false");
  if (!resource.tags.empty()) {
    w.begin("tags");
    for (const auto& [name, value] : resource.tags) w.text(name, value);
    w.end();
  }
  write_sms_policy(w, resource.sms);
  write_list(w, "event_subscriptions", resource.event_subscriptions, write_event_subscription);
  w.end_item();
}

void write_topic(ConfigWriter& w, const EventTopicConfig& topic) {
  w.begin_item();
  w.text("name", topic.name);
  w.raw("schema", schema_name(topic.schema));
  w.secret("key1", topic.key1);
  w.secret("key2", topic.key2);
  write_list(w, "event_subscriptions", topic.event_subscriptions, write_event_subscription);
  w.end_item();
}

void write_events(ConfigWriter& w, const EventsConfig& events) {
  w.begin("events");
  w.raw("retention", format_duration(events.retention));
  w.raw("max_events", std::to_string(events.max_events));
  w.raw("max_size_mb", std::to_string(events.max_size_mb));
  if (!events.dead_letter_path.empty()) w.text("dead_letter_path", events.dead_letter_path);
  w.boolean("allow_http", events.allow_http);
  w.boolean("forbid_private", events.forbid_private);
  w.raw("response_timeout", format_duration(events.response_timeout));
  std::vector<std::string> waits;
  for (const Duration wait : events.retry_schedule) waits.push_back(format_duration(wait));
  if (!waits.empty()) w.texts("retry_schedule", waits);
  w.raw("connections_per_endpoint", std::to_string(events.connections_per_endpoint));
  w.end();
}

void write_workflows(ConfigWriter& w, const Config& config) {
  const WorkflowsConfig& workflows = config.workflows;
  w.begin("workflows");
  w.raw("retention", format_duration(workflows.retention));
  w.raw("max_run", format_duration(workflows.max_run));
  w.raw("max_stateless_run", format_duration(workflows.max_stateless_run));
  w.raw("caller_timeout", format_duration(workflows.caller_timeout));
  w.raw("http_timeout", format_duration(workflows.http_timeout));
  w.raw("script_timeout", format_duration(workflows.script_timeout));
  w.raw("script_memory_mb", std::to_string(workflows.script_memory_mb));
  w.raw("script_max_length", std::to_string(workflows.script_max_length));
  w.raw("script_max_result_kb", std::to_string(workflows.script_max_result_kb));
  w.raw("scripts", std::to_string(workflows.scripts));
  write_workflow_limits(w, workflows.limits);
  if (!workflows.settings.empty()) {
    w.begin("settings");
    for (const auto& [name, value] : workflows.settings) w.text(name, value);
    w.end();
  }
  w.end();
  if (config.connections.empty()) return;
  w.begin("connections");
  for (const auto& [name, connection] : config.connections) {
    w.begin(name);
    if (!connection.url.empty()) w.text("url", connection.url);
    if (!connection.function.empty()) w.text("function", connection.function);
    if (!connection.resource.empty()) w.text("resource", connection.resource);
    w.end();
  }
  w.end();
}

void write_issuer(ConfigWriter& w, const IssuerConfig& issuer) {
  w.begin_item();
  w.text("issuer", issuer.issuer);
  if (!issuer.jwks_url.empty()) w.text("jwks_url", issuer.jwks_url);
  w.texts("audiences", issuer.audiences);
  w.texts("management_audiences", issuer.management_audiences);
  w.texts("user_audiences", issuer.user_audiences);
  if (!issuer.applications.empty()) w.texts("applications", issuer.applications);
  if (!issuer.roles.empty()) w.texts("roles", issuer.roles);
  w.end_item();
}

}  // namespace

std::string render_yaml(const Config& config) {
  ConfigWriter w;
  w.begin("runtime");
  w.raw("threads", std::to_string(config.runtime.threads));
  if (config.runtime.seed) w.raw("seed", std::to_string(*config.runtime.seed));
  w.raw("clock", name_of(config.runtime.clock, {"real", "virtual"}));
  if (config.runtime.clock_start) w.raw("clock_start", format_rfc3339(*config.runtime.clock_start));
  w.raw("stop_timeout", format_duration(config.runtime.stop_timeout));
  w.end();
  w.begin("log");
  w.raw("level", name_of(config.log.level, {"debug", "info", "warning", "error", "off"}));
  w.raw("format", name_of(config.log.format, {"text", "json"}));
  if (!config.log.file.empty()) w.text("file", config.log.file);
  w.end();
  w.begin("store");
  w.raw("mode", name_of(config.store.mode, {"memory", "file"}));
  w.text("path", config.store.path);
  if (!config.store.locations.empty()) {
    w.begin("locations");
    for (const auto& [name, location] : config.store.locations) {
      w.begin(name);
      w.text("path", location.path);
      w.end();
    }
    w.end();
  }
  w.end();
  w.begin("listen");
  w.text("host", config.listen.host);
  w.raw("port", std::to_string(config.listen.port));
  w.raw("tls_port", std::to_string(config.listen.tls_port));
  w.raw("tls", name_of(config.listen.tls, {"auto", "off"}));
  if (!config.listen.ca_dir.empty()) w.text("ca_dir", config.listen.ca_dir);
  if (!config.listen.cors_origins.empty()) w.texts("cors_origins", config.listen.cors_origins);
  w.end();
  w.begin("auth");
  w.raw("mode", name_of(config.auth.mode, {"on", "off"}));
  w.raw("clock_skew", format_duration(config.auth.clock_skew));
  w.boolean("replay_guard", config.auth.replay_guard);
  write_list(w, "issuers", config.auth.issuers, write_issuer);
  if (config.auth.development_issuer) w.boolean("development_issuer", true);
  w.end();
  w.begin("chat");
  w.raw("rate_limits", name_of(config.chat.rate_limits, {"off", "documented"}));
  w.end();
  w.begin("calls");
  w.raw("speech", name_of(config.calls.speech, {"auto", "flite", "tones"}));
  w.raw("recognition", name_of(config.calls.recognition, {"auto", "pocketsphinx", "words"}));
  w.text("recognition_model", config.calls.recognition_model);
  w.text("espeak", config.calls.espeak);
  w.end();
  w.begin("email");
  w.raw("rate_limits", name_of(config.email.rate_limits, {"off", "documented"}));
  if (!config.email.public_url.empty()) w.text("public_url", config.email.public_url);
  w.end();
  write_events(w, config.events);
  write_workflows(w, config);
  w.begin("control");
  w.boolean("enabled", config.control.enabled);
  w.end();
  write_sms(w, config.sms);
  w.begin("plugins");
  w.texts("paths", config.plugins.paths);
  w.boolean("allow_drafts", config.plugins.allow_drafts);
  w.texts("allow_hashes", config.plugins.allow_hashes);
  w.end();
  write_list(w, "providers", config.providers, write_provider);
  write_list(w, "routes", config.routes, write_route);
  write_list(w, "resources", config.resources, write_resource);
  write_list(w, "topics", config.topics, write_topic);
  return w.take();
}

}  // namespace trunkline

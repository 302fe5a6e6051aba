#include "runtime/config/config.h"

namespace trunkline {
namespace {

// Shown to users as their starting point, and parsed like any other file. Keys and numbers are conventions of the development
// sandbox that tests and examples rely on.
constexpr std::string_view kDefault =
    R"yaml(# Development configuration of Trunkline: everything in memory, every carrier simulated.
runtime:
  seed: 1                  # the same identifiers and the same failures on every run
log:
  level: warning
store:
  mode: memory
listen:
  host: 127.0.0.1
  port: 4600
  tls_port: 4643
  cors_origins: [localhost]  # pages of this machine may call
auth:
  development_issuer: true # tokens in the shape of Microsoft Entra's for whoever asks on this machine
events:
  # Sooner than the documented schedule, for those who wait in front of a screen.
  retry_schedule: [2s, 10s, 30s, 1m, 5m, 10m, 30m, 1h, 3h, 6h, 12h]
control:
  enabled: true            # the sandbox and the clock can be steered over HTTP

providers:
  - name: sim-a            # a fast carrier
    plugin: sms-sandbox
    config: {latency_ms: 20}
  - name: sim-b            # a slower one that fails now and then
    plugin: sms-sandbox
    config: {latency_ms: 200, jitter_ms: 300, failure_rate: 0.05}
  - name: sim-mail         # catches all mail; any program may hand in more by SMTP: `trunkline mail`
    plugin: email-sandbox
    config: {smtp_port: 0, smtp_resource: trunkline}
  - name: local-identity
    plugin: identity-local
  - name: local-chat
    plugin: chat-local
  - name: sim-phones       # virtual phones: who answers, who is busy, what they press and say
    plugin: pstn-sandbox

routes:
  - interface: sms
    providers: [sim-a, sim-b]

resources:
  - name: trunkline
    id: 7472756e-6b6c-496e-8565-000000000001
    data_location: United States
    primary_key: {value: dHJ1bmtsaW5lLWRldmVsb3BtZW50LWFjY2Vzcy1rZXk=}
    secondary_key: {value: dHJ1bmtsaW5lLWRldmVsb3BtZW50LXNlY29uZC1rZXk=}
    numbers:
      - {number: "+14255550100", type: geographic, sms: both, calling: both}
      - {number: "+442079460100", type: geographic, sms: both}
      - {number: "+61299990100", type: geographic, calling: both}
    alphanumeric_senders: [TRUNKLINE]
    short_codes: ["25555"]
    email_domains:
      - domain: sandbox.trunkline.test
        senders:
          - {username: support, display_name: Trunkline Support}
)yaml";

}  // namespace

std::string_view default_config_yaml() { return kDefault; }

Config default_config() {
  ConfigOptions options;
  options.file_name = "default configuration";
  return parse_config(kDefault, options);
}

}  // namespace trunkline

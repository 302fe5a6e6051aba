// trunkline.yaml as plain structs. The comment of each member is its documentation; the keys are the members' names.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/secret.h"
#include "runtime/config/sms_config.h"
#include "runtime/workflow/options.h"
#include "trunkline/error.hpp"

namespace trunkline {

/// Where something stands in the file; both count from 1, 0 when it is not in a file.
struct ConfigMark {
  int line = 0;
  int column = 0;
};

/// A secret that is fetched when it is needed (secret_source.h). Written as a mapping with exactly one of `env`, `file`,
/// `command` (a list: the program and its arguments, no shell) and `value`; `timeout` (10s) limits a command.
struct SecretRef {
  enum class Kind { kNone, kEnv, kFile, kCommand, kValue };
  Kind kind = Kind::kNone;
  std::string source;                // name of the environment variable, or path of the file
  std::vector<std::string> command;  // argv
  Secret value;
  Duration timeout = std::chrono::seconds(10);
  std::string path;  // of this reference, such as `providers[1].secrets.password`; for messages
  ConfigMark mark;

  explicit operator bool() const { return kind != Kind::kNone; }
};

struct RuntimeConfig {
  /// Threads of the executor; 0: one for each core, at least two.
  unsigned threads = 0;
  /// Makes identifiers and the sandbox repeatable. Absent: random.
  std::optional<std::uint64_t> seed;
  /// `real`, or `virtual`: stands still until it is advanced.
  enum class Clock { kReal, kVirtual } clock = Clock::kReal;
  /// First moment of a virtual clock, RFC 3339. Absent: 2026-01-01T00:00:00Z.
  std::optional<Time> clock_start;
  /// Longest that closing waits for providers that do not stop, of the wall; those are abandoned. At most 1h.
  Duration stop_timeout = std::chrono::seconds(10);
};

struct LogConfig {
  /// `debug`, `info`, `warning`, `error` or `off`.
  enum class Level { kDebug, kInfo, kWarning, kError, kOff } level = Level::kInfo;
  /// `text` or `json` (one object a line).
  enum class Format { kText, kJson } format = Format::kText;
  /// File to append to; empty: standard error.
  std::string file;
};

struct StoreLocation {
  /// Directory of this location's database; a relative one starts at the configuration file.
  std::string path;
};
struct StoreConfig {
  /// `memory`: gone with the process. `file`: durable.
  enum class Mode { kMemory, kFile } mode = Mode::kMemory;
  /// Directory of the databases in file mode.
  std::string path = "trunkline-data";
  /// Data locations that rest in a database of their own, such as `Europe: {path: /srv/eu}`. All others share `path`.
  std::map<std::string, StoreLocation> locations;
};

struct ListenConfig {
  /// Address to listen on.
  std::string host = "127.0.0.1";
  /// Port for HTTP; 0 picks a free one.
  std::uint16_t port = 4600;
  /// Port for HTTPS; 0 picks a free one.
  std::uint16_t tls_port = 4643;
  /// `auto`: HTTPS with a certificate from a local authority. `off`: HTTP only.
  enum class Tls { kAuto, kOff } tls = Tls::kAuto;
  /// Directory in which the local authority is kept; empty: the user's data directory.
  std::string ca_dir;
  /// Origins whose pages may call from a browser: `https://app.example`, `localhost` (any page of this machine) or `*`.
  std::vector<std::string> cors_origins;
};

/// Somebody whose tokens open us: Microsoft Entra, or any other issuer of JSON Web Tokens.
struct IssuerConfig {
  /// `iss` of its tokens, such as `https://login.microsoftonline.com/{tenant}/v2.0`.
  std::string issuer;
  /// Where its keys are (RFC 7517); empty: where `{issuer}/.well-known/openid-configuration` says.
  std::string jwks_url;
  /// `aud` of tokens that open the data plane.
  std::vector<std::string> audiences = {"https://communication.azure.com"};
  /// `aud` of tokens that open the management plane.
  std::vector<std::string> management_audiences = {"https://management.azure.com", "https://management.core.windows.net"};
  /// `aud` of people's tokens that are exchanged for user access tokens.
  std::vector<std::string> user_audiences = {"https://auth.msft.communication.azure.com", "https://communication.azure.com"};
  /// Applications (`appid` or `azp`) that may call; empty: every one.
  std::vector<std::string> applications;
  /// Roles (`roles`) of which an application needs one; empty: none is needed.
  std::vector<std::string> roles;
  ConfigMark mark;
};

struct AuthConfig {
  /// `on`, or `off`: every request is taken as authenticated. Never off on an address that others reach.
  enum class Mode { kOn, kOff } mode = Mode::kOn;
  /// How far the date of a signed request may be off.
  Duration clock_skew = std::chrono::minutes(5);
  /// Refuses a second request with the same signature. Two equal requests within one second have equal signatures.
  bool replay_guard = false;
  /// Issuers whose bearer tokens are accepted in place of access keys and on the management plane.
  std::vector<IssuerConfig> issuers;
  /// An issuer of our own under `/_dev/oidc` that gives a token to whoever asks. For development and tests; `dev` turns it on.
  bool development_issuer = false;
};

struct ChatConfig {
  /// `off`, or `documented`: the published limits of calls per user and thread, answered with 429 beyond them.
  enum class RateLimits { kOff, kDocumented } rate_limits = RateLimits::kOff;
};

struct CallsConfig {
  /// Who says the texts that applications play. `flite`: a voice. `tones`: each word is a tone of 400 ms. `auto`: a voice in
  /// calls with a phone whose real sound we carry, tones in the others.
  enum class Speech { kAuto, kFlite, kTones } speech = Speech::kAuto;
  /// What is understood of what people say. `auto`: the sound of phones and pages whose real sound we carry, and the words of
  /// simulated phones. `pocketsphinx`: the sound of all; simulated phones speak with a voice. `words`: those of simulated phones.
  enum class Recognition { kAuto, kPocketsphinx, kWords } recognition = Recognition::kAuto;
  /// Folder with an acoustic model, a dictionary and a language model. Its name is the language.
  std::string recognition_model = "/usr/share/pocketsphinx/model/en-us";
  /// Program that speaks languages other than English; a name without a slash is looked for in PATH.
  std::string espeak = "espeak-ng";
};

struct EmailConfig {
  /// `off`, or `documented`: the published limits of sending and asking, answered with 429 beyond them.
  enum class RateLimits { kOff, kDocumented } rate_limits = RateLimits::kOff;
  /// Where links of tracked mail lead, such as `https://mail.example.com/`; empty: to the address the server listens on.
  std::string public_url;
};

struct EmailSenderConfig {
  /// The part before the `@`.
  std::string username;
  /// Shown name; empty: the username.
  std::string display_name;
};

/// A domain that a resource may send from; counts as verified. It has the sender `DoNotReply`.
struct EmailDomainConfig {
  std::string domain;
  std::vector<EmailSenderConfig> senders;
  /// Tell of openings and clicks.
  bool engagement_tracking = false;
};

enum class EventSchemaConfig { kEventGrid, kCloudEvents };

/// An event subscription that is made, or changed to what stands here, at each start. Its endpoint need not prove itself: who
/// writes this file is trusted.
struct EventSubscriptionConfig {
  /// Unique among those of its resource or topic: 3 to 64 letters, digits and `-`.
  std::string name;
  /// URL of the webhook. Absent: `properties.destination` says where to.
  std::string endpoint;
  /// Event types, such as `Microsoft.Communication.SMSReceived`; empty: all.
  std::vector<std::string> types;
  /// Beginning of the subject.
  std::string subject_begins_with;
  /// `EventGridSchema` or `CloudEventSchemaV1_0`.
  EventSchemaConfig schema = EventSchemaConfig::kEventGrid;
  /// Sent as `Authorization: Bearer …`.
  SecretRef bearer;
  /// Signs the bodies.
  SecretRef hmac_secret;
  /// Everything else, as the `properties` of an event subscription in ARM; what stands beside them wins.
  std::string properties_json = "{}";
  ConfigMark mark;
};

/// A custom topic.
struct EventTopicConfig {
  /// Unique: 3 to 50 letters, digits and `-`.
  std::string name;
  /// What publishers send: `EventGridSchema` or `CloudEventSchemaV1_0`.
  EventSchemaConfig schema = EventSchemaConfig::kEventGrid;
  /// Access keys, base64. Absent: made when the topic is first created.
  SecretRef key1;
  SecretRef key2;
  std::vector<EventSubscriptionConfig> event_subscriptions;
  ConfigMark mark;
};

struct EventsConfig {
  /// How long events and their delivery attempts are kept.
  Duration retention = std::chrono::hours(7 * 24);
  /// Events that are kept in each database; 0: any number.
  std::uint64_t max_events = 1'000'000;
  /// Size of the events that are kept in each database; 0: any.
  std::uint64_t max_size_mb = 1024;
  /// Directory below which event subscriptions may have dead letters written; empty: nowhere.
  std::string dead_letter_path;
  /// Plain http also to webhooks on other machines.
  bool allow_http = false;
  /// No webhooks at loopback, private and link-local addresses, however they are named.
  bool forbid_private = false;
  /// How long a webhook may take to answer.
  Duration response_timeout = std::chrono::seconds(30);
  /// Waits between attempts, the last one repeats; empty: the documented schedule (10s, 30s, 1m, 5m, 10m, 30m, 1h, 3h, 6h, 12h).
  std::vector<Duration> retry_schedule;
  /// Requests to one endpoint at the same time.
  unsigned connections_per_endpoint = 32;
};

struct WorkflowsConfig {
  /// How long runs and the histories of triggers are kept; 0s: for ever.
  Duration retention = std::chrono::hours(90 * 24);
  /// How long a run may take; then it ends as TimedOut.
  Duration max_run = std::chrono::hours(90 * 24);
  /// How long a caller of a Request trigger waits for the Response.
  Duration caller_timeout = std::chrono::seconds(120);
  /// How long an HTTP action may take, without what its retry policy adds.
  Duration http_timeout = std::chrono::seconds(120);
  /// Of inline code: how long a script may run, what it may add to the memory of its process, how long its text and its result
  /// may be, and how many run at a time.
  Duration script_timeout = std::chrono::seconds(5);
  std::uint32_t script_memory_mb = 128;
  std::uint32_t script_max_length = 100'000;
  std::uint32_t script_max_result_kb = 10'240;
  std::uint32_t scripts = 2;
  /// How long a run of a stateless workflow may take.
  Duration max_stateless_run = std::chrono::minutes(5);
  /// What definitions, runs, expressions and messages may have: the documented limits (workflow_limits.h has the keys).
  workflow::Options limits;
  /// What appsetting() gives, by name.
  std::map<std::string, std::string> settings;
};

/// What a connector or function of workflows stands for: exactly one of these.
struct ConnectionConfig {
  /// Of an HTTP API with the paths of the connector, such as `https://crm.example/api`.
  std::string url;
  /// Name of a function that the application takes calls of.
  std::string function;
  /// Name of the communication resource, of a connector that Trunkline has itself.
  std::string resource;
  ConfigMark mark;
};

struct ControlConfig {
  /// Offers the control interface of sandbox and clock over HTTP. For development and tests.
  bool enabled = false;
};

struct PluginsConfig {
  /// Directories with plugins, searched in order, before the built-in one.
  std::vector<std::string> paths;
  /// Loads plugins whose interface is a draft.
  bool allow_drafts = false;
  /// When not empty, loads only plugins whose file has one of these SHA-256 digests (hex).
  std::vector<std::string> allow_hashes;
};

struct BreakerConfig {
  /// Failures in a row after which a provider is left alone.
  std::uint32_t failures = 5;
  /// For how long.
  Duration open_for = std::chrono::seconds(30);
  /// How long its share grows after that, from a tenth to all.
  Duration return_over = std::chrono::seconds(30);
};

/// A provider in a process of its own: what it may use there, and how it comes back.
struct IsolationConfig {
  enum class Mode { kNone, kProcess } mode = Mode::kNone;
  /// Resident memory, in MiB.
  std::uint32_t memory_mib = 1'024;
  std::uint32_t open_files = 1'024;
  /// How long one of its functions may take to return, of the wall.
  Duration hang_after = std::chrono::seconds(30);
  /// Wait before it is started again; doubled each time, up to restart_at_most.
  Duration restart_after = std::chrono::seconds(1);
  Duration restart_at_most = std::chrono::minutes(1);
  /// So many losses within quarantine_within, and it stays away.
  std::uint32_t quarantine_after = 5;
  Duration quarantine_within = std::chrono::minutes(10);
};

struct ProviderConfig {
  /// Unique name, by which routes refer to it.
  std::string name;
  /// Id of the plugin, such as `sms-sandbox`.
  std::string plugin;
  /// Interfaces to use of those the plugin offers, such as `sms`; empty: all.
  std::vector<std::string> interfaces;
  /// What the plugin's manifest describes, handed over as JSON. Numbers are those of JSON; `+1425`, `007` and quoted ones are
  /// text.
  std::string config_json = "{}";
  /// Secrets the plugin may ask for, by name.
  std::map<std::string, SecretRef> secrets;
  /// Limit of one call.
  Duration timeout = std::chrono::seconds(30);
  /// Where its code runs.
  IsolationConfig isolation;
  /// When it is left alone, and how it comes back.
  BreakerConfig breaker;
  /// Text messages that it may be handed.
  SmsRateConfig rate;
  /// What it asks for a part of a text.
  SmsPricesConfig prices;
  ConfigMark mark;
};

/// Each list may also be written as one value: `resource`, `to_prefix`, `country`, `from`, `tag`. Empty: all.
struct RouteMatch {
  /// Names of resources.
  std::vector<std::string> resources;
  /// Beginnings of the recipient's number: `+1`, `+4479`.
  std::vector<std::string> to_prefixes;
  /// Countries of the recipient, ISO 3166 alpha-2: `US`.
  std::vector<std::string> countries;
  /// Numbers, short codes, names or `pool:NAME`.
  std::vector<std::string> senders;
  /// Tags of the message.
  std::vector<std::string> tags;
};
/// The first route whose interface is right and whose match holds decides; without one, all providers of the interface are
/// used in the order in which they stand.
struct RouteConfig {
  /// `sms`, `email`, …
  std::string interface;
  /// All members that are given must hold.
  RouteMatch match;
  /// `listed`: as they stand. `cost`: the cheapest for the number first. `weight`: drawn for each message by `weights`.
  enum class Order { kListed, kCost, kWeight } order = Order::kListed;
  /// Names of providers; the later ones take over when the earlier ones fail.
  std::vector<std::string> providers;
  /// By name of the provider; 0: only when the others fail. Absent: 1.
  std::map<std::string, std::uint32_t> weights;
  /// Text messages only: after a receipt that tells of a failure of this class the next provider tries. `retriable`: not
  /// reachable, over a quota; `carrier_fault`: a fault of the carrier.
  bool failover_retriable = false;
  bool failover_carrier_fault = false;
  /// Not later than this after the message was accepted.
  Duration failover_within = std::chrono::minutes(10);
  ConfigMark mark;
};

struct NumberConfig {
  /// E.164: `+14255550100`.
  std::string number;
  /// `geographic`, `tollFree` or `mobile`.
  enum class Type { kGeographic, kTollFree, kMobile } type = Type::kGeographic;
  /// What it is good for: `none`, `inbound`, `outbound` or `both`.
  enum class Capability { kNone, kInbound, kOutbound, kBoth };
  Capability sms = Capability::kNone;
  Capability calling = Capability::kNone;
};

struct ResourceConfig {
  /// Unique name; also the first part of its host name.
  std::string name;
  /// Immutable id, a GUID. Absent: made when the resource is first created.
  std::string id;
  /// Where its data rests; picks the database (store.locations).
  std::string data_location = "United States";
  /// Access keys, base64. Absent: made when the resource is first created.
  SecretRef primary_key;
  SecretRef secondary_key;
  std::vector<NumberConfig> numbers;
  /// Names it may send from, such as `CONTOSO`: 1 to 11 letters, digits and spaces, with a letter.
  std::vector<std::string> alphanumeric_senders;
  /// Short codes it may send from, 3 to 8 digits.
  std::vector<std::string> short_codes;
  std::vector<EmailDomainConfig> email_domains;
  /// Further hosts that mean this resource, `acs.example.com` or with a port, beside `<name>.localhost`.
  std::vector<std::string> hosts;
  /// Ports of its own for HTTP and HTTPS; what comes in there is for this resource. 0 picks a free one.
  std::optional<std::uint16_t> port;
  std::optional<std::uint16_t> tls_port;
  /// False: access keys open nothing. Counts when the resource is first created.
  bool local_auth = true;
  std::map<std::string, std::string> tags;
  /// Whom it may write to, as whom, when and for how much.
  SmsPolicyConfig sms;
  std::vector<EventSubscriptionConfig> event_subscriptions;
  ConfigMark mark;
};

struct Config {
  RuntimeConfig runtime;
  LogConfig log;
  StoreConfig store;
  ListenConfig listen;
  AuthConfig auth;
  ChatConfig chat;
  CallsConfig calls;
  EmailConfig email;
  EventsConfig events;
  WorkflowsConfig workflows;
  /// By name of the managed API, of the connection, or of its reference in a definition.
  std::map<std::string, ConnectionConfig> connections;
  ControlConfig control;
  SmsConfig sms;
  PluginsConfig plugins;
  std::vector<ProviderConfig> providers;
  std::vector<RouteConfig> routes;
  std::vector<ResourceConfig> resources;
  std::vector<EventTopicConfig> topics;
};

/// One thing that is wrong with a configuration.
struct ConfigProblem {
  ConfigMark mark;
  /// `providers[1].plugin`
  std::string path;
  /// `wanted text, found a list`
  std::string message;

  /// `trunkline.yaml:12:5: providers[1].plugin: wanted text, found a list`
  std::string str(std::string_view file) const;
};

/// Everything that is wrong with a configuration, kInvalidArgument; the message has one problem a line.
class ConfigError : public Error {
 public:
  ConfigError(std::vector<ConfigProblem> problems, std::string_view file);
  const std::vector<ConfigProblem>& problems() const noexcept { return problems_; }

 private:
  std::vector<ConfigProblem> problems_;
};

struct ConfigOptions {
  /// For messages.
  std::string file_name = "trunkline.yaml";
  /// Where relative paths start; empty: the working directory.
  std::filesystem::path base_dir;
  /// Reports secrets whose variable, file or program does not exist.
  bool check_secrets = true;
  /// Looks up environment variables; empty: the process's.
  std::function<std::optional<std::string>(const std::string&)> environment;

  /// For a text that stands in `file`.
  static ConfigOptions of_file(const std::filesystem::path& file);
};

/// Reads YAML or JSON. Throws ConfigError with all problems at once. Text above 1 MiB, nesting above 32 levels and aliases that
/// unfold to more than 50,000 values are problems too.
Config parse_config(std::string_view text, const ConfigOptions& options = {});
/// One item of `providers`, as it would stand in a file; JSON.
ProviderConfig parse_provider(std::string_view json);
/// The item of `providers` of this name in a file, as parse_provider reads it. Throws kNotFound, and as load_config does.
std::string provider_settings(const std::filesystem::path& file, std::string_view name);
/// Throws Error kNotFound when the file cannot be read.
Config load_config(const std::filesystem::path& file, ConfigOptions options = {});

/// What `trunkline dev` starts with when there is no file: a memory store, a sandbox with two carriers, one resource with fixed
/// keys and numbers, everything under one seed. As text, to begin one's own file with; and as structs.
std::string_view default_config_yaml();
Config default_config();

/// Well known: good for development only.
inline constexpr std::string_view kDevelopmentAccessKey = "dHJ1bmtsaW5lLWRldmVsb3BtZW50LWFjY2Vzcy1rZXk=";
inline constexpr std::string_view kDevelopmentResourceId = "7472756e-6b6c-496e-8565-000000000001";

/// The effective configuration as YAML, with `[redacted]` for values of secrets. What it prints parses to the same
/// configuration but for those.
std::string render_yaml(const Config& config);

}  // namespace trunkline

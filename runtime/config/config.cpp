#include "runtime/config/config.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/config/email_section.h"
#include "runtime/config/events_section.h"
#include "runtime/config/section.h"
#include "runtime/config/sms_section.h"
#include "runtime/config/workflows_section.h"

namespace trunkline {
namespace {

bool is_e164(std::string_view text) {
  return text.size() >= 4 && text.size() <= 16 && text[0] == '+' && text[1] != '0' &&
         std::all_of(text.begin() + 1, text.end(), is_digit);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' || c == '_' || c == '.';
  });
}

bool is_alphanumeric_sender(std::string_view text) {
  bool letter = false;
  for (const char c : text) {
    const char lower = ascii_lower(c);
    if (lower >= 'a' && lower <= 'z')
      letter = true;
    else if (!is_digit(c) && c != ' ')
      return false;
  }
  return letter && text.size() <= 11 && text.front() != ' ' && text.back() != ' ';
}

// A name that must be there, fit for paths and labels, and unlike those before it.
void unique_name(ConfigSection& section, std::string_view key, std::string& out, std::set<std::string, std::less<>>& taken) {
  section.required_text(key, out);
  if (out.empty()) return;
  if (!is_name(out)) return section.problem(key, "wanted 1 to 63 letters, digits, '-', '_' and '.', found '" + out + "'");
  if (!taken.insert(out).second) section.problem(key, "'" + out + "' is taken already");
}

void read_runtime(ConfigSection& s, RuntimeConfig& out) {
  s.integer("threads", out.threads, 0u, 1024u);
  std::uint64_t seed = 0;
  std::string given;
  if (s.text("seed", given)) {
    s.integer("seed", seed);
    out.seed = seed;
  }
  s.choice("clock", out.clock, {{"real", RuntimeConfig::Clock::kReal}, {"virtual", RuntimeConfig::Clock::kVirtual}});
  s.time("clock_start", out.clock_start);
  s.duration("stop_timeout", out.stop_timeout);
  if (out.stop_timeout > std::chrono::hours(1)) s.problem("stop_timeout", "is longer than 1h");
  if (out.clock_start && out.clock == RuntimeConfig::Clock::kReal) s.problem("clock_start", "needs `clock: virtual`");
}

void read_log(ConfigSection& s, LogConfig& out) {
  using Level = LogConfig::Level;
  s.choice("level", out.level,
           {{"debug", Level::kDebug},
            {"info", Level::kInfo},
            {"warning", Level::kWarning},
            {"error", Level::kError},
            {"off", Level::kOff}});
  s.choice("format", out.format, {{"text", LogConfig::Format::kText}, {"json", LogConfig::Format::kJson}});
  s.text("file", out.file);
}

void read_store(ConfigSection& s, StoreConfig& out) {
  s.choice("mode", out.mode, {{"memory", StoreConfig::Mode::kMemory}, {"file", StoreConfig::Mode::kFile}});
  s.text("path", out.path);
  s.each_member("locations", [&](const std::string& name, ConfigSection& locations) {
    locations.section(name, [&](ConfigSection& location) { location.required_text("path", out.locations[name].path); });
  });
}

void read_listen(ConfigSection& s, ListenConfig& out) {
  s.text("host", out.host);
  s.integer("port", out.port);
  s.integer("tls_port", out.tls_port);
  s.choice("tls", out.tls, {{"auto", ListenConfig::Tls::kAuto}, {"off", ListenConfig::Tls::kOff}});
  s.text("ca_dir", out.ca_dir);
  s.texts("cors_origins", out.cors_origins);
  for (const std::string& origin : out.cors_origins)
    if (origin != "*" && origin != "localhost" && (origin.find("://") == std::string::npos || origin.ends_with('/')))
      s.problem("cors_origins", "wanted an origin such as https://app.example, localhost or *, found '" + origin + "'");
  if (out.tls == ListenConfig::Tls::kAuto && out.port != 0 && out.port == out.tls_port)
    s.problem("tls_port", "is the same as port");
}

void read_issuer(ConfigSection& s, IssuerConfig& out) {
  out.mark = s.mark();
  s.required_text("issuer", out.issuer);
  s.text("jwks_url", out.jwks_url);
  s.texts("audiences", out.audiences);
  s.texts("management_audiences", out.management_audiences);
  s.texts("user_audiences", out.user_audiences);
  s.texts("applications", out.applications);
  s.texts("roles", out.roles);
  // Keys that come over a line which others can change open everything.
  const auto check = [&](const char* key, const std::string& url) {
    const bool loopback =
        url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost") || url.starts_with("http://[::1]");
    if (!url.empty() && !url.starts_with("https://") && !loopback)
      s.problem(key, "wanted an https URL (http only on this machine), found '" + url + "'");
  };
  check("jwks_url", out.jwks_url);
  if (out.jwks_url.empty()) check("issuer", out.issuer);
}

void read_auth(ConfigSection& s, AuthConfig& out) {
  s.choice("mode", out.mode, {{"on", AuthConfig::Mode::kOn}, {"off", AuthConfig::Mode::kOff}});
  s.duration("clock_skew", out.clock_skew);
  s.boolean("replay_guard", out.replay_guard);
  s.each("issuers", [&](ConfigSection& issuer) { read_issuer(issuer, out.issuers.emplace_back()); });
  s.boolean("development_issuer", out.development_issuer);
}

void read_plugins(ConfigSection& s, PluginsConfig& out) {
  s.texts("paths", out.paths);
  s.boolean("allow_drafts", out.allow_drafts);
  s.texts("allow_hashes", out.allow_hashes);
  for (std::string& hash : out.allow_hashes) {
    if (hash.size() != 64 || !hex_decode(hash))
      s.problem("allow_hashes", "wanted a SHA-256 digest of 64 hex digits, found '" + hash + "'");
    hash = to_lower(hash);
  }
}

void read_isolation(ConfigSection& s, IsolationConfig& out) {
  s.choice("isolation", out.mode, {{"none", IsolationConfig::Mode::kNone}, {"process", IsolationConfig::Mode::kProcess}});
  s.section("isolation_limits", [&](ConfigSection& limits) {
    constexpr std::uint32_t kLeastMib = 32, kLeastFiles = 32, kMostFiles = 1'048'576;
    limits.integer("memory_mib", out.memory_mib, kLeastMib);
    limits.integer("open_files", out.open_files, kLeastFiles, kMostFiles);
    limits.duration("hang_after", out.hang_after);
    limits.duration("restart_after", out.restart_after);
    limits.duration("restart_at_most", out.restart_at_most);
    limits.integer("quarantine_after", out.quarantine_after, 1u);
    limits.duration("quarantine_within", out.quarantine_within);
    for (const auto& [key, value] : {std::pair{"hang_after", out.hang_after}, std::pair{"restart_after", out.restart_after},
                                     std::pair{"quarantine_within", out.quarantine_within}})
      if (value < std::chrono::milliseconds(10)) limits.problem(key, "must be at least 10ms");
    if (out.restart_at_most < out.restart_after) limits.problem("restart_at_most", "must not be shorter than restart_after");
  });
}

void read_provider(ConfigSection& s, ProviderConfig& out, std::set<std::string, std::less<>>& names) {
  out.mark = s.mark();
  unique_name(s, "name", out.name, names);
  s.required_text("plugin", out.plugin);
  s.texts("interfaces", out.interfaces);
  s.json("config", out.config_json);
  s.each_member("secrets", [&](const std::string& name, ConfigSection& secrets) { secrets.secret(name, out.secrets[name]); });
  s.duration("timeout", out.timeout);
  if (out.timeout <= Duration::zero()) s.problem("timeout", "must be longer than nothing");
  read_isolation(s, out.isolation);
  read_provider_sms(s, out);
}

void read_number(ConfigSection& s, NumberConfig& out, std::set<std::string, std::less<>>& taken) {
  using Capability = NumberConfig::Capability;
  s.required_text("number", out.number);
  if (!out.number.empty()) {
    if (!is_e164(out.number))
      s.problem("number", "wanted an E.164 number such as +14255550100, found '" + out.number + "'");
    else if (!taken.insert(out.number).second)
      s.problem("number", "'" + out.number + "' is owned already");
  }
  s.choice("type", out.type,
           {{"geographic", NumberConfig::Type::kGeographic},
            {"tollFree", NumberConfig::Type::kTollFree},
            {"mobile", NumberConfig::Type::kMobile}});
  const auto capabilities = {std::pair<std::string_view, Capability>{"none", Capability::kNone},
                             {"inbound", Capability::kInbound},
                             {"outbound", Capability::kOutbound},
                             {"both", Capability::kBoth}};
  s.choice("sms", out.sms, capabilities);
  s.choice("calling", out.calling, capabilities);
}

void read_resource(ConfigSection& s, ResourceConfig& out, std::set<std::string, std::less<>>& names,
                   std::set<std::string, std::less<>>& numbers) {
  out.mark = s.mark();
  unique_name(s, "name", out.name, names);
  if (s.text("id", out.id)) {
    if (const auto id = Uuid::parse(out.id))
      out.id = id->str();
    else
      s.problem("id", "wanted a GUID, found '" + out.id + "'");
  }
  if (s.text("data_location", out.data_location) && out.data_location.empty()) s.problem("data_location", "is empty");
  s.secret("primary_key", out.primary_key);
  s.secret("secondary_key", out.secondary_key);
  for (const auto& [key, ref] :
       {std::pair<std::string_view, const SecretRef&>{"primary_key", out.primary_key}, {"secondary_key", out.secondary_key}})
    if (ref.kind == SecretRef::Kind::kValue && !base64_decode(ref.value.reveal())) s.problem(key, "the value is not base64");
  s.each("numbers", [&](ConfigSection& number) { read_number(number, out.numbers.emplace_back(), numbers); });
  s.texts("alphanumeric_senders", out.alphanumeric_senders);
  for (const std::string& sender : out.alphanumeric_senders)
    if (!is_alphanumeric_sender(sender))
      s.problem("alphanumeric_senders", "wanted 1 to 11 letters, digits and spaces with a letter, found '" + sender + "'");
  s.texts("short_codes", out.short_codes);
  for (const std::string& code : out.short_codes)
    if (code.size() < 3 || code.size() > 8 || !std::all_of(code.begin(), code.end(), is_digit))
      s.problem("short_codes", "wanted 3 to 8 digits, found '" + code + "'");
  read_email_domains(s, out.email_domains);
  s.texts("hosts", out.hosts);
  for (const std::string& host : out.hosts)
    if (host.empty() || host.size() > 253 || host.find_first_of("/ @") != std::string::npos)
      s.problem("hosts", "wanted a host name such as acs.example.com, found '" + host + "'");
  for (const auto& [key, port] :
       {std::pair<std::string_view, std::optional<std::uint16_t>*>{"port", &out.port}, {"tls_port", &out.tls_port}}) {
    std::string given;
    std::uint16_t value = 0;
    if (!s.text(key, given)) continue;
    s.integer(key, value);
    *port = value;
  }
  s.boolean("local_auth", out.local_auth);
  s.text_map("tags", out.tags);
  s.section("sms", [&](ConfigSection& policy) { read_sms_policy(policy, out.sms, out); });
  std::set<std::string, std::less<>> subscriptions;
  s.each("event_subscriptions",
         [&](ConfigSection& item) { read_event_subscription(item, out.event_subscriptions.emplace_back(), subscriptions); });
}

/// Every port is somebody's alone; 0 is nobody's.
void check_ports(ConfigContext& context, const Config& config) {
  std::set<std::uint16_t> taken;
  if (config.listen.port != 0) taken.insert(config.listen.port);
  if (config.listen.tls == ListenConfig::Tls::kAuto && config.listen.tls_port != 0) taken.insert(config.listen.tls_port);
  for (std::size_t i = 0; i < config.resources.size(); ++i) {
    const ResourceConfig& resource = config.resources[i];
    const std::string path = "resources[" + std::to_string(i) + "].";
    for (const auto& [key, port] :
         {std::pair<std::string, std::optional<std::uint16_t>>{"port", resource.port}, {"tls_port", resource.tls_port}})
      if (port && *port != 0 && !taken.insert(*port).second)
        context.add(resource.mark, path + key, "the port " + std::to_string(*port) + " is taken already");
    if (resource.tls_port && config.listen.tls == ListenConfig::Tls::kOff)
      context.add(resource.mark, path + "tls_port", "needs `listen.tls: auto`");
  }
}

// What a route refers to must exist.
void check_routes(ConfigContext& context, const Config& config) {
  std::vector<std::string_view> providers, resources;
  for (const ProviderConfig& provider : config.providers) providers.push_back(provider.name);
  for (const ResourceConfig& resource : config.resources) resources.push_back(resource.name);
  const auto unknown = [](std::string_view what, const std::string& name, const std::vector<std::string_view>& known) {
    const std::string_view meant = closest_word(name, known);
    return "there is no " + std::string(what) + " '" + name + "'" +
           (meant.empty() ? "" : ", did you mean '" + std::string(meant) + "'?");
  };
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const RouteConfig& route = config.routes[i];
    const std::string path = "routes[" + std::to_string(i) + "]";
    for (std::size_t j = 0; j < route.providers.size(); ++j) {
      const std::string provider_path = path + ".providers[" + std::to_string(j) + "]";
      const auto at = std::find(providers.begin(), providers.end(), route.providers[j]);
      if (at == providers.end()) {
        context.add(route.mark, provider_path, unknown("provider", route.providers[j], providers));
        continue;
      }
      const auto& interfaces = config.providers[static_cast<std::size_t>(at - providers.begin())].interfaces;
      if (!interfaces.empty() && std::find(interfaces.begin(), interfaces.end(), route.interface) == interfaces.end())
        context.add(route.mark, provider_path, "the provider '" + route.providers[j] + "' is not used for " + route.interface);
    }
    for (const std::string& resource : route.match.resources)
      if (std::find(resources.begin(), resources.end(), resource) == resources.end())
        context.add(route.mark, path + ".match.resource", unknown("resource", resource, resources));
  }
}

/// Amounts of several currencies cannot be added up.
void check_currencies(ConfigContext& context, const Config& config) {
  const ProviderConfig* first = nullptr;
  for (std::size_t i = 0; i < config.providers.size(); ++i) {
    const ProviderConfig& provider = config.providers[i];
    if (provider.prices.parts.empty()) continue;
    if (!first) first = &provider;
    if (provider.prices.currency != first->prices.currency)
      context.add(provider.mark, "providers[" + std::to_string(i) + "].prices.currency",
                  "is " + provider.prices.currency + ", but that of '" + first->name + "' is " + first->prices.currency +
                      "; all prices must be of one currency");
  }
}

void resolve_paths(Config& config, const std::filesystem::path& base) {
  if (base.empty()) return;
  const auto resolve = [&](std::string& path) {
    if (!path.empty()) path = (base / path).lexically_normal().string();
  };
  resolve(config.log.file);
  resolve(config.store.path);
  for (auto& [name, location] : config.store.locations) resolve(location.path);
  resolve(config.listen.ca_dir);
  resolve(config.events.dead_letter_path);
  resolve(config.sms.sender_rules_file);
  for (std::string& path : config.plugins.paths) resolve(path);
}

std::string joined(const std::vector<ConfigProblem>& problems, std::string_view file) {
  std::string out;
  for (const ConfigProblem& problem : problems) out += (out.empty() ? "" : "\n") + problem.str(file);
  return out;
}

}  // namespace

std::string ConfigProblem::str(std::string_view file) const {
  std::string out(file);
  if (mark.line > 0) out += ':' + std::to_string(mark.line) + ':' + std::to_string(mark.column);
  out += ": ";
  if (!path.empty()) out += path + ": ";
  return out + message;
}

ConfigError::ConfigError(std::vector<ConfigProblem> problems, std::string_view file)
    : Error(ErrorCode::kInvalidArgument, joined(problems, file), problems.empty() ? "" : problems.front().path),
      problems_(std::move(problems)) {}

Config parse_config(std::string_view text, const ConfigOptions& options) {
  ConfigContext context{options, SecretSource(options.environment), {}};
  const auto tree = parse_yaml(text, context.problems);
  if (!tree) throw ConfigError(std::move(context.problems), options.file_name);

  Config config;
  std::set<std::string, std::less<>> providers, resources, numbers, topics;
  ConfigSection root(context, tree.get(), "", {1, 1});
  root.section("runtime", [&](ConfigSection& s) { read_runtime(s, config.runtime); });
  root.section("log", [&](ConfigSection& s) { read_log(s, config.log); });
  root.section("store", [&](ConfigSection& s) { read_store(s, config.store); });
  root.section("listen", [&](ConfigSection& s) { read_listen(s, config.listen); });
  root.section("auth", [&](ConfigSection& s) { read_auth(s, config.auth); });
  root.section("chat", [&](ConfigSection& s) {
    s.choice("rate_limits", config.chat.rate_limits,
             {{"off", ChatConfig::RateLimits::kOff}, {"documented", ChatConfig::RateLimits::kDocumented}});
  });
  root.section("calls", [&](ConfigSection& s) {
    using Speech = CallsConfig::Speech;
    s.choice("speech", config.calls.speech, {{"auto", Speech::kAuto}, {"flite", Speech::kFlite}, {"tones", Speech::kTones}});
    using Recognition = CallsConfig::Recognition;
    s.choice("recognition", config.calls.recognition,
             {{"auto", Recognition::kAuto}, {"pocketsphinx", Recognition::kPocketsphinx}, {"words", Recognition::kWords}});
    s.text("recognition_model", config.calls.recognition_model);
    s.text("espeak", config.calls.espeak);
  });
  root.section("email", [&](ConfigSection& s) { read_email(s, config.email); });
  root.section("events", [&](ConfigSection& s) { read_events(s, config.events); });
  root.section("workflows", [&](ConfigSection& s) { read_workflows(s, config.workflows); });
  read_connections(root, config.connections);
  root.section("control", [&](ConfigSection& s) { s.boolean("enabled", config.control.enabled); });
  root.section("sms", [&](ConfigSection& s) { read_sms(s, config.sms); });
  root.section("plugins", [&](ConfigSection& s) { read_plugins(s, config.plugins); });
  root.each("providers", [&](ConfigSection& s) { read_provider(s, config.providers.emplace_back(), providers); });
  root.each("routes", [&](ConfigSection& s) { read_route(s, config.routes.emplace_back()); });
  root.each("resources", [&](ConfigSection& s) { read_resource(s, config.resources.emplace_back(), resources, numbers); });
  root.each("topics", [&](ConfigSection& s) { read_event_topic(s, config.topics.emplace_back(), topics); });
  root.finish();
  check_routes(context, config);
  check_ports(context, config);
  check_currencies(context, config);
  if (!context.problems.empty()) {
    std::stable_sort(context.problems.begin(), context.problems.end(), [](const ConfigProblem& a, const ConfigProblem& b) {
      return std::pair(a.mark.line, a.mark.column) < std::pair(b.mark.line, b.mark.column);
    });
    throw ConfigError(std::move(context.problems), options.file_name);
  }
  resolve_paths(config, options.base_dir);
  return config;
}

ConfigOptions ConfigOptions::of_file(const std::filesystem::path& file) {
  ConfigOptions options;
  options.file_name = file.string();
  options.base_dir = file.parent_path();
  return options;
}

ProviderConfig parse_provider(std::string_view json) {
  ConfigOptions options;
  options.file_name = "provider";
  Config config = parse_config("{\"providers\": [" + std::string(json) + "]}", options);
  if (config.providers.size() != 1) throw Error(ErrorCode::kInvalidArgument, "provider: wanted one provider", "provider");
  return std::move(config.providers.front());
}

std::string provider_settings(const std::filesystem::path& file, std::string_view name) {
  load_config(file);  // tells everything that is wrong with it
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<ConfigProblem> problems;
  const std::unique_ptr<YamlNode> root = parse_yaml(text, problems);
  std::string found;
  for (const auto& section : root ? root->members : std::vector<YamlNode::Member>{}) {
    if (section.key != "providers") continue;
    for (const YamlNode& item : section.value.items)
      for (const auto& member : item.members) {
        if (member.key != "name") continue;
        if (member.value.text == name) return json_of(item);
        found += (found.empty() ? "" : ", ") + member.value.text;
      }
  }
  throw Error(ErrorCode::kNotFound,
              file.string() + ": no provider " + std::string(name) + "; found " + (found.empty() ? std::string("none") : found),
              "config");
}

Config load_config(const std::filesystem::path& file, ConfigOptions options) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) throw Error(ErrorCode::kNotFound, "cannot read " + file.string(), file.string());
  options.file_name = file.string();
  if (options.base_dir.empty()) options.base_dir = file.parent_path();
  return parse_config(text.str(), options);
}

}  // namespace trunkline

#include "runtime/config/config.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

ConfigOptions no_environment() {
  ConfigOptions options;
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "SET" ? std::optional<std::string>("s3cret") : std::nullopt;
  };
  return options;
}

Config parse(std::string_view text) { return parse_config(text, no_environment()); }

// All problems of a text, each as `line:column path: message`.
std::vector<std::string> problems(std::string_view text) {
  try {
    parse(text);
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.code, ErrorCode::kInvalidArgument);
    std::vector<std::string> out;
    for (const ConfigProblem& p : e.problems())
      out.push_back(std::to_string(p.mark.line) + ':' + std::to_string(p.mark.column) + ' ' + p.path + ": " + p.message);
    return out;
  }
  return {};
}

TEST(Config, IsAllDefaultsWhenEmpty) {
  for (const char* text : {"", "# nothing\n", "---\n", "{}", "runtime:\nproviders:\n"}) {
    const Config config = parse(text);
    EXPECT_EQ(config.listen.port, 4600);
    EXPECT_EQ(config.auth.clock_skew, 5min);
    EXPECT_THAT(config.providers, IsEmpty());
  }
}

TEST(Config, ReadsEveryKey) {
  const Config config = parse(R"yaml(
runtime: {threads: 4, seed: 18446744073709551615, clock: virtual, clock_start: 2027-05-01T00:00:00Z, stop_timeout: 250ms}
log: {level: debug, format: json, file: /tmp/x.log}
store:
  mode: file
  path: data
  locations:
    Europe: {path: eu}
listen: {host: 0.0.0.0, port: 0, tls_port: 0, tls: off, ca_dir: ca, cors_origins: ["https://app.example", localhost]}
auth: {mode: off, clock_skew: 30s, replay_guard: true}
control: {enabled: true}
plugins:
  paths: [a, b]
  allow_drafts: true
  allow_hashes: [E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]
providers:
  - name: carrier
    plugin: sms-smpp
    interfaces: [sms]
    config: {host: smsc, port: 2775, from: +14255550100, code: 007, ratio: 0.5, on: true, none: ~, list: [1, "1"], quoted: 'true'}
    secrets: {password: {env: SET}}
    timeout: PT5S
routes:
  - interface: sms
    match: {resource: main, to_prefix: "+1", country: us, from: "25555"}
    providers: [carrier]
resources:
  - name: main
    id: 7472756E-6b6c-496e-8565-000000000001
    data_location: Europe
    primary_key: {value: AAAA}
    secondary_key: {env: SET}
    numbers:
      - {number: +14255550100, type: tollFree, sms: both, calling: inbound}
    alphanumeric_senders: [CONTOSO]
    short_codes: ["25555"]
    hosts: [acs.example.com, "gateway:8080"]
    port: 0
    local_auth: false
    tags: {team: blue}
)yaml");
  EXPECT_EQ(config.runtime.threads, 4u);
  EXPECT_EQ(config.runtime.seed, ~std::uint64_t{0});
  EXPECT_EQ(config.runtime.clock, RuntimeConfig::Clock::kVirtual);
  EXPECT_EQ(config.runtime.stop_timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(config.runtime.clock_start, Time{std::chrono::sys_days{std::chrono::year{2027} / 5 / 1}});
  EXPECT_EQ(config.log.level, LogConfig::Level::kDebug);
  EXPECT_EQ(config.log.format, LogConfig::Format::kJson);
  EXPECT_EQ(config.store.mode, StoreConfig::Mode::kFile);
  EXPECT_EQ(config.store.locations.at("Europe").path, "eu");
  EXPECT_EQ(config.listen.tls, ListenConfig::Tls::kOff);
  EXPECT_EQ(config.listen.port, 0);
  EXPECT_EQ(config.listen.cors_origins, (std::vector<std::string>{"https://app.example", "localhost"}));
  EXPECT_EQ(config.auth.mode, AuthConfig::Mode::kOff);
  EXPECT_EQ(config.auth.clock_skew, 30s);
  EXPECT_TRUE(config.auth.replay_guard);
  EXPECT_TRUE(config.control.enabled);
  EXPECT_THAT(config.plugins.paths, ElementsAre("a", "b"));
  EXPECT_EQ(config.plugins.allow_hashes.at(0).substr(0, 4), "e3b0");

  const ProviderConfig& provider = config.providers.at(0);
  EXPECT_EQ(provider.timeout, 5s);
  EXPECT_EQ(provider.secrets.at("password").kind, SecretRef::Kind::kEnv);
  EXPECT_EQ(provider.secrets.at("password").path, "providers[0].secrets.password");
  EXPECT_EQ(nlohmann::json::parse(provider.config_json),
            nlohmann::json::parse(R"({"host":"smsc","port":2775,"from":"+14255550100",
      "code":"007","ratio":0.5,"on":true,"none":null,"list":[1,"1"],"quoted":"true"})"));

  EXPECT_EQ(config.routes.at(0).match.countries, std::vector<std::string>{"US"});
  EXPECT_THAT(config.routes.at(0).providers, ElementsAre("carrier"));
  const ResourceConfig& resource = config.resources.at(0);
  EXPECT_EQ(resource.id, kDevelopmentResourceId);
  EXPECT_EQ(resource.numbers.at(0).type, NumberConfig::Type::kTollFree);
  EXPECT_EQ(resource.numbers.at(0).sms, NumberConfig::Capability::kBoth);
  EXPECT_EQ(resource.numbers.at(0).calling, NumberConfig::Capability::kInbound);
  EXPECT_EQ(resource.tags.at("team"), "blue");
  EXPECT_THAT(resource.hosts, ElementsAre("acs.example.com", "gateway:8080"));
  EXPECT_EQ(resource.port, 0);
  EXPECT_EQ(resource.tls_port, std::nullopt);
  EXPECT_FALSE(resource.local_auth);
}

TEST(Config, ReadsJson) {
  const Config config =
      parse("{\n\t\"listen\": {\"port\": 80, \"tls_port\": 443},\n\t\"plugins\": {\"paths\": [\"a\\u0062\"]}\n}");
  EXPECT_EQ(config.listen.port, 80);
  EXPECT_THAT(config.plugins.paths, ElementsAre("ab"));
}

TEST(Config, ReadsAliases) {
  const Config config = parse("providers:\n- {name: a, plugin: p, config: &c {x: 1}}\n- {name: b, plugin: p, config: *c}\n");
  EXPECT_EQ(config.providers.at(1).config_json, R"({"x":1})");
}

TEST(Config, ReportsEverythingAtOnceWithPlaces) {
  EXPECT_THAT(
      problems(R"yaml(runtme: {}
listen:
  port: http
  tls_port: 70000
auth:
  clock_skew: soon
  replay_guard: yes
providers:
  - name: a
    plugin: [x]
  - plugin: p
    secrets:
      password: {env: UNSET}
    color: red
)yaml"),
      ElementsAre(
          "1:1 runtme: unknown key, did you mean 'runtime'?",
          "3:9 listen.port: wanted a whole number from 0 to 65535, found 'http'",
          "4:13 listen.tls_port: wanted a whole number from 0 to 65535, found '70000'",
          "6:15 auth.clock_skew: wanted a duration such as 30s, 5m or PT5M, found 'soon'",
          "7:17 auth.replay_guard: wanted true or false, found 'yes'", "10:13 providers[0].plugin: wanted text, found a list",
          "11:5 providers[1].name: is missing",
          "13:17 providers[1].secrets.password: missing secret: the environment variable UNSET is not set",
          "14:5 providers[1].color: unknown key, known are: name, plugin, interfaces, config, secrets, timeout, isolation, "
          "isolation_limits, rate, breaker, prices"));
}

TEST(Config, JoinsTheProblemsInItsMessage) {
  try {
    parse("a: 1\nlog: 2\n");
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.message, HasSubstr("trunkline.yaml:1:1: a: unknown key"));
    EXPECT_THAT(e.message, HasSubstr("\ntrunkline.yaml:2:6: log: wanted a mapping, found '2'"));
    EXPECT_EQ(e.target, "a");
  }
}

TEST(Config, ChecksReferencesBetweenSections) {
  EXPECT_THAT(problems(R"yaml(
providers:
  - {name: sim-a, plugin: p, interfaces: [email]}
  - {name: sim-a, plugin: p}
routes:
  - {interface: sms, providers: [sim-x, sim-a], match: {resource: mian}}
  - {interface: sms}
resources:
  - {name: main, numbers: [{number: "+14255550100"}]}
  - {name: other, numbers: [{number: "+14255550100"}, {number: 5}]}
)yaml"),
              ElementsAre("4:12 providers[1].name: 'sim-a' is taken already",
                          "6:5 routes[0].providers[0]: there is no provider 'sim-x', did you mean 'sim-a'?",
                          "6:5 routes[0].providers[1]: the provider 'sim-a' is not used for sms",
                          "6:5 routes[0].match.resource: there is no resource 'mian', did you mean 'main'?",
                          "7:5 routes[1].providers: wanted at least one provider",
                          "10:38 resources[1].numbers[0].number: '+14255550100' is owned already",
                          "10:64 resources[1].numbers[1].number: wanted an E.164 number such as +14255550100, found '5'"));
}

TEST(Config, RefusesBadValues) {
  const std::pair<const char*, const char*> cases[] = {
      {"runtime: {clock_start: 2026-01-01T00:00:00Z}", "needs `clock: virtual`"},
      {"runtime: {stop_timeout: 2h}", "longer than 1h"},
      {"runtime: {seed: -1}", "wanted a whole number, found '-1'"},
      {"runtime: {clock: fake}", "wanted one of real, virtual, found 'fake'"},
      {"listen: {port: 80, tls_port: 80}", "is the same as port"},
      {"listen: {cors_origins: [app.example]}", "wanted an origin such as"},
      {"plugins: {allow_hashes: [abc]}", "SHA-256"},
      {"providers: [{name: 'a b', plugin: p}]", "found 'a b'"},
      {"providers: [{name: a, plugin: p, timeout: 0s}]", "longer than nothing"},
      {"providers: [{name: a, plugin: p, config: [1]}]", "wanted a mapping, found a list"},
      {"providers: [a]", "wanted a mapping, found 'a'"},
      {"providers: {name: a}", "wanted a list, found a mapping"},
      {"providers: [{name: a, plugin: p, secrets: {x: plain}}]", "wanted a secret"},
      {"providers: [{name: a, plugin: p, secrets: {x: {env: A, value: b}}}]",
       "exactly one of env, file, command and value, found 2"},
      {"providers: [{name: a, plugin: p, secrets: {x: {}}}]", "exactly one of env, file, command and value, found 0"},
      {"providers: [{name: a, plugin: p, secrets: {x: {command: [no-such-program-here]}}}]", "no program no-such-program-here"},
      {"providers: [{name: a, plugin: p, secrets: {x: {file: /no/such}}}]", "cannot read the file /no/such"},
      {"resources: [{name: a, id: 12}]", "wanted a GUID, found '12'"},
      {"resources: [{name: a, primary_key: {value: '!'}}]", "not base64"},
      {"resources: [{name: a, alphanumeric_senders: ['12345']}]", "found '12345'"},
      {"resources: [{name: a, short_codes: ['12']}]", "wanted 3 to 8 digits, found '12'"},
      {"resources: [{name: a, hosts: ['a/b']}]", "wanted a host name"},
      {"resources: [{name: a, port: 4600}]", "the port 4600 is taken already"},
      {"resources: [{name: a, port: 5000}, {name: b, tls_port: 5000}]", "the port 5000 is taken already"},
      {"{listen: {tls: off}, resources: [{name: a, tls_port: 5000}]}", "needs `listen.tls: auto`"},
      {"store: {locations: {Europe: {}}}", "store.locations.Europe.path: is missing"},
  };
  for (const auto& [text, message] : cases) {
    const auto found = problems(text);
    EXPECT_THAT(found, testing::Contains(HasSubstr(message))) << text;
  }
}

TEST(Config, NeverQuotesSecretValues) {
  for (const std::string& problem : problems("resources: [{name: a, primary_key: {value: 's3cret!', env: SET}}]\nx: 1"))
    EXPECT_THAT(problem, testing::Not(HasSubstr("s3cret")));
}

TEST(Config, RefusesBrokenYaml) {
  EXPECT_THAT(problems("a: [1, 2"), SizeIs(1));
  EXPECT_THAT(problems("a: 'x"), SizeIs(1));
  EXPECT_THAT(problems("a: b: c"), SizeIs(1));
  EXPECT_THAT(problems("\xff"), ElementsAre("1:1 : not valid UTF-8"));
  EXPECT_THAT(problems("log: {}\nlog: {}"), ElementsAre("2:1 : the key 'log' stands twice, first on line 1"));
  EXPECT_THAT(problems("log: {}\n---\nlog: {}"), ElementsAre("3:1 : a second document; only one is read"));
  EXPECT_THAT(problems("{[a]: 1}"), ElementsAre("1:2 : a key must be text"));
  EXPECT_THAT(problems("- a"), ElementsAre("1:1 : wanted a mapping, found a list"));
  EXPECT_THAT(problems("log: {level: !!int 3}"), SizeIs(1));
}

TEST(Config, EnforcesItsLimits) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + previous;
    for (int j = 1; j < 10; ++j) laughs += ", " + previous;
    laughs += "]\n";
  }
  EXPECT_THAT(problems(laughs), ElementsAre(HasSubstr("more than 50000 values, aliases included")));
  EXPECT_THAT(problems("a: &a [*a]"), ElementsAre(HasSubstr("an alias cannot stand inside what it names")));
  EXPECT_THAT(problems("a: " + std::string(100, '[') + std::string(100, ']')),
              ElementsAre(HasSubstr("nested deeper than 32 levels")));
  EXPECT_THAT(problems(std::string(100'000, '[')), SizeIs(1));
  EXPECT_THAT(problems("# " + std::string(2 << 20, 'x')), ElementsAre(HasSubstr("longer than 1048576 bytes")));
}

TEST(Config, ResolvesPathsFromItsFile) {
  const std::filesystem::path directory = std::filesystem::path(testing::TempDir()) / "config_test";
  std::filesystem::create_directories(directory);
  const std::filesystem::path file = directory / "my.yaml";
  std::ofstream(file) << "store: {mode: file, path: ./data}\nplugins: {paths: [p, /abs]}\nlog: {file: x.log}\n"
                         "resources: [{name: a, primary_key: {file: key}}]\n";
  std::ofstream(directory / "key") << "AAAA\n";
  const Config config = load_config(file);
  EXPECT_EQ(config.store.path, (directory / "data").string());
  EXPECT_THAT(config.plugins.paths, ElementsAre((directory / "p").string(), "/abs"));
  EXPECT_EQ(config.resources.at(0).primary_key.source, (directory / "key").string());

  std::ofstream(file) << "x: 1\n";
  try {
    load_config(file);
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.message, testing::StartsWith(file.string() + ":1:1: x: "));
  }
  try {
    load_config(directory / "none.yaml");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kNotFound);
  }
  EXPECT_THROW(load_config(directory), Error);
}

TEST(DefaultConfig, HoldsTheDevelopmentConventions) {
  const Config config = default_config();
  EXPECT_TRUE(config.runtime.seed);
  EXPECT_EQ(config.store.mode, StoreConfig::Mode::kMemory);
  ASSERT_THAT(config.providers, SizeIs(6));
  EXPECT_EQ(config.providers[0].name, "sim-a");
  EXPECT_EQ(config.providers[1].name, "sim-b");
  EXPECT_EQ(config.providers[2].name, "sim-mail");
  EXPECT_EQ(config.providers[3].name, "local-identity");
  EXPECT_EQ(config.providers[4].name, "local-chat");
  EXPECT_EQ(config.providers[5].name, "sim-phones");
  ASSERT_THAT(config.resources, SizeIs(1));
  const ResourceConfig& resource = config.resources[0];
  EXPECT_EQ(resource.name, "trunkline");
  EXPECT_EQ(resource.id, kDevelopmentResourceId);
  EXPECT_EQ(resource.primary_key.value.reveal(), kDevelopmentAccessKey);
  EXPECT_EQ(base64_decode(kDevelopmentAccessKey)->size(), 32u);
  EXPECT_THAT(resource.numbers, SizeIs(3));
  ASSERT_THAT(resource.email_domains, SizeIs(1));
  EXPECT_EQ(resource.email_domains[0].domain, "sandbox.trunkline.test");
}

TEST(CallsConfig, WhoSpeaks) {
  using Speech = CallsConfig::Speech;
  EXPECT_EQ(parse_config("").calls.speech, Speech::kAuto);
  for (const auto& [word, speech] : {std::pair{"auto", Speech::kAuto}, {"flite", Speech::kFlite}, {"tones", Speech::kTones}}) {
    const Config config = parse_config("calls: {speech: " + std::string(word) + "}");
    EXPECT_EQ(config.calls.speech, speech);
    EXPECT_EQ(parse_config(render_yaml(config)).calls.speech, speech);
  }
  try {
    parse_config("calls: {speech: espeak}");
    ADD_FAILURE() << "not refused";
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.problems()[0].path, "calls.speech");
    EXPECT_THAT(error.problems()[0].message, HasSubstr("wanted one of auto, flite, tones"));
  }
}

TEST(CallsConfig, WhoUnderstands) {
  using Recognition = CallsConfig::Recognition;
  const CallsConfig usual = parse_config("").calls;
  EXPECT_EQ(usual.recognition, Recognition::kAuto);
  EXPECT_EQ(usual.recognition_model, "/usr/share/pocketsphinx/model/en-us");
  EXPECT_EQ(usual.espeak, "espeak-ng");
  const Config config =
      parse_config("calls: {recognition: pocketsphinx, recognition_model: /srv/fr-fr, espeak: /opt/bin/espeak-ng}");
  for (const Config& one : {config, parse_config(render_yaml(config))}) {
    EXPECT_EQ(one.calls.recognition, Recognition::kPocketsphinx);
    EXPECT_EQ(one.calls.recognition_model, "/srv/fr-fr");
    EXPECT_EQ(one.calls.espeak, "/opt/bin/espeak-ng");
  }
  EXPECT_THROW(parse_config("calls: {recognition: cloud}"), ConfigError);
}

TEST(EmailConfig, SaysWhatIsWrong) {
  const auto problem = [](const std::string& yaml) {
    try {
      parse_config(yaml);
    } catch (const ConfigError& error) {
      return error.problems()[0].path + ": " + error.problems()[0].message;
    }
    return std::string("none");
  };
  EXPECT_THAT(problem("email: {rate_limits: some}"), HasSubstr("email.rate_limits: wanted one of off, documented"));
  EXPECT_THAT(problem("email: {public_url: mail.example.com}"), HasSubstr("email.public_url: wanted an http or https URL"));
  const auto domain = [&](const std::string& of) { return problem("resources: [{name: a, email_domains: [" + of + "]}]"); };
  EXPECT_THAT(domain("{domain: nowhere}"), HasSubstr("resources[0].email_domains[0].domain: wanted a domain"));
  EXPECT_THAT(domain("{}"), HasSubstr("email_domains[0].domain: is missing"));
  EXPECT_THAT(domain("{domain: a.test, senders: [{username: 'a b'}]}"), HasSubstr("senders[0].username: wanted letters"));
  EXPECT_EQ(domain("{domain: a.test, senders: [{username: a, display_name: A}], engagement_tracking: true}"), "none");
}

TEST(RenderYaml, ParsesToTheSameAgain) {
  const std::string once = render_yaml(default_config());
  ConfigOptions options = no_environment();
  options.check_secrets = false;
  std::string keyed = once;  // the redacted keys are no base64
  for (std::size_t at; (at = keyed.find("[redacted]")) != keyed.npos;) keyed.replace(at, 10, "AAAA");
  EXPECT_EQ(render_yaml(parse_config(keyed, options)), once);
}

TEST(RenderYaml, ShowsEverythingButSecrets) {
  const std::string text = render_yaml(parse(R"yaml(
runtime: {clock: virtual, clock_start: 2027-05-01T00:00:00Z}
store: {locations: {"United Kingdom": {path: uk}}}
providers:
  - {name: a, plugin: p, interfaces: [sms], secrets: {x: {value: s3cret}, y: {env: SET}, z: {command: [sh, -c, "echo x"]}}}
routes:
  - {interface: sms, match: {country: us}, providers: [a]}
resources:
  - {name: r, primary_key: {value: AAAA}, tags: {"a b": "c\nd"}}
)yaml"));
  EXPECT_THAT(text, testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(text, testing::Not(HasSubstr("AAAA")));
  for (const char* line : {"  clock_start: 2027-05-01T00:00:00Z\n", "    \"United Kingdom\":\n      path: \"uk\"\n",
                           "  - name: \"a\"\n    plugin: \"p\"\n", "      x: {value: \"[redacted]\"}\n      y: {env: \"SET\"}\n",
                           "      z: {command: [\"sh\", \"-c\", \"echo x\"], timeout: 10s}\n",
                           "  - interface: \"sms\"\n    match:\n      country: \"US\"\n", "      \"a b\": \"c\\nd\"\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Config, KeysInUrlsAndPropertiesAreNotPrinted) {
  const std::string text = render_yaml(parse_config(
      "topics:\n  - name: shop\n    event_subscriptions:\n      - name: hook\n        endpoint: https://h.example/?code=planted\n"
      "        properties: {trunkline: {bearer: planted}, destination: {properties: {deliveryAttributeMappings:\n"
      "          [{name: x, type: Static, properties: {value: planted, isSecret: true}}]}},\n"
      "          deadLetterDestination: {properties: {endpointUrl: 'https://h.example/dead?sig=planted'}}}\n"));
  EXPECT_EQ(text.find("planted"), text.npos) << text;
  EXPECT_NE(text.find("https://h.example/dead?[redacted]"), text.npos) << text;
}

TEST(Config, ConnectionsOfWorkflows) {
  const Config config = parse(R"yaml(
workflows: {retention: 24h, caller_timeout: 5s, settings: {ORDERS_URL: "http://o.example"}}
connections:
  crm: {url: "https://crm.example/api"}
  OnPremFiles: {function: files}
  acschat: {resource: other}
)yaml");
  EXPECT_EQ(config.workflows.retention, std::chrono::hours{24});
  EXPECT_EQ(config.workflows.caller_timeout, std::chrono::seconds{5});
  EXPECT_EQ(config.workflows.settings.at("ORDERS_URL"), "http://o.example");
  EXPECT_EQ(config.connections.at("crm").url, "https://crm.example/api");
  EXPECT_EQ(config.connections.at("OnPremFiles").function, "files");
  EXPECT_EQ(config.connections.at("acschat").resource, "other");
  EXPECT_EQ(render_yaml(parse(render_yaml(config))), render_yaml(config));
}

TEST(Config, AConnectionStandsForOneThing) {
  EXPECT_THAT(problems("connections: {crm: {url: 'https://a.example', function: f}}"),
              ElementsAre(HasSubstr("connections.crm: wanted exactly one of url, function and resource")));
  EXPECT_THAT(problems("connections: {crm: {}}"), ElementsAre(HasSubstr("wanted exactly one of")));
  EXPECT_THAT(problems("connections: {crm: {url: 'ftp://a'}}"), ElementsAre(HasSubstr("wanted an address")));
  EXPECT_THAT(problems("connections: {crm: {url: 'http://a'}, CRM: {url: 'http://b'}}"), ElementsAre(HasSubstr("there twice")));
  EXPECT_THAT(problems("workflows: {max_run: 0s, retention: 1s}"), SizeIs(2));
}

TEST(Config, HowManyEventsAreKeptIsBounded) {
  EXPECT_THROW(parse_config("events: {max_events: 18446744073709551615}"), ConfigError);
  EXPECT_THROW(parse_config("events: {max_size_mb: 18446744073709551615}"), ConfigError);
}

}  // namespace
}  // namespace trunkline

// dev and serve.
#include <signal.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/commands.h"
#include "runtime/app/server_process.h"
#include "runtime/calls/call_service.h"
#include "runtime/config/config.h"
#include "runtime/core/runtime.h"
#include "runtime/services/number_service.h"
#include "runtime/services/resource_service.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

struct ServeOptions {
  std::string config_file;
  int port = -1;
  int tls_port = -1;
  std::string data_dir;
  std::string clock;
  std::string auth;
  std::int64_t seed = -1;
  bool no_tls = false;
};

std::string connection_string(ServerProcess& process, const Resource& resource) {
  return "endpoint=" + process.runtime().endpoint_of(resource) + ";accesskey=" + std::string(resource.primary_key.reveal());
}

json ready_line(ServerProcess& process, const Resource& resource) {
  const ServerProcess::Addresses& a = process.addresses();
  const auto or_null = [](const std::string& text) { return text.empty() ? json(nullptr) : json(text); };
  json out;
  out["endpoint"] = a.endpoint;
  out["tls_endpoint"] = or_null(a.tls_endpoint);
  out["ca_file"] = or_null(a.ca_file);
  out["access_key"] = resource.primary_key.reveal();
  out["connection_string"] = connection_string(process, resource);
  // The official management clients insist on HTTPS.
  out["arm_endpoint"] = a.tls_endpoint.empty() ? a.endpoint : a.tls_endpoint;
  out["arm_token"] = process.arm_token();
  out["console"] = or_null(a.console);
  return out;
}

std::string banner(ServerProcess& process, const Resource& resource) {
  Runtime& runtime = process.runtime();
  const ServerProcess::Addresses& a = process.addresses();
  const Config& config = runtime.config();
  std::string text = "Trunkline " + std::string(runtime_version()) + "   " +
                     (config.store.mode == StoreConfig::Mode::kMemory ? "in memory" : "data in " + config.store.path) +
                     ", no account, no network\n\n";
  const auto row = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    text += "  " + std::string(name) + std::string(12 - std::string_view(name).size(), ' ') + value + "\n";
  };
  row("API", a.endpoint + (a.tls_endpoint.empty() ? "" : "   " + a.tls_endpoint));
  row("Console", a.console);
  row("Connection", connection_string(process, resource));
  row("CA file", a.ca_file);
  std::string numbers;
  for (const service::OwnedNumber& number : runtime.numbers().list(resource)) {
    std::string what;
    if (number.sms != service::NumberCapability::kNone) what = "sms";
    if (number.calling != service::NumberCapability::kNone) what += what.empty() ? "voice" : ",voice";
    numbers += (numbers.empty() ? "" : "  ") + number.number + " (" + what + ")";
  }
  row("Numbers", numbers);
  std::string providers;
  for (const ProviderConfig& provider : config.providers)
    providers += (providers.empty() ? "" : "  ") + provider.name + " (" + provider.plugin + ")";
  row("Carriers", providers);
  for (const std::string& what : runtime.calls().missing()) row("Missing", what);
  row("Clock", config.runtime.clock == RuntimeConfig::Clock::kVirtual ? "virtual" : "real");
  text +=
      "\n  Try   trunkline send sms --to +14255550123 \"hello\" --wait 5s\n"
      "        trunkline phone show +14255550123\n"
      "        trunkline explain last\n";
  return text;
}

Config make_config(const ServeOptions& options, bool development) {
  Config config = options.config_file.empty() ? default_config() : load_config(options.config_file);
  if (development) {
    config.control.enabled = config.auth.development_issuer = true;
    if (config.listen.cors_origins.empty()) config.listen.cors_origins = {"localhost"};
  }
  if (options.port >= 0) {
    config.listen.port = static_cast<std::uint16_t>(options.port);
    if (options.port == 0 && options.tls_port < 0) config.listen.tls_port = 0;
  }
  if (options.tls_port >= 0) config.listen.tls_port = static_cast<std::uint16_t>(options.tls_port);
  if (options.no_tls) config.listen.tls = ListenConfig::Tls::kOff;
  if (!options.data_dir.empty()) {
    config.store.mode = StoreConfig::Mode::kFile;
    config.store.path = options.data_dir;
  }
  if (options.clock == "virtual") config.runtime.clock = RuntimeConfig::Clock::kVirtual;
  if (options.clock == "real") config.runtime.clock = RuntimeConfig::Clock::kReal;
  if (options.auth == "off") config.auth.mode = AuthConfig::Mode::kOff;
  if (options.seed >= 0) config.runtime.seed = static_cast<std::uint64_t>(options.seed);
  return config;
}

int run_server(const CommandContext& context, const ServeOptions& options, bool development) {
  // Before any thread exists: all of them leave these signals to this one.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  const Output output(context.json);
  std::unique_ptr<ServerProcess> started;
  try {
    Config config;
    try {
      config = make_config(options, development);
    } catch (const Error& error) {
      output.failure(error);
      return kExitUsage;
    }
    started = std::make_unique<ServerProcess>(std::move(config), development);
  } catch (const Error& error) {
    output.failure(error);
    return kExitFailed;  // a port in use is no server that does not answer
  }
  ServerProcess& process = *started;
  const ResourcePtr resource = process.runtime().resources().default_resource();
  if (!resource) throw Error(ErrorCode::kInvalidArgument, "the configuration has no resource", "resources");
  if (context.json)
    output.line(ready_line(process, *resource).dump());
  else
    output.line(banner(process, *resource));
  int received = 0;
  sigwait(&signals, &received);
  process.stop();
  return kExitOk;
}

void add(CLI::App& app, CommandContext& context, const char* name, const char* description, bool development) {
  CLI::App* command = app.add_subcommand(name, description);
  auto options = std::make_shared<ServeOptions>();
  auto* file = command->add_option("--config", options->config_file, "Configuration file (YAML).");
  if (!development) file->required();
  command->add_option("--port", options->port, "Port for HTTP; 0 picks free ones.")->check(CLI::Range(0, 65535));
  command->add_option("--tls-port", options->tls_port, "Port for HTTPS; 0 picks a free one.")->check(CLI::Range(0, 65535));
  command->add_flag("--no-tls", options->no_tls, "HTTP only.");
  command->add_option("--data", options->data_dir,
                      "Keep state in this directory; default: as configured, in memory without a file.");
  command->add_option("--clock", options->clock, "real or virtual.")->check(CLI::IsMember({"real", "virtual"}));
  command->add_option("--auth", options->auth, "on or off.")->check(CLI::IsMember({"on", "off"}));
  command->add_option("--seed", options->seed, "Seed of ids and sandbox.");
  command->callback([&context, options, development] {
    context.run = [&context, options, development] { return run_server(context, *options, development); };
  });
}

}  // namespace

void add_server_commands(CLI::App& app, CommandContext& context) {
  add(app, context, "dev", "Run a development server: sandbox carriers, control API, console.", true);
  add(app, context, "serve", "Run a server as configured.", false);
}

}  // namespace trunkline::app

#include "runtime/app/plugin_reload.h"

#include <CLI/App.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/clock/system_time.h"
#include "runtime/config/config.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

std::string provider_path(const std::string& provider, const std::string& more = {}) {
  return "/_control/providers/" + net::percent_encode(provider) + more;
}

std::string labelled(std::string label, const std::string& value) {
  label.resize(std::max<std::size_t>(label.size() + 1, 14), ' ');
  return "\n    " + label + value;
}

std::string provider_line(const json& item) {
  std::string line = text_of(item, "name") + "  " + text_of(item, "plugin") + "  " + text_of(item, "version") + "  " +
                     text_of(item, "state") + "  instance " + std::to_string(item.value("instance", 1)) + "  since " +
                     text_of(item, "since");
  if (item.contains("process"))
    line += "  process " + text_of(item, "process") + " " + std::to_string(item.value("process_id", 0));
  if (const int draining = item.value("draining", 0); draining > 0) line += "  " + std::to_string(draining) + " draining";
  if (item.contains("failure")) line += labelled("failure", text_of(item, "failure"));
  const json status = item.value("status", json::object());
  for (const auto& [name, value] : status.items()) line += labelled(name, value.get<std::string>());
  if (item.contains("last_reload")) {
    line += labelled("last reload", text_of(item, "last_reload"));
    if (item.contains("detail")) line += ": " + text_of(item, "detail");
  }
  if (item.contains("path")) line += labelled("library", text_of(item, "path"));
  return line;
}

struct ReloadOptions {
  std::string provider, library, config, probation, drain, wait = "15s";
};

/// Until its probation is over, or for as long as somebody likes to wait: the clock of the server may stand still.
json wait_for_the_end(ApiClient& client, const Output& output, const ReloadOptions& options, json info) {
  const Time until = system_time_now() + duration_option(options.wait, "--wait");
  if (!output.json() && text_of(info, "state") == "probation" && poll_ms(until) > 0)
    output.line(text_of(info, "name") + ": instance " + std::to_string(info.value("instance", 1)) +
                " serves; the one before stands by until a probation of " +
                (options.probation.empty() ? "10s" : options.probation) +
                " on the clock of the server is over. Waiting for up to " + options.wait);
  while (text_of(info, "state") == "probation") {
    const std::int64_t wait_ms = poll_ms(until);
    if (wait_ms <= 0) break;
    info = client.get(Target(provider_path(options.provider)).add("wait_ms", std::to_string(wait_ms)).text());
  }
  return info;
}

int reload(ApiClient& client, const Output& output, const ReloadOptions& options) {
  json body = json::object();
  if (!options.library.empty()) body["library"] = std::filesystem::absolute(options.library).lexically_normal().string();
  if (!options.config.empty()) body["settings"] = json::parse(provider_settings(options.config, options.provider));
  if (!options.probation.empty()) body["probation"] = options.probation;
  if (!options.drain.empty()) body["drain"] = options.drain;
  const json switched = client.post(provider_path(options.provider, "/reload"), body);
  const json info = wait_for_the_end(client, output, options, switched);
  output.result(info, provider_line(info));
  return text_of(info, "last_reload") == "rolled_back" ? kExitFailed : kExitOk;
}

}  // namespace

int list_running(const CommandContext& context) {
  ApiClient client(Connection::resolve(context.connection_string));
  const Output output(context.json);
  const json page = client.get("/_control/providers");
  for (const json& item : page["items"]) output.result(item, provider_line(item));
  return kExitOk;
}

void add_reload_command(CLI::App& plugin, CommandContext& context) {
  auto options = std::make_shared<ReloadOptions>();
  CLI::App* command =
      add_client_command(plugin, context, "reload",
                         "Let another build, or other settings, of a provider take over on the running server; the one before "
                         "serves again when it fails.",
                         [options](ApiClient& client, const Output& output) { return reload(client, output, *options); });
  command->add_option("provider", options->provider, "Its name in the configuration.")->required();
  command->add_option("--library", options->library,
                      "The new build: its library, or the folder of its plugin.json; default: the file of the present one.");
  command->add_option("--config", options->config, "trunkline.yaml with the provider's new settings; default: the present ones.");
  command->add_option("--probation", options->probation, "How long the instance before stands by, such as 30s; default: 10s.");
  command->add_option("--drain", options->drain, "How long it is still listened to afterwards; default: 10s.");
  command->add_option("--wait", options->wait, "How long to wait for the end of the probation; default: 15s.");
}

}  // namespace trunkline::app

// plugin: what is found, what is wrong with one, a new one, and the conformance kit.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/commands.h"
#include "runtime/app/kit_supervisor.h"
#include "runtime/app/plugin_doctor.h"
#include "runtime/app/plugin_reload.h"
#include "runtime/app/plugin_target.h"
#include "runtime/app/plugin_template.h"
#include "runtime/base/strings.h"
#include "runtime/conformance/runner.h"
#include "runtime/isolation/options.h"

namespace trunkline::app {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json describe(const plugin::FoundPlugin& found) {
  json out;
  out["id"] = found.id;
  out["path"] = found.path.string();
  if (found.manifest) {
    const plugin::Manifest& manifest = *found.manifest;
    out["version"] = manifest.version;
    out["interfaces"] = manifest.interfaces;
    out["abi_min"] = plugin::abi_text(manifest.abi_min);
    out["name"] = manifest.name;
    out["library"] = manifest.library.string();
    out["capabilities"] = manifest.capabilities;
    out["secrets"] = manifest.secrets;
    out["optional_secrets"] = manifest.optional_secrets;
    out["threads"] = manifest.threads;
  }
  if (found.manifest) {
    json& modes = out["isolation"] = json::array({"none"});
    if (!found.manifest->library.empty() && !isolation::find_program().empty()) modes.push_back("process");
  }
  out["state"] = found.error ? "failed" : "available";
  if (found.error) out["detail"] = found.error->message;
  return out;
}

std::string describe_line(const json& plugin, bool verbose) {
  std::string line =
      plugin["id"].get<std::string>() + "  " + plugin.value("version", "?") + "  " + plugin["state"].get<std::string>();
  if (plugin.contains("interfaces"))
    for (const auto& id : plugin["interfaces"]) line += "  " + id.get<std::string>();
  if (plugin.contains("detail")) line += "\n    " + plugin["detail"].get<std::string>();
  if (!verbose || !plugin.contains("name")) return line;
  line += "\n    name          " + plugin["name"].get<std::string>();
  const auto list = [&](const char* label, const char* key) {
    const auto values = plugin[key].get<std::vector<std::string>>();
    if (!values.empty()) line += std::string("\n    ") + label + join(values, ", ");
  };
  list("capabilities  ", "capabilities");
  list("secrets       ", "secrets");
  list("may ask for   ", "optional_secrets");
  list("isolation     ", "isolation");
  line +=
      "\n    needs host    ABI " + plugin["abi_min"].get<std::string>() + (plugin["threads"].get<bool>() ? ", owns threads" : "");
  return line + "\n    library       " + plugin["library"].get<std::string>();
}

void add_list(CLI::App& plugin, CommandContext& context) {
  struct Options {
    std::vector<std::string> paths;
    bool verbose = false;
    bool running = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* list = plugin.add_subcommand("list", "What is found; no plugin code runs.");
  list->add_flag("--running", options->running, "Instead: the providers of the running server, and what serves them.");
  list->add_option("--path", options->paths, "Further directory to look in; may be repeated.")->allow_extra_args(false);
  list->add_flag("--verbose", options->verbose, "Capabilities, secrets, library.");
  list->callback([&context, options] {
    context.run = [&context, options]() -> int {
      const Output output(context.json);
      if (options->running) return list_running(context);
      plugin::PluginLoader loader(plugin_loader_options(options->paths));
      for (const plugin::FoundPlugin& found : loader.found()) {
        const json item = describe(found);
        output.result(item, describe_line(item, options->verbose));
      }
      return kExitOk;
    };
  });
}

struct TargetOptions {
  std::string target;
  std::vector<std::string> paths;
  PluginConfigChoice config;
};
void add_target_options(CLI::App* command, const std::shared_ptr<TargetOptions>& options) {
  command->add_option("plugin", options->target, "Its id, its directory or its library.")->required();
  command->add_option("--path", options->paths, "Further directory to look in; may be repeated.")->allow_extra_args(false);
  command->add_option("--config", options->config.file, "trunkline.yaml with a provider of this plugin.");
  command->add_option("--provider", options->config.provider, "Which one; default: the first of this plugin.");
}

int check(const Output& output, const TargetOptions& options) {
  PluginTarget target = find_plugin(options.target, options.paths);
  const Diagnosis diagnosis = diagnose(target, options.config);
  json out;
  out["id"] = target.id;
  out["state"] = diagnosis.error ? "failed" : "loads";
  std::string text = target.id;
  if (diagnosis.loaded) {
    const plugin::LoadedPlugin& loaded = *diagnosis.loaded;
    out["version"] = loaded.manifest.version;
    out["interfaces"] = loaded.manifest.interfaces;
    out["abi_built"] = plugin::abi_text(loaded.entry->abi_built);
    out["abi_min"] = plugin::abi_text(loaded.entry->abi_min);
    out["abi_host"] = plugin::abi_text(TL_ABI_CURRENT);
    text += "  " + loaded.manifest.version + "  loads: built for ABI " + plugin::abi_text(loaded.entry->abi_built) +
            ", this host has " + plugin::abi_text(TL_ABI_CURRENT) + "\n  ";
    for (const std::string& interface : loaded.manifest.interfaces) text += " " + interface;
  } else {
    text += "  does not load";
  }
  out["steps"] = json::array();
  for (const DoctorStep& step : diagnosis.steps) {
    json item;
    item["step"] = step.name;
    item["state"] = state_name(step.state);
    item["text"] = step.text;
    out["steps"].push_back(std::move(item));
    text += "\n  " + std::string(state_name(step.state)) + std::string(9 - state_name(step.state).size(), ' ') + step.name +
            std::string(11 - step.name.size(), ' ') + step.text;
  }
  output.result(out, text);
  return diagnosis.error ? output.failure(*diagnosis.error) : kExitOk;
}

void add_check(CLI::App& plugin, CommandContext& context) {
  auto options = std::make_shared<TargetOptions>();
  CLI::App* command =
      plugin.add_subcommand("check", "Look at a plugin from outside to inside and say what was found and what is wanted.");
  add_target_options(command, options);
  command->callback([&context, options] { context.run = [&context, options] { return check(Output(context.json), *options); }; });
}

void add_new(CLI::App& plugin, CommandContext& context) {
  struct Options {
    std::string id, language = "cpp", interface = "sms", directory;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = plugin.add_subcommand("new", "Write a project that builds, and passes the conformance kit.");
  command->add_option("name", options->id, "Id of the plugin, such as acme.")->required();
  command->add_option("--lang", options->language, "c, cpp, js or python; default: cpp.");
  command->add_option("--interface", options->interface, "What it offers, such as sms.");
  command->add_option("--dir", options->directory, "Where to; default: a new directory with its name.");
  command->callback([&context, options] {
    context.run = [&context, options] {
      const fs::path directory = options->directory.empty() ? options->id : options->directory;
      json out;
      out["directory"] = fs::absolute(directory).lexically_normal().string();
      out["files"] = json::array();
      std::string text;
      for (const fs::path& file : write_plugin_project(options->id, options->language, options->interface, directory)) {
        out["files"].push_back(file.string());
        text += (text.empty() ? "" : "\n") + file.string();
      }
      Output(context.json).result(out, text + "\nNext: " + (directory / "README.md").string());
      return kExitOk;
    };
  });
}

// ---- test ----

struct TestOptions : TargetOptions {
  std::string quirks, junit, report, isolation;
  std::vector<std::string> only;
  int limit_s = 60;
  bool in_process = false;
  bool list = false;
  bool worker = false;
  std::size_t skip_first = 0;

  bool wants(std::string_view check) const {
    return only.empty() || std::any_of(only.begin(), only.end(),
                                       [&](const std::string& pattern) { return conformance::matches_pattern(pattern, check); });
  }
};

/// `apart`: what stands for the plugin when its code runs in another process.
conformance::KitInput kit_input(const TestOptions& options, PluginTarget& target, plugin::LoadedPlugin& apart) {
  conformance::KitInput input;
  for (const plugin::FoundPlugin& found : target.loader->found())
    if (found.id == target.id && found.manifest) apart.manifest = *found.manifest;
  input.plugin = &apart;
  read_plugin_config(options.config, target.id, input);
  if (options.isolation == "process") input.isolation.emplace();
  if (options.isolation == "none") input.isolation.reset();
  if (input.isolation) {
    input.isolation->program = isolation::find_program();
    apart.manifest = target.loader->manifest_for_process(target.id);
  } else {
    input.plugin = &target.loader->load(target.id);
  }
  std::error_code ignored;
  const fs::path beside = input.plugin->manifest.path.parent_path() / "quirks.json";
  if (!options.quirks.empty())
    input.quirks = conformance::read_quirks(options.quirks);
  else if (!input.plugin->manifest.path.empty() && fs::is_regular_file(beside, ignored))
    input.quirks = conformance::read_quirks(beside);
  return input;
}

void write_file(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  std::ofstream out(path, std::ios::binary);
  out << text << '\n';
  out.close();
  if (!out) throw Error(ErrorCode::kPermissionDenied, path + " cannot be written", path);
}

int work(const conformance::KitInput& input, const TestOptions& options) {
  std::size_t seen = 0;
  const auto wanted = [&](std::string_view name) { return options.wants(name) && seen++ >= options.skip_first; };
  conformance::run(input, wanted, tell_start, tell_end);
  return kExitOk;
}

int test(const CommandContext& context, const TestOptions& options) {
  PluginTarget target = find_plugin(options.target, options.paths);
  plugin::LoadedPlugin apart;
  const conformance::KitInput input = kit_input(options, target, apart);
  if (options.worker) return work(input, options);

  KitSupervision run;
  for (const conformance::Check& check : conformance::checks_for(input))
    if (options.wants(check.name)) run.checks.push_back(check.name);
  if (options.list) {
    for (const std::string& name : run.checks) Output(context.json).line(name);
    return kExitOk;
  }
  if (run.checks.empty()) throw Error(ErrorCode::kInvalidArgument, "no check has such a name; --list shows them", "only");
  conformance::Report report;
  report.plugin = input.plugin->manifest.id;
  report.version = input.plugin->manifest.version;
  report.interfaces = input.interfaces.empty() ? input.plugin->manifest.interfaces : input.interfaces;
  if (options.in_process) {
    report = conformance::run(input, [&](std::string_view name) { return options.wants(name); });
  } else {
    run.program = "/proc/self/exe";
    run.limit = std::chrono::seconds(options.limit_s);
    run.arguments = {"plugin", "test", options.target, "--worker"};
    const auto pass_on = [&](const char* name, const std::string& value) {
      if (!value.empty()) run.arguments.insert(run.arguments.end(), {name, value});
    };
    for (const std::string& path : options.paths) pass_on("--path", path);
    for (const std::string& pattern : options.only) pass_on("--only", pattern);
    pass_on("--config", options.config.file);
    pass_on("--provider", options.config.provider);
    pass_on("--quirks", options.quirks);
    pass_on("--isolation", options.isolation);
    report.results = supervise(run, [](const conformance::CheckResult&) {});
  }
  write_file(options.junit, conformance::to_junit(report));
  write_file(options.report, conformance::to_json(report));
  Output(context.json).line(context.json ? conformance::to_json(report) : conformance::to_text(report));
  return report.passed() ? kExitOk : kExitFailed;
}

void add_test(CLI::App& plugin, CommandContext& context) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* command = plugin.add_subcommand("test", "Run the conformance kit on a plugin, in a process of its own.");
  add_target_options(command, options);
  command->add_option("--quirks", options->quirks, "How the carrier behaves; default: quirks.json beside plugin.json.");
  command->add_option("--only", options->only, "Checks to run, with *; may be repeated.")->allow_extra_args(false);
  command->add_option("--junit", options->junit, "Write the report here, as JUnit.");
  command->add_option("--report", options->report, "Write the report here, as JSON.");
  command->add_option("--limit", options->limit_s, "Seconds that one check may take; default: 60.")->check(CLI::PositiveNumber);
  command
      ->add_option("--isolation", options->isolation,
                   "process: each instance in a process of its own; default: as --config says.")
      ->check(CLI::IsMember({"none", "process"}));
  command->add_flag("--list", options->list, "Name the checks and run none.");
  command->add_flag("--in-process", options->in_process, "Without a process of its own, for a debugger.");
  command->add_flag("--worker", options->worker)->group("");
  command->add_option("--skip-first", options->skip_first)->group("");
  command->callback([&context, options] { context.run = [&context, options] { return test(context, *options); }; });
}

}  // namespace

void add_plugin_commands(CLI::App& app, CommandContext& context) {
  CLI::App* plugin = app.add_subcommand("plugin", "Plugins on this machine.")->require_subcommand(1);
  add_list(*plugin, context);
  add_check(*plugin, context);
  add_new(*plugin, context);
  add_test(*plugin, context);
  add_reload_command(*plugin, context);
}

}  // namespace trunkline::app

// Commands that need no server: plugin, config, version.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/app/commands.h"
#include "runtime/config/config.h"
#include "runtime/core/plugin_paths.h"
#include "runtime/core/runtime.h"
#include "runtime/plugin/loader.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

json describe(const plugin::FoundPlugin& found) {
  json out;
  out["id"] = found.id;
  out["path"] = found.path.string();
  if (found.manifest) {
    out["version"] = found.manifest->version;
    out["interfaces"] = found.manifest->interfaces;
    out["abi_min"] = plugin::abi_text(found.manifest->abi_min);
  }
  out["state"] = found.error ? "failed" : "available";
  if (found.error) out["detail"] = found.error->message;
  return out;
}

std::string describe_line(const json& plugin) {
  std::string line =
      plugin["id"].get<std::string>() + "  " + plugin.value("version", "?") + "  " + plugin["state"].get<std::string>();
  if (plugin.contains("interfaces"))
    for (const auto& id : plugin["interfaces"]) line += "  " + id.get<std::string>();
  if (plugin.contains("detail")) line += "\n    " + plugin["detail"].get<std::string>();
  return line;
}

plugin::LoaderOptions loader_options(const std::vector<std::string>& extra) {
  plugin::LoaderOptions options;
  options.paths.assign(extra.begin(), extra.end());
  for (const auto& directory : builtin_plugin_directories()) options.paths.push_back(directory);
  options.allow_drafts = true;
  return options;
}

/// The directory that `target` means; nullopt: it is an id. Throws kNotFound when it is a path that leads to no plugin.
std::optional<std::filesystem::path> plugin_directory(const std::string& target, const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  fs::path directory = fs::absolute(target).lexically_normal();
  if (directory.filename() == "plugin.json") directory = directory.parent_path();
  if (fs::is_regular_file(directory / "plugin.json", ignored)) return directory;
  const bool is_directory = fs::is_directory(directory, ignored);
  if (!is_directory && target.find('/') == std::string::npos) return std::nullopt;
  if (is_directory) {
    const plugin::PluginLoader loader(loader_options(paths));
    for (const plugin::FoundPlugin& found : loader.found())
      if (found.id == target) return std::nullopt;
  }
  throw Error(ErrorCode::kNotFound,
              (is_directory ? "there is no plugin.json in " : "there is no directory ") + directory.string() +
                  "; give the directory that holds a plugin's plugin.json and its library, or the id of a plugin that "
                  "`plugin list` shows",
              "plugin");
}

void add_plugin(CLI::App& app, CommandContext& context) {
  CLI::App* plugin = app.add_subcommand("plugin", "Plugins on this machine.")->require_subcommand(1);
  auto paths = std::make_shared<std::vector<std::string>>();
  auto target = std::make_shared<std::string>();
  CLI::App* list = plugin->add_subcommand("list", "What is found; no plugin code runs.");
  list->add_option("--path", *paths, "Further directory to look in; may be repeated.")->allow_extra_args(false);
  list->callback([&context, paths] {
    context.run = [&context, paths] {
      const Output output(context.json);
      plugin::PluginLoader loader(loader_options(*paths));
      for (const plugin::FoundPlugin& found : loader.found()) {
        const json item = describe(found);
        output.result(item, describe_line(item));
      }
      return kExitOk;
    };
  });
  CLI::App* check = plugin->add_subcommand("check", "Load a plugin and say what was found and what is wanted.");
  check->add_option("plugin", *target, "Its id, or its directory.")->required();
  check->add_option("--path", *paths, "Further directory to look in; may be repeated.")->allow_extra_args(false);
  check->callback([&context, paths, target] {
    context.run = [&context, paths, target] {
      const Output output(context.json);
      std::string id = *target;
      std::vector<std::string> all = *paths;
      if (const auto directory = plugin_directory(*target, all)) {
        all.insert(all.begin(), directory->string());
        id = plugin::read_manifest(*directory / "plugin.json").id;
      }
      plugin::PluginLoader loader(loader_options(all));
      const plugin::LoadedPlugin& loaded = loader.load(id);
      json out;
      out["id"] = loaded.manifest.id;
      out["version"] = loaded.manifest.version;
      out["interfaces"] = loaded.manifest.interfaces;
      out["abi_built"] = plugin::abi_text(loaded.entry->abi_built);
      out["abi_min"] = plugin::abi_text(loaded.entry->abi_min);
      out["abi_host"] = plugin::abi_text(TL_ABI_CURRENT);
      out["state"] = "loads";
      std::string interfaces;
      for (const std::string& interface : loaded.manifest.interfaces) interfaces += "  " + interface;
      output.result(out, loaded.manifest.id + "  " + loaded.manifest.version + "  loads: built for ABI " +
                             plugin::abi_text(loaded.entry->abi_built) + ", this host has " + plugin::abi_text(TL_ABI_CURRENT) +
                             "\n " + interfaces);
      return kExitOk;
    };
  });
}

void add_config(CLI::App& app, CommandContext& context) {
  CLI::App* config = app.add_subcommand("config", "Configuration files.")->require_subcommand(1);
  auto file = std::make_shared<std::string>();
  CLI::App* check =
      config->add_subcommand("check", "Report everything that is wrong; print the effective configuration, secrets redacted.");
  check->add_option("file", *file, "trunkline.yaml")->required();
  check->callback([&context, file] {
    context.run = [&context, file] {
      const Output output(context.json);
      try {
        const Config config = load_config(*file);
        json out;
        out["ok"] = true;
        output.result(out, render_yaml(config));
        return kExitOk;
      } catch (const ConfigError& error) {
        if (!output.json()) throw;
        json problems = json::array();
        for (const ConfigProblem& problem : error.problems()) {
          json item;
          item["line"] = problem.mark.line;
          item["column"] = problem.mark.column;
          item["path"] = problem.path;
          item["message"] = problem.message;
          problems.push_back(std::move(item));
        }
        json out;
        out["ok"] = false;
        out["problems"] = std::move(problems);
        output.line(out.dump());
        return kExitUsage;
      } catch (const Error& error) {
        output.failure(error);
        return kExitUsage;
      }
    };
  });
  config->add_subcommand("default", "Print the embedded defaults, to begin one's own file with.")->callback([&context] {
    context.run = [&context] {
      json out;
      out["yaml"] = default_config_yaml();
      Output(context.json).result(out, std::string(default_config_yaml()));
      return kExitOk;
    };
  });
}

}  // namespace

void add_local_commands(CLI::App& app, CommandContext& context) {
  add_plugin(app, context);
  add_config(app, context);
  app.add_subcommand("version", "Version of this program.")->callback([&context] {
    context.run = [&context] {
      json out;
      out["version"] = runtime_version();
      Output(context.json).result(out, std::string(runtime_version()));
      return kExitOk;
    };
  });
}

}  // namespace trunkline::app

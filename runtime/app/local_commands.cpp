// Commands that need no server: config, version.
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/commands.h"
#include "runtime/config/config.h"
#include "runtime/core/runtime.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

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

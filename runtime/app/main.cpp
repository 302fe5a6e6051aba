// The program `trunkline`.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include "runtime/app/commands.h"
#include "runtime/core/runtime.h"

int main(int argc, char** argv) {
  using namespace trunkline;
  app::CommandContext context;
  context.program = argv[0];
  CLI::App cli("Trunkline: communication providers, events and the Azure Communication Services API in one runtime.");
  cli.name("trunkline");
  cli.require_subcommand(1);
  cli.fallthrough();
  cli.set_version_flag("--version", std::string(runtime_version()));
  cli.add_flag("--json", context.json, "Print one JSON object a line.");
  cli.add_option("--connection-string", context.connection_string,
                 "Server to talk to; default: TRUNKLINE_CONNECTION_STRING, else the development server.");
  app::add_server_commands(cli, context);
  app::add_sms_commands(cli, context);
  app::add_client_commands(cli, context);
  app::add_mail_commands(cli, context);
  app::add_event_commands(cli, context);
  app::add_subscription_commands(cli, context);
  app::add_workflow_commands(cli, context);
  app::add_resource_commands(cli, context);
  app::add_number_commands(cli, context);
  app::add_room_commands(cli, context);
  app::add_sip_commands(cli, context);
  app::add_plugin_commands(cli, context);
  app::add_local_commands(cli, context);
  app::add_trust_commands(cli, context);
  app::add_expression_commands(cli, context);
  app::add_workflow_test_command(cli, context);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? app::kExitOk : app::kExitUsage;
  }
  const app::Output output(context.json);
  try {
    return context.run();
  } catch (const ConfigError& error) {
    output.failure(error);
    return app::kExitUsage;
  } catch (const Error& error) {
    return output.failure(error);
  } catch (const std::exception& error) {
    return output.failure(Error(ErrorCode::kInternal, error.what()));
  }
}

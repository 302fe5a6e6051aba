// The commands of the program; each adds itself to the command line.
#pragma once
#include <CLI/App.hpp>
#include <functional>
#include <string>

#include "runtime/app/output.h"

namespace trunkline::app {

/// What all commands share. Outlives them.
struct CommandContext {
  bool json = false;
  std::string connection_string;
  /// Set by the command that was chosen; runs after parsing and gives the exit code.
  std::function<int()> run;
  /// Path of this program.
  std::string program;
};

void add_server_commands(CLI::App& app, CommandContext& context);  // dev, serve
void add_mail_commands(CLI::App& app, CommandContext& context);    // mail, send email, wait mail; behind the client commands
void add_client_commands(CLI::App& app, CommandContext& context);  // phone, clock, wait
void add_sms_commands(CLI::App& app, CommandContext& context);     // send, estimate, cancel, explain, messages, consent
void add_event_commands(CLI::App& app, CommandContext& context);   // events
void add_subscription_commands(CLI::App& app, CommandContext& context);  // subscription, topic
void add_workflow_commands(CLI::App& app, CommandContext& context);      // workflow
void add_resource_commands(CLI::App& app, CommandContext& context);      // resource
void add_number_commands(CLI::App& app, CommandContext& context);        // number
void add_room_commands(CLI::App& app, CommandContext& context);          // room
void add_sip_commands(CLI::App& app, CommandContext& context);           // trunk
void add_plugin_commands(CLI::App& app, CommandContext& context);        // plugin
void add_local_commands(CLI::App& app, CommandContext& context);         // config, version
void add_trust_commands(CLI::App& app, CommandContext& context);         // trust
void add_expression_commands(CLI::App& app, CommandContext& context);    // expr
void add_workflow_test_command(CLI::App& app, CommandContext& context);  // workflow test

}  // namespace trunkline::app

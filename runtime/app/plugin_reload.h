// plugin reload, and plugin list --running: providers of a server that runs.
#pragma once
#include "runtime/app/commands.h"

namespace trunkline::app {

void add_reload_command(CLI::App& plugin, CommandContext& context);
/// Prints what serves each provider; gives the exit code.
int list_running(const CommandContext& context);

}  // namespace trunkline::app

// Internal to the configuration: what concerns workflows.
#pragma once
#include "runtime/config/config.h"
#include "runtime/config/section.h"

namespace trunkline {

void read_workflows(ConfigSection& s, WorkflowsConfig& out);
void read_connections(ConfigSection& root, std::map<std::string, ConnectionConfig>& out);

}  // namespace trunkline

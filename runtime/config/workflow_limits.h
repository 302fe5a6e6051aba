// workflows.limits of the configuration: each limit of Logic Apps by a name of its own.
#pragma once
#include "runtime/config/render_writer.h"
#include "runtime/config/section.h"

namespace trunkline {

/// Reads `limits` of the section. What contradicts each other, such as a default above its limit, is a problem.
void read_workflow_limits(ConfigSection& workflows, workflow::Options& out);
/// Those that are not what they are by default.
void write_workflow_limits(ConfigWriter& w, const workflow::Options& limits);

}  // namespace trunkline

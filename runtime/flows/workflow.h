// A deployed workflow: who it is, and the version that new runs follow.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/secret.h"
#include "runtime/store/database.h"
#include "runtime/workflow/history.h"
#include "runtime/workflow/plan.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::flows {

using expression::Value;
using workflow::ActionIndex;
using workflow::FrameId;
using workflow::PlanPtr;
using workflow::SharedValue;

enum class WorkflowKind : std::uint8_t {
  kStateful = 0,   // every run is on disk
  kStateless = 1,  // a run lives and dies in memory; nothing of it is kept
};
std::string_view to_text(WorkflowKind kind);

/// One text of a definition with its parameters. Immutable.
struct WorkflowVersion {
  std::int64_t key = 0;
  /// `08584…`: falls as time passes.
  std::string name;
  std::string definition;  // JSON text, as it was given
  std::string parameters;  // JSON text, `{ name: { "value": … } }`
  Time created_at;
  PlanPtr plan;
};
using WorkflowVersionPtr = std::shared_ptr<const WorkflowVersion>;

/// As it was at some moment; replaced as a whole when it changes. Immutable.
struct Workflow {
  std::int64_t key = 0;
  /// GUID without dashes; part of callback addresses.
  std::string id;
  std::string subscription;
  std::string resource_group;
  /// 1 to 80 letters, digits, `-`, `_`, `.`, `(` and `)`; unique in its resource group without regard to case.
  std::string name;
  std::string location;
  WorkflowKind kind = WorkflowKind::kStateful;
  bool enabled = true;
  std::map<std::string, std::string> tags;
  /// Settings of the management plane that are kept and given back, and change nothing; a JSON object.
  std::string kept = "{}";
  /// Signs its callback addresses.
  Secret signing_key;
  WorkflowVersionPtr version;
  Time created_at;
  Time changed_at;
  /// The only database that holds its rows.
  store::Database* database = nullptr;
  std::string arm_id;
};
using WorkflowPtr = std::shared_ptr<const Workflow>;

/// Runs and firings: 100 ns since the year 1, made unique; a name holds it the other way round, so that names sort backwards in
/// time.
using RunKey = std::int64_t;

/// `08584…` with 20 digits of the time, then of chance.
std::string run_name(RunKey key, std::string_view suffix);
/// The key in a name, and what follows it; 0: it is no name of a run.
RunKey parse_run_name(std::string_view name, std::string_view& suffix);

}  // namespace trunkline::flows

// What the engine of runs and its parts share.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/base/function.h"
#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/flows/action_port.h"
#include "runtime/flows/records.h"
#include "runtime/flows/workflow.h"
#include "runtime/workflow/run_state.h"

namespace trunkline::flows {

struct EngineOptions {
  /// A run that takes longer ends as TimedOut.
  Duration max_run = std::chrono::hours{24 * 90};
  Duration max_stateless_run = std::chrono::minutes{5};
  /// How long a caller waits for a Response.
  Duration caller_timeout = std::chrono::seconds{120};
  /// Runs and firings are deleted this long after they began; zero: never.
  Duration retention = std::chrono::hours{24 * 90};
  /// Actions that one run does before others get their turn.
  std::size_t turn_actions = 2'000;
  /// History that a moving run gathers before it is written.
  std::size_t segment_bytes = 256u << 10;
  /// Runs that wait and are kept in memory, for the case that they soon go on.
  std::size_t idle_runs = 512;
  /// Runs that are woken at a time.
  std::size_t wake_batch = 256;
  /// appsetting().
  std::function<std::optional<std::string>(std::string_view)> setting;
};

/// What the caller of a trigger gets.
struct CallerAnswer {
  enum class Kind : std::uint8_t {
    kAccepted,       // 202: nobody will say more
    kAcceptedAsync,  // 202 with an address to poll
    kResponse,       // what a Response said
    kNoResponse,     // 502: the run ended without its Response
    kTimeout,        // 504
    kRefused,        // 429: too many runs
    kError,
  } kind = Kind::kAccepted;
  std::string run;  // its name
  std::string client_tracking_id;
  /// `{ statusCode, headers, body }`
  SharedValue response;
  Error error;
};
using Responder = UniqueFunction<void(CallerAnswer)>;

/// The action of another run that waits for this one.
struct ParentLink {
  std::string workflow;  // ARM id
  RunKey run = 0;
  FrameId frame = 0;
  ActionIndex action = workflow::kNone;

  bool empty() const { return run == 0; }
  std::string str() const;
  static ParentLink parse(std::string_view text);
};

struct StartSpec {
  WorkflowPtr workflow;
  const workflow::Trigger* trigger = nullptr;
  /// `outputs`, `inputs`, `code`, `scheduledTime` and what else the record of the trigger has; its names and times are added.
  Value record = Value::object();
  std::string client_tracking_id;  // empty: the name of the run
  std::string origin;              // history entry of the trigger; empty: its own
  std::string repeats, repeats_from;
  /// Somebody waits for the answer.
  bool has_caller = false;
  Responder respond;
  /// It waits even if as many do as may.
  bool beyond_limit = false;
  /// When it began for the outside; nullopt: now.
  std::optional<Time> fired_at;
  ParentLink parent;
  /// 0: a new one.
  RunKey key = 0;
  /// Facts of another run that this one begins with, as a segment.
  std::string history;
  /// Runs in the transaction that makes the run durable; re-runnable, like every write.
  std::function<void(store::Session&)> with;
};

/// Who knows workflows by the keys of rows. [any-thread]
class Registry {
 public:
  virtual ~Registry() = default;
  /// Null: removed.
  virtual WorkflowPtr find_workflow(store::Database& database, std::int64_t key) = 0;
  virtual WorkflowPtr find_workflow(std::string_view arm_id) = 0;
  /// Compiles an older version again. Null: gone. Throws Error. Blocks.
  virtual WorkflowVersionPtr find_version(const Workflow& workflow, std::int64_t version_key) = 0;
  virtual std::vector<WorkflowPtr> workflows() = 0;
  virtual std::vector<store::Database*> databases() = 0;
  /// Address that ends a webhook action.
  virtual std::string callback_url(const Workflow& workflow, std::string_view run, std::string_view action, FrameId frame) = 0;
};

/// A run that has ended.
struct RunEnd {
  WorkflowPtr workflow;
  RunRow row;
};

/// 128 bits that are always the same for the same place in the same run, as a GUID.
std::string stable_guid(RunKey run, std::uint64_t a, std::uint64_t b);

}  // namespace trunkline::flows

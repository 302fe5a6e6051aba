// A definition, checked and compiled once.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/strings.h"
#include "runtime/expression/template.h"
#include "runtime/workflow/action_types.h"
#include "runtime/workflow/condition.h"
#include "runtime/workflow/options.h"
#include "runtime/workflow/status.h"
#include "trunkline/error.hpp"

namespace trunkline::workflow {

using expression::Template;
using expression::Value;
using SharedValue = std::shared_ptr<const Value>;

/// Positions in Plan::actions and Plan::regions; stable for one text of a definition, so histories refer to them.
using ActionIndex = std::uint32_t;
using RegionIndex = std::uint32_t;
inline constexpr std::uint32_t kNone = 0xffffffff;

struct RunAfter {
  ActionIndex action = kNone;
  StatusSet statuses;
};

/// Actions that start, and end, together: the whole workflow, a scope, an arm, the body of a loop.
struct Group {
  /// Label of the arm: `actions`, `else`, the name of a case, `default`.
  std::string name;
  /// Switch: what the value has to be.
  Value match;
  bool is_default = false;
  std::vector<ActionIndex> actions;
  /// Those that no sibling runs after.
  std::vector<ActionIndex> leaves;
};

enum class Keep : std::uint8_t {
  kNothing,  // iterations are forgotten as they end
  kLast,     // something outside reads actions of the last one
  kAll,      // result() of the loop is asked for
};

struct StaticResult {
  Status status = Status::kSucceeded;
  std::string code;
  Value outputs;
  Value error;
};

/// One action. The templates that a type does not have stay empty.
struct Action {
  ActionIndex index = kNone;
  std::string name;
  ActionType type = ActionType::kCompose;
  std::string type_name;  // as the definition spells it
  std::string kind;
  std::string pointer;  // in the definition
  int depth = 1;

  /// The container it stands in directly, and the arm of it; kNone: none.
  ActionIndex parent = kNone;
  std::uint32_t arm = 0;
  RegionIndex region = 0;
  /// Position in Region::actions.
  std::uint32_t cell = 0;

  std::vector<RunAfter> run_after;
  std::vector<ActionIndex> followers;

  /// Containers: one for Scope and loops, two for If, one for each case and the default for Switch.
  std::vector<Group> arms;
  /// Loops: what one iteration is.
  RegionIndex body = kNone;
  Keep keep = Keep::kNothing;
  int concurrency = 1;
  bool fail_on_limit = false;
  std::optional<Template> limit_count;

  std::optional<Template> inputs;
  /// If, Until, and the `where` of Query.
  std::optional<Condition> condition;
  /// The array of Foreach, the value of Switch.
  std::optional<Template> subject;
  /// `select` of Select; the value of each column of Table is item n of this array.
  std::optional<Template> per_item;
  std::vector<std::optional<Template>> column_headers;
  std::vector<std::optional<Template>> column_values;
  /// The `unsubscribe` of a webhook; evaluated when it is sent.
  std::optional<Template> unsubscribe;
  std::optional<Template> tracked;
  std::optional<Template> timeout;
  std::optional<StaticResult> static_result;
  std::optional<std::uint32_t> variable;
  Value raw_inputs;
  /// JavaScriptCode: what `workflowContext` shows to the code.
  std::vector<ActionIndex> script_actions;
  bool script_trigger = false;

  /// Something in the definition reads its record. What nobody reads, and nothing keeps, need not be made.
  bool observed = false;
  bool asynchronous_response = false;
  bool disable_async_pattern = false;
  bool suppress_headers = false;
  bool chunked = false;
  std::int64_t pagination = 0;
  bool secure_inputs = false;
  bool secure_outputs = false;
};

/// Actions that exist once together: the workflow itself, or one iteration of a loop. Inner loops have regions of their own.
struct Region {
  ActionIndex loop = kNone;
  RegionIndex parent = kNone;
  std::vector<ActionIndex> actions;
  Group body;
};

struct Variable {
  std::string name;
  VariableType type = VariableType::kString;
  ActionIndex declared_by = kNone;
};

struct Parameter {
  std::string name;
  std::string type;
  Value value;
  bool secure = false;
};

struct Output {
  std::string name;
  std::string type;
  Template value;
};

struct Plan;
struct Trigger;

using PlanPtr = std::shared_ptr<const Plan>;

/// Immutable; shared by all runs of one version. [any-thread]
struct Plan {
  Plan();
  ~Plan();

  std::vector<Action> actions;
  std::vector<Region> regions;  // [0]: the workflow
  std::vector<Variable> variables;
  std::vector<Parameter> parameters;
  std::vector<Output> outputs;
  std::vector<Trigger> triggers;
  Options options;
  /// Some Response or its absence decides what a caller gets.
  bool has_response = false;
  bool has_asynchronous_response = false;
  /// Something asks for records by names that are computed.
  bool dynamic_references = false;
  /// Something reads the record of the trigger, and not only what it gave.
  bool reads_trigger = false;

  ActionIndex find_action(std::string_view name) const;
  std::uint32_t find_variable(std::string_view name) const;
  std::uint32_t find_parameter(std::string_view name) const;
  const Trigger* find_trigger(std::string_view name) const;
  /// `action` stands in `container`, at any depth.
  bool is_inside(ActionIndex action, ActionIndex container) const;

  using NameMap = std::unordered_map<std::string, std::uint32_t, StringHash, std::equal_to<>>;
  NameMap action_names, variable_names, parameter_names;  // lower case
};

}  // namespace trunkline::workflow

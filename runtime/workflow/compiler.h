// Internal to compile(): what its passes share.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/workflow/compile.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::workflow {

/// Where expressions stand, and so what they may refer to.
struct Site {
  /// kNone: a trigger, or an output of the workflow.
  ActionIndex owner = kNone;
  bool in_trigger = false;
  /// Reads the owner's children: the test of an Until, tracked properties.
  bool after_owner = false;
  /// Has an item() of its own: Query, Select, Table.
  bool own_item = false;
  /// SetVariable: may not read this one.
  std::string_view own_variable = {};
};

/// The passes of compile(), in their order. One use.
class Compiler {
 public:
  explicit Compiler(const CompileInput& input) : in_(input), limits_(limits_of(input)), plan_(std::make_shared<Plan>()) {}
  Compiled run();

 private:
  struct Use {
    Site site;
    expression::Reference reference;
    std::string pointer;  // of the string that holds it
  };
  class Names;
  static Options limits_of(const CompileInput& input);

  // compile.cpp
  void top();
  void parameters();
  void outputs();
  void problem(std::string pointer, std::string message, std::string_view code = kInvalidTemplate);
  void failure(const expression::Failure& failure, const std::string& pointer);
  bool check_object(const Value* value, const std::string& pointer, std::string_view what);
  void check_members(const Value& object, const std::string& pointer, std::initializer_list<std::string_view> known,
                     std::string_view what);
  std::optional<Template> compile_template(const Value& json, const std::string& pointer, Site site);
  std::optional<Condition> compile_condition(const Value& json, const std::string& pointer, Site site);
  void use(const std::vector<expression::Reference>& references, const std::string& pointer, const Site& site);

  // compile_shape.cpp: the tree of actions
  void shape();
  void shape_group(const Value& actions, const std::string& pointer, ActionIndex parent, std::uint32_t arm, RegionIndex region,
                   int depth, Group& group);
  void shape_container(ActionIndex index, const Value& json);
  void run_after(const Group& group);
  void find_cycles(const Group& group);

  // compile_actions.cpp: what each action says
  void actions();
  void action(Action& action, const Value& json);
  void settings(Action& action, const Value& json);
  void inputs(Action& action, const Value& json);
  void variable_inputs(Action& action, const Value& inputs, const std::string& pointer);
  void data_inputs(Action& action, const Value& inputs, const std::string& pointer);
  void http_inputs(Action& action, const Value& inputs, const std::string& pointer);
  void control_inputs(Action& action, const Value& inputs, const std::string& pointer);
  void container(Action& action, const Value& json);
  void require(const Value& object, const std::string& pointer, std::string_view member, const Action& action);
  void retry_policy(const Value& inputs, const std::string& pointer);
  void script(Action& action, const Value& inputs, const std::string& pointer);
  void static_result(Action& action, const Value& configuration, const std::string& pointer);
  void placement(const Action& action);

  // compile_triggers.cpp
  void triggers();
  void trigger(Trigger& trigger, const Value& json);
  void trigger_inputs(Trigger& trigger, const Value& json);
  void concurrency(Trigger& trigger, const Value& json, bool single_instance);
  void batch(Trigger& trigger, const Value& inputs);
  void notification(const Trigger& trigger, const Value& inputs, const std::string& pointer);
  void path_template(const Value& operation, const std::string& pointer, std::string_view what);
  Value evaluate_constant(const Value& json, const std::string& pointer);

  // compile_references.cpp
  void references();
  void check_use(const Use& use);
  bool runs_before(ActionIndex earlier, const Site& site);
  void keep_iterations();
  void spread_secrets();
  void observe();

  const CompileInput& in_;
  const Options limits_;  // of what the definition may have; in_.options hold for its runs
  std::shared_ptr<Plan> plan_;
  std::vector<Problem> problems_;
  std::vector<const Value*> sources_;  // by action
  std::vector<Use> uses_;
  std::vector<std::vector<bool>> upstream_;  // by action; filled when asked
};

/// `operationOptions` as a list, without regard to case and blanks.
bool has_option(const Value& json, std::string_view option);
const Value* find(const Value& object, std::string_view member);

}  // namespace trunkline::workflow

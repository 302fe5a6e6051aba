#include "runtime/workflow/compile.h"

#include <algorithm>
#include <limits>

#include "runtime/workflow/compiler.h"
#include "runtime/workflow/parameter_context.h"

namespace trunkline::workflow {

using expression::Failure;

const Value* find(const Value& object, std::string_view member) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(member);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

bool has_option(const Value& json, std::string_view option) {
  const Value* options = find(json, "operationOptions");
  if (options == nullptr || !options->is_string()) return false;
  for (const std::string_view word : split(options->get_ref<const std::string&>(), ','))
    if (iequals(trim(word), option)) return true;
  return false;
}

Plan::Plan() = default;
Plan::~Plan() = default;

namespace {
std::uint32_t look_up(const Plan::NameMap& names, std::string_view name) {
  auto found = names.find(name);
  if (found == names.end()) found = names.find(to_lower(name));
  return found == names.end() ? kNone : found->second;
}
}  // namespace

ActionIndex Plan::find_action(std::string_view name) const { return look_up(action_names, name); }
std::uint32_t Plan::find_variable(std::string_view name) const { return look_up(variable_names, name); }
std::uint32_t Plan::find_parameter(std::string_view name) const { return look_up(parameter_names, name); }

const Trigger* Plan::find_trigger(std::string_view name) const {
  for (const Trigger& trigger : triggers)
    if (iequals(trigger.name, name)) return &trigger;
  return nullptr;
}

bool Plan::is_inside(ActionIndex action, ActionIndex container) const {
  for (ActionIndex at = actions[action].parent; at != kNone; at = actions[at].parent)
    if (at == container) return true;
  return false;
}

/// Numbers for the names in expressions.
class Compiler::Names final : public expression::Resolver {
 public:
  explicit Names(const Plan& plan) : plan_(plan) {}
  std::uint32_t resolve(expression::Symbol symbol, std::string_view name) override {
    switch (symbol) {
      case expression::Symbol::kVariable:
        return plan_.find_variable(name);
      case expression::Symbol::kParameter:
        return plan_.find_parameter(name);
      case expression::Symbol::kSetting:
        return kNone;
      default:
        return plan_.find_action(name);
    }
  }

 private:
  const Plan& plan_;
};

Options Compiler::limits_of(const CompileInput& input) {
  Options out = input.options;
  if (!input.stored) return out;
  constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
  constexpr int kAnyNumber = std::numeric_limits<int>::max();
  for (std::size_t* limit :
       {&out.max_actions, &out.max_triggers, &out.max_cases, &out.max_variables, &out.max_parameters, &out.max_outputs,
        &out.max_name_length, &out.max_description_length, &out.max_tracked_length, &out.max_code_length})
    *limit = kAny;
  for (int* limit : {&out.max_foreach_concurrency, &out.max_until_count, &out.max_concurrent_runs, &out.max_waiting_runs})
    *limit = kAnyNumber;
  out.max_depth = kAnyNumber - 1;
  out.max_batch_messages = out.max_batch_bytes = std::numeric_limits<std::int64_t>::max();
  return out;
}

void Compiler::problem(std::string pointer, std::string message, std::string_view code) {
  Problem problem;
  problem.code = code;
  problem.message = code == kInvalidTemplate ? "The template validation failed: '" + message + "'" : std::move(message);
  problem.location = locate(in_.source, pointer);
  problem.pointer = std::move(pointer);
  problems_.push_back(std::move(problem));
}

void Compiler::failure(const Failure& failure, const std::string& pointer) {
  problem(pointer + failure.pointer, failure.message + " (at position " + std::to_string(failure.offset) + ")");
}

bool Compiler::check_object(const Value* value, const std::string& pointer, std::string_view what) {
  if (value == nullptr || value->is_object()) return value != nullptr;
  problem(pointer, std::string(what) + " must be an object, but is of type '" + std::string(expression::kind_name(*value)) + "'.",
          kInvalidRequestContent);
  return false;
}

void Compiler::check_members(const Value& object, const std::string& pointer, std::initializer_list<std::string_view> known,
                             std::string_view what) {
  const std::vector<std::string_view> names(known);
  for (const auto& item : object.items()) {
    if (std::any_of(names.begin(), names.end(), [&](std::string_view name) { return iequals(name, item.key()); })) continue;
    const std::string_view near = closest_word(item.key(), names);
    problem(append_pointer(pointer, item.key()),
            "Could not find member '" + item.key().substr(0, 80) + "' on " + std::string(what) + "." +
                (near.empty() ? "" : " Did you mean '" + std::string(near) + "'?"),
            kInvalidRequestContent);
  }
}

void Compiler::use(const std::vector<expression::Reference>& references, const std::string& pointer, const Site& site) {
  for (const expression::Reference& reference : references) uses_.push_back({site, reference, pointer + reference.pointer});
}

namespace {

/// Constants that are computed while compiling stay below these; who allows less wants to see them refused.
bool may_fold(const expression::Limits& limits) {
  constexpr std::size_t kText = 4'096;
  constexpr std::int64_t kValues = 256;
  return limits.max_text_length >= kText && limits.max_range_count >= kValues;
}

}  // namespace

std::optional<Template> Compiler::compile_template(const Value& json, const std::string& pointer, Site site) {
  Names names(*plan_);
  expression::CompileOptions options;
  options.limits = in_.options.compile;
  options.resolver = &names;
  options.fold_constants = may_fold(in_.options.evaluate);
  std::vector<Failure> failures;
  Template compiled = Template::compile(json, options, failures);
  for (const Failure& one : failures) failure(one, pointer);
  use(compiled.references(), pointer, site);
  return compiled;
}

std::optional<Condition> Compiler::compile_condition(const Value& json, const std::string& pointer, Site site) {
  Names names(*plan_);
  expression::CompileOptions options;
  options.limits = in_.options.compile;
  options.resolver = &names;
  options.fold_constants = may_fold(in_.options.evaluate);
  std::vector<Failure> failures;
  Condition compiled = Condition::compile(json, options, failures);
  for (const Failure& one : failures) failure(one, pointer);
  use(compiled.references(), pointer, site);
  return compiled;
}

void Compiler::top() {
  const Value& definition = in_.definition;
  const std::string& at = in_.definition_pointer;
  check_members(definition, at,
                {"$schema", "contentVersion", "description", "parameters", "triggers", "actions", "outputs", "staticResults",
                 "metadata", "$connections"},
                "the definition");
  const Value* schema = find(definition, "$schema");
  if (schema == nullptr) {
    problem(at, "The definition has no '$schema'; wanted is the schema 2016-06-01.", kInvalidRequestContent);
  } else if (!schema->is_string() ||
             ifind(schema->get_ref<const std::string&>(), "workflowdefinition.json") == std::string::npos) {
    problem(append_pointer(at, "$schema"), "'$schema' names no schema of workflow definitions.", kInvalidRequestContent);
  }
  if (const Value* version = find(definition, "contentVersion"); version != nullptr && !version->is_string())
    problem(append_pointer(at, "contentVersion"), "'contentVersion' must be a text.", kInvalidRequestContent);
  if (const Value* text = find(definition, "description");
      text != nullptr && (!text->is_string() || text->get_ref<const std::string&>().size() > limits_.max_description_length))
    problem(append_pointer(at, "description"),
            "'description' must be a text of at most " + std::to_string(limits_.max_description_length) + " characters.");
}

namespace {

bool fits_type(const Value& value, std::string_view type) {
  if (iequals(type, "String") || iequals(type, "SecureString")) return value.is_string();
  if (iequals(type, "Int")) return value.is_number_integer() || (value.is_number_float() && value == value.get<std::int64_t>());
  if (iequals(type, "Float")) return value.is_number();
  if (iequals(type, "Bool")) return value.is_boolean();
  if (iequals(type, "Array")) return value.is_array();
  return value.is_object();  // Object, SecureObject
}

constexpr std::string_view kParameterTypes[] = {"String", "SecureString", "Int",    "Float",
                                                "Bool",   "Array",        "Object", "SecureObject"};

}  // namespace

void Compiler::parameters() {
  const std::string at = append_pointer(in_.definition_pointer, "parameters");
  const Value* declared = find(in_.definition, "parameters");
  const Value* given = in_.parameters != nullptr && in_.parameters->is_object() ? in_.parameters : nullptr;
  if (check_object(declared, at, "'parameters'")) {
    if (declared->size() > limits_.max_parameters)
      problem(at, "The definition has " + std::to_string(declared->size()) + " parameters; at most " +
                      std::to_string(limits_.max_parameters) + " are allowed.");
    for (const auto& item : declared->items()) {
      const std::string here = append_pointer(at, item.key());
      Parameter parameter;
      parameter.name = item.key();
      if (!check_object(&item.value(), here, "A parameter")) continue;
      const Value& json = item.value();
      check_members(json, here, {"type", "defaultValue", "allowedValues", "metadata", "description", "value"},
                    "the parameter '" + item.key() + "'");
      const Value* type = find(json, "type");
      if (type == nullptr || !type->is_string() ||
          std::none_of(std::begin(kParameterTypes), std::end(kParameterTypes),
                       [&](std::string_view known) { return iequals(known, type->get_ref<const std::string&>()); })) {
        problem(type == nullptr ? here : append_pointer(here, "type"),
                "The type of the parameter '" + item.key() +
                    "' must be one of String, SecureString, Int, Float, Bool, Array, Object and SecureObject.");
        continue;
      }
      parameter.type = type->get<std::string>();
      parameter.secure = istarts_with(parameter.type, "Secure");
      const Value* own = given != nullptr ? expression::find_member(*given, item.key()) : nullptr;
      const Value* value = nullptr;
      std::string value_at = here;
      if (own != nullptr && own->is_object() && own->contains("value")) {
        value = &(*own)["value"];
        value_at = append_pointer(append_pointer(in_.parameters_pointer, item.key()), "value");
      } else if (own != nullptr && own->is_object() && own->contains("reference")) {
        problem(append_pointer(in_.parameters_pointer, item.key()),
                "The parameter '" + item.key() + "' refers to a key vault, which there is none of here; give its 'value'.");
        continue;
      } else if (const auto fallback = json.find("defaultValue"); fallback != json.end()) {
        value = &*fallback;
        value_at = append_pointer(here, "defaultValue");
      }
      if (value == nullptr && iequals(item.key(), "$connections")) {
        parameter.value = Value::object();
      } else if (value == nullptr) {
        problem(here, "The workflow parameter '" + item.key() + "' has no value and no 'defaultValue'.");
      } else {
        if (!value->is_null() && !fits_type(*value, parameter.type))
          problem(value_at, "The value of the workflow parameter '" + item.key() + "' is of type '" +
                                std::string(expression::kind_name(*value)) + "'. The value must be of type '" + parameter.type +
                                "'.");
        if (const Value* allowed = find(json, "allowedValues");
            allowed != nullptr && allowed->is_array() && std::none_of(allowed->begin(), allowed->end(), [&](const Value& one) {
              return expression::equal_values(one, *value);
            }))
          problem(value_at, "The value of the workflow parameter '" + item.key() + "' is not part of its 'allowedValues'.");
        parameter.value = *value;
      }
      const std::string key = to_lower(item.key());
      if (plan_->parameter_names.contains(key)) problem(here, "The parameter '" + item.key() + "' is declared twice.");
      plan_->parameter_names[key] = static_cast<std::uint32_t>(plan_->parameters.size());
      plan_->parameters.push_back(std::move(parameter));
    }
  }
  if (given == nullptr) return;
  for (const auto& item : given->items()) {
    if (declared != nullptr && declared->is_object() && expression::find_member(*declared, item.key()) != nullptr) continue;
    // A file of parameters beside the definition, as Standard has it, declares them too.
    const Value* type = find(item.value(), "type");
    if (type != nullptr && type->is_string() && item.value().contains("value")) {
      plan_->parameter_names[to_lower(item.key())] = static_cast<std::uint32_t>(plan_->parameters.size());
      plan_->parameters.push_back({item.key(), type->get<std::string>(), item.value()["value"],
                                   istarts_with(type->get_ref<const std::string&>(), "Secure")});
    } else {
      problem(append_pointer(in_.parameters_pointer, item.key()),
              "The workflow parameter '" + item.key().substr(0, 80) + "' is not declared by the definition.");
    }
  }
}

void Compiler::outputs() {
  const std::string at = append_pointer(in_.definition_pointer, "outputs");
  const Value* declared = find(in_.definition, "outputs");
  if (!check_object(declared, at, "'outputs'")) return;
  if (declared->size() > limits_.max_outputs)
    problem(at, "The definition has " + std::to_string(declared->size()) + " outputs; at most " +
                    std::to_string(limits_.max_outputs) + " are allowed.");
  for (const auto& item : declared->items()) {
    const std::string here = append_pointer(at, item.key());
    if (!check_object(&item.value(), here, "An output")) continue;
    const auto value = item.value().find("value");
    if (value == item.value().end()) {
      problem(here, "The output '" + item.key() + "' has no 'value'.");
      continue;
    }
    const Value* type = find(item.value(), "type");
    if (auto compiled = compile_template(*value, append_pointer(here, "value"), {}))
      plan_->outputs.push_back(
          {item.key(), type != nullptr && type->is_string() ? type->get<std::string>() : "String", *compiled});
  }
}

Value Compiler::evaluate_constant(const Value& json, const std::string& pointer) {
  const auto compiled = compile_template(json, pointer, {.in_trigger = true});
  ParameterContext context(*plan_);
  try {
    return compiled->evaluate(context, in_.options.evaluate);
  } catch (const Failure& one) {
    failure(one, pointer);
    return json;
  }
}

Compiled Compiler::run() {
  if (!in_.definition.is_object()) {
    problem(in_.definition_pointer, "The definition must be an object.", kInvalidRequestContent);
  } else {
    plan_->options = in_.options;
    top();
    parameters();
    shape();
    triggers();
    actions();
    outputs();
    references();
  }
  Compiled out;
  out.problems = std::move(problems_);
  if (out.problems.empty()) out.plan = plan_;
  return out;
}

Compiled compile(const CompileInput& input) { return Compiler(input).run(); }

PlanPtr compile_or_throw(const CompileInput& input) {
  Compiled compiled = compile(input);
  if (!compiled.plan) throw to_error(compiled.problems);
  return compiled.plan;
}

}  // namespace trunkline::workflow

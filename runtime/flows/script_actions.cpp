#include "runtime/flows/script_actions.h"

namespace trunkline::flows {
namespace {

using script::Failure;

ActionAnswer answer_of(script::Outcome outcome) {
  if (outcome.failure) {
    const Failure& failure = *outcome.failure;
    const bool of_script = failure.reason != Failure::Reason::kWorker;
    const std::string line = failure.line > 0 ? " (line " + std::to_string(failure.line) + ")" : "";
    const char* code = of_script ? "InlineCodeScriptRuntimeFailure" : "InlineCodeNotAvailable";
    return ActionAnswer::failed(code, code, "The inline code failed: '" + std::string(failure.what()) + "'" + line + ".");
  }
  ActionAnswer answer;
  answer.outputs = Value::object();
  answer.outputs["body"] = expression::parse_value(outcome.result);
  return answer;
}

}  // namespace

bool ScriptActions::handles(const ActionCall& call) const { return call.action->type == workflow::ActionType::kJavaScriptCode; }

void ScriptActions::run(ActionCall call, UniqueFunction<void(ActionAnswer)> done) {
  const auto code = call.inputs->find("code");
  if (code == call.inputs->end() || !code->is_string())
    return done(ActionAnswer::failed("BadRequest", "InvalidTemplate", "The 'code' of the action must be a text."));
  // A virtual clock stands still while a script runs.
  auto work = std::make_shared<WorkGuard>(executor_.work());
  pool_.run(code->get<std::string>(), call.script_context ? expression::to_json_text(*call.script_context) : "{}",
            [work, done = std::move(done)](script::Outcome outcome) mutable {
              ActionAnswer answer;
              try {
                answer = answer_of(std::move(outcome));
              } catch (const Error& error) {
                answer = ActionAnswer::failed("InlineCodeScriptRuntimeFailure", "InlineCodeScriptRuntimeFailure", error.message);
              }
              done(std::move(answer));
            });
}

}  // namespace trunkline::flows

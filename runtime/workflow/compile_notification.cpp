// ApiConnectionNotification: what it subscribes with, and what it fetches once it is told.
#include "runtime/workflow/compiler.h"

namespace trunkline::workflow {

void Compiler::notification(const Trigger& trigger, const Value& inputs, const std::string& pointer) {
  if (in_.stored) return;  // what is wrong with it is said when it is used
  check_members(inputs, pointer, {"host", "fetch", "subscribe", "unsubscribe", "authentication", "retryPolicy"},
                "the inputs of the trigger '" + trigger.name + "'");
  if (find(inputs, "host") == nullptr)
    problem(pointer, "Required property 'host' is missing from the inputs of the trigger '" + trigger.name + "'.");
  for (const char* name : {"subscribe", "fetch"}) {
    const Value* operation = find(inputs, name);
    const std::string at = append_pointer(pointer, name);
    const std::string what = std::string("'") + name + "' of the trigger '" + trigger.name + "'";
    if (operation == nullptr) {
      problem(pointer,
              std::string("Required property '") + name + "' is missing from the inputs of the trigger '" + trigger.name + "'.");
      continue;
    }
    if (!check_object(operation, at, what)) continue;
    check_members(*operation, at,
                  {"method", "pathTemplate", "path", "queries", "headers", "body", "retryPolicy", "authentication"}, what);
    path_template(*operation, at, what);
    retry_policy(*operation, at);
  }
}

void Compiler::path_template(const Value& operation, const std::string& pointer, std::string_view what) {
  const Value* path = find(operation, "pathTemplate");
  const std::string at = append_pointer(pointer, "pathTemplate");
  if (path == nullptr) {
    if (find(operation, "path") == nullptr)
      problem(pointer, "Required property 'pathTemplate' is missing from " + std::string(what) + ".");
    return;
  }
  if (!check_object(path, at, "'pathTemplate'")) return;
  check_members(*path, at, {"template", "parameters"}, "'pathTemplate'");
  const Value* text = find(*path, "template");
  const std::string text_at = append_pointer(at, "template");
  if (text == nullptr || !text->is_string()) {
    problem(text == nullptr ? at : text_at, "The 'pathTemplate' of " + std::string(what) + " needs a 'template' that is a text.");
    return;
  }
  const Value* parameters = find(*path, "parameters");
  if (parameters != nullptr && !check_object(parameters, append_pointer(at, "parameters"), "'parameters'")) return;
  const std::string& path_text = text->get_ref<const std::string&>();
  if (expression::holds_expression(path_text)) return;  // its braces are known when it is evaluated
  for (std::size_t open = path_text.find('{'); open != std::string::npos; open = path_text.find('{', open + 1)) {
    const std::size_t close = path_text.find('}', open);
    if (close == std::string::npos) {
      problem(text_at, "The braces of the path template '" + path_text.substr(0, 200) + "' do not match.");
      return;
    }
    const std::string name = path_text.substr(open + 1, close - open - 1);
    if (parameters == nullptr || find(*parameters, name) == nullptr)
      problem(text_at, "The path template '" + path_text.substr(0, 200) + "' names '" + name.substr(0, 80) +
                           "', which is not among its 'parameters'.");
  }
}

}  // namespace trunkline::workflow

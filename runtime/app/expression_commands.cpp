// `trunkline expr`: expressions of the Workflow Definition Language on the command line. Needs no server.
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "runtime/app/commands.h"
#include "runtime/core/evaluate.h"
#include "runtime/expression/template.h"

namespace trunkline::app {
namespace {

using expression::Value;

// A line of a batch longer than this is refused, not read into memory for ever.
constexpr std::size_t kMaxLine = 128u << 20;

struct ExprOptions {
  std::string expression;
  std::string context_file;
  bool batch = false;
};

Value read_context(const std::string& path) {
  if (path.empty()) return Value::object();
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw Error(ErrorCode::kNotFound, "Cannot read the context '" + path + "'", "--context");
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  try {
    return expression::parse_value(text);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, path + ": " + error.message, "--context");
  }
}

/// Points at the place in a single line.
std::string with_place(const expression::Failure& failure, const std::string& text) {
  if (text.find('\n') != std::string::npos || failure.offset > text.size()) return failure.message;
  // One column for each character, however many bytes it has.
  std::size_t column = 0;
  for (std::size_t i = 0; i < failure.offset; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) ++column;
  return failure.message + "\n  " + text + "\n  " + std::string(column, ' ') + "^";
}

int evaluate_one(const ExprOptions& options, const Output& output) {
  expression::JsonContext context(read_context(options.context_file), system_sources());
  try {
    const Value result = expression::Expression::compile(options.expression).evaluate(context);
    if (output.json())
      output.line("{\"result\":" + expression::to_json_text(result) + "}");
    else
      output.line(result.is_string() ? result.get<std::string>() : expression::to_json_text(result));
    return kExitOk;
  } catch (const expression::Failure& failure) {
    Error error = to_error(failure);
    if (!output.json()) error.message = with_place(failure, options.expression);
    return output.failure(error);
  }
}

/// `{id, expression, context}` a line; the context is an object, or the name of one in the file of --context.
class Batch {
 public:
  explicit Batch(Value contexts) : contexts_(std::move(contexts)) {
    if (const Value* inner = expression::find_member(contexts_, "contexts"); inner && inner->is_object())
      contexts_ = Value(*inner);
  }

  /// The answer to one line.
  std::string answer(const std::string& line) {
    Value id;
    try {
      Value request = expression::parse_value(line);
      if (!request.is_object()) throw Error(ErrorCode::kInvalidArgument, "A line has to be an object with an expression");
      if (request.contains("id")) id = request["id"];
      if (!request.contains("expression")) throw Error(ErrorCode::kInvalidArgument, "A line needs the member 'expression'");
      expression::JsonContext context(context_of(request), system_sources());
      const auto compiled = expression::Template::compile(request["expression"]);
      return "{\"id\":" + expression::to_json_text(id) +
             ",\"result\":" + expression::to_json_text(compiled.resolve(context).get()) + "}";
    } catch (const expression::Failure& failure) {
      return failed(id, failure.code, failure.message);
    } catch (const Error& error) {
      refused_ = true;
      return failed(id, "InvalidRequestContent", error.message);
    }
  }
  /// Some line was no request.
  bool refused() const { return refused_; }

 private:
  Value context_of(Value& request) const {
    if (!request.contains("context") || request["context"].is_null()) return Value::object();
    Value& context = request["context"];
    if (!context.is_string()) return std::move(context);
    const auto found = contexts_.find(context.get_ref<const std::string&>());
    if (found == contexts_.end())
      throw Error(ErrorCode::kInvalidArgument,
                  "There is no context '" + context.get<std::string>() + "' in the file of --context");
    return *found;
  }
  static std::string failed(const Value& id, std::string_view code, std::string_view message) {
    Value error = Value::object();
    error["code"] = code;
    error["message"] = message;
    return "{\"id\":" + expression::to_json_text(id) + ",\"error\":" + expression::to_json_text(error) + "}";
  }

  Value contexts_;
  bool refused_ = false;
};

int evaluate_batch(const ExprOptions& options, const Output& output) {
  Batch batch(read_context(options.context_file));
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (line.size() > kMaxLine) throw Error(ErrorCode::kResourceExhausted, "A line is longer than 128 MiB");
    output.line(batch.answer(line));
  }
  return batch.refused() ? kExitFailed : kExitOk;
}

}  // namespace

void add_expression_commands(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<ExprOptions>();
  CLI::App* command = app.add_subcommand("expr", "Evaluate an expression of the Workflow Definition Language.");
  command->add_option("expression", options->expression,
                      "As it stands in a definition: '@add(1, 2)', 'Hello @{parameters(''name'')}'.");
  command->add_option("--context", options->context_file,
                      "JSON file with parameters, variables, trigger, actions, items, utcNow, …; '-' is standard input.");
  command->add_flag("--batch", options->batch,
                    "Read {id, expression, context} a line from standard input, answer {id, result} or {id, error}.");
  command->callback([options, &context] {
    context.run = [options, &context] {
      const Output output(context.json);
      if (options->batch && options->context_file == "-")
        throw Error(ErrorCode::kInvalidArgument, "--batch reads standard input itself, so --context cannot be '-'", "--context");
      return options->batch ? evaluate_batch(*options, output) : evaluate_one(*options, output);
    };
  });
}

}  // namespace trunkline::app

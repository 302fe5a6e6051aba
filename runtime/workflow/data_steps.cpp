// Compose, Expression, Query, Select, Join, Table and ParseJson.
#include "runtime/workflow/expression_kind.h"
#include "runtime/workflow/machine.h"
#include "runtime/workflow/schema.h"
#include "runtime/workflow/shared_value.h"
#include "runtime/workflow/table.h"

namespace trunkline::workflow {
namespace {

using expression::Failure;

SharedValue body(Value value) {
  Value out = Value::object();
  out["body"] = std::move(value);
  return share(std::move(out));
}

Failure wrong_from(const char* type, const Value* from) {
  static const Value null;
  const Value& value = from == nullptr ? null : *from;
  return Failure(expression::kInvalidTemplate, std::string("The 'from' property value in the '") + type +
                                                   "' action inputs is of type '" + std::string(expression::kind_name(value)) +
                                                   "'. The value must be of type 'Array'.");
}

const Value& from_of(const Value& inputs, const char* type) {
  const auto found = inputs.find("from");
  if (found == inputs.end() || !found->is_array()) throw wrong_from(type, found == inputs.end() ? nullptr : &*found);
  return *found;
}

}  // namespace

void Machine::run_data(const Pending& at) {
  if (at.action.type == ActionType::kCompose) {
    SharedValue value = shared(*at.action.inputs);
    if (!is_seen(at.action)) value = nullptr;
    succeed(at, value, value);
    return;
  }
  Value inputs = at.action.inputs->evaluate(context_, plan().options.evaluate);
  switch (at.action.type) {
    case ActionType::kExpression:
      compute_kind(at, std::move(inputs));
      return;
    case ActionType::kQuery:
      query(at, std::move(inputs));
      return;
    case ActionType::kSelect:
      select(at, std::move(inputs));
      return;
    case ActionType::kJoin:
      join(at, std::move(inputs));
      return;
    case ActionType::kTable:
      table(at, std::move(inputs));
      return;
    default:
      parse_json(at, std::move(inputs));
  }
}

void Machine::compute_kind(const Pending& at, Value inputs) {
  Value value;
  try {
    value = compute(*find_expression_kind(at.action.kind), inputs, context_, plan().options.evaluate);
  } catch (const Failure& failure) {
    fail(at, "BadRequest", failure.code,
         "The action '" + at.action.name + "' of kind '" + at.action.kind + "' failed. " + failure.message,
         share(std::move(inputs)));
    return;
  }
  succeed(at, share(std::move(inputs)), body(std::move(value)));
}

void Machine::query(const Pending& at, Value inputs) {
  Value out = Value::array();
  for (const Value& item : from_of(inputs, "query")) {
    context_.set_item(&item);
    bool wanted = false;
    try {
      wanted = at.action.condition->evaluate(context_, plan().options.evaluate);
    } catch (Failure& failure) {
      failure.code = expression::kInvalidTemplate;
      throw;
    }
    if (wanted) out.push_back(item);
  }
  inputs["where"] = at.action.raw_inputs["where"];
  succeed(at, share(std::move(inputs)), body(std::move(out)));
}

void Machine::select(const Pending& at, Value inputs) {
  Value out = Value::array();
  for (const Value& item : from_of(inputs, "select")) {
    context_.set_item(&item);
    out.push_back(at.action.per_item->evaluate(context_, plan().options.evaluate));
  }
  inputs["select"] = at.action.raw_inputs["select"];
  succeed(at, share(std::move(inputs)), body(std::move(out)));
}

void Machine::join(const Pending& at, Value inputs) {
  const Value& from = from_of(inputs, "join");
  const auto with = inputs.find("joinWith");
  const std::string separator = with == inputs.end() ? "" : expression::to_text(*with);
  std::string out;
  bool first = true;
  for (const Value& item : from) {
    if (!first) out += separator;
    first = false;
    expression::append_text(out, item);
    if (out.size() > plan().options.evaluate.max_text_length)
      throw Failure(expression::kInvalidTemplate, "The text that the Join makes is longer than texts may be.");
  }
  succeed(at, share(std::move(inputs)), body(std::move(out)));
}

void Machine::table(const Pending& at, Value inputs) {
  const Value& from = from_of(inputs, "table");
  const auto format = inputs.find("format");
  const bool csv = format != inputs.end() && format->is_string() && iequals(format->get_ref<const std::string&>(), "CSV");
  const bool html = format != inputs.end() && format->is_string() && iequals(format->get_ref<const std::string&>(), "HTML");
  if (!csv && !html) throw Failure(expression::kInvalidTemplate, "The 'format' of a Table must be CSV or HTML.");
  TableText out(csv ? TableText::Format::kCsv : TableText::Format::kHtml);
  const auto& limits = plan().options.evaluate;
  if (!at.action.column_values.empty()) {
    std::vector<std::string> headers;
    for (const auto& header : at.action.column_headers)
      headers.push_back(expression::to_text(header->evaluate(context_, limits)));
    out.header(headers);
    std::vector<std::string> cells;
    for (const Value& item : from) {
      cells.clear();
      context_.set_item(&item);
      for (const auto& value : at.action.column_values) cells.push_back(expression::to_text(value->evaluate(context_, limits)));
      out.row(cells);
    }
    inputs["columns"] = at.action.raw_inputs["columns"];
  } else {
    std::vector<std::string> headers;
    for (const Value& item : from) {
      if (!item.is_object())
        throw Failure(expression::kInvalidTemplate, "The items of a Table without 'columns' must be objects.");
      for (const auto& member : item.items())
        if (std::find(headers.begin(), headers.end(), member.key()) == headers.end()) headers.push_back(member.key());
    }
    if (!from.empty()) out.header(headers);
    std::vector<std::string> cells;
    for (const Value& item : from) {
      cells.clear();
      for (const std::string& header : headers) {
        const auto found = item.find(header);
        cells.push_back(found == item.end() ? "" : expression::to_text(*found));
      }
      out.row(cells);
    }
  }
  succeed(at, share(std::move(inputs)), body(out.finish()));
}

void Machine::parse_json(const Pending& at, Value inputs) {
  const auto content = inputs.find("content");
  if (content == inputs.end() || content->is_null())
    throw Failure(expression::kInvalidTemplate, "Required property 'content' expects a value but got null. Path ''.");
  Value parsed;
  try {
    if (content->is_string()) {
      parsed = expression::parse_value(content->get_ref<const std::string&>());
    } else if (expression::is_content(*content)) {
      parsed = expression::parse_value(expression::content_bytes(*content).value_or(""));
    } else {
      parsed = *content;
    }
  } catch (const Error& error) {
    fail(at, "BadRequest", "InvalidTemplate", "The content of the action '" + at.action.name + "' is no JSON: " + error.message,
         share(std::move(inputs)));
    return;
  }
  std::vector<std::string> messages;
  try {
    const auto computed = inputs.find("schema");
    const Value schema =
        computed != inputs.end()
            ? (computed->is_string() ? expression::parse_value(computed->get_ref<const std::string&>()) : *computed)
            : at.action.raw_inputs["schema"];
    messages = Schema(schema).validate(parsed);
    inputs["schema"] = schema;
  } catch (const Error& error) {
    fail(at, "BadRequest", "InvalidTemplate", error.message, share(std::move(inputs)));
    return;
  }
  if (!messages.empty()) {
    std::string all;
    for (const std::string& message : messages) all += (all.empty() ? "" : " ") + message;
    fail(at, "ActionFailed", "ActionFailed", "The schema validation failed. " + all, share(std::move(inputs)));
    return;
  }
  succeed(at, share(std::move(inputs)), body(std::move(parsed)));
}

}  // namespace trunkline::workflow

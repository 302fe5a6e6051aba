#include "runtime/core/evaluate.h"

#include "runtime/base/ids.h"
#include "runtime/clock/system_time.h"
#include "runtime/expression/template.h"

namespace trunkline {
namespace {

expression::Value parsed(std::string_view text, const char* what) {
  try {
    return expression::parse_value(text);
  } catch (Error& error) {
    error.target = what;
    throw;
  }
}

}  // namespace

expression::JsonContext::Sources system_sources() {
  return {[] { return system_time_now(); },
          [](std::uint8_t* bytes, std::size_t count) { random_bytes(std::span<std::uint8_t>(bytes, count)); }};
}

Error to_error(const expression::Failure& failure) {
  Error error(ErrorCode::kInvalidArgument, failure.message, "expression" + failure.pointer);
  error.service_code = failure.code;
  error.details["offset"] = std::to_string(failure.offset);
  if (!failure.pointer.empty()) error.details["pointer"] = failure.pointer;
  if (!failure.function.empty()) error.details["function"] = failure.function;
  if (failure.argument >= 0) error.details["argument"] = std::to_string(failure.argument);
  return error;
}

std::string evaluate_template(std::string_view template_json, std::string_view context_json) {
  expression::Value document = context_json.empty() ? expression::Value::object() : parsed(context_json, "context");
  expression::JsonContext context(std::move(document), system_sources());
  try {
    const auto compiled = expression::Template::compile(parsed(template_json, "expression"));
    return expression::to_json_text(compiled.resolve(context).get());
  } catch (const expression::Failure& failure) {
    throw to_error(failure);
  }
}

}  // namespace trunkline

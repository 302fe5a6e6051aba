#include "runtime/flows/notification.h"

#include <string>

#include "runtime/flows/member_text.h"
#include "trunkline/error.hpp"

namespace trunkline::flows {
namespace {

using expression::Value;

Error bad_path(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message), "pathTemplate").with_service_code("InvalidTemplate");
}

/// `/tables/{table}/items` with the values put in as they are: definitions encode them themselves.
std::string fill(const Value& path_template) {
  const std::string text = text_of(path_template, "template");
  const Value* parameters = expression::find_member(path_template, "parameters");
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find('{', at);
    out.append(text, at, open == std::string::npos ? std::string::npos : open - at);
    if (open == std::string::npos) break;
    const std::size_t close = text.find('}', open);
    if (close == std::string::npos) throw bad_path("the braces of the path template '" + text.substr(0, 200) + "' do not match");
    const std::string name = text.substr(open + 1, close - open - 1);
    const Value* value = parameters != nullptr ? expression::find_member(*parameters, name) : nullptr;
    if (value == nullptr || value->is_null())
      throw bad_path("the path template '" + text.substr(0, 200) + "' names '" + name.substr(0, 80) +
                     "', which is not among its parameters");
    out += expression::to_text(*value);
    at = close + 1;
  }
  return out;
}

}  // namespace

Value notification_part(const Value& inputs, std::string_view part) {
  const Value* operation = expression::find_member(inputs, part);
  Value out = operation != nullptr && operation->is_object() ? *operation : Value::object();
  if (const Value* path = expression::find_member(out, "pathTemplate"); path != nullptr) {
    std::string filled = fill(*path);
    out.erase("pathTemplate");
    out["path"] = std::move(filled);
  }
  for (const char* member : {"host", "authentication", "retryPolicy"})
    if (const Value* shared = expression::find_member(inputs, member); shared != nullptr && !out.contains(member))
      out[member] = *shared;
  return out;
}

}  // namespace trunkline::flows

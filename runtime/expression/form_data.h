// Form fields and parts of multipart bodies, from the outputs of a trigger or an action.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/expression/value.h"

namespace trunkline::expression {

/// All values of a field, from `$formdata`, from named parts of `$multipart`, or from the raw body. nullopt: the body is no form.
std::optional<std::vector<std::string>> form_values(const Value& outputs, std::string_view key);
/// The bodies of all parts of a multipart body, in order. nullopt: it is none.
std::optional<std::vector<Value>> multipart_bodies(const Value& outputs);

/// `a=1&b=x+y`, decoded, in order.
std::vector<std::pair<std::string, std::string>> parse_form(std::string_view text);

struct Part {
  Value headers = Value::object();
  std::string body;
};
/// RFC 2046. `content_type` holds the boundary. nullopt: it has none, or the body has no part.
std::optional<std::vector<Part>> parse_multipart(std::string_view content_type, std::string_view body);
/// JSON for JSON, text for text, else a content object.
Value part_body(const Part& part);

}  // namespace trunkline::expression

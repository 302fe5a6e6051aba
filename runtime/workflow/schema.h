// JSON Schema as the service reads it (draft 4), with its messages.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/expression/value.h"

namespace trunkline::workflow {

/// Type names may be capitalised; `@@` at the start of a name stands for `@`. Keywords: type, enum, properties, required,
/// patternProperties, additionalProperties, items, additionalItems, minItems, maxItems, uniqueItems, minLength, maxLength,
/// pattern, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minProperties, maxProperties, allOf, anyOf, oneOf,
/// not, and
/// `$ref` within the document. Others are ignored. [any-thread]
class Schema {
 public:
  /// Throws Error kInvalidArgument for a schema that is none (a pattern that does not compile, an unknown type).
  explicit Schema(expression::Value schema);

  /// Messages such as `Invalid type. Expected String but got Integer.`; empty: it fits. At most `max` of them.
  std::vector<std::string> validate(const expression::Value& value, std::size_t max = 10) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace trunkline::workflow

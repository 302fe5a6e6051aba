// Internal to the test runner: whether a file says only what a test can say.
#pragma once
#include <string_view>

#include "runtime/expression/value.h"

namespace trunkline::flowtest {

/// What is misspelt or of another kind would be an expectation that nobody looks at. Throws Error kInvalidArgument with every
/// such place and its line. `text`: what `test` was parsed from.
void check_file(const expression::Value& test, std::string_view text);

}  // namespace trunkline::flowtest

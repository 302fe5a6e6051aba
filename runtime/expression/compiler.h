// Templates to programs: names checked, arities checked, what is constant computed once.
#pragma once
#include <memory>
#include <vector>

#include "runtime/expression/program.h"
#include "runtime/expression/template.h"

namespace trunkline::expression {

/// With `failures` null the first one is thrown.
std::shared_ptr<const Program> compile_program(const Value& json, const CompileOptions& options, std::vector<Failure>* failures);

}  // namespace trunkline::expression

// Runtimes with plugins that are written in Python. Hand-written.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "support/runtime.hpp"
#include "trunkline/builtin.h"

namespace trunkline::pyrt {

/// As RuntimeHandle::open. `plugins`: a list of BuiltinPlugin, which lives as long as the runtime. [GIL, released meanwhile]
std::shared_ptr<RuntimeHandle> open_runtime(std::string_view config, std::string_view config_file, py::object plugins);
/// What a list of BuiltinPlugin says; borrowed from it. [GIL]
std::vector<tl_builtin_plugin> builtin_plugins(const py::object& plugins);
/// An error that libtrunkline made. Frees it.
Error take_library_error(tl_error* error);

}  // namespace trunkline::pyrt

// The plugins that CMakeLists.txt builds.
#pragma once
#include <unistd.h>

#include <filesystem>

namespace trunkline::plugin {

inline std::filesystem::path test_plugins_folder() { return TEST_PLUGINS_DIR; }

}  // namespace trunkline::plugin

// Files that come along with the runtime.
#pragma once
#include <filesystem>

namespace trunkline {

/// Where `name` is, a program or module of ours, seen from the file that holds this code (the program or libtrunkline): beside
/// it, in
/// `../bin` or in `../lib/trunkline`. Empty: nowhere. [any-thread]
std::filesystem::path find_beside(const char* name);

}  // namespace trunkline

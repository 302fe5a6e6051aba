// Projects that `trunkline plugin new` writes.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace trunkline::app {

/// A file that is compiled into the program, from runtime/app/templates. Its path is `<language>/<interface>/…`; in path and
/// content
/// `@id@`, `@ident@` and `@Class@` stand for the plugin's id, the same as an identifier and as a name of a class.
struct TemplateFile {
  const char* path;
  const char* content;
};
extern const TemplateFile kTemplateFiles[];
extern const std::size_t kTemplateFileCount;

/// Writes a project and gives its files. Throws kInvalidArgument (id, language or interface, saying what there is),
/// kAlreadyExists (a directory that is not empty).
std::vector<std::filesystem::path> write_plugin_project(const std::string& id, const std::string& language,
                                                        const std::string& interface, const std::filesystem::path& directory);

}  // namespace trunkline::app

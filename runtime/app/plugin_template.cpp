#include "runtime/app/plugin_template.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <string_view>
#include <system_error>

#include "trunkline/error.hpp"

namespace trunkline::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxId = 64;

// What plugin.json and a file system take alike.
void check_id(const std::string& id) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const bool good = !id.empty() && id.size() <= kMaxId && is_lower(id.front()) && id.back() != '-' &&
                    std::all_of(id.begin(), id.end(), [&](char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '-'; });
  if (!good)
    throw Error(ErrorCode::kInvalidArgument,
                "name: found \"" + id + "\", wanted lower-case letters, digits and dashes, a letter first, at most " +
                    std::to_string(kMaxId) + " characters",
                "name");
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

std::string filled(std::string text, const std::string& id) {
  std::string ident = id, name;
  std::replace(ident.begin(), ident.end(), '-', '_');
  bool upper = true;
  for (const char c : id) {
    if (c != '-') name += upper && c >= 'a' ? static_cast<char>(c - 32) : c;
    upper = c == '-';
  }
  replace_all(text, "@id@", id);
  replace_all(text, "@ident@", ident);
  replace_all(text, "@Class@", name);
  return text;
}

}  // namespace

std::vector<fs::path> write_plugin_project(const std::string& id, const std::string& language, const std::string& interface,
                                           const fs::path& directory) {
  check_id(id);
  const std::string prefix = language + "/" + interface + "/";
  std::set<std::string> known;
  std::vector<const TemplateFile*> files;
  for (std::size_t i = 0; i < kTemplateFileCount; ++i) {
    const std::string_view path = kTemplateFiles[i].path;
    const std::size_t slash = path.find('/');
    known.insert(std::string(path.substr(0, slash)) + " with " +
                 std::string(path.substr(slash + 1, path.find('/', slash + 1) - slash - 1)));
    if (path.starts_with(prefix)) files.push_back(&kTemplateFiles[i]);
  }
  if (files.empty()) {
    std::string all;
    for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
    if (known.contains("c with " + interface) && (language == "python" || language == "js"))
      throw Error(ErrorCode::kInvalidArgument,
                  "there is no project for " + language + " with " + interface +
                      ": its operations are streams, which an object of Python or JavaScript cannot offer; --lang c and cpp can",
                  "lang");
    throw Error(ErrorCode::kInvalidArgument, "there is no project for " + language + " with " + interface + "; there are: " + all,
                "lang");
  }
  std::error_code error;
  if (fs::exists(directory, error) && !fs::is_empty(directory, error))
    throw Error(ErrorCode::kAlreadyExists, directory.string() + " is there already and not empty", "dir");
  std::vector<fs::path> written;
  for (const TemplateFile* file : files) {
    std::string name = filled(std::string(file->path).substr(prefix.size()), id);
    if (name.ends_with(".in")) name.resize(name.size() - 3);  // kept so that nothing here takes it for a source of ours
    const fs::path path = directory / name;
    fs::create_directories(path.parent_path(), error);
    std::ofstream out(path, std::ios::binary);
    out << filled(file->content, id);
    out.close();
    if (!out)
      throw Error(ErrorCode::kPermissionDenied, path.string() + " cannot be written: " + std::generic_category().message(errno),
                  "dir");
    written.push_back(path);
  }
  return written;
}

}  // namespace trunkline::app

// Every function of the language by its name.
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/expression/function.h"

namespace trunkline::expression {
namespace {

struct Table {
  std::vector<const FunctionInfo*> all;
  std::unordered_map<std::string, const FunctionInfo*> by_name;  // lower case
};

std::string lower(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

const Table& table() {
  static const Table kTable = [] {
    Table out;
    for (const auto functions : {string_functions(), collection_functions(), logical_functions(), comparison_functions(),
                                 conversion_functions(), content_functions(), math_functions(), date_functions(),
                                 workflow_functions(), form_functions(), uri_functions(), object_functions(), xml_functions()}) {
      for (const FunctionInfo& info : functions) {
        out.all.push_back(&info);
        out.by_name.emplace(lower(info.name), &info);
      }
    }
    return out;
  }();
  return kTable;
}

}  // namespace

const FunctionInfo* find_function(std::string_view name) {
  const auto found = table().by_name.find(lower(name));
  return found == table().by_name.end() ? nullptr : found->second;
}

std::span<const FunctionInfo* const> all_functions() { return table().all; }

}  // namespace trunkline::expression

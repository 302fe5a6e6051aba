#include "runtime/workflow/script_dependencies.h"

#include <algorithm>

namespace trunkline::workflow {
namespace {

constexpr std::string_view kContext = "workflowContext";

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// A reader of member accesses.
class Reader {
 public:
  Reader(std::string_view code, std::size_t at) : code_(code), at_(at) {}

  /// `.name`, `?.name`, `['name']`, `?.["name"]`; empty: none, or a computed one.
  std::string_view member() {
    blanks();
    const bool chained = take('?') && take('.');
    const bool dotted = chained || take('.');
    blanks();
    if (take('[')) {
      blanks();
      const char quote = at_ < code_.size() ? code_[at_] : '\0';
      if (quote != '\'' && quote != '"' && quote != '`') return {};
      const std::size_t begin = ++at_;
      const std::size_t end = code_.find(quote, begin);
      if (end == std::string_view::npos) return {};
      at_ = end + 1;
      blanks();
      return take(']') ? code_.substr(begin, end - begin) : std::string_view{};
    }
    if (!dotted) return {};
    const std::size_t begin = at_;
    while (at_ < code_.size() && is_name(code_[at_])) ++at_;
    return code_.substr(begin, at_ - begin);
  }

 private:
  void blanks() {
    while (at_ < code_.size() && (code_[at_] == ' ' || code_[at_] == '\t' || code_[at_] == '\n' || code_[at_] == '\r')) ++at_;
  }
  bool take(char c) {
    if (at_ >= code_.size() || code_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view code_;
  std::size_t at_;
};

}  // namespace

ScriptDependencies find_dependencies(std::string_view code) {
  ScriptDependencies out;
  for (std::size_t at = code.find(kContext); at != std::string_view::npos; at = code.find(kContext, at + 1)) {
    if (at > 0 && is_name(code[at - 1])) continue;
    Reader reader(code, at + kContext.size());
    const std::string_view first = reader.member();
    if (first == "trigger") out.trigger = true;
    if (first != "actions") continue;
    const std::string_view name = reader.member();
    if (!name.empty() && std::find(out.actions.begin(), out.actions.end(), name) == out.actions.end())
      out.actions.emplace_back(name);
  }
  return out;
}

}  // namespace trunkline::workflow

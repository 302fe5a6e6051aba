#include "runtime/workflow/problem.h"

#include <optional>

namespace trunkline::workflow {
namespace {

/// Steps over JSON that is known to be valid.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::size_t find(std::string_view pointer) {
    blanks();
    std::size_t found = at_;
    while (!pointer.empty() && pointer.front() == '/') {
      pointer.remove_prefix(1);
      const std::size_t end = std::min(pointer.find('/'), pointer.size());
      const std::string step = unescape(pointer.substr(0, end));
      pointer.remove_prefix(end);
      if (!enter(step)) break;
      blanks();
      found = at_;
    }
    return found;
  }

 private:
  static std::string unescape(std::string_view step) {
    std::string out;
    for (std::size_t i = 0; i < step.size(); ++i) {
      if (step[i] == '~' && i + 1 < step.size()) {
        out += step[++i] == '1' ? '/' : '~';
      } else {
        out += step[i];
      }
    }
    return out;
  }
  char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void blanks() {
    while (at_ < text_.size() && (here() == ' ' || here() == '\t' || here() == '\n' || here() == '\r')) ++at_;
  }
  std::string_view string() {
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && here() != '"') at_ += here() == '\\' ? 2 : 1;
    const std::string_view inside = text_.substr(begin, std::min(at_, text_.size()) - begin);
    ++at_;
    return inside;
  }
  void skip() {
    int depth = 0;
    do {
      blanks();
      const char c = here();
      if (c == '\0') return;
      if (c == '"') {
        string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
        continue;
      } else if (c == '}' || c == ']') {
        --depth;
        ++at_;
      } else if (c == ',' || c == ':') {
        ++at_;
        continue;
      } else {
        while (at_ < text_.size() && std::string_view(",:]}\" \t\r\n").find(here()) == std::string_view::npos) ++at_;
      }
    } while (depth > 0);
  }
  bool enter(const std::string& step) {
    blanks();
    const char open = here();
    if (open != '{' && open != '[') return false;
    ++at_;
    for (std::size_t index = 0;; ++index) {
      blanks();
      if (here() == '}' || here() == ']' || here() == '\0') return false;
      if (open == '{') {
        const std::string_view name = string();
        blanks();
        ++at_;  // the colon
        if (name == step) return true;
      } else if (std::to_string(index) == step) {
        return true;
      }
      skip();
      blanks();
      if (here() == ',') ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Location locate(std::string_view text, std::string_view pointer) {
  if (text.empty()) return {};
  const std::size_t at = std::min(Scanner(text).find(pointer), text.size());
  Location location{1, 1};
  for (const char c : text.substr(0, at)) {
    if (c == '\n') {
      ++location.line;
      location.column = 1;
    } else {
      ++location.column;
    }
  }
  return location;
}

std::string append_pointer(std::string_view pointer, std::string_view member) {
  std::string out(pointer);
  out += '/';
  for (const char c : member) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

Error to_error(const std::vector<Problem>& problems) {
  Error error(ErrorCode::kInvalidArgument, "", "definition");
  for (std::size_t i = 0; i < problems.size(); ++i) {
    const Problem& problem = problems[i];
    std::string line = problem.message;
    if (problem.location.line != 0)
      line += " (" + problem.pointer + ", line " + std::to_string(problem.location.line) + ", column " +
              std::to_string(problem.location.column) + ")";
    else if (!problem.pointer.empty())
      line += " (" + problem.pointer + ")";
    error.details["problems[" + std::to_string(i) + "]"] = line;
    error.message += (i == 0 ? "" : "\n") + line;
  }
  if (!problems.empty()) {
    error.target = problems.front().pointer;
    error.service_code = problems.front().code;
  }
  error.http_status = 400;
  return error;
}

}  // namespace trunkline::workflow

// What is wrong with a document, all at once.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline::plugin {

/// One thing that is wrong: where, what was wanted, what was found.
struct Problem {
  std::string path;  // `interfaces[1]`, `config.from`; empty: the document itself
  std::string text;
};

class Problems {
 public:
  void add(std::string path, std::string text) { list_.push_back({std::move(path), std::move(text)}); }
  bool empty() const { return list_.empty(); }
  const std::vector<Problem>& list() const { return list_; }
  /// `<what>: <path>: <text>; <path>: <text>`. Each problem is a detail, too; the first path is the target.
  Error to_error(ErrorCode code, std::string_view what) const {
    Error error(code, std::string(what));
    const char* separator = ": ";
    for (const Problem& problem : list_) {
      error.message += separator;
      if (!problem.path.empty()) error.message += problem.path + ": ";
      error.message += problem.text;
      error.details.emplace(problem.path.empty() ? "document" : problem.path, problem.text);
      separator = "; ";
    }
    if (!list_.empty()) error.target = list_.front().path;
    return error;
  }

 private:
  std::vector<Problem> list_;
};

/// Text from outside for a message: at most 80 bytes, control characters as `?`.
inline std::string quote(std::string_view text) {
  constexpr std::size_t kMax = 80;
  std::string out = "\"";
  for (const char c : text.substr(0, kMax)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (text.size() > kMax) out += "...";
  return out + "\"";
}

}  // namespace trunkline::plugin

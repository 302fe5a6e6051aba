// `$filter` of lists that can be narrowed by name.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::api {

/// `contains(name, 'x')`, `name eq 'x'`, `name ne 'x'`, with `and`, `or`, `not` and parentheses; nothing heeds case. Immutable.
class NameFilter {
 public:
  /// Throws 400 InvalidFilter with the position at fault. Empty text: everything fits.
  static NameFilter parse(std::string_view text);
  bool matches(std::string_view name) const;

 private:
  friend class NameFilterParser;
  struct Node {
    enum class Kind { kAll, kEquals, kContains, kNot, kAnd, kOr } kind = Kind::kAll;
    std::string text;  // lower case
    std::vector<Node> parts;
    bool matches(std::string_view folded) const;
  };
  Node root_;
};

}  // namespace trunkline::api

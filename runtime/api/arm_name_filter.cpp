#include "runtime/api/arm_name_filter.h"

#include <algorithm>

#include "runtime/api/arm_rest.h"
#include "runtime/base/strings.h"

namespace trunkline::api {
namespace {

constexpr std::size_t kMaxLength = 2048;
constexpr int kMaxDepth = 32;

bool is_word_char(char c) { return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_'; }

}  // namespace

/// By recursive descent; `or` binds weaker than `and`, that weaker than `not`.
class NameFilterParser {
 public:
  using Node = NameFilter::Node;
  explicit NameFilterParser(std::string_view text) : text_(text) {}

  Node whole() {
    Node node = either(0);
    skip();
    if (at_ < text_.size()) throw bad("what follows is not understood");
    return node;
  }

 private:
  Node either(int depth) { return chain(Node::Kind::kOr, "or", depth); }

  Node chain(Node::Kind kind, std::string_view word, int depth) {
    Node all{kind, {}, {}};
    do {
      all.parts.push_back(kind == Node::Kind::kOr ? chain(Node::Kind::kAnd, "and", depth) : one(depth));
    } while (take_word(word));
    if (all.parts.size() > 1) return all;
    Node only = std::move(all.parts.front());
    return only;
  }

  Node one(int depth) {
    if (depth > kMaxDepth) throw bad("it is nested too deeply");
    if (take_word("not")) {
      Node node{Node::Kind::kNot, {}, {}};
      node.parts.push_back(one(depth + 1));
      return node;
    }
    if (take('(')) {
      Node node = either(depth + 1);
      if (!take(')')) throw bad("')' is missing");
      return node;
    }
    if (take_word("contains")) {
      if (!take('(')) throw bad("'(' is missing");
      name();
      if (!take(',')) throw bad("',' is missing");
      Node node{Node::Kind::kContains, text(), {}};
      if (!take(')')) throw bad("')' is missing");
      return node;
    }
    name();
    const bool unequal = take_word("ne");
    if (!unequal && !take_word("eq")) throw bad("wanted eq or ne");
    Node node{Node::Kind::kEquals, text(), {}};
    if (!unequal) return node;
    Node negated{Node::Kind::kNot, {}, {}};
    negated.parts.push_back(std::move(node));
    return negated;
  }

  void name() {
    if (!take_word("name")) throw bad("only 'name' can be filtered by");
  }

  std::string text() {
    if (!take('\'')) throw bad("a text in quotes is missing");
    std::string out;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] != '\'') {
        out.push_back(ascii_lower(text_[at_]));
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '\'') {
        out.push_back(text_[at_++]);
      } else {
        ++at_;
        return out;
      }
    }
    throw bad("a quote is not closed");
  }

  void skip() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    skip();
    const std::string_view rest = text_.substr(at_);
    if (!istarts_with(rest, word) || (rest.size() > word.size() && is_word_char(rest[word.size()]))) return false;
    at_ += word.size();
    return true;
  }
  Error bad(std::string_view problem) const {
    return arm_bad_request("InvalidFilter",
                           "The filter cannot be read at character " + std::to_string(at_) + ": " + std::string(problem) +
                               ". An example is: contains(name, 'a') and name ne 'b'.",
                           "$filter");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

NameFilter NameFilter::parse(std::string_view text) {
  NameFilter filter;
  if (text.size() > kMaxLength) throw arm_bad_request("InvalidFilter", "The filter is longer than 2048 characters.", "$filter");
  if (!trim(text).empty()) filter.root_ = NameFilterParser(text).whole();
  return filter;
}

bool NameFilter::matches(std::string_view name) const { return root_.matches(to_lower(name)); }

bool NameFilter::Node::matches(std::string_view folded) const {
  const auto fits = [&](const Node& part) { return part.matches(folded); };
  switch (kind) {
    case Kind::kAll:
      return true;
    case Kind::kEquals:
      return folded == text;
    case Kind::kContains:
      return folded.find(text) != std::string_view::npos;
    case Kind::kNot:
      return !fits(parts.front());
    case Kind::kAnd:
      return std::all_of(parts.begin(), parts.end(), fits);
    case Kind::kOr:
      return std::any_of(parts.begin(), parts.end(), fits);
  }
  return false;
}

}  // namespace trunkline::api

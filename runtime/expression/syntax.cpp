#include "runtime/expression/syntax.h"

#include <charconv>
#include <cstdlib>

#include "runtime/base/utf8.h"
#include "runtime/expression/failure.h"
#include "runtime/expression/template.h"

namespace trunkline::expression {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_char(char c) {
  return !is_space(c) && std::string_view(".,(){}@[]?'\"").find(c) == std::string_view::npos && c != '\0';
}

bool equals_word(std::string_view name, std::string_view word) {
  if (name.size() != word.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i)
    if ((name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]) != word[i]) return false;
  return true;
}

class Parser {
 public:
  Parser(std::string_view text, const CompileLimits& limits) : text_(text), limits_(limits) {}

  std::size_t position() const { return position_; }

  /// One expression from `begin` on; leaves the position behind it and the blanks after it.
  std::unique_ptr<Syntax> expression_at(std::size_t begin) {
    position_ = begin;
    auto out = expression();
    skip_space();
    return out;
  }

  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  bool at_end() const { return position_ >= text_.size(); }

  [[noreturn]] void fail(std::size_t offset, const std::string& problem) const {
    Failure failure(kInvalidTemplate, "The template language expression '" + std::string(text_) + "' is not valid: " + problem +
                                          " at position " + std::to_string(offset) + ".");
    failure.offset = offset;
    throw failure;
  }
  [[noreturn]] void unexpected(std::string_view wanted) const {
    if (at_end()) fail(position_, "it ends where " + std::string(wanted) + " was expected");
    std::string_view rest = text_.substr(position_);
    const std::string_view before = rest;
    const std::size_t length = take_code_point(rest) ? before.size() - rest.size() : 1;
    fail(position_, "the character '" + std::string(before.substr(0, length)) + "' was found where " + std::string(wanted) +
                        " was expected");
  }

 private:
  void skip_space() {
    while (position_ < text_.size() && is_space(text_[position_])) ++position_;
  }
  bool take(char c) {
    skip_space();
    if (at_end() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  std::string_view name() {
    const std::size_t begin = position_;
    while (position_ < text_.size() && is_name_char(text_[position_])) ++position_;
    return text_.substr(begin, position_ - begin);
  }

  std::unique_ptr<Syntax> expression() {
    skip_space();
    if (++depth_ > limits_.max_depth)
      fail(position_, "it is nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    std::unique_ptr<Syntax> out;
    if (at_end()) unexpected("an expression");
    if (text_[position_] == '\'')
      out = quoted();
    else if (starts_number())
      out = number();
    else
      out = call_or_word();
    --depth_;
    return out;
  }

  bool starts_number() const {
    std::size_t i = position_;
    if (text_[i] == '+' || text_[i] == '-') ++i;
    if (i < text_.size() && text_[i] == '.') ++i;
    return i < text_.size() && is_digit(text_[i]);
  }

  std::unique_ptr<Syntax> quoted() {
    auto out = node(Syntax::Kind::kLiteral);
    std::string value;
    ++position_;
    for (;;) {
      const std::size_t quote = text_.find('\'', position_);
      if (quote == std::string_view::npos) fail(out->offset, "the text that begins with a quote has no end; it begins");
      value.append(text_, position_, quote - position_);
      position_ = quote + 1;
      if (peek() != '\'') break;
      value += '\'';
      ++position_;
    }
    out->literal = std::move(value);
    return out;
  }

  std::unique_ptr<Syntax> number() {
    auto out = node(Syntax::Kind::kLiteral);
    const std::size_t begin = position_;
    const auto digits = [&] {
      const std::size_t first = position_;
      while (is_digit(peek())) ++position_;
      return position_ > first;
    };
    if (peek() == '+' || peek() == '-') ++position_;
    digits();
    bool whole = true;
    if (peek() == '.') {
      ++position_;
      whole = false;
      if (!digits()) unexpected("a digit");
    }
    if (peek() == 'e' || peek() == 'E') {
      ++position_;
      whole = false;
      if (peek() == '+' || peek() == '-') ++position_;
      if (!digits()) unexpected("a digit");
    }
    if (!at_end() && is_name_char(text_[position_])) unexpected("the end of a number");
    std::string_view text = text_.substr(begin, position_ - begin);
    if (text.front() == '+') text.remove_prefix(1);
    if (whole) {
      std::int64_t value = 0;
      if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
        fail(begin, "the number '" + std::string(text) + "' does not fit into 64 bits; it stands");
      out->literal = value;
    } else {
      const double value = std::strtod(std::string(text).c_str(), nullptr);
      if (!(value <= 1.7976931348623157e308 && value >= -1.7976931348623157e308))
        fail(begin, "the number '" + std::string(text) + "' is too large; it stands");
      out->literal = value;
    }
    return out;
  }

  std::unique_ptr<Syntax> call_or_word() {
    auto out = node(Syntax::Kind::kCall);
    const std::string_view word = name();
    if (word.empty()) unexpected("a function, a number or a text in single quotes");
    if (!take('(')) {
      out->kind = Syntax::Kind::kLiteral;
      if (equals_word(word, "true"))
        out->literal = true;
      else if (equals_word(word, "false"))
        out->literal = false;
      else if (!equals_word(word, "null"))
        fail(out->offset, "'" + std::string(word) + "' is neither a literal nor a call of a function; it stands");
      return out;
    }
    out->name = std::string(word);
    if (!take(')')) {
      do out->items.push_back(expression());
      while (take(','));
      if (!take(')')) unexpected("',' or ')'");
    }
    return accesses(std::move(out));
  }

  std::unique_ptr<Syntax> accesses(std::unique_ptr<Syntax> object) {
    // Each access makes the tree one level deeper, whoever walks over it.
    std::size_t levels = 0;
    for (;;) {
      skip_space();
      const std::size_t begin = position_;
      const bool safe = take('?');
      skip_space();
      if (peek() != '.' && peek() != '[') {
        if (safe) unexpected("'.' or '['");
        position_ = begin;
        depth_ -= levels;
        return object;
      }
      ++levels;
      if (++depth_ > limits_.max_depth) fail(begin, "it is nested deeper than " + std::to_string(limits_.max_depth) + " levels");
      auto access = std::make_unique<Syntax>();
      access->kind = Syntax::Kind::kMember;
      access->offset = begin;
      access->safe = safe;
      access->items.push_back(std::move(object));
      if (take('.')) {
        skip_space();
        auto key = node(Syntax::Kind::kLiteral);
        const std::string_view member = name();
        if (member.empty()) unexpected("the name of a property");
        key->literal = std::string(member);
        access->items.push_back(std::move(key));
      } else {
        take('[');
        access->items.push_back(expression());
        if (!take(']')) unexpected("']'");
      }
      object = std::move(access);
    }
  }

  std::unique_ptr<Syntax> node(Syntax::Kind kind) const {
    auto out = std::make_unique<Syntax>();
    out->kind = kind;
    out->offset = position_;
    return out;
  }

  std::string_view text_;
  const CompileLimits& limits_;
  std::size_t position_ = 0;
  std::size_t depth_ = 0;
};

SplitText plain(std::string_view text) {
  SplitText out;
  out.parts.push_back({std::string(text), nullptr});
  return out;
}

}  // namespace

bool holds_expression(std::string_view text) {
  return (text.size() > 1 && text.front() == '@') || text.find("@{") != std::string_view::npos;
}

SplitText parse_template_text(std::string_view text, const CompileLimits& limits) {
  if (!holds_expression(text)) return plain(text);
  if (text.substr(0, 2) == "@@") return plain(text.substr(1));  // the whole string, later `@{` included
  if (text.size() > limits.max_expression_length && utf16_length(text) > limits.max_expression_length) {
    throw Failure(kInvalidTemplate, "The template language expression is longer than " +
                                        std::to_string(limits.max_expression_length) + " characters.");
  }
  Parser parser(text, limits);
  SplitText out;
  if (text.front() == '@' && text[1] != '{') {
    out.typed = true;
    out.parts.push_back({{}, parser.expression_at(1)});
    if (!parser.at_end()) parser.unexpected("the end of the expression");
    return out;
  }
  std::string run;
  std::size_t i = 0;
  const auto flush = [&] {
    if (!run.empty()) out.parts.push_back({std::move(run), nullptr});
    run.clear();
  };
  while (i < text.size()) {
    const std::size_t at = text.find('@', i);
    if (at == std::string_view::npos) break;
    run.append(text, i, at - i);
    if (text.substr(at, 3) == "@@{") {
      run += "@{";
      i = at + 3;
    } else if (text.substr(at, 2) == "@{") {
      flush();
      out.parts.push_back({{}, parser.expression_at(at + 2)});
      if (parser.peek() != '}') parser.unexpected("'}'");
      i = parser.position() + 1;
    } else {
      run += '@';
      i = at + 1;
    }
  }
  if (i < text.size()) run.append(text, i);
  flush();
  return out;
}

}  // namespace trunkline::expression

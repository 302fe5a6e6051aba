// The quick way from JSON text to a value, for text that is as it should be.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/expression/value.h"

namespace trunkline::expression {

/// Reads one document in a single pass; members and items are gathered aside, so that each object and array is allocated once, in
/// its size. It does not say what is wrong with a text: whoever wants to know reads it again, slowly. One use, one thread.
class ValueReader {
 public:
  ValueReader(std::string_view text, const ParseLimits& limits) : at_(text.data()), end_(at_ + text.size()), limits_(limits) {}

  /// False: not JSON, beyond a limit, or nested deeper than this reader goes.
  bool read(Value& out);

 private:
  using Member = std::pair<std::string, Value>;

  bool value(Value& out, std::size_t depth);
  bool object(Value& out, std::size_t depth);
  bool array(Value& out, std::size_t depth);
  bool number(Value& out);
  bool string(std::string& out);
  bool escape(std::string& out);
  bool unit(unsigned& out);
  bool word(std::string_view text);
  void skip_blanks();
  bool take(char wanted);
  void close_object(Value& out, std::size_t first);

  const char* at_;
  const char* const end_;
  const ParseLimits& limits_;
  std::size_t values_ = 0;
  // Of the objects and arrays that are open, innermost last.
  std::vector<Member> members_;
  std::vector<Value> items_;
};

}  // namespace trunkline::expression

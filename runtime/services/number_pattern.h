// A regular expression over phone numbers, as routes have them.
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace trunkline {

/// Perl syntax, which the documented .NET syntax shares but for a few constructs. Matches anywhere in the number unless it is
/// anchored. Work is bounded: a pattern that backtracks without end matches nothing. Immutable once made. [any-thread]
class NumberPattern {
 public:
  /// Throws kInvalidArgument with the place and the reason.
  explicit NumberPattern(const std::string& pattern);
  bool matches(std::string_view number) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

}  // namespace trunkline

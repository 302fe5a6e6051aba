// Decision records: the rules that were tried for one message, call or event, with the value that decided.
#pragma once
#include <string>
#include <string_view>

#include "trunkline/common.hpp"

namespace trunkline {

/// Collects steps as JSON lines, the form in which they are stored: appending to a stored record is string concatenation.
class DecisionLines {
 public:
  explicit DecisionLines(Time at) : at_(at) {}
  DecisionLines& step(std::string_view rule, std::string_view outcome, std::string_view value, std::string_view detail = {});
  DecisionLines& steps(const std::vector<DecisionStep>& steps);
  /// Lines that were collected elsewhere.
  DecisionLines& append(std::string_view lines) {
    text_ += lines;
    return *this;
  }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  Time at_;
  std::string text_;
};

/// Reads stored lines back.
DecisionRecord parse_decision(std::string_view subject, std::string_view lines);

}  // namespace trunkline

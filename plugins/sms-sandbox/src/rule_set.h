// The rules of one resource.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "trunkline/sandbox.hpp"

namespace sms_sandbox {

/// Which rule decides about a number. Not thread-safe: a World guards it.
class RuleSet {
 public:
  /// Added rules beyond this number are refused, so that a test which only ever adds is found.
  static constexpr std::size_t kMaxAdded = 1000;

  /// `base` from the configuration; its last rule matches every number and never retires.
  explicit RuleSet(const std::vector<trunkline::sandbox::PhoneRule>& base) : base_(base) { reset(); }

  /// Puts a rule before all others. Throws kResourceExhausted.
  void add(trunkline::sandbox::PhoneRule rule);
  /// The first rule that matches, counted as used once. Empty when none does.
  /// `otherwise`: it is the one for what no other rule says.
  trunkline::sandbox::PhoneRule use(std::string_view number, bool& otherwise);
  /// Rules that have not retired, in the order in which they are tried; `times` is what is left.
  std::vector<trunkline::sandbox::PhoneRule> list() const;
  /// Back to the configured rules.
  void reset();

 private:
  const std::vector<trunkline::sandbox::PhoneRule>& base_;  // of the Settings, which outlive every World
  std::vector<trunkline::sandbox::PhoneRule> rules_;        // tried from the back, so that adding is cheap
  std::size_t added_ = 0;
};

}  // namespace sms_sandbox

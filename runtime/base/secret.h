// A string that cannot be logged by accident.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace trunkline {

/// Holds a secret. No stream operator, no implicit conversion; reveal() marks each place that uses it.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  std::string_view reveal() const noexcept { return value_; }
  bool empty() const noexcept { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace trunkline

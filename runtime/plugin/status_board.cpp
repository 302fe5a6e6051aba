#include "runtime/plugin/status_board.h"

#include <algorithm>

#include "runtime/base/utf8.h"
#include "runtime/diagnostics/redact.h"
#include "runtime/plugin/problems.h"
#include "trunkline/error.hpp"

namespace trunkline::plugin {
namespace {

constexpr std::size_t kMostNames = 32;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestValue = 1024;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// It is printed on terminals.
bool is_line(std::string_view value) {
  return utf8_valid(value) &&
         std::none_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

void StatusBoard::set(std::string_view name, std::string_view value) {
  if (!is_name(name))
    throw Error(ErrorCode::kInvalidArgument,
                "name: found " + quote(name) + ", wanted 1 to " + std::to_string(kLongestName) +
                    " lower-case letters, digits and underscores",
                "name");
  if (value.size() > kLongestValue || !is_line(value))
    throw Error(
        ErrorCode::kInvalidArgument,
        "value: found " + std::to_string(value.size()) + " bytes, wanted one line of at most " + std::to_string(kLongestValue),
        "value");
  std::string shown;
  if (names_secret(name))
    shown = value.empty() ? "" : std::string(kRedacted);
  else
    append_redacted(shown, value);
  const std::lock_guard lock(mutex_);
  const auto found = values_.find(name);
  if (shown.empty()) {
    if (found != values_.end()) values_.erase(found);
  } else if (found != values_.end()) {
    found->second = std::move(shown);
  } else {
    if (values_.size() >= kMostNames)
      throw Error(ErrorCode::kResourceExhausted, "a provider may say at most " + std::to_string(kMostNames) + " things of itself",
                  "name");
    values_.emplace(name, std::move(shown));
  }
}

std::map<std::string, std::string> StatusBoard::all() const {
  const std::lock_guard lock(mutex_);
  return {values_.begin(), values_.end()};
}

}  // namespace trunkline::plugin

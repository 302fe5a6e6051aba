// JSON from outside: parsing with limits, and typed access that says where and what was wrong.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "trunkline/error.hpp"

namespace trunkline {

struct JsonLimits {
  std::size_t max_bytes = 4u << 20;
  std::size_t max_depth = 64;
};

/// Parses one JSON document. Throws Error kInvalidArgument whose message and details["offset"] give the byte at fault, or
/// kResourceExhausted when a limit is passed. Never throws anything of nlohmann's.
nlohmann::json parse_json(std::string_view text, JsonLimits limits = {});

/// Appends `text` as a JSON string with its quotes; malformed UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// A value inside a document together with its path. Cheap to copy, allocates only to report an error. Borrows the document and
/// every key it was reached by. Errors are kInvalidArgument with the path (`smsRecipients[3].to`) as `target`.
class JsonRef {
 public:
  explicit JsonRef(const nlohmann::json& root) : value_(&root) {}

  const nlohmann::json& json() const noexcept { return *value_; }
  std::string path() const;
  bool is_null() const noexcept;

  /// The member; throws when this is no object or the member is missing or null.
  JsonRef at(std::string_view key) const;
  /// The member; nullopt when it is missing or null. Throws when this is no object.
  std::optional<JsonRef> find(std::string_view key) const;
  /// The element of an array; throws when this is no array or is shorter.
  JsonRef operator[](std::size_t index) const;
  /// Number of elements; throws when this is no array.
  std::size_t array_size() const;

  /// Typed reading; each throws when the value is of another type. Text is valid UTF-8.
  std::string_view text() const;
  bool boolean() const;
  double number() const;
  /// Whole numbers only (3.0 counts), within [min, max].
  std::int64_t integer(std::int64_t min = INT64_MIN, std::int64_t max = INT64_MAX) const;
  const JsonRef& object() const;

  /// Optional members with a default.
  std::string_view text_or(std::string_view key, std::string_view fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  std::int64_t integer_or(std::string_view key, std::int64_t fallback, std::int64_t min = INT64_MIN,
                          std::int64_t max = INT64_MAX) const;

  /// An error about this value: `<path> <problem>`.
  Error error(std::string_view problem) const;

 private:
  struct Step {
    std::string_view key;  // data() null: an index
    std::size_t index = 0;
  };
  // Deeper steps than these are left out of the path; the types that Trunkline reads stay far below.
  static constexpr std::size_t kMaxSteps = 10;

  JsonRef step(const nlohmann::json& value, Step step) const;
  [[noreturn]] void wrong_type(std::string_view wanted) const;

  const nlohmann::json* value_;
  std::array<Step, kMaxSteps> steps_{};
  std::size_t depth_ = 0;
};

}  // namespace trunkline

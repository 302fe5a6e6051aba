// Values of the Workflow Definition Language: JSON that keeps the order of members, and what the language adds to it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace trunkline::expression {

/// Members keep their order; 64-bit integers are apart from doubles. Text is UTF-8. A decimal exists only inside an evaluation
/// (as a tagged binary value); results hold it as a double.
using Value = nlohmann::ordered_json;

struct ParseLimits {
  std::size_t max_bytes = 104'857'600;
  std::size_t max_depth = 128;
  /// Values in the document, members and items counted one by one.
  std::size_t max_values = 16'000'000;
};

/// Parses one JSON document in time linear to its length, also for objects with very many members; of equal member names the last
/// wins, at the place of the first. Throws Error kInvalidArgument (details["offset"] is the byte at fault) or kResourceExhausted.
Value parse_value(std::string_view text, const ParseLimits& limits = {});

/// Compact JSON as the service writes it: no blanks, a whole double as `5.0`, a decimal with all its digits, malformed UTF-8 as
/// U+FFFD.
std::string to_json_text(const Value& value);
void append_json_text(std::string& out, const Value& value);

/// Text of a value, as string(), concat() and @{…} give it: null is empty, `True`, a whole double without a fraction, compact
/// JSON for arrays and objects, the decoded bytes of a content object.
std::string to_text(const Value& value);
void append_text(std::string& out, const Value& value);

/// `Null`, `Boolean`, `Integer`, `Float`, `String`, `Array` or `Object`, as messages name it. A decimal is a `Float`.
std::string_view kind_name(const Value& value);

/// The member: the exact name first, else the first whose name is equal without regard to ASCII case. nullptr when there is none
/// or `object` is no object.
const Value* find_member(const Value& object, std::string_view name);

/// Deep equality: numbers by value, members in any order, text exactly.
bool equal_values(const Value& left, const Value& right);
/// Equal values have equal hashes.
std::size_t hash_value(const Value& value);

/// Binary content: an object with `$content-type` and `$content` (base64).
bool is_content(const Value& value);
/// nullopt: `$content` is no base64.
std::optional<std::string> content_bytes(const Value& content);
Value make_content(std::string_view media_type, std::string_view bytes);

}  // namespace trunkline::expression
